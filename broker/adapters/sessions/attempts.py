"""Attempts to sign in, in Redis: the AttemptStore port.

An attempt stands at the hash of its state and of the browser's cookie together: for another browser it is simply not
there. Whoever reads it first uses it up. A browser has a bounded number of attempts, of which the oldest make room, so
that abandoned ones do not fill Redis.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec
from redis.asyncio import Redis

from broker.adapters.sessions.connection import store_errors
from broker.adapters.sessions.sealing import Sealing, address_of
from broker.domain.session import SignInAttempt

_LIFETIME = timedelta(minutes=10)
_PER_BROWSER = 20


class RedisAttempts:
    """Attempts by state and browser. Every method raises StoreUnavailable and nothing else."""

    def __init__(
        self,
        redis: Redis,
        *,
        secrets: tuple[str, ...],
        lifetime: timedelta = _LIFETIME,
        per_browser: int = _PER_BROWSER,
    ) -> None:
        """`secrets` are newest first. Raises ValueError."""
        self._redis = redis
        self._sealing = Sealing("attempt", secrets=secrets)
        self._lifetime = lifetime
        self._per_browser = per_browser

    async def keep(self, attempt: SignInAttempt, *, browser: str) -> None:
        """Keep an attempt, bound to a browser by the value of its sign-in cookie."""
        address, token = _place(attempt.state, browser)
        record = self._sealing.seal(msgspec.json.encode(attempt), token=token, address=address)
        row = _row_of(browser)
        with store_errors():
            pipeline = self._redis.pipeline(transaction=True)
            pipeline.set(address, record, px=self._lifetime)
            pipeline.lpush(row, address)
            pipeline.pexpire(row, self._lifetime)
            pipeline.lrange(row, self._per_browser, -1)
            pipeline.ltrim(row, 0, self._per_browser - 1)
            *_, too_many, _ = await pipeline.execute()
            if too_many:
                await self._redis.delete(*too_many)

    async def take(self, state: str, *, browser: str) -> SignInAttempt | None:
        """Return the attempt and forget it, exactly once; None when unknown, used, too old or another browser's."""
        address, token = _place(state, browser)
        with store_errors():
            pipeline = self._redis.pipeline(transaction=True)
            pipeline.getdel(address)
            pipeline.lrem(_row_of(browser), 1, address)
            sealed, _ = await pipeline.execute()
        record = None if sealed is None else self._sealing.open(sealed, token=token, address=address)
        if record is None:
            return None
        try:
            return msgspec.json.decode(record, type=SignInAttempt)
        except msgspec.MsgspecError:
            return None  # written by another version of the gateway


def _place(state: str, browser: str) -> tuple[str, bytes]:
    """Return an attempt's address and the token that opens it."""
    token = state.encode(errors="replace")
    return address_of("attempt", token, browser.encode(errors="replace")), token


def _row_of(browser: str) -> str:
    """Return the address of the list of a browser's attempts, newest first."""
    return address_of("attempts", browser.encode(errors="replace"))
