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
from tests.examples.relay import Relay, relay_to

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
    relay: Relay
    log: Path

    @property
    def origin(self) -> str:
        return self.front.origin

    def sign_in(self, browser: Browser, person: str = "employee", *, path: str = APPLICATION) -> httpx2.Response:
        """Open the application as a person of the cast, signing in on the way; the page where that ends."""
        return browser.open(f"{self.origin}{path}", mock_person=person, mock_method="itsme")

    def echo(self, browser: Browser, path: str = "api/echo", **headers: str) -> dict[str, Any]:
        """What the application received by the proxy, and not by the gateway: it tells method, target and fields."""
        before = self.relay.carried
        answer = browser.get(f"{self.origin}{APPLICATION}{path}", **headers)
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}\n{self.front.log[-3000:]}"
        assert self.relay.carried > before, "the gateway forwarded this request, not the proxy"
        told: dict[str, Any] = answer.json()
        return told

    def ask_directly(self, browser: Browser, place: str, *, address: str = PEER, **headers: str) -> httpx2.Response:
        """Send the gateway a question past the proxy, from an address of this machine, with the browser's cookies."""
        cookies = "; ".join(
            f"{one.name}={one.value}" for one in browser.client.cookies.jar if one.domain.startswith("localhost")
        )
        fields = {"host": f"localhost:{self.front.port}", "cookie": cookies, **headers}
        with httpx2.Client(transport=httpx2.HTTPTransport(local_address=address)) as client:
            return client.get(f"http://127.0.0.1:{self.inner}{place}", headers=fields)


@contextmanager
def running_site(product: str, folder: Path, *, government: Government, redis: str) -> Iterator[Site]:
    """Run the site of a product of `examples/` for the length of a block."""
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
    forward_auth = {product.partition("-")[0]: [PEER]}
    more = {"listen": {"host": "127.0.0.1", "port": inner}, "forward_auth": forward_auth}
    with (
        relay_to(front.backends[0]) as relay,
        proxy(
            product,
            folder,
            Places(visitors=front.port, gateway=inner, application=relay.port, other_application=front.backends[1]),
        ) as log,
        running_gateway(front, acm=acm, government=government, redis=redis, more=more),
    ):
        yield Site(product=product, front=front, inner=inner, government=government, relay=relay, log=log)
