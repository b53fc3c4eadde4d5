"""A logout token from its bytes: who signed it, and that no other token of the provider passes for one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from broker.adapters.oidc import OidcProvider
from broker.ports import LogoutRefused, Mismatch, ProviderUnavailable, SignInRefused
from tests.broker.adapters.examples import attempt
from tests.broker.adapters.oidc.tiny_provider import EC, OTHER_RSA, TinyProvider
from tests.broker.adapters.small_server import Reply, SmallServer

EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture
def op(small: SmallServer) -> TinyProvider:
    """A provider whose next token is a logout token."""
    op = TinyProvider(small)
    op.header = {**op.header, "typ": "logout+jwt"}
    for name in ("nonce", "azp", "at_hash", "acr"):
        del op.claims[name]
    op.claims |= {"exp": op.claims["iat"] + 120, "jti": "one", "events": {EVENT: {}}}
    return op


@pytest.fixture
async def us(op: TinyProvider) -> AsyncIterator[OidcProvider]:
    provider = op.relying_party(algorithms=("RS256",))
    yield provider
    await provider.aclose()


async def test_a_genuine_token_tells_whose_session_ended(us: OidcProvider, op: TinyProvider) -> None:
    ended = await us.logged_out(op.id_token())
    assert (ended.issuer, ended.session, ended.token_id) == (op.issuer, "acm-session", "one")


async def test_c31_a_token_that_is_not_signed_as_registered_is_refused(us: OidcProvider, op: TinyProvider) -> None:
    genuine = op.id_token()
    header, claims, _ = genuine.split(".")
    unsigned = "eyJhbGciOiJub25lIiwidHlwIjoibG9nb3V0K2p3dCJ9"
    op.key = OTHER_RSA
    forged = op.id_token()
    op.key, op.keys, op.header = EC, [EC], {**op.header, "alg": "ES256"}
    for token in (
        f"{unsigned}.{claims}.",
        f"{header}.{claims}.",
        forged,
        op.id_token(),
        f"{genuine}.more.parts",
        "",
        "...",
    ):
        with pytest.raises(LogoutRefused):
            await us.logged_out(token)


async def test_c32_an_id_token_is_no_logout_token(us: OidcProvider, op: TinyProvider) -> None:
    del op.claims["events"]
    op.claims["nonce"] = attempt().nonce
    op.header = {**op.header, "typ": "JWT"}
    with pytest.raises(LogoutRefused):
        await us.logged_out(op.id_token())


async def test_c38_a_logout_token_is_no_id_token(us: OidcProvider, op: TinyProvider) -> None:
    with pytest.raises(SignInRefused) as refusal:
        await us.identify(attempt(), op.response())
    assert refusal.value.mismatch is Mismatch.BAD_TOKEN


async def test_without_the_provider_s_keys_nothing_is_said_about_the_token(us: OidcProvider, op: TinyProvider) -> None:
    op.server.on("/op/v1/keys", Reply(status=500))
    with pytest.raises(ProviderUnavailable):
        await us.logged_out(op.id_token())


async def test_a_flood_of_unknown_keys_asks_the_provider_for_its_keys_once(us: OidcProvider, op: TinyProvider) -> None:
    op.header = {**op.header, "kid": "unknown"}
    for _ in range(20):
        with pytest.raises(LogoutRefused):
            await us.logged_out(op.id_token())
    assert len(op.asked("keys")) == 2  # at first, and once for the key that nobody knows
