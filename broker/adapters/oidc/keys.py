"""The provider's public keys (RFC 7517): which of them may have signed a token. No input or output.

Only keys from the provider's `jwks_uri` count; `jwk`, `jku` and `x5u` in a token's header are never looked at.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from dataclasses import dataclass
from typing import Any

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from broker.adapters.wire import NotUnderstood, read_json, read_plain

_MAX_KEYS = 100
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


class KeyNotFound(Exception):
    """No single key of the provider fits the token's header; a newer key set may hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderKey:
    """One public key that may sign."""

    key: RSAKey | ECKey
    key_id: str | None
    algorithm: str | None
    curve: str | None

    def fits(self, algorithm: str) -> bool:
        """Whether this key can have made a signature of that algorithm."""
        if self.algorithm is not None and self.algorithm != algorithm:
            return False
        return self.curve == _CURVES.get(algorithm)


class _KeySet(msgspec.Struct):
    keys: list[Any]


class _Key(msgspec.Struct):
    kty: str
    kid: str | None = None
    use: str | None = None
    alg: str | None = None
    n: str | None = None
    e: str | None = None
    crv: str | None = None
    x: str | None = None
    y: str | None = None


def read_keys(text: bytes) -> tuple[ProviderKey, ...]:
    """Return the keys that may sign, leaving out all that we cannot use (RFC 7517 5). Raises NotUnderstood."""
    rows = read_json(text, _KeySet).keys
    if len(rows) > _MAX_KEYS:
        raise NotUnderstood("more keys than anybody needs")
    keys = tuple(key for key in map(_usable, rows) if key is not None)
    if not keys:
        raise NotUnderstood("no key that can sign")
    return keys


def choose_key(keys: tuple[ProviderKey, ...], *, algorithm: str, key_id: str | None) -> ProviderKey:
    """Return the key that a token's header names.

    Without `kid` there must be exactly one key that fits (Core 10.1): trying all would accept any key of the provider.
    Raises KeyNotFound.
    """
    fitting = [key for key in keys if key.fits(algorithm) and (key_id is None or key.key_id == key_id)]
    if len(fitting) != 1:
        raise KeyNotFound("no key of the provider fits" if not fitting else "several keys of the provider fit")
    return fitting[0]


def _usable(row: object) -> ProviderKey | None:
    try:
        key = read_plain(row, _Key)
        public = _public_key(key)
    except (JoseError, ValueError, TypeError):
        return None
    if public is None or key.use not in (None, "sig"):
        return None
    return ProviderKey(key=public, key_id=key.kid, algorithm=key.alg, curve=key.crv if key.kty == "EC" else None)


def _public_key(key: _Key) -> RSAKey | ECKey | None:
    """Return the public half, whatever else the row holds; None for kinds and sizes that we do not trust."""
    if key.kty == "RSA" and key.n and key.e and _bits(key.n) >= 2048:
        return RSAKey.import_key({"kty": "RSA", "n": key.n, "e": key.e})
    if key.kty == "EC" and key.crv in _CURVES.values() and key.crv and key.x and key.y:
        return ECKey.import_key({"kty": "EC", "crv": key.crv, "x": key.x, "y": key.y})
    return None


def _bits(modulus: str) -> int:
    return int.from_bytes(urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4))).bit_length()
