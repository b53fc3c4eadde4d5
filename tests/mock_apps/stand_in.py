"""A stand-in for the gateway and the sample backend behind it: real servers, fresh keys, a clock that stands still."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import quote

import httpx2
import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mock_apps.app import sample_backend
from mock_apps.assertion import CLAIM_OF, AssertionVerifier
from mock_apps.keys import GatewayKeys
from mock_apps.measures import MEASURES

ISSUER = "http://gateway.example"
AUDIENCE = "kmo-portefeuille"
NOW = 1_795_500_000  # 24 November 2026
KMO = MEASURES[0]

FACTS: dict[str, str] = {
    "sub": "pseudonym-of-ann",
    "name": "Ann Désirée Peeters",
    "organisation": "1999999943",
    "organisation_name": "Bakkerij De Korrel",
    "role": "user",
    "right": "VLAIO Inkom Gebruiker Nieuw",
    "profile": "Gebruiker",
    "assurance": "substantial",
    "decision": "0197-audit",
}


def new_key() -> ECKey:
    return ECKey.generate_key("P-256", auto_kid=True)


class StandIn:
    """Signs as the gateway does and publishes its keys; counts how often they are read."""

    def __init__(self) -> None:
        self.key = new_key()
        self.published: list[dict[str, object]] = [published(self.key)]
        self.reads = 0
        self.away = False

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/_inkom/jwks.json", self._keys)])

    async def _keys(self, _: Request) -> Response:
        self.reads += 1
        return Response(status_code=502) if self.away else JSONResponse({"keys": self.published})

    def assertion(self, changes: Mapping[str, object] | None = None, *, key: ECKey | None = None) -> str:
        """A good assertion, but for the changes; a claim changed to None is left out."""
        signing = key or self.key
        claims: dict[str, object] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": NOW,
            "exp": NOW + 60,
            "jti": "once",
            **FACTS,
            **(changes or {}),
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": "ES256", "typ": "JWT", "kid": signing.kid}, kept, signing)

    def headers(self, **changes: object) -> dict[str, str]:
        """What the gateway sends: the plain headers and the assertion, with the same changes in both."""
        facts = {**FACTS, **{name: value for name, value in changes.items() if name in CLAIM_OF.values()}}
        plain = {name: quote(str(facts[claim]), safe="") for name, claim in CLAIM_OF.items() if facts.get(claim)}
        return {**plain, "x-inkom-assertion": self.assertion(changes)}


def published(key: ECKey) -> dict[str, object]:
    return {**key.as_dict(private=False), "use": "sig", "alg": "ES256"}


@contextmanager
def serving(app: Starlette) -> Iterator[str]:
    """The application on a real server; yields its origin."""

    async def run(start: Callable[[Starlette], Awaitable[None]]) -> None:
        await start(app)

    with _in_thread(run) as origin:
        yield origin


@contextmanager
def backend(keys_origin: str) -> Iterator[str]:
    """The sample backend of the kmo-portefeuille on a real server, its clock standing at NOW; yields its origin."""

    async def run(start: Callable[[Starlette], Awaitable[None]]) -> None:
        async with httpx2.AsyncClient(trust_env=False) as client:
            keys = GatewayKeys(client, f"{keys_origin}/_inkom/jwks.json")
            verifier = AssertionVerifier(keys=keys, issuer=ISSUER, audience=AUDIENCE, now=lambda: NOW)
            await start(sample_backend(KMO, verifier))

    with _in_thread(run) as origin:
        yield origin


@contextmanager
def _in_thread(run: Callable[[Callable[[Starlette], Awaitable[None]]], Awaitable[None]]) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))  # listens at once: who is early waits in its queue
    started: list[uvicorn.Server] = []

    async def start(app: Starlette) -> None:
        settings = uvicorn.Config(
            app, ws="wsproto", lifespan="off", log_level="error", timeout_graceful_shutdown=1, server_header=False
        )
        started.append(uvicorn.Server(settings))
        await started[0].serve(sockets=[listener])

    async def main() -> None:
        await run(start)

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        started[0].should_exit = True
        thread.join(10)
        listener.close()
