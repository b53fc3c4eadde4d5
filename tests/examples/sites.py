"""A whole site for one product: its proxy in front, the gateway it asks, a sample backend, the mock government."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.conformance.browser import Browser
from tests.conformance.gateway import CLIENT_ID, Gateway, new_gateway, running_gateway
from tests.conformance.government import Government
from tests.conformance.processes import free_port
from tests.examples.proxies import Places, proxy

SECRET = "the gateway's own secret: 100% of it"
SCOPES = ["openid", "profile", "rrn", "vo", "wettelijkvertegenwoordiger", "vlaio_inkom"]
APPLICATION = "/kmo-portefeuille/"
PEER = "127.0.0.1"
STRANGER = "127.0.0.2"  # of the same machine, and no proxy


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """`front` is what visitors see, the gateway's public address; `inner` is where the gateway listens."""

    product: str
    front: Gateway
    inner: int
    government: Government
    log: Path

    @property
    def origin(self) -> str:
        return self.front.origin

    def sign_in(self, browser: Browser, person: str = "employee", *, path: str = APPLICATION) -> httpx2.Response:
        """Open the application as a person of the cast, signing in on the way; the page where that ends."""
        return browser.open(f"{self.origin}{path}", mock_person=person, mock_method="itsme")

    def echo(self, browser: Browser, path: str = "api/echo", **headers: str) -> dict[str, Any]:
        """What the application received: it tells method, target and header fields."""
        answer = browser.get(f"{self.origin}{APPLICATION}{path}", **headers)
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}\n{self.front.log[-3000:]}"
        told: dict[str, Any] = answer.json()
        return told

    def ask_directly(self, browser: Browser, place: str, *, address: str = PEER, **headers: str) -> httpx2.Response:
        """Send the gateway a question past the proxy, from an address of this machine, with the browser's cookies."""
        cookies = "; ".join(f"{one.name}={one.value}" for one in browser.client.cookies.jar if one.domain.startswith("localhost"))
        fields = {"host": f"localhost:{self.front.port}", "cookie": cookies, **headers}
        with httpx2.Client(transport=httpx2.HTTPTransport(local_address=address)) as client:
            return client.get(f"http://127.0.0.1:{self.inner}{place}", headers=fields)


@contextmanager
def running_site(
    product: str, folder: Path, *, government: Government, redis: str, host: str | None = None
) -> Iterator[Site]:
    """Run the site of a product of `examples/`; without an example of its own to run, the gateway alone answers."""
    front, inner = new_gateway(folder), free_port()
    government.tell(
        "/mock/clients",
        front.registration(
            client_secret=SECRET,
            scopes=SCOPES,
            organisation_choice="gateway",
            backchannel_logout_uri=f"{front.origin}/_inkom/backchannel-logout",
        ),
    )
    acm = {
        "issuer": government.issuer,
        "client_id": CLIENT_ID,
        "client_authentication": "client_secret_basic",
        "client_secret": SECRET,
        "scopes": SCOPES,
    }
    asking: dict[str, Any] = {product.partition("-")[0]: [PEER]}
    if host is not None:
        asking["host"] = host
    more = {"listen": {"host": "127.0.0.1", "port": inner}, "forward_auth": asking}
    places = Places(visitors=front.port, gateway=inner, application=front.backends[0])
    with (
        proxy(product, folder, places) as log,
        running_gateway(front, acm=acm, government=government, redis=redis, more=more),
    ):
        yield Site(product=product, front=front, inner=inner, government=government, log=log)
