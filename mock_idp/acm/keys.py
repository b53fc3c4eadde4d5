"""The provider's signing keys: the ones in use, the retired ones that are still published, and how they change.

Signing is done on exact bytes, header included, because some tests need a signature under a strange header. Which keys
a relying party trusts is its own business.
"""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey
from joserfc.jws import JWSRegistry
from joserfc.jwt import Token, decode

from mock_idp.clock import Clock

KEPT_AFTER_RETIREMENT = timedelta(hours=2)  # longer than any token lives
SigningKey = RSAKey | ECKey


class KeyRing:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.rsa = _new_rsa(_new_kid(clock))
        self.ec = _new_ec(_new_kid(clock))
        self._retired: list[tuple[SigningKey, datetime]] = []
        self._only: str | None = None

    def signing_key(self, alg: str) -> SigningKey:
        return self.ec if alg == "ES256" else self.rsa

    def published(self) -> KeySet:
        if self._only is not None:
            return KeySet([self.signing_key(self._only)])
        now = self._clock.now()
        self._retired = [(key, until) for key, until in self._retired if until > now]
        return KeySet([self.rsa, self.ec, *(key for key, _ in self._retired)])

    def rotate(self) -> None:
        """New keys under new names; the old ones stay published until nothing signed with them is valid any more."""
        self._only = None
        until = self._clock.now() + KEPT_AFTER_RETIREMENT
        self._retired += [(self.rsa, until), (self.ec, until)]
        self.rsa, self.ec = _new_rsa(_new_kid(self._clock)), _new_ec(_new_kid(self._clock))

    def replace_under_the_same_name(self) -> None:
        """What no provider should do: the kid stays, the key is another one."""
        self.rsa, self.ec = _new_rsa(str(self.rsa.kid)), _new_ec(str(self.ec.kid))

    def publish_only(self, alg: str) -> None:
        """From now on the key set holds one key, until the next rotation or reset."""
        self._only = alg

    def reset(self) -> None:
        self._only = None

    def sign(self, payload: Mapping[str, object], *, alg: str, typ: str = "JWT") -> str:
        key = self.signing_key(alg)
        return compact({"alg": alg, "typ": typ, "kid": key.kid}, payload, alg=alg, key=key)

    def read_own(self, token: str) -> Token | None:
        """A token that we signed, expired or not; None for anything else (also for alg none)."""
        try:
            return decode(token, self.published(), algorithms=["RS256", "ES256"])
        except (JoseError, ValueError):
            return None


def compact(header: Mapping[str, object], payload: Mapping[str, object], *, alg: str, key: SigningKey) -> str:
    """JWS compact serialization (RFC 7515 section 7.1) of exactly this header and payload."""
    signing_input = f"{encoded(header)}.{encoded(payload)}"
    signature = JWSRegistry.algorithms[alg].sign(signing_input.encode(), key)
    return f"{signing_input}.{base64url(signature)}"


def encoded(part: Mapping[str, object]) -> str:
    return base64url(json.dumps(part, separators=(",", ":"), ensure_ascii=False).encode())


def base64url(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


def _new_kid(clock: Clock) -> str:
    return f"mock-{clock.now():%Y}-{secrets.token_hex(4)}"


def _new_rsa(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})


def _new_ec(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": "ES256"})
