"""A mock ACM on a real port with a clock that can be put forward, and a visitor who walks through its pages."""

import html
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from socket import create_server, socket
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from mock_idp.acm.authorization import Authorization
from mock_idp.acm.routes import acm_routes
from mock_idp.app import build_provider
from mock_idp.clock import Clock
from mock_idp.settings import Settings
from mock_idp.signin.app import routes
from mock_idp.world.live import LiveWorld

EID = "urn:be:vlaanderen:authmech:eid"
ITSME = "urn:be:vlaanderen:authmech:itsme"
SCOPES = "openid profile vo"


class MovableClock(Clock):
    """Real time plus what the test has put it forward."""

    def __init__(self) -> None:
        super().__init__()
        self._ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self._ahead

    def reset(self) -> None:
        super().reset()
        self._ahead = timedelta()

    def forward(self, **length: float) -> None:
        self._ahead += timedelta(**length)


@contextmanager
def serving(app: ASGIApp, listener: socket) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)


def origin_of(listener: socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@dataclass(frozen=True, kw_only=True)
class MockServer:
    origin: str
    client_home: str
    clock: MovableClock
    open_clients: ExitStack
    world: LiveWorld

    def reset(self) -> None:
        """Everything as at the start, the clock too."""
        self.open_clients.close()
        self.clock.reset()
        self.world.reset()

    def address(self, client_id: str = "asks-itself", *, acr: str = "", **more: str) -> str:
        """An authorization request of one of the two clients, which differ in who asks for the organisation."""
        query = {
            "client_id": client_id,
            "redirect_uri": f"{self.client_home}/callback",
            "response_type": "code",
            "scope": SCOPES,
            "state": "the-state",
            "nonce": "the-nonce",
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "code_challenge_method": "S256",
            **({"acr_values": acr} if acr else {}),
            **more,
        }
        return f"{self.origin}/op/v1/auth?{urlencode(query)}"

    def visitor(self, language: str = "en") -> "Visitor":
        client = httpx2.Client(base_url=self.origin, headers={"accept-language": language}, timeout=20)
        self.open_clients.enter_context(client)
        return Visitor(mock=self, client=client, language=language)


@contextmanager
def mock_server(folder: Path, *, client_home: str = "http://127.0.0.1:9") -> Iterator[MockServer]:
    """Ends when the block does. The clients return to `client_home`, where nobody needs to listen."""
    clients = folder / "clients.yaml"
    clients.write_text(_CLIENTS.format(home=client_home), encoding="utf-8")
    listener = create_server(("127.0.0.1", 0))
    clock = MovableClock()
    provider = build_provider(Settings(origin=origin_of(listener), clients_file=clients), clock)
    authorization = Authorization(provider)
    app = Starlette(
        routes=[
            *acm_routes(provider, authorization),
            *routes(
                world=provider.world,
                interactions=provider.interactions,
                authorization=authorization,
                clock=clock,
            ),
        ]
    )
    with listener, serving(app, listener), ExitStack() as open_clients:
        yield MockServer(
            origin=origin_of(listener),
            client_home=client_home,
            clock=clock,
            open_clients=open_clients,
            world=provider.world,
        )


_CLIENTS = """
clients:
  - client_id: asks-itself
    name: Proefdienst
    redirect_uris: ["{home}/callback"]
    post_logout_redirect_uris: []
    client_secret: test-secret-of-a-client
    scopes: [openid, profile, rrn, vo, wettelijkvertegenwoordiger, vlaio_inkom]
    organisation_choice: gateway
  - client_id: acm-asks
    name: Proefdienst met keuze
    redirect_uris: ["{home}/callback"]
    post_logout_redirect_uris: []
    client_secret: test-secret-of-a-client
    scopes: [openid, profile, rrn, vo, wettelijkvertegenwoordiger, vlaio_inkom]
    organisation_choice: acm
"""


@dataclass(kw_only=True)
class Visitor:
    """One browser. Follows redirects within the mock, and stops when it is sent back to the client."""

    mock: MockServer
    client: httpx2.Client
    language: str = "en"
    page: str = ""
    status: int = 0
    at: str = ""
    answer: dict[str, str] = field(default_factory=dict)

    def begin(self, client_id: str = "asks-itself", **more: str) -> str:
        """Start a sign-in; the address of its first page is returned."""
        self.get(self.mock.address(client_id, **{"ui_locales": self.language, **more}))
        return self.at.removesuffix("/organisation")

    def get(self, address: str) -> None:
        self._follow(self.client.get(address))

    def post(self, address: str, *, token: str | None = None, **fields: str) -> None:
        """Fill in the form that the page shows; its token goes along."""
        self._follow(self.client.post(address, data={"token": token or self.token, **fields}))

    @property
    def token(self) -> str:
        found = re.search(r'name="token" value="([0-9a-f]+)"', self.page)
        return found[1] if found else "none"

    @property
    def text(self) -> str:
        """What a person reads on the page, without marks."""
        body = re.sub(r"<(script|style|head).*?</\1>", " ", self.page, flags=re.S)
        return " ".join(html.unescape(re.sub(r"<[^>]+>", "", body)).split())

    @property
    def heading(self) -> str:
        found = re.search(r"<h1>(.*?)</h1>", self.page, flags=re.S)
        return " ".join(html.unescape(re.sub(r"<[^>]+>", "", found[1])).split()) if found else ""

    @property
    def has_a_code(self) -> bool:
        return "code" in self.answer and self.answer["state"] == "the-state"

    def _follow(self, response: httpx2.Response) -> None:
        for _ in range(10):
            if not response.is_redirect:
                break
            location = response.headers["location"]
            if location.startswith(self.mock.client_home):
                self.answer = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
                return
            response = self.client.get(location)
        self.page, self.status, self.at = response.text, response.status_code, response.url.path
