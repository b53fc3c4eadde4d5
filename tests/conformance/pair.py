"""Our gateway and our mock provider over real HTTP: two gateways that share a Redis, and one mock for both.

The mock gives the wrong answers (`POST /mock/fault`); what the gateway makes of them is read off its answers, its audit
log and the second gateway, which knows the same sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.conformance.browser import Browser
from tests.conformance.gateway import CLIENT_ID, Gateway, new_gateway, running_gateway
from tests.conformance.government import Government

SECRET = "the gateway's own secret: 100% of it"
SCOPES = ["openid", "profile", "rrn", "vo", "wettelijkvertegenwoordiger", "vlaio_inkom"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """`first` is told of logouts by the mock; a browser that is signed in at `first` is so at `second` too."""

    government: Government
    first: Gateway
    second: Gateway

    def sign_in(self, browser: Browser, person: str = "employee", *, at: Gateway | None = None) -> httpx2.Response:
        """Open the application as a person of the cast, signing in on the way; the page where that ends."""
        gateway = at or self.first
        return browser.open(gateway.application, mock_person=person, mock_method="itsme")

    def arm(self, fault: str) -> None:
        """Let one answer to the gateways be wrong in one way."""
        self.government.arm(fault, client_id=CLIENT_ID)

    def sign_out_at_provider(self, browser: Browser) -> None:
        """End the session at the provider, as another application of the person's would."""
        answer = browser.get(f"{self.government.issuer}/v1/logout")
        assert answer.status_code == 200, answer.text

    def inside(self, browser: Browser) -> tuple[bool, bool]:
        """Whether the browser gets to the backend by each of the two gateways."""
        return self.first.arrived(browser) is not None, self.second.arrived(browser) is not None


@contextmanager
def running_pair(
    new_folder: Callable[[], Path],
    *,
    government: Government,
    redis: str,
    disclosing: Mapping[str, str] | None = None,
    time_limit: float = 10,
) -> Iterator[Pair]:
    """Start two gateways that know each other's sessions, and tell the mock of them.

    `disclosing` is why the applications get national numbers, if they do; `time_limit` the gateways' patience with
    provider and registers, in seconds.
    """
    first, second = new_gateway(new_folder()), new_gateway(new_folder())
    government.tell("/mock/clients", registration(first, second))
    acm = {
        "issuer": government.issuer,
        "client_authentication": "client_secret_basic",
        "client_secret": SECRET,
        "scopes": SCOPES,
        "algorithms": ["RS256"],
        "front_channel_logout": True,
        "refresh": True,
        "time_limit": time_limit,
    }
    with (
        running_gateway(
            first, acm=acm, government=government, redis=redis, disclosing=disclosing, time_limit=time_limit
        ),
        running_gateway(
            second,
            acm=acm,
            government=government,
            redis=redis,
            beside=first,
            disclosing=disclosing,
            time_limit=time_limit,
        ),
    ):
        yield Pair(government=government, first=first, second=second)


def registration(first: Gateway, second: Gateway) -> dict[str, object]:
    """What the mock knows of the gateways: one client with two places."""
    both = (first, second)
    return {
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "scopes": [*SCOPES, "offline_access"],
        "organisation_choice": "gateway",
        "redirect_uris": [f"{one.origin}/_inkom/callback" for one in both],
        "post_logout_redirect_uris": [f"{one.origin}/_inkom/{end}" for one in both for end in ("logged-out", "login")],
        "backchannel_logout_uri": f"{first.origin}/_inkom/backchannel-logout",
    }
