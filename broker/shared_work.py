"""Work that many ask for at once and that is done once: whoever comes while it is under way gets its result too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

K = TypeVar("K")
T = TypeVar("T")


class SharedWork(Generic[K, T]):
    """What is under way in this process, by key. Nothing is kept once it is done."""

    def __init__(self) -> None:
        self._under_way: dict[K, asyncio.Task[T]] = {}

    def begin(self, key: K, work: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        """Return the work under this key, begun now if nobody did. It goes on when those who wait for it leave.

        What it raises while nobody waits is a mistake of ours, and asyncio reports it.
        """
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(work())
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        return task

    async def result(self, key: K, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what the work under this key comes to, or raise what it raises."""
        task = self.begin(key, work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_heard)
            raise


def _heard(task: asyncio.Task[Any]) -> None:
    """A failure that somebody waited for, who has left meanwhile, is no mistake of ours to be reported."""
    if not task.cancelled():
        task.exception()
