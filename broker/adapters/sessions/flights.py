"""One at a time on all machines: the Flights port. A lease in Redis that only its owner prolongs and gives back.

Whoever dies within a flight holds the others up until the lease runs out. After a failure a flight can rest: until then
nobody tries again.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from redis.asyncio import Redis

from broker.adapters.sessions.connection import store_errors
from broker.ports import Flight, FlightState, StoreUnavailable

_RESTING = "resting"
# Between reading and writing the lease may have become another's: both in one script (Redis, "Distributed locks").
_PROLONG = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end return 0"
_GIVE_BACK = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"
_REST = f"""
if redis.call('get', KEYS[1]) == ARGV[1] then
  redis.call('set', KEYS[1], '{_RESTING}', 'PX', ARGV[2])
  return 1
end
return 0
"""


class RedisFlights:
    """Flights by name. `alone` raises StoreUnavailable."""

    def __init__(
        self, redis: Redis, *, lease: timedelta = timedelta(seconds=15), rest: timedelta = timedelta(seconds=10)
    ) -> None:
        self._redis = redis
        self._lease = lease
        self._rest = rest

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[Flight]:
        """Within it nobody else flies by that name, when the flight's state is MINE."""
        key, owner = flight_key(name), secrets.token_urlsafe(16)
        flight = Flight(state=await self._taken(key, owner))
        if flight.state is not FlightState.MINE:
            yield flight
            return
        prolonging = asyncio.create_task(self._prolong(key, owner))
        try:
            yield flight
        finally:
            prolonging.cancel()
            # A lease that cannot be given back runs out by itself.
            with suppress(StoreUnavailable):
                await self._give_back(key, owner, rests=flight.rests)

    async def _taken(self, key: str, owner: str) -> FlightState:
        with store_errors():
            if await self._redis.set(key, owner, nx=True, px=self._lease):
                return FlightState.MINE
            return FlightState.RESTING if is_resting(await self._redis.get(key)) else FlightState.THEIRS

    async def _prolong(self, key: str, owner: str) -> None:
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            with suppress(StoreUnavailable), store_errors():
                await self._redis.eval(_PROLONG, 1, key, owner, str(_milliseconds(self._lease)))

    async def _give_back(self, key: str, owner: str, *, rests: bool) -> None:
        with store_errors():
            if rests:
                await self._redis.eval(_REST, 1, key, owner, str(_milliseconds(self._rest)))
            else:
                await self._redis.eval(_GIVE_BACK, 1, key, owner)


def flight_key(name: str) -> str:
    """Return where a flight's lease stands."""
    return f"inkom:refresh:{name}"


def is_resting(value: bytes | str | None) -> bool:
    """Whether a lease's value says that nobody flies and nobody should."""
    return value in (_RESTING, _RESTING.encode())


def _milliseconds(length: timedelta) -> int:
    return int(length.total_seconds() * 1000)
