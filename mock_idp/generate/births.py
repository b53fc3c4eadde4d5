"""TST numbers for generated people: valid, unique, of both centuries and sexes, with ages from 18 to 80.

A day has 997 numbers. They are dealt out in an order that looks random, so only a count per day has to be remembered.
"""

from __future__ import annotations

from array import array
from collections.abc import Set
from datetime import date, timedelta
from random import Random

from mock_idp.days import plus_years

YOUNGEST, USUAL, OLDEST = 18, 42, 80
SERIALS = 997
_STEP = 389  # 997 is prime, so every step visits all serial numbers


class Births:
    def __init__(self, random: Random, *, today: date, taken: Set[str]) -> None:
        """`taken` are numbers that somebody has already."""
        self._random = random
        self._taken = taken
        self._first = plus_years(today, -OLDEST)
        self._days = (plus_years(today, -YOUNGEST) - self._first).days
        self._dealt = array("H", bytes(2 * self._days))

    def next_number(self) -> str:
        """Eleven digits. Days fill up one after the other only when nearly everybody there can be has been born."""
        while True:
            day = self._day()
            if self._dealt[day] == SERIALS:
                continue
            self._dealt[day] += 1
            serial = (day * 31 + self._dealt[day] * _STEP) % SERIALS + 1
            number = test_number(self._first + timedelta(days=day), serial)
            if number not in self._taken:
                return number

    def _day(self) -> int:
        usual = self._days * (OLDEST - USUAL) / (OLDEST - YOUNGEST)
        return min(int(self._random.triangular(0, self._days, usual)), self._days - 1)


def test_number(born: date, serial: int) -> str:
    """The TST number (month + 60) of somebody born that day; the check digits tell the century."""
    digits = f"{born.year % 100:02d}{born.month + 60:02d}{born.day:02d}{serial:03d}"
    counted = int(f"2{digits}") if born.year >= 2000 else int(digits)
    return f"{digits}{97 - counted % 97:02d}"
