"""The one clock of the mock government: real seconds for tokens, and a movable calendar day for rights and pages.

Moving the day never moves `iat` and `exp`: a relying party under test lives in real time. Nothing else in `mock_idp`
asks the operating system for the time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

BRUSSELS = ZoneInfo("Europe/Brussels")
FARTHEST = timedelta(days=36_500)  # the gateway follows a hundred years, and terms of ten years are added to the day


class Clock:
    def __init__(self) -> None:
        self._moved = timedelta()
        self._after_move: list[Callable[[], None]] = []

    def now(self) -> datetime:
        """The real moment, in UTC. The movable day has no effect on it."""
        return datetime.now(UTC)

    def seconds(self) -> int:
        """The real moment in whole seconds since 1970, as JWT dates are (RFC 7519 section 2, NumericDate)."""
        return int(self.now().timestamp())

    def real_day(self) -> date:
        return self.now().astimezone(BRUSSELS).date()

    def today(self) -> date:
        """The day the government believes it is, in Brussels."""
        return self.real_day() + self._moved

    @property
    def moved_by_days(self) -> int:
        return self._moved.days

    @property
    def earliest(self) -> date:
        return self.real_day() - FARTHEST

    @property
    def latest(self) -> date:
        return self.real_day() + FARTHEST

    def move_to(self, day: date) -> None:
        """Raises ValueError for a day that is more than a hundred years away."""
        if not self.earliest <= day <= self.latest:
            raise ValueError("more than a hundred years away")
        self._move(day - self.real_day())

    def move_by(self, days: int) -> None:
        """So many days from the real one."""
        self.move_to(self.real_day() + timedelta(days=days))

    def reset(self) -> None:
        self._move(timedelta())

    def on_move(self, tell: Callable[[], None]) -> None:
        """`tell` is called after the day was moved, a reset included; not when a night passes."""
        self._after_move.append(tell)

    def _move(self, moved: timedelta) -> None:
        self._moved = moved
        for tell in self._after_move:
            tell()
