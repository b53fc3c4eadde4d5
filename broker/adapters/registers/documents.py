"""What IDM and KBO say, from their JSON to the domain. No input or output, so that the command line can read files too.

Strict about what decisions rest on (dates, numbers with their check digits, statuses), indifferent to fields that were
added since. A row that is wrong is left out and counted: it lets nobody in, and does not take the others with it. A
document that is wrong as a whole is NotUnderstood.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal, TypeVar

import msgspec

from broker.adapters.registers.told import (
    EnterpriseDocument,
    Granted,
    Held,
    Related,
    Representative,
    function_code,
    kept,
    named_organisation,
    period_of,
    person_record,
    plain_text,
    report_left_out,
)
from broker.adapters.wire import NotUnderstood, read_plain
from broker.domain.people import (
    REPRESENTING_FUNCTIONS,
    KboFunction,
    PersonRecord,
    RelationStatus,
    UserRight,
    WorkingRelation,
)

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


def read_person(rights: object, functions: object) -> PersonRecord:
    """Return all that IDM (`person-rights`) and KBO (`person-functions`) know of a person. Raises NotUnderstood."""
    return person_record(read_rights(rights), read_functions(functions))


def read_functions(functions: object) -> tuple[Held, ...]:
    """Return what KBO (`person-functions`) knows of a person. Raises NotUnderstood."""
    what = "KBO functions of a person"
    rows = _rows(read_plain(functions, _Functions).functions, _PersonFunction, what)
    return tuple(kept((_function(row) for row in rows), what))


def read_rights(rights: object) -> Granted:
    """Return what IDM (`person-rights`) knows of a person. Raises NotUnderstood."""
    idm = read_plain(rights, _Rights)
    if idm.person is None:
        # No person, so whatever rows came with it are nobody's.
        return Granted()
    pending = idm.person.status == "pending"
    related, administered = "IDM relations", "IDM administered organisations"
    relations = _rows(idm.relations, _Relation, related)
    organisations = _rows(idm.administers, _Administered, administered)
    return Granted(
        relations=tuple(kept((_relation(row, pending=pending) for row in relations), related)),
        administered=tuple(
            kept((named_organisation(row.organisation, row.organisation_name) for row in organisations), administered)
        ),
    )


def read_enterprise(document: object) -> EnterpriseDocument:
    """Return what KBO says of an enterprise. Raises NotUnderstood."""
    enterprise = read_plain(document, _Enterprise)
    organisation = named_organisation(enterprise.number, enterprise.name)
    if organisation is None:
        raise NotUnderstood("the enterprise's number is wrong")
    holders = _rows(enterprise.functions, _Holder, "KBO functions of an enterprise")
    return EnterpriseDocument(
        organisation=organisation,
        active=enterprise.status == "active",
        ceased_on=enterprise.ceased_on,
        representatives=tuple(
            Representative(name=plain_text(row.holder_name), period=period_of(row.begins, row.until))
            for row in holders
            if function_code(row.code) in REPRESENTING_FUNCTIONS
        ),
    )


def read_administrators(document: object) -> tuple[str, ...]:
    """Return the names of an organisation's local administrators, in order. Raises NotUnderstood."""
    rows = _rows(read_plain(document, _Administrators).administrators, _Administrator, "IDM administrators")
    names = {plain_text(f"{row.given_name} {row.family_name}") for row in rows}
    return tuple(sorted(name for name in names if name))


def _function(row: _PersonFunction) -> Held | None:
    organisation, code = named_organisation(row.organisation, row.organisation_name), function_code(row.code)
    if organisation is None or code is None:
        return None
    period = period_of(row.begins, row.until)
    function = KboFunction(organisation=organisation.number, code=code, period=period)
    return Held(function=function, organisation=organisation)


def _relation(row: _Relation, *, pending: bool) -> Related | None:
    organisation = named_organisation(row.organisation, row.organisation_name)
    if organisation is None:
        return None
    status = RelationStatus(row.status)
    # Guide: "In afwachting" until the person is activated; till then no relation of theirs is active either.
    if pending and status is RelationStatus.ACTIVE:
        status = RelationStatus.PENDING
    relation = WorkingRelation(organisation=organisation.number, status=status, period=period_of(row.begins, row.until))
    rights = tuple(
        UserRight(
            organisation=organisation.number,
            name=right.name,
            profiles=tuple(right.profiles),
            period=period_of(right.begins, right.until),
            relation=relation,
        )
        for right in _rows(row.rights, _Right, "IDM rights")
    )
    return Related(organisation=organisation, rights=rights)


def _rows(rows: list[Any], shape: type[T], what: str) -> list[T]:
    """Return the rows that have their shape; the others are counted in the log, without what they hold."""
    good: list[T] = []
    for row in rows:
        try:
            good.append(read_plain(row, shape))
        except NotUnderstood:
            continue
    report_left_out(len(rows) - len(good), what)
    return good
