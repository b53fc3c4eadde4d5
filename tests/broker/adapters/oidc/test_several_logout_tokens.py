"""A logout token is verified by the provider that it names, and by no other."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode

import pytest

from broker.adapters.oidc.logged_out import SeveralLogoutTokens
from broker.ports import LoggedOut, LogoutRefused
from tests.broker.gateway import StandInProvider

ACM, TEST = "https://acm.example/op", "https://acm-test.example/op"


def token(**claims: object) -> str:
    payload = urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


class Asked(StandInProvider):
    """Refuses all, and says who was asked."""

    async def logged_out(self, token: str) -> LoggedOut:
        raise LogoutRefused(f"asked {self.logout}")


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (token(iss=ACM), "asked acm"),
        (token(iss=TEST), "asked test"),
        (token(iss=f"{TEST}/"), "iss is another issuer"),
        (token(iss=3), "not a signed token"),
        (token(), "not a signed token"),
        ("", "not a signed token"),
        ("a.b.c", "not a signed token"),
        ("e30.é.c", "not a signed token"),
    ],
)
async def test_the_provider_that_a_token_names_is_asked(sent: str, said: str) -> None:
    tokens = SeveralLogoutTokens({ACM: Asked(logout="acm"), TEST: Asked(logout="test")})
    with pytest.raises(LogoutRefused, match=said):
        await tokens.logged_out(sent)
