"""Calendar days as `world.yaml` writes them: `2018-06-26`, `today`, `today-1`, `-4y`, `+10y`, `-3m`, `-30`, `open`.

Relative days are counted from the day that is passed in. Periods have both ends included, as the registers do.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

OPEN_END = date(9999, 12, 31)  # how KBO writes "no end"
_RELATIVE = re.compile(r"(?:today)?([+-]\d{1,5})([dmy]?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    first: date
    last: date

    def includes(self, day: date) -> bool:
        return self.first <= day <= self.last


def parse_day(text: str, *, today: date) -> date:
    """Raises ValueError when the text is none of the forms above, or not a day that exists."""
    if text == "today":
        return today
    if text == "open":
        return OPEN_END
    relative = _RELATIVE.fullmatch(text)
    if relative is None:
        return date.fromisoformat(text)
    count = int(relative[1])
    match relative[2]:
        case "y":
            return _plus_months(today, 12 * count)
        case "m":
            return _plus_months(today, count)
        case _:
            return today + timedelta(days=count)


def plus_years(day: date, years: int) -> date:
    """The same day so many years later; 29 February becomes the 28th. Never beyond the last day that there is."""
    return _plus_months(day, 12 * years) if day.year + years <= OPEN_END.year else OPEN_END


def _plus_months(day: date, months: int) -> date:
    year, month0 = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month0 + 1, min(day.day, monthrange(year, month0 + 1)[1]))
