"""Access tokens as JWTs: who signed, by which algorithm, and how often the issuer's keys are asked for."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, RSAKey

from broker.adapters.bearer.rules import TokenUnfit
from broker.adapters.bearer.settings import TokenTerms
from broker.adapters.bearer.signed import SignedTokens, issuer_keys
from broker.adapters.http import BackChannel
from broker.ports import ProviderUnavailable
from tests.broker.adapters.bearer.issuer import TERMS, Issuer, compact, good_claims
from tests.broker.adapters.small_server import Reply, SmallServer

ISSUER = Issuer()


@pytest.fixture
async def channel() -> AsyncIterator[BackChannel]:
    channel = BackChannel()
    yield channel
    await channel.aclose()


async def claims_of(token: str, terms: TokenTerms = TERMS) -> dict[str, Any]:
    return dict(await SignedTokens(terms, keys=ISSUER.keys()).claims(token))


@pytest.mark.parametrize("kind", ["at+jwt", "application/at+jwt", "AT+JWT"])
async def test_an_access_token_by_its_type_is_read(kind: str) -> None:
    assert await claims_of(ISSUER.token(typ=kind)) == good_claims()


@pytest.mark.parametrize("kind", ["JWT", None, "dpop+jwt", "secevent+jwt", "logout+jwt", "id+jwt", ""])
async def test_another_kind_of_token_of_the_same_issuer_is_refused(kind: str | None) -> None:
    with pytest.raises(TokenUnfit, match="typ"):
        await claims_of(ISSUER.token(typ=kind))


@pytest.mark.parametrize("kind", ["JWT", None, "at+jwt"])
async def test_an_older_provider_may_write_jwt_where_that_is_configured(kind: str | None) -> None:
    older = replace(TERMS, types=("at+jwt", "JWT"))
    assert await claims_of(ISSUER.token(typ=kind), older) == good_claims()
    with pytest.raises(TokenUnfit, match="typ"):
        await claims_of(ISSUER.token(typ="secevent+jwt"), older)


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", "ES384", "RS256"])
async def test_a_token_that_is_not_signed_by_an_allowed_algorithm_is_refused(alg: str) -> None:
    token = ISSUER.token()
    _, content, signature = token.split(".")
    forged = compact({"alg": alg, "typ": "at+jwt", "kid": "first"}, good_claims(), None).split(".")[0]
    for last in ("", signature):
        with pytest.raises(TokenUnfit):
            await claims_of(f"{forged}.{content}.{last}")


async def test_the_public_key_is_no_secret_to_sign_with() -> None:
    """RS256 to HS256: whoever knows the public key would sign."""
    for text in (ISSUER.key.as_pem(private=False), ISSUER.key_set()):
        with pytest.raises(TokenUnfit, match="not allowed"):
            await claims_of(compact({"alg": "HS256", "typ": "at+jwt", "kid": "first"}, good_claims(), text))


async def test_a_key_in_the_tokens_own_header_is_never_looked_at() -> None:
    stranger = ECKey.generate_key("P-256", {"kid": "first"})
    header = {"jwk": stranger.as_dict(private=False), "jku": "https://evil.example/keys"}
    named = {"alg": "ES256", "typ": "at+jwt", "kid": "first", **header}
    with pytest.raises(TokenUnfit, match="none of the published keys"):
        await claims_of(compact(named, good_claims(), stranger))


async def test_an_encrypted_token_is_not_opened() -> None:
    head = compact({"alg": "RSA-OAEP", "enc": "A256GCM", "zip": "DEF", "typ": "at+jwt"}, {}, None).partition(".")[0]
    for token in (f"{head}.AA.AA.AA.AA", f"{head}.AA.AA", f"{head}." + "." * 10_000):
        with pytest.raises(TokenUnfit):
            await claims_of(token)


async def test_a_critical_header_that_we_do_not_know_is_refused() -> None:
    with pytest.raises(TokenUnfit, match="critical"):
        await claims_of(ISSUER.token(crit=["exp"], exp=1))


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), max_size=80))
@settings(max_examples=100)
async def test_no_text_is_anything_but_refused(text: str) -> None:
    good = ISSUER.token()
    for token in {text, good + text[:1], f"{text}.{good.partition('.')[2]}"} - {good}:
        with pytest.raises(TokenUnfit):
            await claims_of(token)


async def test_every_changed_character_of_a_signature_refuses_the_token() -> None:
    head, _, signature = ISSUER.token().rpartition(".")
    for at in range(0, len(signature) - 1, 7):
        other = "A" if signature[at] != "A" else "B"
        with pytest.raises(TokenUnfit):
            await claims_of(f"{head}.{signature[:at]}{other}{signature[at + 1 :]}")


async def test_keys_are_found_by_discovery_and_a_new_one_is_fetched_once(
    small: SmallServer, channel: BackChannel
) -> None:
    issuer = Issuer()
    document = {"issuer": small.origin, "jwks_uri": f"{small.origin}/keys"}
    small.on("/.well-known/openid-configuration", Reply(body=msgspec.json.encode(document)))
    small.on("/keys", lambda _: Reply(body=issuer.key_set()))
    source = SignedTokens(TERMS, keys=issuer_keys(issuer=small.origin, jwks_uri=None, channel=channel))
    await source.claims(issuer.token())
    issuer.key = ECKey.generate_key("P-256", {"kid": "second"})
    assert await source.claims(issuer.token()) == good_claims()
    assert len(small.asked("/keys")) == 2


async def test_a_flood_of_invented_key_names_costs_the_issuer_one_question(
    small: SmallServer, channel: BackChannel
) -> None:
    small.on("/keys", Reply(body=ISSUER.key_set()))
    source = SignedTokens(
        TERMS, keys=issuer_keys(issuer="https://acm.example/op", jwks_uri=f"{small.origin}/keys", channel=channel)
    )
    for _ in range(50):
        with pytest.raises(TokenUnfit):
            await source.claims(ISSUER.token(kid=secrets.token_hex(4)))
    assert len(small.asked("/keys")) == 2
    assert await source.claims(ISSUER.token()) == good_claims()


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://other.example", "jwks_uri": "{}/keys"},
        {"issuer": "{}", "jwks_uri": "https://other.example/keys"},
        {"issuer": "{}", "jwks_uri": "http://evil.example/keys"},
        {"issuer": "{}"},
    ],
)
async def test_a_discovery_document_that_is_not_the_issuers_is_no_answer(
    small: SmallServer, channel: BackChannel, document: dict[str, str]
) -> None:
    written = {name: value.replace("{}", small.origin) for name, value in document.items()}
    small.on("/.well-known/openid-configuration", Reply(body=msgspec.json.encode(written)))
    source = SignedTokens(TERMS, keys=issuer_keys(issuer=small.origin, jwks_uri=None, channel=channel))
    with pytest.raises(ProviderUnavailable):
        await source.claims(ISSUER.token())


async def test_keys_that_cannot_be_had_say_nothing_about_the_token(small: SmallServer, channel: BackChannel) -> None:
    small.on("/keys", Reply(status=500))
    source = SignedTokens(
        TERMS, keys=issuer_keys(issuer="https://acm.example/op", jwks_uri=f"{small.origin}/keys", channel=channel)
    )
    with pytest.raises(ProviderUnavailable):
        await source.claims(ISSUER.token())


async def test_a_token_of_an_rsa_key_is_read_too() -> None:
    key = RSAKey.generate_key(2048, {"kid": "rsa"})

    class OfRsa(Issuer):
        def key_set(self) -> bytes:
            return msgspec.json.encode({"keys": [key.as_dict(private=False)]})

    source = SignedTokens(TERMS, keys=OfRsa().keys())
    for alg in ("RS256", "PS256"):
        assert await source.claims(compact({"alg": alg, "typ": "at+jwt", "kid": "rsa"}, good_claims(), key))
