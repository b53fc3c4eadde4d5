"""A lease in Redis: of all workers on all machines, one does a thing. Its holder renews it, or another takes over.

Two may hold it for a moment when Redis fails over or a process stalls: what is done under it must bear being done
twice.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from broker.adapters.sessions.connection import Connection, Transaction, decided, store_errors

_PATIENCE_SECONDS = 1.0


async def cancelled(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks and wait for their end.

    Again and again: until Python 3.12, `asyncio.wait_for`, which redis-py uses, loses a cancellation that arrives
    together with the answer (python/cpython, issue 86296).
    """
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=_PATIENCE_SECONDS)


class Lease:
    """One lease by name, as one process sees it."""

    def __init__(self, redis: Connection, name: str, *, length: timedelta) -> None:
        """`length` is how long the others wait when the holder dies without giving it back."""
        self._redis = redis
        self._key = f"inkom:lease:{name}"
        self._length = length
        self._own = secrets.token_urlsafe(12).encode()

    async def hold(self, work: Callable[[], Awaitable[None]]) -> bool:
        """Work while the lease is ours; False when it is somebody else's. Raises StoreUnavailable, and what work does.

        The work is cancelled when the lease could not be renewed.
        """
        with store_errors():
            if not await self._redis.set(self._key, self._own, px=self._length, nx=True):
                return False
        working = asyncio.ensure_future(work())
        renewing = asyncio.create_task(self._renew())
        try:
            done, _ = await asyncio.wait({working, renewing}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await cancelled(working, renewing)
            await asyncio.shield(self._give_back())
        return True

    async def _renew(self) -> None:
        """Return when the lease is no longer ours."""
        while True:
            await asyncio.sleep(self._length.total_seconds() / 3)
            if not await self._if_ours(lambda pipeline: pipeline.pexpire(self._key, self._length)):
                return

    async def _give_back(self) -> None:
        await self._if_ours(lambda pipeline: pipeline.delete(self._key))

    async def _if_ours(self, change: Callable[[Transaction], object]) -> bool:
        async def carry_out(pipeline: Transaction) -> bool:
            if await pipeline.get(self._key) != self._own:
                return False
            decided(pipeline)
            change(pipeline)
            return True

        with store_errors():
            return bool(await self._redis.transaction(carry_out, self._key, value_from_callable=True))
