"""Reads from the world whom a reminder may be due to, a page of people at a time: a large world is never held whole.

The query only leaves out what certainly is not due; `due` decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from mock_idp.clock import Clock
from mock_idp.days import Period
from mock_idp.mail.due import Grant, Reminder, horizon, reminders
from mock_idp.world.facts import PersonStatus, RelationStatus
from mock_idp.world.live import LiveWorld
from mock_idp.world.questions import last_day, status_of
from mock_idp.world.tables import EnterpriseRow, FunctionRow, PersonRow, RelationRow, RightRow

PAGE = 200


def due_reminders(world: LiveWorld, clock: Clock, today: date) -> Iterator[Reminder]:
    """In the order of the people's ids. No transaction is open while the caller works on a reminder."""
    after = 0
    while people := _people(world, after, today):
        after = people[-1]
        yield from reminders(_grants(world, clock, people), _represents(world, people, today), today)


def _people(world: LiveWorld, after: int, today: date) -> Sequence[int]:
    furthest = horizon(today)
    wanted = (
        select(RelationRow.person_id)
        .join(RelationRow.rights)
        .where(
            RelationRow.person_id > after,
            RelationRow.status == RelationStatus.ACTIVE.value,
            RelationRow.last >= today,
            RightRow.last >= today,
            or_(RelationRow.last <= furthest, RightRow.last <= furthest),
        )
        .distinct()
        .order_by(RelationRow.person_id)
        .limit(PAGE)
    )
    with world.reading() as session:
        return session.scalars(wanted).all()


def _grants(world: LiveWorld, clock: Clock, people: Sequence[int]) -> list[Grant]:
    wanted = (
        select(RightRow, RelationRow, PersonRow, EnterpriseRow)
        .join(RightRow.relation)
        .join(RelationRow.person)
        .join(RelationRow.enterprise)
        .where(RelationRow.person_id.in_(people))
    )
    with world.reading() as session:
        return [
            _grant(right, relation, person, enterprise, clock)
            for right, relation, person, enterprise in session.execute(wanted)
        ]


def _grant(right: RightRow, relation: RelationRow, person: PersonRow, enterprise: EnterpriseRow, clock: Clock) -> Grant:
    return Grant(
        person_id=person.id,
        person_key=person.key,
        person_name=person.name,
        person_active=status_of(person, clock) is PersonStatus.ACTIVE,
        organisation=enterprise.number,
        organisation_name=enterprise.name,
        ceased_on=enterprise.ceased_on,
        status=RelationStatus(relation.status),
        relation=Period(first=relation.first, last=relation.last),
        email=relation.email.strip(),
        right_name=right.name,
        right=Period(first=right.first, last=right.last),
    )


def _represents(world: LiveWorld, people: Sequence[int], today: date) -> frozenset[tuple[int, str]]:
    with world.reading() as session:
        return frozenset(_functions(session, _representing_codes(world), people, today))


def _functions(session: Session, codes: Sequence[str], people: Sequence[int], today: date) -> Iterator[tuple[int, str]]:
    wanted = select(FunctionRow).where(
        FunctionRow.person_id.in_(people), FunctionRow.code.in_(codes), FunctionRow.recorded_on <= today
    )
    for row in session.scalars(wanted):
        if row.person_id is not None and row.first <= today <= last_day(row, today):
            yield row.person_id, row.organisation


def _representing_codes(world: LiveWorld) -> Sequence[str]:
    return [kind.code for kind in world.current.catalogue.functions.values() if kind.represents]
