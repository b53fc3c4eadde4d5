"""When the job is due: every night at a set hour in Brussels, and at once when the clock is moved to another day.

A night that was slept through (the program did not run) is caught up at start. Decides only; `office` waits and runs.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from mock_idp.clock import BRUSSELS, Clock

RETRY_AFTER = timedelta(minutes=5)


class Schedule:
    def __init__(self, clock: Clock, *, at: time) -> None:
        self._clock = clock
        self._at = at
        self.reset()

    def reset(self) -> None:
        """As at start."""
        self._moved_by = self._clock.moved_by_days
        self._moved_to: date | None = None
        self._done: date | None = None
        self._retry_at: datetime | None = None

    def due(self) -> date | None:
        """The day whose reminders are to be sent now, or None."""
        today = self._clock.today()
        if self._clock.moved_by_days != self._moved_by:
            self._moved_by, self._moved_to = self._clock.moved_by_days, today
        now = self._clock.now()
        if self._done == today:
            return today if self._retry_at is not None and self._retry_at <= now else None
        return today if self._moved_to == today or now.astimezone(BRUSSELS).time() >= self._at else None

    def ran(self, day: date, *, complete: bool) -> None:
        """What is left of that day is tried again after a while."""
        self._done = day
        self._retry_at = None if complete else self._clock.now() + RETRY_AFTER
