"""The signed assertion that backends verify: a JWT with ES256, valid for 60 seconds, for one application only.

RFC 7519 and the advice of RFC 8725: one algorithm, an explicit audience, a short life, a key id from the published set.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from broker.adapters.oidc.client_keys import SigningKey
from broker.ports import Clock

LIFETIME = timedelta(seconds=60)


class AssertionSigner:
    """Signs assertions, and publishes the public keys of this gateway (its own and its client keys)."""

    def __init__(self, *, key: str, client_keys: tuple[str, ...], issuer: str, clock: Clock) -> None:
        """Raises ValueError for a key that cannot be used."""
        self._key = ECKey.import_key(key)
        if self._key.curve_name != "P-256":
            raise ValueError("the assertion key must be on the curve P-256")
        self._header = {"alg": "ES256", "typ": "JWT", "kid": self._key.thumbprint()}
        self._issuer = issuer
        self._clock = clock
        own = {**self._key.as_dict(private=False), "kid": self._header["kid"], "use": "sig", "alg": "ES256"}
        # One key may serve as client at several providers: published once.
        self._public = list({key["kid"]: key for key in (own, *map(_published, client_keys))}.values())

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


def _published(client_key: str) -> dict[str, Any]:
    return SigningKey(client_key).published()
