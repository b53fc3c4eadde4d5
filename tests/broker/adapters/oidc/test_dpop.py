"""Proofs of possession (RFC 9449), with a provider that says what the test wants."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, import_key
from joserfc.jws import extract_compact

from broker.adapters.oidc import OidcProvider
from broker.adapters.oidc.dpop import proof_key
from broker.ports import ProviderUnavailable, SignInRefused
from tests.broker.adapters.examples import NOW, STATE, attempt
from tests.broker.adapters.oidc.tiny_provider import ACCESS_TOKEN, TinyProvider, json_reply
from tests.broker.adapters.small_server import Reply, Request, SmallServer

SECRET = b"s" * 32


@pytest.fixture
def op(small: SmallServer) -> TinyProvider:
    provider = TinyProvider(small)
    provider.metadata["dpop_signing_alg_values_supported"] = ["ES256"]
    provider.tokens["token_type"] = "DPoP"
    return provider


@pytest.fixture
async def us(op: TinyProvider) -> AsyncIterator[OidcProvider]:
    provider = op.relying_party(sender_constrained="dpop", dpop_secret=SECRET)
    yield provider
    await provider.aclose()


def proof_of(request: Request) -> jwt.Token:
    """The proof, verified with the key that it brings along."""
    text = request.headers["dpop"]
    header: dict[str, Any] = extract_compact(text.encode()).headers()
    key = import_key(header["jwk"])
    assert isinstance(key, ECKey)
    return jwt.decode(text, key, algorithms=["ES256"])


async def test_c22_a_proof_says_what_is_asked_where_and_when(us: OidcProvider, op: TinyProvider) -> None:
    await us.identify(attempt(), op.response())

    ((at_token,), (at_userinfo,)) = op.asked("token"), op.asked("userinfo")
    token, userinfo = proof_of(at_token), proof_of(at_userinfo)
    assert token.header["typ"] == "dpop+jwt"
    assert token.header["jwk"].keys() == {"kty", "crv", "x", "y"}
    asked = {"htm": "POST", "htu": op.metadata["token_endpoint"], "iat": int(NOW.timestamp())}
    assert {name: token.claims[name] for name in asked} == asked
    assert "ath" not in token.claims
    assert (userinfo.claims["htm"], userinfo.claims["htu"]) == ("GET", op.metadata["userinfo_endpoint"])
    digest = hashlib.sha256(ACCESS_TOKEN.encode()).digest()
    assert userinfo.claims["ath"] == urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert at_userinfo.headers["authorization"] == f"DPoP {ACCESS_TOKEN}"
    assert token.claims["jti"] != userinfo.claims["jti"]


async def test_c22_an_address_in_a_proof_has_no_query(op: TinyProvider) -> None:
    op.metadata["userinfo_endpoint"] += "?form=short"
    op.server.on("/op/v1/userinfo?form=short", lambda _: json_reply(op.userinfo))
    us = op.relying_party(sender_constrained="dpop", dpop_secret=SECRET)
    await us.identify(attempt(), op.response())

    (request,) = op.server.asked("/op/v1/userinfo?form=short")
    assert proof_of(request).claims["htu"] == f"{op.issuer}/v1/userinfo"
    await us.aclose()


async def test_the_request_names_the_key_that_later_proves(us: OidcProvider, op: TinyProvider) -> None:
    named = dict(parse_qsl(urlsplit(await us.authorization_url(attempt())).query))["dpop_jkt"]
    another_worker = op.relying_party(sender_constrained="dpop", dpop_secret=SECRET)
    await another_worker.identify(attempt(), op.response())

    (request,) = op.asked("token")
    assert import_key(proof_of(request).header["jwk"]).thumbprint() == named
    await another_worker.aclose()


def test_every_sign_in_has_a_key_of_its_own_that_only_the_secret_leads_to() -> None:
    keys = {
        str(proof_key(secret, sign_in=name).thumbprint())
        for secret in (SECRET, b"t" * 32)
        for name in (STATE, "another-state")
    }
    assert len(keys) == 4
    assert proof_key(SECRET, sign_in=STATE).thumbprint() in keys


async def test_c23_a_nonce_is_kept_for_the_next_call_and_none_is_asked_for_twice(
    us: OidcProvider, op: TinyProvider
) -> None:
    def with_nonce(request: Request) -> Reply:
        good = json_reply({"id_token": op.id_token(), **op.tokens})
        if proof_of(request).claims.get("nonce") == "first":
            return Reply(status=200, body=good.body, headers={"DPoP-Nonce": "second"})
        if proof_of(request).claims.get("nonce") == "second":
            return good
        refusal = json_reply({"error": "use_dpop_nonce"}, status=400)
        return Reply(status=400, body=refusal.body, headers={"DPoP-Nonce": "first"})

    op.server.on("/op/v1/token", with_nonce)
    await us.identify(attempt(), op.response())
    await us.identify(attempt(), op.response())

    assert [proof_of(one).claims.get("nonce") for one in op.asked("token")] == [None, "first", "second"]


@pytest.mark.parametrize("nonce", [None, 'with "quotes"', "x" * 600, "line\tbreak"])
async def test_c23_without_a_usable_nonce_nothing_is_tried_again(
    us: OidcProvider, op: TinyProvider, nonce: str | None
) -> None:
    headers = {} if nonce is None else {"DPoP-Nonce": nonce}
    body = json_reply({"error": "use_dpop_nonce"}).body
    op.server.on("/op/v1/token", lambda _: Reply(status=400, body=body, headers=headers))

    with pytest.raises(SignInRefused, match="use_dpop_nonce"):
        await us.identify(attempt(), op.response())
    assert len(op.asked("token")) == 1


@pytest.mark.parametrize(
    "challenge",
    ['DPoP error="use_dpop_nonce"', "dpop error=use_dpop_nonce", 'Bearer x="y", DPoP error="use_dpop_nonce"'],
)
async def test_a55_userinfo_asks_for_a_nonce_in_any_spelling(
    us: OidcProvider, op: TinyProvider, challenge: str
) -> None:
    def userinfo(request: Request) -> Reply:
        if proof_of(request).claims.get("nonce") == "given":
            return json_reply(op.userinfo)
        return Reply(status=401, headers={"WWW-Authenticate": challenge, "DPoP-Nonce": "given"})

    op.server.on("/op/v1/userinfo", userinfo)
    await us.identify(attempt(), op.response())
    assert len(op.asked("userinfo")) == 2


@pytest.mark.parametrize("token_type", ["Bearer", "mac", ""])
async def test_c24_any_other_kind_of_token_signs_nobody_in(us: OidcProvider, op: TinyProvider, token_type: str) -> None:
    op.tokens["token_type"] = token_type
    with pytest.raises(SignInRefused, match="of a kind that we cannot use"):
        await us.identify(attempt(), op.response())
    assert op.asked("userinfo") == []


async def test_a_provider_without_dpop_is_not_asked_anything(op: TinyProvider) -> None:
    for offered in (None, ["RS256"]):
        op.metadata["dpop_signing_alg_values_supported"] = offered
        us = op.relying_party(sender_constrained="dpop", dpop_secret=SECRET)
        with pytest.raises(ProviderUnavailable, match="does not offer DPoP with ES256"):
            await us.authorization_url(attempt())
        await us.aclose()


async def test_the_code_and_its_verifier_go_along_as_ever(us: OidcProvider, op: TinyProvider) -> None:
    await us.identify(attempt(), op.response())
    (request,) = op.asked("token")
    assert parse_qs(request.body.decode())["code_verifier"] == [attempt().code_verifier]
