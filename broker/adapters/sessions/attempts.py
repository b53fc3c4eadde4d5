"""Attempts to sign in, in Redis: the AttemptStore port.

An attempt stands at the hash of its state and of the browser's cookie together: for another browser it is simply not
there. Whoever reads it first uses it up. A browser has a bounded number of attempts, of which the oldest make room, so
that abandoned ones do not fill Redis. Where an attempt led is known a while longer, for whoever comes too late or by
the Back button: half an hour for one that was never finished, hours for one that was.
"""

from __future__ import annotations

from datetime import timedelta

from redis.asyncio import Redis

from broker.adapters.sessions.connection import store_errors
from broker.adapters.sessions.sealing import SealedValues, address_of
from broker.domain.session import Destination, SignInAttempt

_LIFETIME = timedelta(minutes=10)
_LEFTOVER = timedelta(minutes=20)  # after its lifetime, an attempt only tells where it led
_FINISHED = timedelta(hours=4)
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
        self._attempts = SealedValues("attempt", SignInAttempt, secrets=secrets)
        self._destinations = SealedValues("destination", Destination, secrets=secrets)
        self._kept = lifetime + _LEFTOVER
        self._per_browser = per_browser

    async def keep(self, attempt: SignInAttempt, *, browser: str) -> None:
        """Keep an attempt, bound to a browser by the value of its sign-in cookie."""
        address, token = _place(attempt.state, browser)
        record = self._attempts.seal(attempt, token=token, address=address)
        row = _row_of(browser)
        with store_errors():
            pipeline = self._redis.pipeline(transaction=True)
            pipeline.set(address, record, px=self._kept)
            pipeline.lpush(row, address)
            pipeline.pexpire(row, self._kept)
            pipeline.lrange(row, self._per_browser, -1)
            pipeline.ltrim(row, 0, self._per_browser - 1)
            *_, too_many, _ = await pipeline.execute()
            if too_many:
                await self._redis.delete(*too_many)

    async def take(self, state: str, *, browser: str) -> SignInAttempt | None:
        """Return the attempt and forget it, exactly once; None when unknown, used, too old or another browser's."""
        address, token = _place(state, browser)
        with store_errors():
            if timedelta(milliseconds=await self._redis.pttl(address)) <= _LEFTOVER:
                return None
            pipeline = self._redis.pipeline(transaction=True)
            pipeline.getdel(address)
            pipeline.lrem(_row_of(browser), 1, address)
            sealed, _ = await pipeline.execute()
        return self._attempts.open(sealed, token=token, address=address)

    async def finished(self, attempt: SignInAttempt, *, browser: str) -> None:
        """Remember where an attempt led that ended in a session."""
        address, token = _place(attempt.state, browser, purpose="destination")
        sealed = self._destinations.seal(Destination.of(attempt), token=token, address=address)
        with store_errors():
            await self._redis.set(address, sealed, px=_FINISHED)

    async def destination(self, state: str, *, browser: str) -> Destination | None:
        """Return where an attempt of this browser led, if it is finished or too old."""
        address, token = _place(state, browser)
        after, _ = _place(state, browser, purpose="destination")
        with store_errors():
            late, known = await self._redis.mget(address, after)
        if known is not None:
            return self._destinations.open(known, token=token, address=after)
        attempt = self._attempts.open(late, token=token, address=address)
        return None if attempt is None else Destination.of(attempt)


def _place(state: str, browser: str, *, purpose: str = "attempt") -> tuple[str, bytes]:
    """Return an attempt's address and the token that opens it."""
    token = state.encode(errors="replace")
    return address_of(purpose, token, browser.encode(errors="replace")), token


def _row_of(browser: str) -> str:
    """Return the address of the list of a browser's attempts, newest first."""
    return address_of("attempts", browser.encode(errors="replace"))
