"""A proof that whoever sends a token holds the key that it is bound to (RFC 9449, section 4.3). No I/O.

Whether a proof was shown before is `replays`' affair. No nonce is asked for (section 9): a proof serves once and for a
minute, so one made in advance is of little use.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec
from joserfc.jwk import ECKey, RSAKey

from broker.adapters.bearer.rules import TokenUnfit
from broker.adapters.oidc.keys import KeyNotFound, read_keys
from broker.adapters.oidc.tokens import SignatureDiffers, instant_of, verify_signature
from broker.adapters.wire import NotUnderstood, read_json
from broker.domain.machine import TokenError
from broker.ports import SignInRefused

ALGORITHMS = ("ES256", "ES384", "ES512", "PS256", "RS256")
MAX_AGE = 60.0  # seconds
LEEWAY = 10.0
_LONGEST = 8 * 1024
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})  # RFC 7518, sections 6.2.2, 6.3.2 and 6.4.1
_PUBLIC = ("kty", "crv", "x", "y", "n", "e")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class _Header(msgspec.Struct):
    typ: str
    alg: str
    jwk: dict[str, Any]
    kid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A proof that fits its request: the key's thumbprint (RFC 7638) and the proof's own name."""

    thumbprint: str
    identifier: str


def check_proof(proofs: tuple[str, ...], *, token: str, method: str, address: str, now: float) -> Proof:
    """Return the one proof of a request, checked but for its being the first of its name. Raises TokenUnfit."""
    if len(proofs) != 1 or len(proofs[0]) > _LONGEST:
        raise _bad("there must be one DPoP field")
    header = _header(proofs[0])
    if header.typ != "dpop+jwt":
        raise _bad("typ is not dpop+jwt")
    if header.alg not in ALGORITHMS:
        raise _bad("alg is not one of the accepted asymmetric algorithms")
    if not _PRIVATE.isdisjoint(header.jwk):
        raise _bad("jwk is not a public key")
    claims = _verified(proofs[0], header)
    if claims.get("htm") != method:
        raise _bad("htm is another method")
    named = claims.get("htu")
    if not isinstance(named, str) or _normal(named) != _normal(address):
        raise _bad("htu is another address")
    _check_age(claims, now)
    digest = urlsafe_b64encode(hashlib.sha256(token.encode("ascii")).digest()).rstrip(b"=")
    bound = claims.get("ath")
    if not isinstance(bound, str) or not hmac.compare_digest(bound.encode(), digest):
        raise _bad("ath does not belong to the access token")
    identifier = claims.get("jti")
    if not isinstance(identifier, str) or not 1 <= len(identifier) <= 255:
        raise _bad("jti is absent, empty or too long")
    return Proof(thumbprint=_thumbprint(header), identifier=identifier)


def _header(proof: str) -> _Header:
    part = proof.partition(".")[0]
    try:
        return read_json(urlsafe_b64decode(part + "=" * (-len(part) % 4)), _Header)
    except ValueError:
        raise _bad("the header cannot be read, or holds no jwk") from None


def _verified(proof: str, header: _Header) -> dict[str, Any]:
    """The claims, when the key in the header signed them. Only the key's public members are looked at."""
    row = {name: header.jwk[name] for name in _PUBLIC if name in header.jwk}
    if header.kid is not None:
        row["kid"] = header.kid
    try:
        keys = read_keys(msgspec.json.encode({"keys": [row]}))
        return dict(verify_signature(proof, keys, algorithms=ALGORITHMS).claims)
    except (NotUnderstood, KeyNotFound):
        raise _bad("jwk is not a key for this algorithm") from None
    except (SignInRefused, SignatureDiffers):
        raise _bad("the key in jwk did not sign this") from None


def _check_age(claims: dict[str, Any], now: float) -> None:
    try:
        issued = instant_of(claims, "iat")
    except SignInRefused:
        issued = None
    if issued is None or not now - MAX_AGE <= issued <= now + LEEWAY:
        raise _bad("iat is absent, too long ago or in the future")


def _thumbprint(header: _Header) -> str:
    public = {name: header.jwk[name] for name in _PUBLIC if name in header.jwk}
    key = RSAKey.import_key(public) if header.jwk.get("kty") == "RSA" else ECKey.import_key(public)
    return key.thumbprint()


def _normal(address: str) -> tuple[str, str, int | None, str] | None:
    """An address as addresses are compared (section 4.3, by RFC 3986 6.2.2 and 6.2.3): no query, no fragment."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    path = _ESCAPE.sub(_decoded, parts.path) or "/"
    return scheme, (parts.hostname or ""), port or _DEFAULT_PORTS.get(scheme), path


def _decoded(escape: re.Match[str]) -> str:
    character = chr(int(escape[0][1:], 16))
    return character if character in _UNRESERVED else escape[0].upper()


def _bad(detail: str) -> TokenUnfit:
    return TokenUnfit(detail, TokenError.INVALID_DPOP_PROOF)
