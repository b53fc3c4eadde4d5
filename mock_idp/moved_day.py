"""A day for the clock, as a visitor types or picks it."""

from __future__ import annotations

import re
from datetime import date

from mock_idp.clock import Clock
from pagekit.languages import message

_TYPED = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4,9})")

NO_DAY = message("This is not a day. Write it as day/month/year, for example 26/06/2028.")
NO_SUCH_DAY = message("That day does not exist. Look at the month: not every one has so many days.")
TOO_FAR = message("The clock moves a hundred years at most: from %(first)s to %(last)s.")


class DayProblemError(Exception):
    """`text` is a message id, with the places that `values` fill."""

    def __init__(self, text: str, **values: str) -> None:
        super().__init__(text)
        self.text = text
        self.values = values


def read_typed(typed: str, clock: Clock) -> date:
    """`26/06/2028`, also with one digit, dots or dashes. Raises DayProblemError."""
    match = _TYPED.fullmatch(typed)
    if match is None:
        raise DayProblemError(NO_DAY)
    day, month, year = (int(part) for part in match.groups())
    if not clock.earliest.year <= year <= clock.latest.year:
        raise _too_far(clock)
    try:
        found = date(year, month, day)
    except ValueError as error:
        raise DayProblemError(NO_SUCH_DAY if 1 <= month <= 12 and day <= 31 else NO_DAY) from error
    return _near_enough(found, clock)


def read_picked(value: str, clock: Clock) -> date:
    """The value of one of our own buttons. Raises DayProblemError."""
    try:
        found = date.fromisoformat(value)
    except ValueError as error:
        raise DayProblemError(NO_DAY) from error
    return _near_enough(found, clock)


def _near_enough(day: date, clock: Clock) -> date:
    if not clock.earliest <= day <= clock.latest:
        raise _too_far(clock)
    return day


def _too_far(clock: Clock) -> DayProblemError:
    return DayProblemError(TOO_FAR, first=f"{clock.earliest:%d/%m/%Y}", last=f"{clock.latest:%d/%m/%Y}")
