"""A document of the provider that is kept for a while: metadata or keys.

Fetched when first needed and again when its lifetime is over; one fetch at a time, whoever waits gets its result. When
the provider is away, what is kept serves until `stale_lifetime`, then nobody signs in. After a failure a short pause
keeps a crowd from knocking on a door that is shut.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from broker.ports import ProviderUnavailable

T = TypeVar("T")
_PAUSE_AFTER_FAILURE = 2.0


class Kept(Generic[T]):
    """One kept document. Durations in seconds, measured on a clock that never jumps."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[T]],
        *,
        lifetime: float,
        stale_lifetime: float,
        refetch_interval: float,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """`fetch` raises ProviderUnavailable; `refetch_interval` is the least time between two that were forced."""
        self._fetch = fetch
        self._lifetime = lifetime
        self._stale_lifetime = stale_lifetime
        self._refetch_interval = refetch_interval
        self._seconds = seconds
        self._document: T | None = None
        self._fetched_at = float("-inf")
        self._failed_at = float("-inf")
        self._forced_at = float("-inf")
        self._one_at_a_time = asyncio.Lock()

    async def get(self) -> T:
        """Return the document. Raises ProviderUnavailable."""
        if self._document is not None and self._age < self._lifetime:
            return self._document
        async with self._one_at_a_time:
            if self._document is not None and self._age < self._lifetime:
                return self._document  # fetched by whoever held the lock before
            return await self._renewed()

    async def newer_than(self, document: T) -> T | None:
        """Return a document fetched after this one, or None when it may not be asked for again yet.

        A token with a key that we do not know may follow a change of keys, or be an attack: hence the interval.
        """
        async with self._one_at_a_time:
            if self._document is not None and self._document is not document:
                return self._document
            if self._seconds() - self._forced_at < self._refetch_interval:
                return None
            self._forced_at = self._seconds()
            try:
                return await self._fetched()
            except ProviderUnavailable:
                return None

    @property
    def _age(self) -> float:
        return self._seconds() - self._fetched_at

    async def _renewed(self) -> T:
        try:
            if self._seconds() - self._failed_at < _PAUSE_AFTER_FAILURE:
                raise ProviderUnavailable("the provider did not answer a moment ago")
            return await self._fetched()
        except ProviderUnavailable:
            if self._document is not None and self._age < self._stale_lifetime:
                return self._document
            raise

    async def _fetched(self) -> T:
        try:
            self._document = await self._fetch()
        except ProviderUnavailable:
            self._failed_at = self._seconds()
            raise
        self._fetched_at = self._seconds()
        return self._document
