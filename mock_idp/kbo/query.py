"""What somebody typed into the search: a number of an enterprise or establishment unit, a slip in one, or a name.

Numbers are taken as people write them: with dots, spaces or dashes, with BE in front, and in the old form of nine
digits, which has lost its leading 0. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from mock_idp.numbers import parse_enterprise_number, parse_establishment_number
from mock_idp.world.names import folded

LONGEST_QUERY = 200
FEWEST_DIGITS = 7  # a shorter row of digits may be a name: "Garage 2000"
INDEXED_LETTERS = 3
MOST_WORDS = 8

_NUMBER = re.compile(r"(?:BE)?[\s.\-/]*([0-9][0-9\s.\-/]*)", re.IGNORECASE)


class Slip(Enum):
    """Why something that looks like a number is none."""

    CHECK_DIGITS = auto()
    FIRST_DIGIT = auto()
    TOO_SHORT = auto()
    TOO_LONG = auto()
    NATIONAL = auto()  # eleven digits: somebody's own number, which has no place here


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterpriseQuery:
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitQuery:
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SlipQuery:
    slip: Slip
    digits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NameQuery:
    """`words` are folded. `begins`: they are too short for an index of parts, so they are the beginning of a name."""

    words: tuple[str, ...]

    @property
    def begins(self) -> bool:
        return all(len(word) < INDEXED_LETTERS for word in self.words)


@dataclass(frozen=True, slots=True)
class NoQuery:
    """Nothing was typed, or nothing with a letter or a digit in it."""


Query = EnterpriseQuery | UnitQuery | SlipQuery | NameQuery | NoQuery


def read_query(text: str) -> Query:
    number = _NUMBER.fullmatch(text.strip())
    if number is not None:
        digits = _digits(number[1])
        if len(digits) >= FEWEST_DIGITS:
            return read_number(digits)
    words = tuple(dict.fromkeys(folded(text[:LONGEST_QUERY]).split()))[:MOST_WORDS]
    return NameQuery(words=words) if words else NoQuery()


def read_number(text: str) -> EnterpriseQuery | UnitQuery | SlipQuery:
    """A text that must be a number."""
    written = _NUMBER.fullmatch(text.strip())
    digits = "" if written is None else _digits(written[1])
    if len(digits) < 9:
        return SlipQuery(slip=Slip.TOO_SHORT, digits=len(digits))
    if len(digits) == 9:
        digits = "0" + digits
    if len(digits) == 11:
        return SlipQuery(slip=Slip.NATIONAL, digits=11)
    if len(digits) > 10:
        return SlipQuery(slip=Slip.TOO_LONG, digits=len(digits))
    if digits[0] == "9":
        return SlipQuery(slip=Slip.FIRST_DIGIT, digits=10)
    if (enterprise := parse_enterprise_number(digits)) is not None:
        return EnterpriseQuery(number=enterprise)
    if (unit := parse_establishment_number(digits)) is not None:
        return UnitQuery(number=unit)
    return SlipQuery(slip=Slip.CHECK_DIGITS, digits=10)


def _digits(text: str) -> str:
    return "".join(one for one in text if one.isdigit())
