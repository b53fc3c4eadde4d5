"""A gateway and a foreign provider that were told of each other, and what a test asks of the two."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import httpx2

from tests.conformance.browser import Browser
from tests.conformance.gateway import Gateway, new_gateway, running_gateway
from tests.conformance.government import Government, cast_member
from tests.conformance.keys import KeyPair, ec_key_pair, rsa_key_pair
from tests.conformance.processes import free_port
from tests.conformance.provider import ACR, RELEASES, ForeignProvider, ProviderPlace, pass_pages

Authentication = Literal["private_key_jwt", "client_secret_basic"]
OWN_KEY = "acm-client.pem"
# What FAPI 2.0 asks for, and more: as the gateway is told, and as the provider knows its client.
STRICT = {"request": "signed-and-pushed", "sender_constrained": "dpop", "assertion_audience": "issuer"}
BOUND = {"dpop_bound_access_tokens": True, "request_object_signing_alg": "RS256"}
SECRET = "the gateway's own secret: 100% of it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """A gateway, which runs, and the provider that it was configured for, which a test has to start (`provide`)."""

    gateway: Gateway
    provider: ForeignProvider
    folder: Path
    place: ProviderPlace

    def provide(self, provider: ForeignProvider | None = None) -> None:
        """Let the provider run, as it is or as a test wants it."""
        self.place.run(provider or self.provider)

    def end_provider(self) -> None:
        self.place.end()

    def with_client(self, **more: object) -> ForeignProvider:
        """The provider with a changed entry for the gateway."""
        return replace(self.provider, client={**self.provider.client, **more})


Arranging = Callable[..., Meeting]


@contextmanager
def meetings(new_folder: Callable[[], Path], *, government: Government, redis: str) -> Iterator[Arranging]:
    """A function that starts a gateway for each way of client authentication; all end with the block.

    The gateway keeps the provider's keys, and may ask for newer ones once in a minute: a test with other keys is
    `alone`, and its gateway is not used again.
    """
    with ExitStack() as stack:
        shared: dict[tuple[Authentication, bool], Meeting] = {}

        def meeting(
            authentication: Authentication = "private_key_jwt", *, alone: bool = False, strict: bool = False
        ) -> Meeting:
            if (authentication, strict) in shared and not alone:
                return shared[authentication, strict]
            made = _meeting(new_folder(), authentication)
            if strict:
                made = replace(made, provider=replace(made.with_client(**BOUND), strict=True))
            acm = {
                "issuer": made.provider.issuer,
                "client_authentication": authentication,
                "acr": {ACR: "eid"},
                **_own_proof(authentication, made.folder),
                **(STRICT if strict else {}),
            }
            stack.callback(made.place.end)
            stack.enter_context(running_gateway(made.gateway, acm=acm, government=government, redis=redis))
            if not alone:
                shared[authentication, strict] = made
            return made

        yield meeting


def sign_in(browser: Browser, meeting: Meeting) -> httpx2.Response:
    """Open the application and pass the provider's pages; where that ends."""
    return pass_pages(browser, browser.open(meeting.gateway.application))


def assert_employee_arrives(browser: Browser, gateway: Gateway) -> None:
    person, headers = cast_member("employee"), gateway.arrived(browser)
    assert headers is not None
    assert headers["x-inkom-name"] == f"{person.given_name}%20{person.family_name}"
    assert headers["x-inkom-organisation"] == "1999999943"
    assert headers["x-inkom-role"] == "user"
    assert headers["x-inkom-assurance"] == "high"
    assert "x-inkom-national-number" not in headers
    assert person.national_number not in str(headers)


def _meeting(folder: Path, authentication: Authentication) -> Meeting:
    gateway, own = new_gateway(folder), rsa_key_pair(folder / OWN_KEY)
    provider = ForeignProvider(
        package=RELEASES[0],
        port=free_port(),
        client=gateway.registration(**_proof(authentication, own)),
        person=cast_member("employee"),
        signing=(rsa_key_pair(folder / "signing.pem"), ec_key_pair(folder / "signing-ec.pem")),
    )
    return Meeting(gateway=gateway, provider=provider, folder=folder, place=ProviderPlace(folder))


def _own_proof(authentication: Authentication, folder: Path) -> dict[str, object]:
    """What the gateway's configuration says of that way."""
    if authentication == "private_key_jwt":
        return {"private_key_file": str(folder / OWN_KEY)}
    return {"client_secret": SECRET}


def _proof(authentication: Authentication, own: KeyPair) -> dict[str, object]:
    """How the provider knows the gateway by that way of client authentication."""
    if authentication == "private_key_jwt":
        return {"token_endpoint_auth_method": authentication, "jwks": own.public}
    return {"token_endpoint_auth_method": authentication, "client_secret": SECRET}
