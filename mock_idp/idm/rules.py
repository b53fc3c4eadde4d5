"""What user management accepts: the terms of relations and rights, numbers, and forms of address.

Pure: values in, problems out. A problem names the field it belongs to, so that a page can show it there. The terms
are the guide's (ICR5-2021): a working relation lasts at most ten years, a right at most four, within its relation.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from mock_idp.addresses import is_address
from mock_idp.days import Period, plus_years
from mock_idp.numbers import birth_dates, is_test_number, parse_national_number
from mock_idp.world.facts import RightKind
from pagekit.languages import message

RELATION_YEARS = 10
RIGHT_YEARS = 4
CATEGORIES = ("Vaste Medewerker", "Externe Medewerker", "Occasionele Medewerker")
LONGEST_TEXT = 200
LONGEST_REASON = 1000

# ASCII: the digits of other scripts are digits to Python too, and would be stored as they are.
_DAY = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_PHONE = re.compile(r"\+[1-9]\d{7,14}", re.ASCII)  # E.164: a country, and at most fifteen digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """`text` is a message id, whose places `values` fill; days in `values` are shown as dd/mm/yyyy."""

    field: str
    text: str
    values: Mapping[str, object] = dataclasses.field(default_factory=dict)


class RuleBrokenError(Exception):
    """What was asked breaks a rule. Carries every problem, in the order of the fields."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(", ".join(problem.field for problem in problems))
        self.problems = problems


def require(problems: Iterable[Problem]) -> None:
    """Raises RuleBrokenError when there is any."""
    found = tuple(problems)
    if found:
        raise RuleBrokenError(*found)


def read_day(name: str, text: str) -> date:
    """A day as dd/mm/yyyy. Raises RuleBrokenError."""
    match = _DAY.fullmatch(text.strip())
    if match is not None:
        day, month, year = (int(part) for part in match.groups())
        try:
            return date(year, month, day)
        except ValueError:
            pass
    raise RuleBrokenError(
        Problem(field=name, text=message("Write a day that exists as day/month/year, for example 26/06/2028."))
    )


def written_day(day: date) -> str:
    return f"{day:%d/%m}/{day.year:04d}"


def read_number(name: str, text: str) -> str:
    """The digits of a national or BIS number. Raises RuleBrokenError; the text is not repeated."""
    digits = parse_national_number(text)
    if digits is None:
        raise RuleBrokenError(
            Problem(
                field=name,
                text=message(
                    "This is not a national or BIS number: eleven digits, the last two of which check the others."
                ),
            )
        )
    if not is_test_number(digits):
        raise RuleBrokenError(
            Problem(
                field=name,
                text=message(
                    "Only TST numbers are used here (month of birth + 60), so that a number is never a real person's."
                ),
            )
        )
    return digits


def birth_date_problems(digits: str, day: date, *, today: date) -> Iterable[Problem]:
    """A birth date must be the one in the number, unless the number doesn't tell (month or day 00)."""
    possible = birth_dates(digits)
    if day > today:
        yield Problem(field="birth_date", text=message("A birth date cannot be in the future."))
        return
    if possible and day not in possible:
        yield Problem(
            field="birth_date",
            text=message("This birth date contradicts the number, which begins with year, month and day of birth."),
        )


def text_problems(name: str, text: str, *, required: bool = True) -> Iterable[Problem]:
    if required and not text:
        yield Problem(field=name, text=message("This must be filled in."))
    if len(text) > LONGEST_TEXT or not text.isprintable():
        yield Problem(
            field=name, text=message("At most %(most)s characters, on one line."), values={"most": LONGEST_TEXT}
        )


def reason_problems(reason: str) -> Iterable[Problem]:
    if len(reason) > LONGEST_REASON:
        yield Problem(field="reason", text=message("At most %(most)s characters."), values={"most": LONGEST_REASON})


def read_phone(text: str) -> str:
    """A phone number without spaces, in the form +32… of the guide. Raises RuleBrokenError."""
    digits = "".join(character for character in text if character not in " ./-()")
    if _PHONE.fullmatch(digits) is None:
        raise RuleBrokenError(
            Problem(field="phone", text=message("Write the number with its country, for example +3212345678."))
        )
    return digits


def email_problems(text: str) -> Iterable[Problem]:
    if len(text) > LONGEST_TEXT or not is_address(text):
        yield Problem(field="email", text=message("Write an e-mail address, for example naam@onderneming.be."))


def relation_problems(
    period: Period, *, today: date, was: Period | None = None, others: Iterable[Period] = ()
) -> Iterable[Problem]:
    """`others` are the person's other relations with the same organisation; `was` is what a change begins from.

    The term of ten years counts from the begin date, or from today when the relation began earlier. Days that stay as
    they were are not judged anew.
    """
    yield from _period_problems(period, today=today, is_new=was is None or was.first != period.first)
    most = plus_years(max(period.first, today), RELATION_YEARS)
    if period.last > most and period != was:
        yield Problem(
            field="last",
            text=message("A working relation lasts at most %(years)s years: until %(day)s at the latest."),
            values={"years": RELATION_YEARS, "day": written_day(most)},
        )
    for other in others:
        if period.first <= other.last and other.first <= period.last:
            yield Problem(
                field="first",
                text=message(
                    "There already is a working relation with this organisation, from %(first)s to %(last)s. "
                    "Two of them cannot overlap: extend that one."
                ),
                values={"first": written_day(other.first), "last": written_day(other.last)},
            )


def right_problems(
    period: Period, *, relation: Period, today: date, was: Period | None = None, others: Iterable[Period] = ()
) -> Iterable[Problem]:
    """`others` are grants of the same right in the same relation; `was` is what a change begins from.

    The four years count as the ten do. Days that stay as they were are not judged anew.
    """
    if period == was:
        return
    ended = tuple(ended_problems(relation, today))
    if ended:
        yield from ended
        return
    yield from _period_problems(period, today=today, is_new=was is None or was.first != period.first)
    if was is not None and period.first <= period.last < today and period.last != was.last:
        yield Problem(
            field="last", text=message("The end date cannot be in the past. To end a right at once, remove it.")
        )
    most = plus_years(max(period.first, today), RIGHT_YEARS)
    if period.last > most:
        yield Problem(
            field="last",
            text=message("A user right lasts at most %(years)s years: until %(day)s at the latest."),
            values={"years": RIGHT_YEARS, "day": written_day(most)},
        )
    if period.first < relation.first:
        yield Problem(
            field="first",
            text=message("A user right cannot begin before its working relation, which begins on %(day)s."),
            values={"day": written_day(relation.first)},
        )
    if period.last > relation.last:
        yield Problem(
            field="last",
            text=message(
                "A user right cannot outlast its working relation, which ends on %(day)s. Extend the relation first."
            ),
            values={"day": written_day(relation.last)},
        )
    for other in others:
        if period.first <= other.last and other.first <= period.last:
            yield Problem(
                field="right",
                text=message("This right is already granted from %(first)s to %(last)s. Change or extend that grant."),
                values={"first": written_day(other.first), "last": written_day(other.last)},
            )


def ended_problems(relation: Period, today: date) -> Iterable[Problem]:
    """Nothing begins or goes on in a working relation that is over."""
    if relation.last < today:
        yield Problem(
            field="last",
            text=message("The working relation ended on %(day)s. Extend it first."),
            values={"day": written_day(relation.last)},
        )


def profile_problems(kind: RightKind, profiles: Iterable[str]) -> Iterable[Problem]:
    chosen = tuple(profiles)
    if not chosen:
        yield Problem(field="profiles", text=message("Choose at least one profile: a right without one opens nothing."))
    if not set(chosen) <= set(kind.profiles) or len(set(chosen)) != len(chosen):
        yield Problem(
            field="profiles", text=message("This is not a profile of the right %(right)s."), values={"right": kind.name}
        )


def _period_problems(period: Period, *, today: date, is_new: bool) -> Iterable[Problem]:
    if period.last < period.first:
        yield Problem(field="last", text=message("The end date is before the begin date."))
    elif is_new and period.first < today:
        yield Problem(field="first", text=message("The begin date cannot be in the past."))
