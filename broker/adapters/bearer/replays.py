"""Proofs that were shown already, in Redis, so that none serves twice on any machine (RFC 9449, section 11.1)."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from broker.adapters.bearer.dpop import LEEWAY, MAX_AGE, Proof
from broker.adapters.sessions.connection import Connection, store_errors

# As long as a proof may be shown, and a little more for clocks that differ.
_REMEMBERED = timedelta(seconds=2 * (MAX_AGE + LEEWAY))


class ShownProofs:
    """Remembers each proof by a hash of its key and name."""

    def __init__(self, redis: Connection) -> None:
        self._redis = redis

    async def is_first(self, proof: Proof) -> bool:
        """Whether this proof was never shown before; it was, from now on. Raises StoreUnavailable."""
        text = f"{len(proof.thumbprint)} {proof.thumbprint}{proof.identifier}".encode(errors="replace")
        name = f"inkom:dpop:{hashlib.sha256(text).hexdigest()}"
        with store_errors():
            return bool(await self._redis.set(name, b"", nx=True, px=_REMEMBERED))
