"""Puts a Seed into a database, in the order of the file, and takes out what a reset puts back.

A generated world is planted in the same way, a few thousand people at a time, beside the people of the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, insert, or_, select, true
from sqlalchemy.orm import Session

from mock_idp.days import OPEN_END
from mock_idp.numbers import birth_dates
from mock_idp.world.facts import AdministratorLevel, Person, Relation, Seed
from mock_idp.world.tables import (
    AdministratorRow,
    EnterpriseRow,
    EstablishmentUnitRow,
    FunctionRow,
    PersonRow,
    RelationRow,
    RightRow,
    Row,
)

FIRST_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the rows of a seed go: the numbers of the first person and the first working relation among them."""

    first_person: int = 1
    first_relation: int = 1
    generated: bool = False


BESIDE_NOBODY = Place()


def plant(session: Session, seed: Seed, place: Place = BESIDE_NOBODY) -> None:
    """The caller commits."""
    people = {key: at for at, key in enumerate(seed.people, start=place.first_person)}
    generated = {"generated": place.generated}
    _insert(session, EnterpriseRow, ({**row, **generated} for row in _enterprises(seed)))
    _insert(session, EstablishmentUnitRow, _establishment_units(seed))
    _insert(session, PersonRow, ({**_person(people[key], one), **generated} for key, one in seed.people.items()))
    _insert(session, FunctionRow, _functions(seed, people))
    _insert(
        session,
        AdministratorRow,
        (
            {"organisation": number, "person_id": people[key], "level": AdministratorLevel.LOCAL.value}
            for key, numbers in seed.administers.items()
            for number in numbers
        ),
    )
    relations = [(seed.people[key], relation) for key, held in seed.relations.items() for relation in held]
    numbered = tuple(enumerate(relations, start=place.first_relation))
    _insert(session, RelationRow, (_relation(at, people[person.key], person, one) for at, (person, one) in numbered))
    _insert(session, RightRow, (row for at, (_, relation) in numbered for row in _rights(at, relation)))


def uproot(session: Session, *, kept_marks: tuple[str, ...]) -> None:
    """Everything out, but for generated people and enterprises and what these have to do with each other."""
    for table in reversed(Row.metadata.sorted_tables):
        session.execute(delete(table).where(_goes(table, kept_marks)))


def _goes(table: Table, kept_marks: tuple[str, ...]) -> ColumnElement[bool]:
    """Which rows of a table a reset takes out. Children come before their parents, so these are still there."""
    people = select(PersonRow.id).where(~PersonRow.generated)
    numbers = select(EnterpriseRow.number).where(~EnterpriseRow.generated)
    columns = table.columns
    match table.name:
        case "person" | "enterprise":
            return ~columns["generated"]
        case "relation" | "function" | "administrator":
            return or_(columns["person_id"].in_(people), columns["organisation"].in_(numbers))
        case "establishment_unit":
            return columns["organisation"].in_(numbers)
        case "right":
            going = or_(RelationRow.person_id.in_(people), RelationRow.organisation.in_(numbers))
            return columns["relation_id"].in_(select(RelationRow.id).where(going))
        case "mark":
            return columns["name"].not_in(kept_marks)
        case _:
            return true()


def _insert(session: Session, table: type[Row], rows: Iterator[Mapping[str, Any]]) -> None:
    values = list(rows)
    if values:
        session.execute(insert(table), values)


def _enterprises(seed: Seed) -> Iterator[Mapping[str, Any]]:
    for enterprise in seed.enterprises.values():
        yield {
            "number": enterprise.number,
            "key": enterprise.key,
            "name": enterprise.name,
            "address": enterprise.address,
            "began_on": enterprise.began_on,
            "ceased_on": enterprise.ceased_on,
        }


def _establishment_units(seed: Seed) -> Iterator[Mapping[str, Any]]:
    for unit in seed.establishment_units:
        yield {
            "number": unit.number,
            "organisation": unit.organisation,
            "name": unit.name,
            "address": unit.address,
            "first": unit.period.first,
            "last": unit.period.last,
        }


def _person(at: int, person: Person) -> Mapping[str, Any]:
    return {
        "id": at,
        "key": person.key,
        "national_number": person.national_number,
        "given_name": person.given_name,
        "family_name": person.family_name,
        "birth_date": next(iter(birth_dates(person.national_number)), None),
        "phone": person.phone,
        "email": person.email,
        "story": dict(person.story),
        "in_cast": bool(person.story),
        "status": person.status.value,
        "in_registers": person.in_registers,
        "activated": [method.value for method in person.activated],
        "acts_for": person.acts_for,
        "outcomes": [[one.application, one.allowed, one.reason] for one in person.outcomes],
        "version": FIRST_VERSION,
    }


def _functions(seed: Seed, people: Mapping[str, int]) -> Iterator[Mapping[str, Any]]:
    for function in seed.functions:
        yield {
            "organisation": function.organisation,
            "code": function.kind.code,
            "holder": function.holder.value,
            "person_id": None if function.person_key is None else people[function.person_key],
            "company": function.company,
            "first": function.period.first,
            "last": function.period.last,
        }


def _relation(at: int, person_id: int, person: Person, relation: Relation) -> Mapping[str, Any]:
    return {
        "id": at,
        "person_id": person_id,
        "organisation": relation.organisation,
        "category": relation.category,
        "status": relation.status.value,
        "first": relation.period.first,
        "last": min(relation.period.last, OPEN_END),
        "phone": "".join(person.phone.split()),
        "email": person.email or f"{person.key}@voorbeeld.test",
        "version": FIRST_VERSION,
    }


def _rights(relation_id: int, relation: Relation) -> Iterator[Mapping[str, Any]]:
    for right in relation.rights:
        yield {
            "relation_id": relation_id,
            "name": right.name,
            "profiles": list(right.profiles),
            "first": right.period.first,
            "last": right.period.last,
            "version": FIRST_VERSION,
        }
