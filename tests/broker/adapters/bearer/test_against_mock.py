"""Tokens that the mock government gave to a program, read by both ways: as JWTs and by introspection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import pytest

from broker.adapters.bearer.introspection import IntrospectedTokens
from broker.adapters.bearer.reader import ApplicationTokens
from broker.adapters.bearer.settings import IntrospectionTerms, TokenTerms
from broker.adapters.bearer.signed import SignedTokens, issuer_keys
from broker.adapters.clock import SystemClock
from broker.adapters.http import BackChannel
from broker.domain.machine import Presented, Scheme, TokenClaims, TokenError, TokenRefused
from broker.ports import ProviderUnavailable
from tests.broker.adapters.bearer.issuer import MemoryProofs
from tests.broker.adapters.conftest import MockGovernment

SECRET = "demo-client-secret"


def terms(mock: MockGovernment) -> TokenTerms:
    return TokenTerms(application="kmo", issuer=mock.issuer, audience="kmo-portefeuille", scopes=("kmo.read",))


def token_of(mock: MockGovernment, client_id: str = "demo-program", **more: str) -> str:
    form = {"grant_type": "client_credentials", **more}
    answer = httpx2.post(f"{mock.issuer}/v1/token", data=form, auth=(client_id, SECRET), trust_env=False)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


@pytest.fixture
async def channel() -> AsyncIterator[BackChannel]:
    channel = BackChannel()
    yield channel
    await channel.aclose()


def by_keys(mock: MockGovernment, channel: BackChannel, of: TokenTerms | None = None) -> ApplicationTokens:
    wanted = of or terms(mock)
    source = SignedTokens(wanted, keys=issuer_keys(issuer=mock.issuer, jwks_uri=None, channel=channel))
    return ApplicationTokens(wanted, source=source, proofs=MemoryProofs(), clock=SystemClock())


def by_asking(
    mock: MockGovernment, channel: BackChannel, of: TokenTerms | None = None, *, secret: str = SECRET
) -> ApplicationTokens:
    wanted = of or terms(mock)
    asking = IntrospectionTerms(
        endpoint=f"{mock.issuer}/v1/introspect", client_id="inkom-gateway", client_secret=secret
    )
    source = IntrospectedTokens(wanted, asking, channel=channel, clock=SystemClock())
    return ApplicationTokens(wanted, source=source, proofs=MemoryProofs(), clock=SystemClock())


async def read(tokens: ApplicationTokens, token: str) -> TokenClaims | TokenRefused:
    presented = Presented(scheme=Scheme.BEARER, token=token)
    return await tokens.admit(presented, method="GET", address="http://localhost:8000/kmo-portefeuille/")


async def test_the_mocks_jwt_says_the_same_by_both_ways(mock: MockGovernment, channel: BackChannel) -> None:
    token = token_of(mock)
    signed, asked = await read(by_keys(mock, channel), token), await read(by_asking(mock, channel), token)
    assert isinstance(signed, TokenClaims)
    assert signed == asked
    assert signed.machine.client_id == "demo-program"
    assert signed.organisation.digits == "1999999943"
    assert [(role.right, role.context) for role in signed.roles] == [("VLAIOInkomGebruikerNieuw", "Gebruiker")]


async def test_an_opaque_token_is_read_by_introspection_only(mock: MockGovernment, channel: BackChannel) -> None:
    machine = {"audience": "kmo-portefeuille", "organisation": "1999999943", "opaque": True}
    mock.post(
        "/mock/clients",
        {"client_id": "opaque-program", "client_secret": SECRET, "scopes": ["kmo.read"], "machine": machine},
    )
    token = token_of(mock, "opaque-program")
    assert isinstance(await read(by_asking(mock, channel), token), TokenClaims)
    assert isinstance(await read(by_keys(mock, channel), token), TokenRefused)


async def test_a_token_for_another_application_or_with_less_scope_is_refused_by_both_ways(
    mock: MockGovernment, channel: BackChannel
) -> None:
    token, less = token_of(mock), token_of(mock, scope="kmo.write")
    for way in (by_keys, by_asking):
        other = await read(way(mock, channel, replace(terms(mock), audience="ecologiepremie-plus")), token)
        assert isinstance(other, TokenRefused)
        assert other.error is TokenError.INVALID_TOKEN
        refused = await read(way(mock, channel), less)
        assert isinstance(refused, TokenRefused)
        assert refused.error is TokenError.INSUFFICIENT_SCOPE


async def test_a_gateway_that_cannot_prove_itself_learns_nothing(mock: MockGovernment, channel: BackChannel) -> None:
    with pytest.raises(ProviderUnavailable, match="401"):
        await read(by_asking(mock, channel, secret="guess"), token_of(mock))
