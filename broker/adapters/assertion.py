"""The signed assertion that backends verify: a JWT with ES256, valid for 60 seconds, for one application only.

RFC 7519 and the advice of RFC 8725: one algorithm, an explicit audience, a short life, a key id from the published set.
Each decision signs one, so the header is encoded once and the key is asked directly, as RFC 7515 and 7518 say.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import ECKey

from broker.adapters.oidc.client_keys import SigningKey
from broker.ports import Clock

LIFETIME = timedelta(seconds=60)
_ES256 = ECDSA(SHA256())
_OCTETS = 32  # of each half of a signature (RFC 7518, section 3.4)


class AssertionSigner:
    """Signs assertions, and publishes the public keys of this gateway (its own and its client keys)."""

    def __init__(self, *, key: str, client_keys: tuple[str, ...], issuer: str, clock: Clock) -> None:
        """Raises ValueError for a key that cannot be used."""
        known = ECKey.import_key(key)
        if known.curve_name != "P-256":
            raise ValueError("the assertion key must be on the curve P-256")
        signing = known.get_op_key("sign") if known.is_private else None
        if not isinstance(signing, EllipticCurvePrivateKey):
            raise ValueError("the assertion key must be a private key")  # noqa: TRY004  # of a file, not of the program
        self._key = signing
        header = {"alg": "ES256", "typ": "JWT", "kid": known.thumbprint()}
        self._header = _base64url(msgspec.json.encode(header)) + b"."
        self._issuer = issuer
        self._clock = clock
        own = {**known.as_dict(private=False), "kid": header["kid"], "use": "sig", "alg": "ES256"}
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
        signed = self._header + _base64url(msgspec.json.encode(payload))
        r, s = decode_dss_signature(self._key.sign(signed, _ES256))
        signature = r.to_bytes(_OCTETS, "big") + s.to_bytes(_OCTETS, "big")
        return (signed + b"." + _base64url(signature)).decode("ascii")

    def published_keys(self) -> dict[str, Any]:
        """Return the JSON Web Key Set (RFC 7517) that `/_inkom/jwks.json` serves."""
        return {"keys": self._public}


def _base64url(octets: bytes) -> bytes:
    """Return base64url without padding (RFC 7515, section 2)."""
    return urlsafe_b64encode(octets).rstrip(b"=")


def _published(client_key: str) -> dict[str, Any]:
    return SigningKey(client_key).published()
