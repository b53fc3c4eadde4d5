"""How many bad tokens one sender may make us verify: an address that sent too many is not listened to for a while.

Bounded in memory: of many addresses the one that was refused longest ago is forgotten first.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from broker.ports import Clock

_MOST_ADDRESSES = 1000


class SenderLimit:
    """Counts refusals per address, in this process: at most `refusals` within `period`."""

    def __init__(self, *, clock: Clock, refusals: int = 60, period: timedelta = timedelta(minutes=1)) -> None:
        self._clock = clock
        self._most = refusals
        self._period = period
        self._counts: dict[str, tuple[datetime, int]] = {}

    def reached(self, address: str) -> bool:
        """Whether nothing more is taken from an address for now."""
        _, count = self._count(address)
        return count >= self._most

    def refused(self, address: str) -> None:
        """Count a refusal."""
        since, count = self._count(address)
        self._counts.pop(address, None)
        if len(self._counts) >= _MOST_ADDRESSES:
            del self._counts[next(iter(self._counts))]
        self._counts[address] = (since, count + 1)

    def _count(self, address: str) -> tuple[datetime, int]:
        now = self._clock.now()
        since, count = self._counts.get(address, (now, 0))
        return (since, count) if now - since < self._period else (now, 0)
