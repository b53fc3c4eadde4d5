"""What we know of our stream at the transmitter, in Redis: the StreamNotes port, and what `inkom signals` writes there.

Which stream is ours, which verifications we asked for, and when one last arrived. Nothing here names a person. Where
Redis was emptied, no stream is known and any may be ours: `inkom signals status` finds it again.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from broker.adapters.sessions.connection import Connection, store_errors
from broker.ports import Clock

_STREAM = "inkom:signals:stream"
_WAITING = "inkom:signals:verification:"
_ARRIVED = "inkom:signals:arrived:"
_WAITED_FOR = timedelta(minutes=10)
_KEPT_FOR = timedelta(days=365)


class RedisStreamNotes:
    """Every method raises StoreUnavailable."""

    def __init__(self, redis: Connection, *, clock: Clock) -> None:
        self._redis = redis
        self._clock = clock

    async def is_ours(self, stream: str) -> bool:
        """Whether a stream of this name may be ours: it is, or none is known."""
        known = await self.stream()
        return known is None or known == stream

    async def verified(self, state: str | None) -> bool:
        """Note that a verification arrived; False when its state is not one that we gave.

        One that was delivered twice is ours twice.
        """
        with store_errors():
            if state is not None:
                if not await self._redis.exists(_WAITING + _hash(state)):
                    return False
                await self._redis.set(_ARRIVED + _hash(state), b"", px=_WAITED_FOR)
            await self._note("verified_at", self._clock.now().isoformat(timespec="seconds"))
        return True

    async def updated(self, status: str) -> None:
        """Note the status that the transmitter gave our stream."""
        with store_errors():
            await self._note("status", status)

    async def stream(self) -> str | None:
        """Return the name of our stream, if we know it."""
        return (await self.noted()).get("stream")

    async def noted(self) -> dict[str, str]:
        """Return all that is known: `stream`, `status`, `verified_at`."""
        with store_errors():
            rows = await self._redis.hgetall(_STREAM)
        return {_text(name): _text(value) for name, value in rows.items()}

    async def take_for_ours(self, stream: str | None) -> None:
        """Note which stream is ours; None when there is none any more."""
        with store_errors():
            if stream is None:
                await self._redis.delete(_STREAM)
            else:
                await self._note("stream", stream)

    async def expect(self, state: str) -> None:
        """Note a state that we gave with a request for verification."""
        with store_errors():
            await self._redis.set(_WAITING + _hash(state), b"", px=_WAITED_FOR)

    async def arrived(self, state: str) -> bool:
        """Whether the verification with this state arrived, at any machine."""
        with store_errors():
            return bool(await self._redis.exists(_ARRIVED + _hash(state)))

    async def _note(self, name: str, value: str) -> None:
        await self._redis.hset(_STREAM, name, value)
        await self._redis.pexpire(_STREAM, _KEPT_FOR)


def _hash(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()[:40]


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
