"""The signed assertion that backends verify: a JWT with ES256, valid for 60 seconds, for one application only.

RFC 7519 and the advice of RFC 8725: one algorithm, an explicit audience, a short life, a key id from the published set.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from broker.ports import Clock

LIFETIME = timedelta(seconds=60)


class AssertionSigner:
    """Signs assertions, and publishes the public keys of this gateway (its own and its client key)."""

    def __init__(self, *, key: str, client_key: str | None, issuer: str, clock: Clock) -> None:
        self._key = ECKey.import_key(key)
        if self._key.curve_name != "P-256":
            raise ValueError("the assertion key must be on the curve P-256")
        self._header = {"alg": "ES256", "typ": "JWT", "kid": self._key.thumbprint()}
        self._issuer = issuer
        self._clock = clock
        self._public = [_published(self._key, "ES256")]
        if client_key is not None:
            self._public.append(_published(_client_key(client_key), None))

    def sign(self, claims: tuple[tuple[str, str], ...], *, audience: str) -> str:
        """Return the assertion for one application."""
        now = int(self._clock.now().timestamp())
        payload: dict[str, Any] = {
            "iss": self._issuer,
            "aud": audience,
            "iat": now,
            "exp": now + int(LIFETIME.total_seconds()),
            "jti": secrets.token_urlsafe(12),
            **dict(claims),
        }
        return jwt.encode(self._header, payload, self._key, algorithms=["ES256"])

    def published_keys(self) -> dict[str, Any]:
        """Return the JSON Web Key Set (RFC 7517) that `/_inkom/jwks.json` serves."""
        return {"keys": self._public}


def _client_key(pem: str) -> RSAKey | ECKey:
    try:
        return RSAKey.import_key(pem)
    except (ValueError, JoseError):
        return ECKey.import_key(pem)


def _published(key: RSAKey | ECKey, algorithm: str | None) -> dict[str, Any]:
    named = {"alg": algorithm} if algorithm else {}
    return {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig", **named}
