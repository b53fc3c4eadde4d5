"""The page for signing: only for somebody who signed in certainly and not long ago."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from mock_apps.app import sample_backend
from mock_apps.assertion import AssertionVerifier
from mock_apps.keys import GatewayKeys
from mock_apps.measures import MEASURES
from mock_apps.signing import CHALLENGE
from tests.mock_apps.stand_in import ISSUER, NOW, StandIn

SIGNING = MEASURES[1]
CERTAIN = {"aud": SIGNING.id, "assurance": "high", "authenticated_at": str(NOW - 300)}


@pytest.fixture
def stand_in() -> StandIn:
    return StandIn()


@pytest.fixture
async def visitor(stand_in: StandIn) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the backend that has the page."""
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=stand_in.app()), base_url=ISSUER) as published:
        keys = GatewayKeys(published, f"{ISSUER}/_inkom/jwks.json")
        verifier = AssertionVerifier(keys=keys, issuer=ISSUER, audience=SIGNING.id, now=lambda: NOW)
        transport = httpx2.ASGITransport(app=sample_backend(SIGNING, verifier))
        async with httpx2.AsyncClient(transport=transport, base_url="http://backend.example") as client:
            yield client


async def test_somebody_who_signed_in_certainly_and_recently_signs(
    visitor: httpx2.AsyncClient, stand_in: StandIn
) -> None:
    headers = {**stand_in.headers(**CERTAIN), "accept-language": "en"}
    page = await visitor.get(f"{SIGNING.prefix}/sign", headers=headers)
    assert (page.status_code, "By signing you confirm" in page.text) == (200, True)
    signed = await visitor.post(f"{SIGNING.prefix}/sign", headers=headers)
    assert (signed.status_code, "Your application is signed." in signed.text) == (200, True)
    assert f'href="{SIGNING.prefix}/sign"' in (await visitor.get(f"{SIGNING.prefix}/", headers=headers)).text


@pytest.mark.parametrize(
    "change", [{"assurance": "substantial"}, {"authenticated_at": str(NOW - 301)}, {"authenticated_at": None}]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_anybody_else_is_challenged(
    visitor: httpx2.AsyncClient, stand_in: StandIn, method: str, change: dict[str, str | None]
) -> None:
    headers = stand_in.headers(**{**CERTAIN, **change})
    answer = await visitor.request(method, f"{SIGNING.prefix}/sign", headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, CHALLENGE)


@pytest.mark.parametrize("moment", ["soon", "-5", "1.5"])
async def test_a_moment_that_is_none_is_refused(visitor: httpx2.AsyncClient, stand_in: StandIn, moment: str) -> None:
    headers = stand_in.headers(**{**CERTAIN, "authenticated_at": moment})
    assert (await visitor.get(f"{SIGNING.prefix}/sign", headers=headers)).status_code == 403
