"""What registers told us, in whatever form they did: the values that each adapter reads its answers into.

A row that is wrong is left out and counted: it lets nobody in, and does not take the others with it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from broker.domain.numbers import EnterpriseNumber, InvalidNumberError
from broker.domain.people import Enterprise, KboFunction, Organisation, PersonRecord, UserRight
from broker.domain.validity import Period

_log = logging.getLogger(__name__)
_NO_END = date(9999, 12, 31)  # KBO: "open end"
_CODE = re.compile(r"[0-9]{1,5}", re.ASCII)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A function that a person holds, with the organisation as the register named it."""

    function: KboFunction
    organisation: Organisation


@dataclass(frozen=True, slots=True, kw_only=True)
class Related:
    """A working relation's organisation, and the rights that were given in it."""

    organisation: Organisation
    rights: tuple[UserRight, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What user management knows of a person: nothing at all for somebody unknown."""

    relations: tuple[Related, ...] = ()
    administered: tuple[Organisation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Representative:
    """Somebody who may bind an enterprise, by name: a person, or a company that is director."""

    name: str
    period: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterpriseDocument:
    """An enterprise as KBO has it, with those who may bind it, at any time.

    `lists_functions` is False when the answer had no functions to look at: whether anybody represents is unknown then.
    """

    organisation: Organisation
    active: bool
    ceased_on: date | None
    representatives: tuple[Representative, ...]
    lists_functions: bool = True

    def on(self, day: date) -> Enterprise:
        """Return the enterprise, with whether anybody at all may bind it that day."""
        return Enterprise(
            organisation=self.organisation,
            active=self.active,
            ceased_on=self.ceased_on,
            has_representative=not self.lists_functions
            or any(one.period.holds_on(day) for one in self.representatives),
        )

    def representatives_on(self, day: date) -> tuple[str, ...]:
        """Return the names of those who may bind the enterprise that day, each once, in order."""
        return tuple(sorted({one.name for one in self.representatives if one.period.holds_on(day) and one.name}))


def person_record(granted: Granted, functions: tuple[Held, ...]) -> PersonRecord:
    """Return all that IDM and KBO know of a person, with a name for each organisation."""
    named = (
        *(one.organisation for one in functions),
        *(one.organisation for one in granted.relations),
        *granted.administered,
    )
    names: dict[EnterpriseNumber, str] = {}
    for organisation in named:
        names[organisation.number] = names.get(organisation.number) or organisation.name
    organisations = (Organisation(number=number, name=name or number.dotted) for number, name in names.items())
    return PersonRecord(
        functions=tuple(one.function for one in functions),
        rights=tuple(right for relation in granted.relations for right in relation.rights),
        administers=tuple(dict.fromkeys(one.number for one in granted.administered)),
        organisations=tuple(sorted(organisations, key=lambda one: (one.name.casefold(), one.number.digits))),
    )


def named_organisation(number: str, name: str) -> Organisation | None:
    """Return an organisation, or None when its number cannot be one."""
    try:
        return Organisation(number=EnterpriseNumber(number), name=plain_text(name))
    except InvalidNumberError:
        return None


def period_of(begins: date, until: date | None) -> Period:
    """Return a period; the day that KBO writes for "no end" is no end."""
    return Period(begins=begins, until=None if until == _NO_END else until)


def function_code(text: str) -> str | None:
    """Return a function's code with its five digits, or None for what cannot be one."""
    return text.zfill(5) if _CODE.fullmatch(text) else None


def plain_text(value: str) -> str:
    """Return a text on one line, without what cannot be printed."""
    return " ".join("".join(character if character.isprintable() else " " for character in value).split())


def kept(values: Iterable[T | None], what: str) -> list[T]:
    """Return the values that could be read; the others (a number with wrong check digits) are counted in the log."""
    everything = list(values)
    good = [value for value in everything if value is not None]
    report_left_out(len(everything) - len(good), what)
    return good


def report_left_out(count: int, what: str) -> None:
    """Log how many rows were malformed, without what they hold."""
    if count:
        _log.warning("%s: %d malformed rows are left out", what, count)
