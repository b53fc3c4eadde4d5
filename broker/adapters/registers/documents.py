"""What IDM and KBO say, from their JSON to the domain. No input or output, so that the command line can read files too.

Strict about what decisions rest on (dates, numbers with their check digits, statuses), indifferent to fields that were
added since. A row that is wrong is left out and counted: it lets nobody in, and does not take the others with it. A
document that is wrong as a whole is NotUnderstood.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, TypeVar

import msgspec

from broker.adapters.wire import NotUnderstood, read_plain
from broker.domain.numbers import EnterpriseNumber, InvalidNumberError
from broker.domain.people import (
    REPRESENTING_FUNCTIONS,
    Enterprise,
    KboFunction,
    Organisation,
    PersonRecord,
    RelationStatus,
    UserRight,
    WorkingRelation,
)
from broker.domain.validity import Period

_log = logging.getLogger(__name__)
_NO_END = date(9999, 12, 31)  # KBO: "open end"
_CODE = re.compile(r"[0-9]{1,5}")
T = TypeVar("T")


class _Rights(msgspec.Struct):
    person: _Person | None
    relations: list[Any]
    administers: list[Any]


class _Person(msgspec.Struct):
    status: Literal["active", "pending"]


class _Relation(msgspec.Struct, rename={"begins": "from"}):
    organisation: str
    status: Literal["active", "paused", "pending"]
    begins: date
    until: date | None
    rights: list[Any]
    organisation_name: str = ""


class _Right(msgspec.Struct, rename={"begins": "from"}):
    name: str
    profiles: list[str]
    begins: date
    until: date | None


class _Administered(msgspec.Struct):
    organisation: str
    organisation_name: str = ""


class _Functions(msgspec.Struct):
    functions: list[Any]


class _PersonFunction(msgspec.Struct, rename={"begins": "from"}):
    organisation: str
    code: str
    begins: date
    until: date | None
    organisation_name: str = ""


class _Enterprise(msgspec.Struct):
    number: str
    name: str
    status: Literal["active", "ceased"]
    ceased_on: date | None
    functions: list[Any]


class _Holder(msgspec.Struct, rename={"begins": "from"}):
    code: str
    holder: Literal["natural-person", "enterprise", "natural-person-for-enterprise"]
    holder_name: str
    begins: date
    until: date | None


class _Administrators(msgspec.Struct):
    administrators: list[Any]


class _Administrator(msgspec.Struct):
    given_name: str
    family_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Representative:
    """Somebody who may bind an enterprise, by name: a person, or a company that is director."""

    name: str
    period: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterpriseDocument:
    """An enterprise as KBO has it, with those who may bind it, at any time."""

    organisation: Organisation
    active: bool
    ceased_on: date | None
    representatives: tuple[Representative, ...]

    def on(self, day: date) -> Enterprise:
        """Return the enterprise, with whether anybody at all may bind it that day."""
        return Enterprise(
            organisation=self.organisation,
            active=self.active,
            ceased_on=self.ceased_on,
            has_representative=any(one.period.holds_on(day) for one in self.representatives),
        )

    def representatives_on(self, day: date) -> tuple[str, ...]:
        """Return the names of those who may bind the enterprise that day, each once, in order."""
        return tuple(sorted({one.name for one in self.representatives if one.period.holds_on(day) and one.name}))


def read_person(rights: object, functions: object) -> PersonRecord:
    """Return all that IDM (`person-rights`) and KBO (`person-functions`) know of a person. Raises NotUnderstood."""
    idm = read_plain(rights, _Rights)
    rows = _rows(read_plain(functions, _Functions).functions, _PersonFunction, "KBO functions of a person")
    held = _kept((_function(row) for row in rows), "KBO functions of a person")
    if idm.person is None:
        # No person, so whatever rows came with it are nobody's.
        return _record(functions=held, relations=[], administered=[])
    relations = _kept(
        (
            _relation(row, pending=idm.person.status == "pending")
            for row in _rows(idm.relations, _Relation, "IDM relations")
        ),
        "IDM relations",
    )
    administered = _kept(
        (
            _organisation(row.organisation, row.organisation_name)
            for row in _rows(idm.administers, _Administered, "IDM administered organisations")
        ),
        "IDM administered organisations",
    )
    return _record(functions=held, relations=relations, administered=administered)


def read_enterprise(document: object) -> EnterpriseDocument:
    """Return what KBO says of an enterprise. Raises NotUnderstood."""
    enterprise = read_plain(document, _Enterprise)
    organisation = _organisation(enterprise.number, enterprise.name)
    if organisation is None:
        raise NotUnderstood("the enterprise's number is wrong")
    holders = _rows(enterprise.functions, _Holder, "KBO functions of an enterprise")
    return EnterpriseDocument(
        organisation=organisation,
        active=enterprise.status == "active",
        ceased_on=enterprise.ceased_on,
        representatives=tuple(
            Representative(name=_text(row.holder_name), period=_period(row.begins, row.until))
            for row in holders
            if _code(row.code) in REPRESENTING_FUNCTIONS
        ),
    )


def read_administrators(document: object) -> tuple[str, ...]:
    """Return the names of an organisation's local administrators, in order. Raises NotUnderstood."""
    rows = _rows(read_plain(document, _Administrators).administrators, _Administrator, "IDM administrators")
    names = {_text(f"{row.given_name} {row.family_name}") for row in rows}
    return tuple(sorted(name for name in names if name))


Held = tuple[KboFunction, Organisation]
Related = tuple[Organisation, tuple[UserRight, ...]]


def _record(*, functions: list[Held], relations: list[Related], administered: list[Organisation]) -> PersonRecord:
    named = [one for _, one in functions] + [one for one, _ in relations] + administered
    names: dict[EnterpriseNumber, str] = {}
    for organisation in named:
        names[organisation.number] = names.get(organisation.number) or organisation.name
    organisations = (Organisation(number=number, name=name or number.dotted) for number, name in names.items())
    return PersonRecord(
        functions=tuple(function for function, _ in functions),
        rights=tuple(right for _, rights in relations for right in rights),
        administers=tuple(dict.fromkeys(one.number for one in administered)),
        organisations=tuple(sorted(organisations, key=lambda one: (one.name.casefold(), one.number.digits))),
    )


def _function(row: _PersonFunction) -> Held | None:
    organisation, code = _organisation(row.organisation, row.organisation_name), _code(row.code)
    if organisation is None or code is None:
        return None
    period = _period(row.begins, row.until)
    return KboFunction(organisation=organisation.number, code=code, period=period), organisation


def _relation(row: _Relation, *, pending: bool) -> Related | None:
    organisation = _organisation(row.organisation, row.organisation_name)
    if organisation is None:
        return None
    status = RelationStatus(row.status)
    # Guide: "In afwachting" until the person is activated; till then no relation of theirs is active either.
    if pending and status is RelationStatus.ACTIVE:
        status = RelationStatus.PENDING
    relation = WorkingRelation(organisation=organisation.number, status=status, period=_period(row.begins, row.until))
    rights = tuple(
        UserRight(
            organisation=organisation.number,
            name=right.name,
            profiles=tuple(right.profiles),
            period=_period(right.begins, right.until),
            relation=relation,
        )
        for right in _rows(row.rights, _Right, "IDM rights")
    )
    return organisation, rights


def _organisation(number: str, name: str) -> Organisation | None:
    try:
        return Organisation(number=EnterpriseNumber(number), name=_text(name))
    except InvalidNumberError:
        return None


def _period(begins: date, until: date | None) -> Period:
    return Period(begins=begins, until=None if until == _NO_END else until)


def _code(text: str) -> str | None:
    return text.zfill(5) if _CODE.fullmatch(text) else None


def _text(value: str) -> str:
    return " ".join("".join(character if character.isprintable() else " " for character in value).split())


def _rows(rows: list[Any], shape: type[T], what: str) -> list[T]:
    """Return the rows that have their shape; the others are counted in the log, without what they hold."""
    good: list[T] = []
    for row in rows:
        try:
            good.append(read_plain(row, shape))
        except NotUnderstood:
            continue
    _report(len(rows) - len(good), what)
    return good


def _kept(values: Iterable[T | None], what: str) -> list[T]:
    """Return the values that could be read; the others (a number with wrong check digits) are counted in the log."""
    everything = list(values)
    good = [value for value in everything if value is not None]
    _report(len(everything) - len(good), what)
    return good


def _report(left_out: int, what: str) -> None:
    if left_out:
        _log.warning("%s: %d malformed rows are left out", what, left_out)
