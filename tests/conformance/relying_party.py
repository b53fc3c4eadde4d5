"""The gateway as a relying party, served on a real port from this process, so that a test also sees its log and calls.

It has a real Redis, the mock government's registers and the shipped policies; behind it stands a backend that repeats
the headers it got.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx2
import uvicorn

from broker.adapters.policy_files import load as load_policies
from broker.adapters.registrations import Database, SqlRegistrations, migrate
from broker.assembly import assemble
from broker.config import load
from broker.domain.people import Organisation
from broker.parts import connect_parts
from broker.proxy.edge import server_config
from tests.broker.gateway import a_registration
from tests.conformance.browser import Browser
from tests.conformance.gateway import APPLICATIONS
from tests.conformance.government import REGISTER_TOKEN, Government, plain_client
from tests.conformance.keys import ec_key_pair
from tests.conformance.processes import PAUSE_SECONDS, START_SECONDS, free_ports
from tests.project.places import ROOT

SECRET = "the relying party's own secret: 100% of it & more"
SCOPES = ["openid", "profile", "rrn", "vo", "vlaio_inkom"]


class Refusals(logging.Handler):
    """Why sign-ins were refused, as the gateway's log says."""

    def __init__(self) -> None:
        super().__init__()
        self.details: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        detail = getattr(record, "detail", None)
        if detail is not None:
            self.details.append(str(detail))


@dataclass(frozen=True, kw_only=True)
class RelyingParty:
    """One gateway, known to the mock as `client_id`."""

    origin: str
    client_id: str
    government: Government
    refusals: Refusals
    folder: Path

    @property
    def application(self) -> str:
        return f"{self.origin}/kmo-portefeuille/"

    def arm(self, fault: str) -> None:
        """Let the next answer to this gateway be wrong in one way."""
        self.government.arm(fault, client_id=self.client_id)

    def sign_in(self, browser: Browser, person: str = "employee", *, method: str = "itsme") -> httpx2.Response:
        """Open the application as somebody who needs no pages at the provider; where that ends."""
        return browser.open(self.application, mock_person=person, mock_method=method)

    def answered(self, browser: Browser, person: str = "employee") -> str:
        """Sign in at the provider, up to the address at which the answer would arrive."""
        response = browser.get(self.application)
        while "/op/v1/auth" not in response.headers["location"]:
            response = browser.get(self.origin + response.headers["location"])
        answer = browser.get(f"{response.headers['location']}&mock_person={person}&mock_method=itsme")
        assert answer.is_redirect, answer.text
        return str(answer.headers["location"])

    def headers_of(self, browser: Browser) -> dict[str, str] | None:
        """What the backend received for this browser; None when the gateway sends it to sign in first."""
        answer = browser.get(f"{self.application}api/headers")
        if answer.is_redirect:
            assert "/_inkom/login" in answer.headers["location"], answer.headers["location"]
            return None
        assert answer.status_code == 200, answer.text
        received: dict[str, str] = answer.json()
        return received

    def form_token(self, browser: Browser) -> str:
        """The token of this session's forms, from the page that shows it."""
        profile = browser.open(f"{self.origin}/_inkom/profile")
        return profile.text.partition('name="form_token" value="')[2].partition('"')[0]

    def asked(self) -> Counter[str]:
        """How often each of the provider's endpoints was asked since the test began, as in `v1/token`."""
        with plain_client() as client:
            return asked_of(client.get(f"{self.government.origin}/mock/requests").json())


def asked_of(told: Mapping[str, Any]) -> Counter[str]:
    """What `GET /mock/requests` tells of the provider, without methods and whatever was answered."""
    asked: Counter[str] = Counter()
    for endpoint, answers in told["requests"].items():
        _, _, path = endpoint.partition(" ")
        if path.startswith("/op/"):
            asked[path.removeprefix("/op/")] += sum(answers.values())
    return asked


@dataclass(frozen=True, kw_only=True)
class Arrangement:
    """What all gateways of a run share: Redis, a database where all are registered, keys, a backend."""

    folder: Path
    government: Government
    redis: str
    registrations: str
    backend: str

    @contextmanager
    def relying_party(
        self,
        name: str,
        *,
        acm: Mapping[str, object] | None = None,
        client: Mapping[str, object] | None = None,
        providers: Mapping[str, object] | None = None,
        accepted: tuple[str, ...] = ("acm",),
    ) -> Iterator[RelyingParty]:
        """Serve a gateway for the length of a block; `acm` changes that topic, `client` what the mock knows of it."""
        folder = self.folder / name
        folder.mkdir()
        port, operators = free_ports(2)
        origin, client_id = f"http://localhost:{port}", f"inkom-{name}"
        self.government.tell(
            "/mock/clients",
            {
                "client_id": client_id,
                "redirect_uris": [f"{origin}/_inkom/callback"],
                "post_logout_redirect_uris": [f"{origin}/_inkom/logged-out"],
                "client_secret": SECRET,
                "scopes": SCOPES,
                "organisation_choice": "gateway",
                **(client or {}),
            },
        )
        configuration = {
            **self._configuration(folder, origin=origin, ports=(port, operators), accepted=accepted),
            "acm": {
                "issuer": self.government.issuer,
                "client_id": client_id,
                "client_authentication": "client_secret_basic",
                "client_secret": SECRET,
                "scopes": SCOPES,
                **(acm or {}),
            },
            "providers": {**(providers or {})},
        }
        path = folder / "inkom.yaml"
        path.write_text(json.dumps(configuration), encoding="utf-8")  # JSON is YAML too
        settings, known = load(path, {})
        parts = connect_parts(settings, known, near=folder)
        refusals = Refusals()
        gate = assemble(
            settings,
            load_policies(ROOT / "policies", applications=settings.applications.keys()),
            parts,
            pseudonym_key=known.pseudonym_key,
        )
        log = logging.getLogger("inkom.signin")
        with ExitStack() as until_end:
            log.addHandler(refusals)
            until_end.callback(log.removeHandler, refusals)
            until_end.enter_context(
                _serving(server_config(gate, host="127.0.0.1", port=port, lifespan="on", log_config=None))
            )
            yield RelyingParty(
                origin=origin,
                client_id=client_id,
                government=self.government,
                refusals=refusals,
                folder=folder,
            )

    def _configuration(
        self, folder: Path, *, origin: str, ports: tuple[int, int], accepted: tuple[str, ...]
    ) -> dict[str, object]:
        port, operators = ports
        (folder / "pseudonym").write_text(secrets.token_urlsafe(32))
        title = {"nl": "Toepassing", "en": "Application"}
        return {
            "public_url": origin,
            "listen": {"host": "127.0.0.1", "port": port},
            "operators": {"host": "127.0.0.1", "port": operators},
            "registers": {
                "idm": f"{self.government.origin}/idm/v1",
                "kbo": f"{self.government.origin}/kbo/v1",
                "token": REGISTER_TOKEN,
            },
            "registrations": {"database": self.registrations},
            "sessions": {"redis": self.redis, "secrets": [secrets.token_urlsafe(32)]},
            "audit": {"file": "audit.jsonl"},
            "assertion": {"key_file": str(ec_key_pair(folder / "assertion.pem").file)},
            "pseudonym": {"key_file": "pseudonym"},
            "applications": {
                name: {"title": title, "upstream": self.backend, "providers": list(accepted)} for name in APPLICATIONS
            },
        }


def registrations_of(organisation: Organisation, *, folder: Path) -> str:
    """The address of a database in which an organisation is registered."""
    database = Database.at(f"sqlite:///{folder / 'registrations.db'}", near=folder)
    migrate(database)

    async def register() -> None:
        registrations = SqlRegistrations(database)
        await registrations.register(a_registration(organisation))
        await registrations.aclose()

    asyncio.run(register())
    return f"sqlite:///{folder / 'registrations.db'}"


@contextmanager
def _serving(config: uvicorn.Config) -> Iterator[None]:
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = monotonic() + START_SECONDS
    while not server.started:
        if monotonic() > deadline or not thread.is_alive():
            raise AssertionError("the gateway did not start")
        thread.join(PAUSE_SECONDS)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)


@contextmanager
def repeating_backend() -> Iterator[str]:
    """A backend that answers with the headers it got, as JSON."""

    class Repeats(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Repeats) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def parameters_of(address: str) -> list[tuple[str, str]]:
    """The parameters in an address, in order."""
    return list(httpx2.QueryParams(urlsplit(address).query).multi_items())
