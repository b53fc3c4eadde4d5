"""Calendar days in Belgium: on which days a fact holds.

A right that ends on 26 June works until midnight in Brussels at the end of that day, and not a second longer (guide
ICR5-2021; specification, section 3). Nothing here reads a clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

BRUSSELS = ZoneInfo("Europe/Brussels")


def brussels_day(instant: datetime) -> date:
    """Return the calendar day in Brussels at an instant; the instant must know its time zone."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(BRUSSELS).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A run of calendar days, both ends included; `until=None` has no end."""

    begins: date
    until: date | None

    def holds_on(self, day: date) -> bool:
        """Whether the day lies in the period."""
        return not self.begins_after(day) and not self.ended_before(day)

    def begins_after(self, day: date) -> bool:
        """Whether the period has not begun by that day."""
        return day < self.begins

    def ended_before(self, day: date) -> bool:
        """Whether the period was over by that day."""
        return self.until is not None and self.until < day
