"""Identity numbers of persons and enterprises, with their check digits.

A number object cannot exist unless it is well-formed. The `repr` of a person's number is masked, and no error names the
number it refused, so that neither can leak through a log. Whether a number was ever issued is for the registers to say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Self

_NATIONAL = re.compile(r"(\d{2})\.?(\d{2})\.?(\d{2})[- ]?(\d{3})\.?(\d{2})", re.ASCII)
_ENTERPRISE = re.compile(r"(?:BE ?)?([01]?\d{3})[. ]?(\d{3})[. ]?(\d{3})", re.ASCII | re.IGNORECASE)


# Eleven digits, together or with the separators that people and addresses put between them (%20 and %2D among them).
_SEPARATOR = r"(?:[.\-_]|%2[0DEde])?"
_LOOKS_NATIONAL = re.compile(_SEPARATOR.join([r"\d"] * 11), re.ASCII)


class InvalidNumberError(ValueError):
    """The text is not a number of this kind. The message says what is wrong and never repeats the text."""


class NumberKind(Enum):
    """Who a national number was given to, read from its month."""

    NATIONAL = "national"
    BIS = "bis"
    TEST = "test"


@dataclass(frozen=True, slots=True, repr=False)
class NationalNumber:
    """A national (INSZ) number: eleven digits `YYMMDD SSS CC`.

    `CC` is 97 minus the first nine digits modulo 97; for births from 2000 a "2" stands before those nine digits. A BIS
    number has 20 or 40 added to the month, a test number 60 (source: "Validatiemethodes" of MAGDA, and the read-me of
    the MAGDA simulator). Month and day may be 00, when unknown or when the day's numbers ran out.
    """

    digits: str

    def __post_init__(self) -> None:
        """Refuse anything but eleven digits with a possible month and right check digits."""
        if len(self.digits) != 11 or not (self.digits.isascii() and self.digits.isdigit()):
            raise InvalidNumberError("a national number has eleven digits")
        if self._month % 20 > 12 or self._month > 72:
            raise InvalidNumberError("the month in this national number cannot be")
        if not self._born_before_2000 and not self._born_from_2000:
            raise InvalidNumberError("the check digits of this national number are wrong")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `85.07.30-033.28`, `850730 033 28` without the first space, or the plain digits.

        Raises InvalidNumberError.
        """
        match = _NATIONAL.fullmatch(text.strip())
        if match is None:
            raise InvalidNumberError("a national number is written as 85.07.30-033.28, or as eleven digits")
        return cls("".join(match.groups()))

    @property
    def kind(self) -> NumberKind:
        """Whether it is a national, a BIS or a test number."""
        match self._month // 20:
            case 0:
                return NumberKind.NATIONAL
            case 3:
                return NumberKind.TEST
            case _:
                return NumberKind.BIS

    @property
    def dotted(self) -> str:
        """The official notation, `85.07.30-033.28`."""
        d = self.digits
        return f"{d[:2]}.{d[2:4]}.{d[4:6]}-{d[6:9]}.{d[9:]}"

    @property
    def _month(self) -> int:
        return int(self.digits[2:4])

    @property
    def _born_before_2000(self) -> bool:
        return 97 - int(self.digits[:9]) % 97 == int(self.digits[9:])

    @property
    def _born_from_2000(self) -> bool:
        return 97 - int("2" + self.digits[:9]) % 97 == int(self.digits[9:])

    def __repr__(self) -> str:
        """Masked: a traceback or a log line must not hold a person's number."""
        return "NationalNumber(***)"

    __str__ = __repr__


@dataclass(frozen=True, slots=True, order=True)
class EnterpriseNumber:
    """An enterprise number: ten digits that begin with 0 or 1; the last two are 97 minus the first eight modulo 97.

    Source: FPS Economy, "Ondernemingsnummer"; numbers beginning with 1 are issued since 19 September 2023.
    """

    digits: str

    def __post_init__(self) -> None:
        """Refuse anything but ten digits that begin with 0 or 1 and have right check digits."""
        if len(self.digits) != 10 or not (self.digits.isascii() and self.digits.isdigit()):
            raise InvalidNumberError("an enterprise number has ten digits")
        if self.digits[0] not in "01":
            raise InvalidNumberError("an enterprise number begins with 0 or 1")
        if 97 - int(self.digits[:8]) % 97 != int(self.digits[8:]):
            raise InvalidNumberError("the check digits of this enterprise number are wrong")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `0123.456.749`, `BE 0123 456 749`, the plain digits, or the old form of nine digits.

        Raises InvalidNumberError.
        """
        match = _ENTERPRISE.fullmatch(text.strip())
        if match is None:
            raise InvalidNumberError("an enterprise number is written as 0123.456.749, or as ten digits")
        return cls("".join(match.groups()).zfill(10))

    @property
    def dotted(self) -> str:
        """The official notation, `0123.456.749`."""
        return f"{self.digits[:4]}.{self.digits[4:7]}.{self.digits[7:]}"

    def __str__(self) -> str:
        """Written as people know it."""
        return self.dotted


def without_national_numbers(path: str) -> str:
    """Return a path with everything that looks like a national number left out, however it is written."""
    return _LOOKS_NATIONAL.sub("(number)", path)
