"""Encryption of what is kept in Redis, so that a copy of Redis shows no person. No input or output.

The key comes from a secret of the server AND from a token that only the browser has (HKDF, RFC 5869), so that neither a
dump of Redis with all secrets, nor a cookie on its own, opens anything. The address in Redis is authenticated with it
(AES-256-GCM), so that records cannot be swapped. What must be small is sealed without a nonce (`ShortSealing`).
"""

from __future__ import annotations

import hmac
import os
import zlib
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

T = TypeVar("T")
_FORM = b"\x01"
_SHORT_FORM = b"\x02"
_NONCE_BYTES = 12
_SHORTEST_SECRET = 32


class Sealing:
    """Seals and opens records of one purpose. Layout: form, which secret, nonce, ciphertext with its tag."""

    def __init__(self, purpose: str, *, secrets: tuple[str, ...], dictionary: bytes = b"") -> None:
        """`secrets` are newest first: the first seals, all open. Raises ValueError for none or a short one.

        `dictionary` is what records have in common: they are compressed against it.
        """
        check_secrets(secrets)
        self._purpose = purpose.encode("ascii")
        self._dictionary = dictionary
        self._secrets = _marked(secrets, self._purpose)

    def seal(self, record: bytes, *, token: bytes, address: str) -> bytes:
        """Encrypt a record for its address."""
        mark, secret = self._secrets[0]
        nonce = os.urandom(_NONCE_BYTES)
        # Compressed first, which halves it. Nobody who watches sizes can choose what stands in a record.
        ciphertext = self._cipher(secret, token).encrypt(nonce, self._compressed(record), address.encode())
        return _FORM + mark + nonce + ciphertext

    def open(self, sealed: bytes, *, token: bytes, address: str) -> bytes | None:
        """Decrypt a record; None for anything that was not sealed by one of the secrets for this token and address."""
        form, mark, nonce, ciphertext = sealed[:1], sealed[1:2], sealed[2:14], sealed[14:]
        if form != _FORM or len(nonce) != _NONCE_BYTES:
            return None
        for known, secret in self._secrets:
            if known != mark:
                continue
            try:
                return self._expanded(self._cipher(secret, token).decrypt(nonce, ciphertext, address.encode()))
            except (InvalidTag, ValueError, zlib.error):
                continue  # two secrets may share a mark
        return None

    def _compressed(self, record: bytes) -> bytes:
        if not self._dictionary:
            return zlib.compress(record, 1)
        compressing = zlib.compressobj(level=6, zdict=self._dictionary)
        return compressing.compress(record) + compressing.flush()

    def _expanded(self, compressed: bytes) -> bytes:
        # A record tells whether it was written with a dictionary, and with which: another one is an error here.
        expanding = zlib.decompressobj(zdict=self._dictionary)
        return expanding.decompress(compressed) + expanding.flush()

    def _cipher(self, secret: bytes, token: bytes) -> AESGCM:
        return AESGCM(_derived(secret, salt=token, purpose=b"inkom record of " + self._purpose, octets=32))


class ShortSealing:
    """Seals and opens small records without compression and nonce: 18 octets more than what they hold.

    AES-256-SIV (RFC 5297): the ciphertext follows from key, address and record, so that the same record at the same
    address is sealed the same way again. That is all it tells. Layout: form, which secret, ciphertext with its tag.
    """

    def __init__(self, purpose: str, *, secrets: tuple[str, ...]) -> None:
        """`secrets` as for `Sealing`. Raises ValueError."""
        check_secrets(secrets)
        self._purpose = purpose.encode("ascii")
        self._secrets = _marked(secrets, self._purpose)

    def seal(self, record: bytes, *, token: bytes, address: str) -> bytes:
        """Encrypt a record, which is not empty, for its address."""
        mark, secret = self._secrets[0]
        return _SHORT_FORM + mark + self._cipher(secret, token).encrypt(record, [address.encode()])

    def open(self, sealed: object, *, token: bytes, address: str) -> bytes | None:
        """Decrypt a record; None for anything that was not sealed by one of the secrets for this token and address."""
        if not isinstance(sealed, bytes) or sealed[:1] != _SHORT_FORM:
            return None
        for mark, secret in self._secrets:
            if mark != sealed[1:2]:
                continue
            try:
                return self._cipher(secret, token).decrypt(sealed[2:], [address.encode()])
            except (InvalidTag, ValueError):
                continue  # two secrets may share a mark
        return None

    def _cipher(self, secret: bytes, token: bytes) -> AESSIV:
        return AESSIV(_derived(secret, salt=token, purpose=b"inkom short record of " + self._purpose, octets=64))


class Codec(Protocol):
    """How a value becomes octets: `msgspec.json`, or `msgspec.msgpack` for values that hold octets."""

    def encode(self, obj: Any, /) -> bytes:
        """Return the octets of a value."""

    def decode(self, buf: bytes, /, *, type: type[T]) -> T:
        """Return the value. Raises MsgspecError."""


class SealedValues(Generic[T]):
    """Values of one type, sealed. What another version of the gateway wrote is nothing, like what is forged."""

    def __init__(
        self,
        purpose: str,
        kind: type[T],
        *,
        secrets: tuple[str, ...],
        codec: Codec = msgspec.json,
        dictionary: bytes = b"",
    ) -> None:
        """`secrets` and `dictionary` as for `Sealing`. Raises ValueError."""
        self._sealing = Sealing(purpose, secrets=secrets, dictionary=dictionary)
        self._kind = kind
        self._codec = codec

    def seal(self, value: T, *, token: bytes, address: str) -> bytes:
        """Encrypt a value for its address."""
        return self._sealing.seal(self._codec.encode(value), token=token, address=address)

    def open(self, sealed: object, *, token: bytes, address: str) -> T | None:
        """Return the value of what Redis answered; None for anything that is not one of ours."""
        record = self._sealing.open(sealed, token=token, address=address) if isinstance(sealed, bytes) else None
        try:
            return None if record is None else self._codec.decode(record, type=self._kind)
        except msgspec.MsgspecError:
            return None


def address_of(purpose: str, *tokens: bytes) -> str:
    """Return a key in Redis: a hash of the tokens, and so of no use for finding them.

    Not keyed by a secret, which would lose every record when secrets rotate; the tokens are 128 bits or more of
    randomness, which no table of hashes covers.
    """
    digest = sha256(b"inkom address of " + purpose.encode("ascii"))
    for token in tokens:
        digest.update(sha256(token).digest())
    return f"inkom:{purpose}:{urlsafe_b64encode(digest.digest()).decode().rstrip('=')}"


def _marked(secrets: tuple[str, ...], purpose: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Return each secret with one byte that tells it from the others, and tells next to nothing about it."""
    known = [secret.encode() for secret in secrets]
    return tuple((_derived(one, salt=b"", purpose=b"inkom mark of " + purpose, octets=1), one) for one in known)


def _derived(secret: bytes, *, salt: bytes, purpose: bytes, octets: int) -> bytes:
    """Return a key of at most 64 octets: HKDF with SHA-256 (RFC 5869, sections 2.2 and 2.3)."""
    # An empty salt is a key of zeros (section 2.2), as HMAC fills a short key up with them.
    extracted = hmac.digest(salt, secret, "sha256")
    first = hmac.digest(extracted, purpose + b"\x01", "sha256")
    if octets <= len(first):
        return first[:octets]
    return (first + hmac.digest(extracted, first + purpose + b"\x02", "sha256"))[:octets]


def check_secrets(secrets: tuple[str, ...]) -> None:
    """Refuse secrets that could be guessed. Raises ValueError, which never repeats one."""
    if not secrets:
        raise ValueError("the session store needs at least one secret")
    if any(len(secret.encode()) < _SHORTEST_SECRET for secret in secrets):
        raise ValueError(f"a secret of the session store has less than {_SHORTEST_SECRET} bytes")
