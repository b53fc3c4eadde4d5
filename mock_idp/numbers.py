"""National, BIS and TST numbers and enterprise numbers: their check digits, and how people write them.

The mock accepts only numbers that cannot belong to anyone: TST numbers (month + 60), enterprise numbers of the block
1999.xxx.xxx and establishment units of the block 2.999.xxx.xxx, which KBO has not begun to issue. Nothing here knows
who holds a number.
"""

from __future__ import annotations

import re
from datetime import date

# ASCII: other scripts have digits too, which are none of these.
_NATIONAL = re.compile(r"(\d{2})\.?(\d{2})\.?(\d{2})-?(\d{3})[.-]?(\d{2})", re.ASCII)
_ESTABLISHMENT = re.compile(r"([2-8])\.?(\d{3})\.?(\d{3})\.?(\d{3})", re.ASCII)
_ENTERPRISE = re.compile(r"([01]\d{3})\.?(\d{3})\.?(\d{3})", re.ASCII)


def parse_national_number(text: str) -> str | None:
    """Eleven digits, or None when it isn't one. The text is not repeated anywhere: it may be a person's."""
    match = _NATIONAL.fullmatch(text.strip())
    if match is None:
        return None
    digits = "".join(match.groups())
    return digits if birth_centuries(digits) and _month_exists(int(digits[2:4])) else None


def birth_centuries(digits: str) -> tuple[int, ...]:
    """The centuries for which the check digits are right: 97 - (nine digits mod 97), from 2000 with a 2 in front."""
    check = int(digits[9:])
    fits_1900 = check == 97 - int(digits[:9]) % 97
    fits_2000 = check == 97 - int("2" + digits[:9]) % 97
    return (*((1900,) if fits_1900 else ()), *((2000,) if fits_2000 else ()))


def is_test_number(digits: str) -> bool:
    """A TST number: the month + 60, so that it never is a real person's (MAGDA test data)."""
    return 61 <= int(digits[2:4]) <= 72


def birth_dates(digits: str) -> tuple[date, ...]:
    """The days of birth that a number can stand for, by century; empty when month or day are unknown (00)."""
    month, day = int(digits[2:4]) % 20, int(digits[4:6])
    found = []
    for century in birth_centuries(digits):
        try:
            found.append(date(century + int(digits[:2]), month, day))
        except ValueError:
            continue
    return tuple(found)


def sex_of(digits: str) -> str | None:
    """M for an odd serial number, V for an even one (*man*, *vrouw*), None when the sex was unknown (BIS, +20)."""
    if 20 <= int(digits[2:4]) <= 32:
        return None
    return "M" if int(digits[6:9]) % 2 else "V"


def _month_exists(month: int) -> bool:
    # 0-12 real (00: unknown), 20-32 and 40-52 BIS, 60-72 TST.
    return month % 20 <= 12 and month < 80


def parse_enterprise_number(text: str) -> str | None:
    """Ten digits, or None. The last two are 97 - (the first eight mod 97)."""
    match = _ENTERPRISE.fullmatch(text.strip())
    if match is None:
        return None
    digits = "".join(match.groups())
    return digits if int(digits[8:]) == 97 - int(digits[:8]) % 97 else None


def parse_establishment_number(text: str) -> str | None:
    """Ten digits that begin with 2 to 8, or None; the check digits are as in an enterprise number."""
    match = _ESTABLISHMENT.fullmatch(text.strip())
    if match is None:
        return None
    digits = "".join(match.groups())
    return digits if int(digits[8:]) == 97 - int(digits[:8]) % 97 else None


def enterprise_number(first_eight: int) -> str:
    """Of an establishment unit too."""
    return f"{first_eight:08d}{97 - first_eight % 97:02d}"


def is_never_issued(digits: str) -> bool:
    return digits.startswith("1999")


def is_never_issued_unit(digits: str) -> bool:
    """Of an establishment unit."""
    return digits.startswith("2999")


def format_enterprise_number(digits: str) -> str:
    return f"{digits[:4]}.{digits[4:7]}.{digits[7:]}"


def format_establishment_number(digits: str) -> str:
    return f"{digits[0]}.{digits[1:4]}.{digits[4:7]}.{digits[7:]}"
