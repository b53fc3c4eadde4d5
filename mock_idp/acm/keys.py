"""The provider's signing keys: the ones in use, the retired ones that are still published, and how they change.

Signing is done on exact bytes, header included, because some tests need a signature under a strange header. Which keys
a relying party trusts is its own business.
"""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey
from joserfc.jws import JWSRegistry
from joserfc.jwt import Token, decode

from mock_idp.clock import Clock

KEPT_AFTER_RETIREMENT = timedelta(hours=2)  # longer than any token lives
SigningKey = RSAKey | ECKey


ALGS = ("RS256", "ES256")


class Turn(StrEnum):
    """What can be done to the keys, by `POST /mock/keys` (the first three as a good provider, the others not)."""

    ANNOUNCE = "announce"
    ROTATE = "rotate"
    DROP_OLD = "drop-old"
    JUST_BEFORE_SIGNING = "just-before-signing"
    SAME_KID_NEW_KEY = "same-kid-new-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyState:
    """A published key: `use` is signing, announced or retired."""

    kid: str
    alg: str
    use: str
    until: datetime | None = None


class KeyRing:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._signing: dict[str, SigningKey] = {alg: _new_key(alg, _new_kid(clock)) for alg in ALGS}
        self._announced: dict[str, SigningKey] = {}
        self._retired: list[tuple[SigningKey, datetime]] = []
        self._at_next_signature: set[str] = set()
        self._only: str | None = None

    def signing_key(self, alg: str) -> SigningKey:
        if alg in self._at_next_signature:
            self.rotate(alg)
        return self._signing[alg]

    def published(self) -> KeySet:
        if self._only is not None:
            return KeySet([self._signing[self._only]])
        retired = [key for key, _ in self._still_retired()]
        return KeySet([*self._signing.values(), *self._announced.values(), *retired])

    def states(self) -> tuple[KeyState, ...]:
        """Every key and what it is for, whatever part of them is published just now."""
        return (
            *(KeyState(kid=str(key.kid), alg=alg, use="signing") for alg, key in self._signing.items()),
            *(KeyState(kid=str(key.kid), alg=alg, use="announced") for alg, key in self._announced.items()),
            *(
                KeyState(kid=str(key.kid), alg=_alg_of(key), use="retired", until=until)
                for key, until in self._still_retired()
            ),
        )

    def turn(self, turn: Turn, *algs: str) -> None:
        """Does it for each of these algorithms, or for all when none is named."""
        for alg in algs or ALGS:
            match turn:
                case Turn.ANNOUNCE:
                    self.announce(alg)
                case Turn.ROTATE:
                    self.rotate(alg)
                case Turn.DROP_OLD:
                    self.drop_old(alg)
                case Turn.JUST_BEFORE_SIGNING:
                    self._at_next_signature.add(alg)
                case Turn.SAME_KID_NEW_KEY:
                    self.replace_under_the_same_name(alg)
                case _:
                    assert_never(turn)

    def announce(self, alg: str) -> None:
        """The next key is published, so that everybody can know it before anything is signed with it."""
        self._only = None
        self._announced.setdefault(alg, _new_key(alg, _new_kid(self._clock)))

    def rotate(self, alg: str) -> None:
        """The announced key signs, or else a new one; the old stays published until nothing it signed is valid."""
        self.announce(alg)
        self._at_next_signature.discard(alg)
        self._retired.append((self._signing[alg], self._clock.now() + KEPT_AFTER_RETIREMENT))
        self._signing[alg] = self._announced.pop(alg)

    def drop_old(self, alg: str) -> None:
        """Retired keys are gone at once, and with them all trust in what they signed: after a theft, say."""
        self._retired = [(key, until) for key, until in self._retired if _alg_of(key) != alg]

    def replace_under_the_same_name(self, alg: str) -> None:
        """What no provider should do: the kid stays, the key is another one."""
        self._signing[alg] = _new_key(alg, str(self._signing[alg].kid))

    def publish_only(self, alg: str) -> None:
        """From now on the key set holds one key, until the next rotation or reset."""
        self._only = alg

    def reset(self) -> None:
        """Nothing is armed or announced any more. Keys that signed stay: somebody may still hold their tokens."""
        self._only = None
        self._announced.clear()
        self._at_next_signature.clear()

    def _still_retired(self) -> list[tuple[SigningKey, datetime]]:
        now = self._clock.now()
        self._retired = [(key, until) for key, until in self._retired if until > now]
        return self._retired

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


def _new_key(alg: str, kid: str) -> SigningKey:
    if alg == "ES256":
        return ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": alg})
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": alg})


def _alg_of(key: SigningKey) -> str:
    return "ES256" if isinstance(key, ECKey) else "RS256"
