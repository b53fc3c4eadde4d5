"""Tokens bound to a key: without the proof of it they are no use, and a proof serves once, for one request."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey

from broker.adapters.bearer.dpop import Proof, check_proof
from broker.adapters.bearer.reader import ApplicationTokens
from broker.adapters.bearer.replays import ShownProofs
from broker.adapters.bearer.rules import TokenUnfit
from broker.adapters.bearer.settings import TokenTerms
from broker.adapters.bearer.signed import SignedTokens
from broker.adapters.sessions.connection import close, connect
from broker.domain.machine import Presented, Scheme, TokenClaims, TokenError, TokenRefused
from tests.broker.adapters.bearer.issuer import NOW_SECONDS, TERMS, Holder, Issuer, MemoryProofs, good_claims
from tests.broker.adapters.examples import SetClock
from tests.redis_server import RedisServer

ADDRESS = "https://inkom.example/kmo-portefeuille/api"
ISSUER, HOLDER, RSA_HOLDER = Issuer(), Holder(), Holder(key=RSAKey.generate_key(2048))


def bound(holder: Holder = HOLDER) -> str:
    return ISSUER.token(good_claims(cnf={"jkt": holder.thumbprint}))


def application(terms: TokenTerms = TERMS) -> ApplicationTokens:
    source = SignedTokens(terms, keys=ISSUER.keys())
    return ApplicationTokens(terms, source=source, proofs=MemoryProofs(), clock=SetClock())


async def presented(
    token: str, *proofs: str, scheme: Scheme = Scheme.DPOP, by: ApplicationTokens | None = None
) -> TokenClaims | TokenRefused:
    request = Presented(scheme=scheme, token=token, proofs=proofs)
    return await (by or application()).admit(request, method="GET", address=ADDRESS)


async def error_of(token: str, *proofs: str, scheme: Scheme = Scheme.DPOP) -> TokenError:
    answer = await presented(token, *proofs, scheme=scheme)
    assert isinstance(answer, TokenRefused)
    return answer.error


@pytest.mark.parametrize("holder", [HOLDER, RSA_HOLDER], ids=["ec", "rsa"])
async def test_c25_a_bound_token_with_its_proof_is_accepted(holder: Holder) -> None:
    token = bound(holder)
    assert isinstance(await presented(token, holder.proof(token)), TokenClaims)


async def test_c25_a_bound_token_without_its_proof_is_refused() -> None:
    token = bound()
    assert await error_of(token, scheme=Scheme.BEARER) is TokenError.INVALID_TOKEN
    assert await error_of(token, HOLDER.proof(token), scheme=Scheme.BEARER) is TokenError.INVALID_TOKEN
    assert await error_of(token) is TokenError.INVALID_DPOP_PROOF


Bad = Callable[[str], str]


def _proof(**changed: Any) -> Bad:
    return lambda token: HOLDER.proof(token, **changed)


BAD_PROOFS: dict[str, Bad] = {
    "htm of another method": _proof(method="POST"),
    "htm in lower case": _proof(method="get"),
    "htm absent": _proof(htm=None),
    "htu of another path": _proof(address=ADDRESS + "/x"),
    "htu of another host": _proof(address="https://other.example/kmo-portefeuille/api"),
    "htu without tls": _proof(address="http://inkom.example/kmo-portefeuille/api"),
    "htu of another port": _proof(address="https://inkom.example:444/kmo-portefeuille/api"),
    "htu in capitals": _proof(address="https://inkom.example/KMO-portefeuille/api"),
    "htu unreadable": _proof(address="https://[/"),
    "htu absent": _proof(htu=None),
    "ath of another token": lambda _: HOLDER.proof("another"),
    "ath absent": _proof(ath=None),
    "iat too long ago": _proof(now=NOW_SECONDS - 61),
    "iat in the future": _proof(now=NOW_SECONDS + 11),
    "iat absent": _proof(iat=None),
    "iat a text": _proof(iat="now"),
    "jti absent": _proof(jti=None),
    "jti empty": _proof(jti=""),
    "jti too long": _proof(jti="j" * 256),
    "typ jwt": _proof(header={"typ": "JWT"}),
    "typ absent": _proof(header={"typ": None}),
    "alg none": _proof(header={"alg": "none"}),
    "alg HS256": _proof(header={"alg": "HS256"}, signed_by=b"secret"),
    "alg of another kind": _proof(header={"alg": "RS256"}, signed_by=RSA_HOLDER.key),
    "private key in jwk": _proof(header={"jwk": HOLDER.key.as_dict(private=True)}),
    "shared secret in jwk": _proof(header={"jwk": {"kty": "oct", "k": "c2VjcmV0"}}),
    "jwk absent": _proof(header={"jwk": None}),
    "jwk of another kind": _proof(header={"jwk": RSA_HOLDER.key.as_dict(private=False)}),
    "jwk of nonsense": _proof(header={"jwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}}),
    "critical header": _proof(header={"crit": ["jti"]}),
    "signed by another": _proof(signed_by=ECKey.generate_key("P-256")),
    "proof of another key": lambda token: Holder().proof(token),
    "no jwt": lambda _: "not.a.proof",
    "empty": lambda _: "",
    "too long": lambda token: HOLDER.proof(token, padding="x" * 9000),
}


@pytest.mark.parametrize("name", BAD_PROOFS)
async def test_c25_a_proof_that_does_not_fit_is_refused(name: str) -> None:
    token = bound()
    assert await error_of(token, BAD_PROOFS[name](token)) is TokenError.INVALID_DPOP_PROOF


async def test_c25_a_proof_serves_once() -> None:
    token, by = bound(), application()
    proof = HOLDER.proof(token)
    assert isinstance(await presented(token, proof, by=by), TokenClaims)
    again = await presented(token, proof, by=by)
    assert isinstance(again, TokenRefused)
    assert again.error is TokenError.INVALID_DPOP_PROOF
    assert isinstance(await presented(token, HOLDER.proof(token), by=by), TokenClaims)


async def test_c25_two_proofs_with_one_request_are_refused() -> None:
    token = bound()
    assert await error_of(token, HOLDER.proof(token), HOLDER.proof(token)) is TokenError.INVALID_DPOP_PROOF


async def test_c25_a_token_that_is_bound_to_no_key_cannot_be_presented_as_if() -> None:
    token = ISSUER.token()
    assert await error_of(token, HOLDER.proof(token)) is TokenError.INVALID_TOKEN


async def test_c25_an_application_may_want_every_token_bound() -> None:
    by = application(TokenTerms(**{**_fields(TERMS), "dpop_required": True}))
    loose = await presented(ISSUER.token(), scheme=Scheme.BEARER, by=by)
    assert isinstance(loose, TokenRefused)
    token = bound()
    assert isinstance(await presented(token, HOLDER.proof(token), by=by), TokenClaims)


@pytest.mark.parametrize(
    "address",
    [
        "HTTPS://INKOM.example/kmo-portefeuille/api",
        "https://inkom.example:443/kmo-portefeuille/api",
        "https://inkom.example/kmo-portefeuille/%61pi",
        "https://inkom.example/kmo-portefeuille/api?stap=2#x",
    ],
)
def test_addresses_are_compared_as_addresses(address: str) -> None:
    proof = HOLDER.proof("t", address=address)
    assert check_proof((proof,), token="t", method="GET", address=ADDRESS, now=NOW_SECONDS).thumbprint


def test_a_proof_may_name_its_key() -> None:
    proof = HOLDER.proof("t", header={"kid": "mine"})
    assert check_proof((proof,), token="t", method="GET", address=ADDRESS, now=NOW_SECONDS).thumbprint


def test_a_token_that_is_no_ascii_proof_is_refused_and_nothing_breaks() -> None:
    for proof in ("é", "a" * 7000, "..", "e30.e30.e30", "\x00"):
        with pytest.raises(TokenUnfit):
            check_proof((proof,), token="t", method="GET", address=ADDRESS, now=NOW_SECONDS)


async def test_c25_a_proof_serves_once_on_all_machines_together(redis: RedisServer) -> None:
    here, there = connect(redis.url), connect(redis.url)
    proof = Proof(thumbprint="a-key", identifier="one")
    try:
        assert await ShownProofs(here).is_first(proof)
        assert not await ShownProofs(there).is_first(proof)
        assert await ShownProofs(there).is_first(Proof(thumbprint="another", identifier="one"))
        assert await ShownProofs(there).is_first(Proof(thumbprint="a-ke", identifier="yone"))
        assert {await here.ttl(key) > 60 for key in await here.keys("inkom:dpop:*")} == {True}
    finally:
        await close(here)
        await close(there)


async def test_a_second_look_at_a_running_request_needs_no_new_proof() -> None:
    assert isinstance(await application().again(bound()), TokenClaims)
    assert isinstance(await application().again(ISSUER.token(good_claims(aud="other"))), TokenRefused)


def _fields(terms: TokenTerms) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in TokenTerms.__dataclass_fields__}


@pytest.mark.parametrize(
    "changed",
    [
        {"kty": 10**30},
        {"x": 10**30},
        {"y": {"deep": [10**30]}},
        {"kty": None},
        {"kty": "RSA"},
        {"crv": "P-521"},
        {"x": "!"},
        {"y": ""},
        {"n": 10**30},
    ],
)
async def test_a_key_of_an_odd_shape_is_refused_and_breaks_nothing(changed: dict[str, Any]) -> None:
    """Whatever its holder writes into the header of a proof: signed by it or not, it is no proof of the token's key."""
    token = bound()
    header, claims, signature = HOLDER.proof(token).split(".")
    written = json.loads(urlsafe_b64decode(header + "=="))
    written["jwk"].update(changed)
    odd = urlsafe_b64encode(json.dumps(written).encode()).rstrip(b"=").decode()
    assert await error_of(token, f"{odd}.{claims}.{signature}") is TokenError.INVALID_DPOP_PROOF
