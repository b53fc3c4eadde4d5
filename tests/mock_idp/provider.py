"""A mock government on a real port, and a careful relying party that drives it as a foreign program would."""

import hashlib
import json
import secrets
import ssl
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import create_server, socket
from urllib.parse import parse_qsl, urlsplit

import httpx2
import uvicorn
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.types import ASGIApp

from mock_idp.app import create_app
from mock_idp.clock import Clock
from mock_idp.settings import Settings

CALLBACK = "http://localhost:8080/callback"
LOGGED_OUT = "http://localhost:8080/"
SCOPE = "openid profile rrn vo wettelijkvertegenwoordiger vlaio_inkom"
SECRET = "demo-client-secret"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 appendix B
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


class MovableClock(Clock):
    """Real time plus what the test has put it forward."""

    def __init__(self) -> None:
        super().__init__()
        self._ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self._ahead

    def forward(self, **length: float) -> None:
        self._ahead += timedelta(**length)


@dataclass(frozen=True, kw_only=True)
class Mock:
    origin: str
    clock: MovableClock
    direct: httpx2.Client  # one for all: making a client costs as much as ten requests

    @property
    def issuer(self) -> str:
        return f"{self.origin}/op"

    def post(self, path: str, body: object) -> httpx2.Response:
        return self.direct.post(f"{self.origin}{path}", json=body)

    def get(self, path: str) -> httpx2.Response:
        return self.direct.get(f"{self.origin}{path}")

    def arm(self, fault: str, **more: object) -> None:
        answer = self.post("/mock/fault", {"fault": fault, **more})
        assert answer.status_code == 200, answer.text

    def register(self, client_id: str, **more: object) -> None:
        client = {
            "client_id": client_id,
            "redirect_uris": [CALLBACK],
            "post_logout_redirect_uris": [LOGGED_OUT],
            "client_secret": SECRET,
            "scopes": [*SCOPE.split(), "offline_access"],
            **more,
        }
        answer = self.post("/mock/clients", client)
        assert answer.status_code == 201, answer.text

    def keys(self) -> KeySet:
        return KeySet.import_key_set(self.get("/op/v1/keys").json())


@contextmanager
def serving(app: ASGIApp, listener: socket) -> Iterator[None]:
    # Longer than a walk through pages takes: the client's one connection must not be closed as it is used again.
    config = uvicorn.Config(app, log_level="error", lifespan="off", access_log=False, timeout_keep_alive=120)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)


@contextmanager
def running_mock() -> Iterator[Mock]:
    clock = MovableClock()
    with create_server(("127.0.0.1", 0)) as listener:
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with serving(create_app(Settings(origin=origin), clock=clock), listener), new_browser() as direct:
            yield Mock(origin=origin, clock=clock, direct=direct)


def new_browser() -> httpx2.Client:
    """Speaks plain http only: loading the machine's certificates would cost more than the test."""
    return httpx2.Client(timeout=10, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


@dataclass(kw_only=True)
class Party:
    """A relying party with one visitor's browser: its cookies stay between sign-ins."""

    mock: Mock
    client_id: str = "demo-client"
    browser: httpx2.Client = field(default_factory=new_browser)

    def close(self) -> None:
        self.browser.close()

    def request(self, **changed: str | None) -> dict[str, str]:
        """Parameters of a proper authorization request; None leaves one out."""
        parameters: dict[str, str | None] = {
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": SCOPE,
            "state": "the-state",
            "nonce": "the-nonce",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **changed,
        }
        return {name: value for name, value in parameters.items() if value is not None}

    def ask(self, **changed: str | None) -> httpx2.Response:
        return self.browser.get(f"{self.mock.issuer}/v1/auth", params=self.request(**changed))

    def sign_in(self, person: str = "employee", **changed: str | None) -> dict[str, str]:
        """The parameters that the browser brings back."""
        return brought_back(self.ask(mock_person=person, **changed))

    def redeem(self, code: str, **changed: str | None) -> httpx2.Response:
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
            **changed,
        }
        return self.token_request({name: value for name, value in form.items() if value is not None})

    def token_request(self, form: Mapping[str, str]) -> httpx2.Response:
        return self.mock.direct.post(f"{self.mock.issuer}/v1/token", data=dict(form), auth=(self.client_id, SECRET))

    def tokens(self, person: str = "employee", **changed: str | None) -> dict[str, str]:
        answer = self.redeem(self.sign_in(person, **changed)["code"])
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def claims(self, person: str = "employee", **changed: str | None) -> dict[str, object]:
        """Claims of an ID token whose signature has been checked."""
        token = self.tokens(person, **changed)["id_token"]
        return dict(jwt.decode(token, self.mock.keys(), algorithms=["RS256", "ES256"]).claims)

    def userinfo(self, access_token: str, *, method: str = "GET") -> httpx2.Response:
        return self.mock.direct.request(
            method, f"{self.mock.issuer}/v1/userinfo", headers={"Authorization": f"Bearer {access_token}"}
        )


def brought_back(answer: httpx2.Response) -> dict[str, str]:
    assert answer.status_code == 303, answer.text
    location = urlsplit(answer.headers["location"])
    assert answer.headers["location"].startswith(CALLBACK), answer.headers["location"]
    return dict(parse_qsl(location.query, keep_blank_values=True))


def unverified(token: str) -> tuple[dict[str, object], dict[str, object]]:
    """Header and payload of a token, whatever its signature is worth."""
    header, payload, _ = token.split(".")
    return _part(header), _part(payload)


def _part(text: str) -> dict[str, object]:
    return dict(json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4))))


def challenge_for(verifier: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def new_verifier() -> str:
    return secrets.token_urlsafe(40)


@dataclass
class Listener:
    """A relying party's back-channel address: keeps what was posted to it and answers `status`."""

    address: str
    received: list[dict[str, str]]
    status: int = 200


@contextmanager
def back_channel(status: int = 200) -> Iterator[Listener]:
    received: list[dict[str, str]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(dict(parse_qsl(body.decode())))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield Listener(f"http://127.0.0.1:{server.server_address[1]}/backchannel", received, status)
        finally:
            server.shutdown()
            thread.join(10)
