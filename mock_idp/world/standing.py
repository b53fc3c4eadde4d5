"""Whose standing differs: from one day to another, after a reset, and by the passing of time. Only who, never what.

Standing is what the registers answer about somebody. Days are those on which an answer changes, or what follows from
it: a right ends on its last day and is over the day after, a function counts from when KBO recorded it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime

from sqlalchemy import ColumnElement, ColumnExpressionArgument, Select, or_, select, union
from sqlalchemy.orm import InstrumentedAttribute, Session

from mock_idp.world.tables import (
    AdministratorRow,
    EnterpriseRow,
    FunctionRow,
    PersonRow,
    RelationRow,
    RightRow,
)

Standing = dict[str, set[tuple[object, ...]]]


def changed_between(session: Session, day: date, other: date) -> list[str]:
    """The keys of everybody for whom something begins, ends, or becomes public between two days, in either order."""
    if day == other:
        return []
    earlier, later = min(day, other), max(day, other)

    def begins(*columns: InstrumentedAttribute[date] | InstrumentedAttribute[date | None]) -> ColumnElement[bool]:
        return or_(*(column.between(earlier, later) & (column > earlier) for column in columns))

    def ends(*columns: InstrumentedAttribute[date] | InstrumentedAttribute[date | None]) -> ColumnElement[bool]:
        return or_(*(column.between(earlier, later) & (column < later) for column in columns))

    ceasing = select(EnterpriseRow.number).where(begins(EnterpriseRow.ceased_on))
    people = union(
        select(RelationRow.person_id).where(or_(begins(RelationRow.first), ends(RelationRow.last))),
        select(RelationRow.person_id).join(RightRow).where(or_(begins(RightRow.first), ends(RightRow.last))),
        select(FunctionRow.person_id).where(
            FunctionRow.person_id.is_not(None),
            or_(
                begins(FunctionRow.first, FunctionRow.recorded_on, FunctionRow.end_recorded_on),
                ends(FunctionRow.last, FunctionRow.ends_on),
            ),
        ),
        *(
            select(table.person_id).where(table.organisation.in_(ceasing), table.person_id.is_not(None))
            for table in (RelationRow, FunctionRow, AdministratorRow)
        ),
    ).subquery()
    return _keys(session, PersonRow.id.in_(select(people.c[0])))


def activated_between(session: Session, moment: datetime, other: datetime) -> list[str]:
    """The keys of those whom the workflow after adding somebody made active in between."""
    earlier, later = (one.astimezone(UTC).replace(tzinfo=None) for one in (moment, other))
    return _keys(session, (PersonRow.activates_at > earlier) & (PersonRow.activates_at <= later))


def standing(session: Session) -> Standing:
    """What a reset may change, by person: everything but what generated people have to do with each other."""
    found: Standing = defaultdict(set)
    for key, *row in _rows(session):
        found[str(key)].add(tuple(row))
    return found


def differing(before: Standing, after: Standing) -> list[str]:
    """The keys of those whose standing is not what it was, those who came and went included."""
    return sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))


def _rows(session: Session) -> Iterator[tuple[object, ...]]:
    """A row for each fact: the person's key, then all that an answer says of it."""
    planted = or_(~PersonRow.generated, ~EnterpriseRow.generated)
    person = select(PersonRow.key, PersonRow.in_registers, PersonRow.status, PersonRow.activates_at)
    yield from _told("person", session, person.where(~PersonRow.generated))
    of_relation = (RelationRow.organisation, EnterpriseRow.ceased_on, EnterpriseRow.name)
    relations = select(
        PersonRow.key, *of_relation, RelationRow.category, RelationRow.status, RelationRow.first, RelationRow.last
    )
    rights = select(PersonRow.key, RelationRow.organisation, RightRow.name, RightRow.first, RightRow.last)
    functions = select(
        PersonRow.key,
        FunctionRow.organisation,
        EnterpriseRow.ceased_on,
        FunctionRow.code,
        FunctionRow.first,
        FunctionRow.last,
        FunctionRow.recorded_on,
        FunctionRow.ends_on,
        FunctionRow.end_recorded_on,
    )
    duties = select(PersonRow.key, AdministratorRow.organisation, EnterpriseRow.ceased_on)
    at_enterprise = EnterpriseRow.number
    joined = (
        (
            "relation",
            relations.join(RelationRow.person).join(EnterpriseRow, at_enterprise == RelationRow.organisation),
        ),
        (
            "right",
            rights.add_columns(RightRow.profiles)
            .join(RelationRow, RelationRow.id == RightRow.relation_id)
            .join(PersonRow, PersonRow.id == RelationRow.person_id)
            .join(EnterpriseRow, at_enterprise == RelationRow.organisation),
        ),
        (
            "function",
            functions.join(PersonRow, PersonRow.id == FunctionRow.person_id).join(
                EnterpriseRow, at_enterprise == FunctionRow.organisation
            ),
        ),
        (
            "duty",
            duties.join(PersonRow, PersonRow.id == AdministratorRow.person_id).join(
                EnterpriseRow, at_enterprise == AdministratorRow.organisation
            ),
        ),
    )
    for name, wanted in joined:
        yield from _told(name, session, wanted.where(planted))


def _told(name: str, session: Session, wanted: Select[*tuple[object, ...]]) -> Iterator[tuple[object, ...]]:
    for key, *row in session.execute(wanted):
        yield key, name, *(tuple(one) if isinstance(one, list) else one for one in row)


def _keys(session: Session, condition: ColumnExpressionArgument[bool]) -> list[str]:
    return list(session.scalars(select(PersonRow.key).where(condition).order_by(PersonRow.id)))
