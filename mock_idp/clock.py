"""The one clock of the mock government: real seconds for tokens, and a movable calendar day for rights and pages.

Moving the day never moves `iat` and `exp`: a relying party under test lives in real time. Nothing else in `mock_idp`
asks the operating system for the time.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

BRUSSELS = ZoneInfo("Europe/Brussels")


class Clock:
    def __init__(self) -> None:
        self._moved = timedelta()

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

    def move_to(self, day: date) -> None:
        self._moved = day - self.real_day()

    def reset(self) -> None:
        self._moved = timedelta()
