"""Signed tokens of the provider: the signature, and every claim that protects the sign-in. No input or output.

`verify_signature` looks at who signed, `check_id_token` at all of OpenID Connect Core 3.1.3.7 and what RFC 9700 adds;
Authlib leaves several of these open (audience, age, level, algorithms). Refusals never name a claim's value.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NewType

import msgspec
from joserfc import jws
from joserfc.errors import JoseError

from broker.adapters.oidc.keys import ProviderKey, choose_key
from broker.adapters.wire import NotUnderstood, read_json
from broker.domain.session import Identity
from broker.ports import Mismatch, SignInRefused

# Claims whose signature was verified; nothing else may be read as claims.
VerifiedClaims = NewType("VerifiedClaims", Mapping[str, Any])

_MAX_TOKEN = 512 * 1024
_ABSENT = object()


class SignatureDiffers(Exception):
    """The key that the header names did not make this signature; a newer key set may hold another by that name."""


class _Header(msgspec.Struct):
    alg: str
    kid: str | None = None
    typ: str | None = None
    crit: list[Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedToken:
    """A token whose signature one of the provider's keys made."""

    algorithm: str
    claims: VerifiedClaims


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an ID Token is held against. Instants in seconds since 1970, durations in seconds.

    `authenticated_since` is set when a fresh sign-in was asked for.
    """

    issuer: str
    client_id: str
    extra_audiences: tuple[str, ...]
    nonce: str
    access_token: str | None
    now: float
    leeway: float
    token_max_age: float
    authenticated_since: float | None = None


def verify_signature(token: str, keys: tuple[ProviderKey, ...], *, algorithms: tuple[str, ...]) -> VerifiedToken:
    """Return the content of a JWS in compact form. Raises SignInRefused, KeyNotFound, SignatureDiffers."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > _MAX_TOKEN:
        raise _bad("not a signed token")
    header = _header(parts[0])
    # Our own list and never the provider's, and no key is ever used for an algorithm that it was not made for.
    if header.alg not in algorithms:
        raise _bad("signed by an algorithm that is not allowed")
    if header.crit is not None:
        raise _bad("a critical header that we do not know")  # RFC 7515 4.1.11: we know none
    key = choose_key(keys, algorithm=header.alg, key_id=header.kid)
    registry = jws.JWSRegistry(algorithms=[header.alg], strict_check_header=False)
    registry.max_header_length = 16 * 1024
    registry.max_payload_length = _MAX_TOKEN
    try:
        signed = jws.extract_compact(token.encode("ascii"), registry=registry)
        genuine = jws.validate_compact(signed, key.key, registry=registry)
        if not genuine:
            raise SignatureDiffers
        claims = VerifiedClaims(read_json(signed.payload, dict[str, Any]))
    except NotUnderstood as error:
        raise _bad(f"the claims are {error}") from None
    except (JoseError, ValueError, TypeError, KeyError):
        raise _bad("the token cannot be read") from None
    return VerifiedToken(algorithm=header.alg, claims=claims)


def type_of(token: str) -> str | None:
    """Return what a token declares itself to be (`typ`, RFC 8725 section 3.11). Raises SignInRefused."""
    return _header(token.partition(".")[0]).typ


def check_id_token(token: VerifiedToken, expected: Expected) -> str:
    """Return the subject, when the ID Token is an answer to our own question. Raises SignInRefused."""
    claims = token.claims
    if claims.get("iss") != expected.issuer:
        raise _bad("iss is another issuer")
    check_audience(claims, client_id=expected.client_id, extra=expected.extra_audiences)
    subject = subject_of(claims)
    _check_times(claims, expected)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise _bad("nonce is absent or another")
    # Core 3.1.3.6: optional in the code flow, and binding once present.
    if "at_hash" in claims:
        _check_access_token_hash(claims["at_hash"], expected.access_token, token.algorithm)
    return subject


def check_refreshed_id_token(token: VerifiedToken, expected: Expected, *, identity: Identity) -> None:
    """Refuse an ID Token that is not about the same sign-in of the same person (Core 12.2). Raises SignInRefused.

    `nonce` is not looked at: it need not be there, and nobody between could have exchanged this answer.
    """
    claims = token.claims
    if claims.get("iss") != expected.issuer or expected.issuer != identity.issuer:
        raise _bad("iss is another issuer")
    check_audience(claims, client_id=expected.client_id, extra=expected.extra_audiences)
    if not hmac.compare_digest(subject_of(claims), identity.subject):
        raise SignInRefused(Mismatch.OTHER_PERSON, "refresh: sub is another person")
    _check_times(claims, expected)
    authenticated = instant_of(claims, "auth_time")
    if authenticated is not None and authenticated > identity.authenticated_at.timestamp() + expected.leeway:
        raise _bad("auth_time is newer than the sign-in")
    if "at_hash" in claims:
        _check_access_token_hash(claims["at_hash"], expected.access_token, token.algorithm)


def check_audience(claims: VerifiedClaims, *, client_id: str, extra: tuple[str, ...]) -> None:
    """Refuse a token that is not for us, or for others too (Core 3.1.3.7, steps 3 to 5). Raises SignInRefused."""
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    if not isinstance(audiences, list) or client_id not in audiences:
        raise _bad("aud is absent or another client")
    if any(one != client_id and one not in extra for one in audiences):
        raise _bad("aud holds a stranger")
    authorized = claims.get("azp", _ABSENT)
    if authorized is _ABSENT and len(audiences) > 1:
        raise _bad("azp is absent with several audiences")
    if authorized is not _ABSENT and authorized != client_id:
        raise _bad("azp is another client")


def subject_of(claims: Mapping[str, Any]) -> str:
    """Return `sub`: 1 to 255 ASCII characters (Core 2). Raises SignInRefused."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= 255 or not subject.isascii():
        raise _bad("sub is absent, empty, too long or not ASCII")
    return subject


def instant_of(claims: Mapping[str, Any], name: str) -> float | None:
    """Return a NumericDate claim in seconds since 1970, None when absent. Raises SignInRefused."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > 1e11:
        raise _bad(f"{name} is not a time")
    return float(value)


def _check_times(claims: VerifiedClaims, expected: Expected) -> None:
    expires, issued, not_before = (instant_of(claims, name) for name in ("exp", "iat", "nbf"))
    now, leeway = expected.now, expected.leeway
    if expires is None or now >= expires + leeway:
        raise _bad("exp is absent or past")
    if issued is None or issued > now + leeway:
        raise _bad("iat is absent or in the future")
    if issued < now - expected.token_max_age:
        raise _bad("iat is too long ago")
    if not_before is not None and not_before > now + leeway:
        raise _bad("nbf is in the future")
    authenticated = instant_of(claims, "auth_time")
    if authenticated is not None and authenticated > now + leeway:
        raise _bad("auth_time is in the future")
    if expected.authenticated_since is None:
        return
    # Core 3.1.3.7, step 13: asked for by max_age, so required. Held against when we asked, not against now: choosing an
    # organisation at ACM after the sign-in may take its time.
    if authenticated is None or authenticated < expected.authenticated_since - leeway:
        raise SignInRefused(Mismatch.SIGNED_IN_TOO_LONG_AGO, "auth_time is absent or too long ago")


def _check_access_token_hash(claimed: object, access_token: str | None, algorithm: str) -> None:
    # Core 3.1.3.8: the left half of the hash that the signature's algorithm uses.
    digest = hashlib.new(f"sha{algorithm[2:]}", (access_token or "").encode()).digest()
    half = urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=")
    if not isinstance(claimed, str) or not hmac.compare_digest(claimed.encode(), half):
        raise _bad("at_hash does not belong to the access token")


def _header(part: str) -> _Header:
    try:
        return read_json(urlsafe_b64decode(part + "=" * (-len(part) % 4)), _Header)
    except ValueError:
        raise _bad("the header cannot be read") from None


def _bad(detail: str) -> SignInRefused:
    return SignInRefused(Mismatch.BAD_TOKEN, f"token: {detail}")
