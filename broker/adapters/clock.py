"""The only places that ask the machine what time it is.

`SystemClock` is the real one. `MovedClock` exists for demos and tests: it moves the calendar day on which rights are
judged, as the mock government's clock says, and never the seconds in tokens.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import msgspec

from broker.adapters.http import BackChannel, NoAnswer
from broker.adapters.wire import NotUnderstood, read_json
from broker.domain.validity import brussels_day
from broker.ports import Clock

_log = logging.getLogger(__name__)
_POLL_SECONDS = 1.0
_NEVER = datetime.min.replace(tzinfo=UTC)


class SystemClock:
    """The machine's clock."""

    def __init__(self) -> None:
        self._day = date.min
        self._known = (_NEVER, _NEVER)

    def now(self) -> datetime:
        """Return this instant in UTC."""
        return datetime.now(UTC)

    def today(self) -> date:
        """Return the calendar day in Brussels."""
        now = datetime.now(UTC)
        begins, ends = self._known
        if not begins <= now < ends:
            # Asked for with every request: known for the minute, as days begin at full minutes in every time zone.
            minute = now.replace(second=0, microsecond=0)
            self._day, self._known = brussels_day(now), (minute, minute + timedelta(minutes=1))
        return self._day


class _MockClock(msgspec.Struct):
    moved_by_days: Annotated[int, msgspec.Meta(ge=-36500, le=36500)]


class MovedClock:
    """Development only: the real time, with the day moved by as many days as the mock government's clock is."""

    def __init__(self, clock: Clock, *, url: str, channel: BackChannel) -> None:
        """`url` is the mock's `/mock/clock`."""
        self._clock = clock
        self._url = url
        self._channel = channel
        self._moved = timedelta(0)
        self._reachable = True

    def now(self) -> datetime:
        """Return this instant, which is never moved."""
        return self._clock.now()

    def today(self) -> date:
        """Return the calendar day in Brussels, moved."""
        return self._clock.today() + self._moved if self._moved else self._clock.today()

    async def refresh(self) -> None:
        """Ask the mock once how far its day is moved; without an answer the last one stays."""
        try:
            answer = await self._channel.get(self._url)
            self._moved = timedelta(days=read_json(answer.body, _MockClock).moved_by_days)
        except (NoAnswer, NotUnderstood) as error:
            if self._reachable:
                _log.warning("the mock government's clock cannot be read (%s): the day stays as it is", error)
            self._reachable = False
            return
        self._reachable = True

    async def follow(self) -> None:
        """Keep asking, once a second, until cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(_POLL_SECONDS)
