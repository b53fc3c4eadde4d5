"""Refreshing tokens at the mock government, which errs on request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest

from broker.adapters.clock import SystemClock
from broker.adapters.http import BackChannel
from broker.adapters.oidc import OidcProvider
from broker.adapters.oidc.client_calls import RefreshResponse, TokenResponse
from broker.adapters.oidc.refreshing import UNKNOWN_LIFETIME, grant_of, lifetime_of
from broker.domain.numbers import NationalNumber
from broker.domain.session import TokenGrant
from broker.ports import Mismatch, ProviderUnavailable, SignedIn, SignInRefused
from tests.broker.adapters.conftest import MockGovernment
from tests.broker.adapters.examples import NOW, attempt
from tests.broker.adapters.oidc.test_against_mock import CLIENT_ID, SCOPES, register, settings, sign_in


@pytest.fixture
async def us(mock: MockGovernment) -> AsyncIterator[OidcProvider]:
    register(mock, scopes=[*SCOPES, "offline_access"])
    provider = OidcProvider(replace(settings(mock), refreshes=True), clock=SystemClock(), channel=BackChannel())
    yield provider
    await provider.aclose()


class Kept:
    """What was kept, in order."""

    def __init__(self) -> None:
        self.grants: list[TokenGrant] = []

    async def __call__(self, grant: TokenGrant) -> None:
        self.grants.append(grant)


def granted(told: SignedIn) -> TokenGrant:
    assert told.grant is not None
    return told.grant


def asked(mock: MockGovernment, endpoint: str) -> int:
    counted = httpx2.get(f"{mock.origin}/mock/requests", trust_env=False).json()["requests"]
    return sum(counted.get(endpoint, {}).values())


def arm(mock: MockGovernment, *faults: str) -> None:
    for fault in faults:
        mock.post("/mock/fault", {"fault": fault, "client_id": CLIENT_ID})


async def test_a25_a_refresh_brings_new_tokens_and_userinfo_is_asked_with_the_new_one(
    us: OidcProvider, mock: MockGovernment
) -> None:
    told, kept = await sign_in(us, attempt()), Kept()
    before = asked(mock, "GET /op/v1/userinfo")
    identity = await us.refresh(told.identity, granted(told), keep=kept)
    assert identity == told.identity
    (grant,) = kept.grants
    assert grant.refresh_token != granted(told).refresh_token
    assert asked(mock, "GET /op/v1/userinfo") == before + 1


async def test_without_refresh_nothing_is_asked_for_and_nothing_kept(mock: MockGovernment) -> None:
    register(mock)
    plain = OidcProvider(settings(mock), clock=SystemClock(), channel=BackChannel())
    assert "offline_access" not in await plain.authorization_url(attempt())
    assert (await sign_in(plain, attempt())).grant is None
    await plain.aclose()


@pytest.mark.parametrize("fault", ["refresh-iss-wrong", "refresh-sub-wrong", "refresh-aud-wrong"])
async def test_a26_an_id_token_of_another_issuer_person_or_client_ends_the_session(
    us: OidcProvider, mock: MockGovernment, fault: str
) -> None:
    told, kept = await sign_in(us, attempt()), Kept()
    arm(mock, fault)
    with pytest.raises(SignInRefused) as refused:
        await us.refresh(told.identity, granted(told), keep=kept)
    assert refused.value.mismatch in {Mismatch.BAD_TOKEN, Mismatch.OTHER_PERSON}


async def test_a_refreshed_id_token_with_a_bad_signature_ends_the_session(
    us: OidcProvider, mock: MockGovernment
) -> None:
    told = await sign_in(us, attempt())
    arm(mock, "refresh-signature-rs256")
    with pytest.raises(SignInRefused):
        await us.refresh(told.identity, granted(told), keep=Kept())


async def test_a53_without_expires_in_a_short_lifetime_of_our_own_holds(us: OidcProvider, mock: MockGovernment) -> None:
    arm(mock, "token-expires-in-missing")
    grant = granted(await sign_in(us, attempt()))
    left = grant.expires_at - SystemClock().now()
    assert timedelta(minutes=4) < left <= UNKNOWN_LIFETIME


async def test_a56_userinfo_that_answers_401_is_asked_once_more_after_one_refresh(
    us: OidcProvider, mock: MockGovernment
) -> None:
    arm(mock, "userinfo-401")
    told, kept = await sign_in(us, attempt()), Kept()
    assert asked(mock, "POST /op/v1/token") == 2
    arm(mock, "userinfo-401")
    await us.refresh(told.identity, granted(told), keep=kept)
    assert asked(mock, "POST /op/v1/token") == 4
    assert len({granted(told).refresh_token, *(grant.refresh_token for grant in kept.grants)}) == 3


async def test_a56_a_second_401_is_not_answered_by_a_third_refresh(us: OidcProvider, mock: MockGovernment) -> None:
    told, kept = await sign_in(us, attempt()), Kept()
    before = asked(mock, "POST /op/v1/token")
    arm(mock, "userinfo-401", "userinfo-401", "userinfo-401")
    with pytest.raises(ProviderUnavailable):
        await us.refresh(told.identity, granted(told), keep=kept)
    assert asked(mock, "POST /op/v1/token") == before + 2
    assert len(kept.grants) == 2


async def test_c19_invalid_grant_ends_the_session(us: OidcProvider) -> None:
    told = await sign_in(us, attempt())
    await us.refresh(told.identity, granted(told), keep=Kept())
    with pytest.raises(SignInRefused) as refused:  # the first one is used up
        await us.refresh(told.identity, granted(told), keep=Kept())
    assert refused.value.mismatch is Mismatch.PROVIDER_ERROR
    assert granted(told).refresh_token not in str(refused.value)


@pytest.mark.parametrize("fault", ["token-500", "token-invalid-client"])
async def test_a_provider_in_trouble_is_away_and_no_reason_to_end_anything(
    us: OidcProvider, mock: MockGovernment, fault: str
) -> None:
    told, kept = await sign_in(us, attempt()), Kept()
    arm(mock, fault)
    with pytest.raises(ProviderUnavailable):
        await us.refresh(told.identity, granted(told), keep=kept)


async def test_new_tokens_are_kept_before_anything_else_can_fail(us: OidcProvider, mock: MockGovernment) -> None:
    told, kept = await sign_in(us, attempt()), Kept()
    arm(mock, "userinfo-500")
    with pytest.raises(ProviderUnavailable):
        await us.refresh(told.identity, granted(told), keep=kept)
    (grant,) = kept.grants
    await us.refresh(told.identity, grant, keep=kept)


async def test_a_revoked_grant_is_over_at_the_provider(us: OidcProvider, mock: MockGovernment) -> None:
    told = await sign_in(us, attempt())
    await us.revoke(granted(told))
    assert asked(mock, "POST /op/v1/revoke") == 1
    with pytest.raises(SignInRefused):
        await us.refresh(told.identity, granted(told), keep=Kept())


async def test_another_national_number_is_another_person(us: OidcProvider) -> None:
    told = await sign_in(us, attempt())
    somebody = replace(told.identity, national_number=NationalNumber("01690700428"))
    with pytest.raises(SignInRefused) as refused:
        await us.refresh(somebody, granted(told), keep=Kept())
    assert refused.value.mismatch is Mismatch.OTHER_PERSON


async def test_an_authentication_that_is_newer_than_the_sign_in_is_another_sign_in(us: OidcProvider) -> None:
    told = await sign_in(us, attempt())
    earlier = replace(told.identity, authenticated_at=told.identity.authenticated_at - timedelta(minutes=5))
    with pytest.raises(SignInRefused) as refused:
        await us.refresh(earlier, granted(told), keep=Kept())
    assert "auth_time" in refused.value.detail


async def test_claims_are_believed_for_the_life_of_the_new_id_token(mock: MockGovernment) -> None:
    register(mock, scopes=[*SCOPES, "offline_access"])
    believing = replace(settings(mock), refreshes=True, keeps_claims=True)
    us = OidcProvider(believing, clock=SystemClock(), channel=BackChannel())
    told, kept = await sign_in(us, attempt()), Kept()
    assert told.identity.claimed is not None
    earlier = replace(told.identity.claimed, valid_until=told.identity.claimed.valid_until - timedelta(minutes=50))
    renewed = await us.refresh(replace(told.identity, claimed=earlier), granted(told), keep=kept)
    assert renewed.claimed is not None
    assert renewed.claimed.valid_until >= told.identity.claimed.valid_until
    assert kept.grants[-1].expires_at > kept.grants[0].expires_at
    await us.aclose()


async def test_what_a_refresh_brings_is_bound_to_a_key_where_tokens_are(mock: MockGovernment) -> None:
    register(mock, scopes=[*SCOPES, "offline_access"], dpop_bound=True)
    bound = replace(settings(mock), refreshes=True, sender_constrained="dpop", dpop_secret=b"s" * 32)
    us = OidcProvider(bound, clock=SystemClock(), channel=BackChannel())
    told, kept = await sign_in(us, attempt()), Kept()
    assert await us.refresh(told.identity, granted(told), keep=kept) == told.identity
    assert len(kept.grants) == 1
    await us.aclose()


@pytest.mark.parametrize(
    ("expires_in", "lifetime"),
    [
        (3600, timedelta(hours=1)),
        (90.5, timedelta(seconds=90.5)),
        (None, UNKNOWN_LIFETIME),
        ("3600", UNKNOWN_LIFETIME),
        (True, UNKNOWN_LIFETIME),
        (float("nan"), UNKNOWN_LIFETIME),
        (0, timedelta(seconds=1)),
        (-5, timedelta(seconds=1)),
        (10**400, timedelta(days=1)),
        (float("inf"), timedelta(days=1)),
    ],
)
def test_a_lifetime_is_believed_within_reason(expires_in: object, lifetime: timedelta) -> None:
    assert lifetime_of(expires_in) == lifetime


def test_tokens_are_renewed_five_minutes_before_their_end_or_at_half_of_a_short_life() -> None:
    long, short = (grant_of("r", expires_in=seconds, now=NOW) for seconds in (3600, 60))
    assert long.expires_at - long.renew_at == timedelta(minutes=5)
    assert short.renew_at - NOW == timedelta(seconds=30)
    assert "refresh-token" not in repr(grant_of("refresh-token", expires_in=60, now=NOW))


@pytest.mark.parametrize("kind", [TokenResponse, RefreshResponse])
def test_no_token_is_shown_with_a_response(kind: type[TokenResponse] | type[RefreshResponse]) -> None:
    response = kind(access_token="secret-1", token_type="Bearer", id_token="secret-2", refresh_token="secret-3")
    assert "secret" not in repr(response)
