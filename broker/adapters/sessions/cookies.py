"""The cookie's value: a random token, signed. No input or output, and no cookie attributes (those are `web`'s).

The signature lets a forged or foreign value be dropped without asking Redis. Each purpose has a salt of its own, so
that a value signed for one thing is nothing elsewhere.
"""

from __future__ import annotations

import hmac
import secrets as randomness
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256

from itsdangerous import BadSignature, Signer

from broker.adapters.sessions.sealing import check_secrets

TOKEN_BYTES = 32
_LONGEST = 256


class SignedTokens:
    """Makes and reads cookie values of one purpose."""

    def __init__(self, purpose: str, *, secrets: tuple[str, ...]) -> None:
        """`secrets` are newest first: the first signs, all are accepted. Raises ValueError."""
        check_secrets(secrets)
        # The keys of itsdangerous' derivation "hmac", made once: it would make them with every cookie that it reads.
        salt = f"inkom cookie of {purpose}".encode()
        keys = [hmac.digest(secret.encode(), salt, "sha256") for secret in secrets]
        # It signs with the last.
        self._signer = Signer([*reversed(keys)], key_derivation="none", digest_method=sha256)

    def new(self) -> bytes:
        """Return a new token of 256 random bits."""
        return randomness.token_bytes(TOKEN_BYTES)

    def write(self, token: bytes) -> str:
        """Return the cookie value that holds a token."""
        return self._signer.sign(urlsafe_b64encode(token).rstrip(b"=")).decode("ascii")

    def read(self, cookie: str) -> bytes | None:
        """Return the token; None for anything that was not written here with one of the secrets."""
        if not cookie.isascii() or len(cookie) > _LONGEST:
            return None
        try:
            token = _decoded(self._signer.unsign(cookie))
            _decoded(cookie.rpartition(".")[2].encode("ascii"))
        except (BadSignature, ValueError):
            return None
        return token if len(token) == TOKEN_BYTES else None


def _decoded(text: bytes) -> bytes:
    """Decode base64url in its one spelling; others with the same bits would be other cookies for one session.

    Raises ValueError.
    """
    value = urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    if urlsafe_b64encode(value).rstrip(b"=") != text:
        raise ValueError("another spelling")
    return value
