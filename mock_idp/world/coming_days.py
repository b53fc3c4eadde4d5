"""The days on which something changes for the cast: when to move the clock to, and what there is to see then.

Only the people and enterprises that a visitor can meet; a generated crowd has something to show every day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.orm import Session

from mock_idp.days import OPEN_END
from mock_idp.world.questions import last_day
from mock_idp.world.tables import EnterpriseRow, FunctionRow, PersonRow, RelationRow, RightRow

EVENTS_SHOWN = 3


class Change(StrEnum):
    """What happens on a day. Something ends on its last day, and is over the day after."""

    RIGHT_BEGINS = "right-begins"
    RIGHT_ENDS = "right-ends"
    RELATION_BEGINS = "relation-begins"
    RELATION_ENDS = "relation-ends"
    FUNCTION_BEGINS = "function-begins"
    FUNCTION_ENDS = "function-ends"
    CEASES = "enterprise-ceases"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """`person` is empty for an enterprise that ceases. `organisations` counts them, `organisation` names the first."""

    change: Change
    person: str
    organisation: str
    organisations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangingDay:
    """`more` counts the happenings that are not told one by one."""

    day: date
    happenings: tuple[Happening, ...]
    more: int

    @property
    def ends_a_right(self) -> bool:
        """Then the mails about it begin ten days before."""
        return any(one.change is Change.RIGHT_ENDS for one in self.happenings)


@dataclass(frozen=True, slots=True)
class _Found:
    day: date
    change: Change
    person: str
    organisation: str

    def order(self) -> tuple[date, int, str, str]:
        """Rights first: they are what a visitor comes to see."""
        return self.day, tuple(Change).index(self.change), self.person, self.organisation


def changing_days(session: Session, today: date) -> tuple[ChangingDay, ...]:
    """All of them, past and coming, in order."""
    found = sorted({one for one in _all(session, today) if date.min < one.day < OPEN_END}, key=_Found.order)
    return tuple(_changing_day(day, same) for day, same in groupby(found, key=lambda one: one.day))


def _changing_day(day: date, found: Iterable[_Found]) -> ChangingDay:
    happenings = [_happening(list(same)) for _, same in groupby(found, key=lambda one: (one.change, one.person))]
    return ChangingDay(day=day, happenings=tuple(happenings[:EVENTS_SHOWN]), more=len(happenings[EVENTS_SHOWN:]))


def _happening(same: list[_Found]) -> Happening:
    first = same[0]
    return Happening(change=first.change, person=first.person, organisation=first.organisation, organisations=len(same))


def _all(session: Session, today: date) -> Iterator[_Found]:
    yield from _relations(session)
    yield from _rights(session)
    yield from _functions(session, today)
    ceasing = select(EnterpriseRow.ceased_on, EnterpriseRow.name).where(~EnterpriseRow.generated)
    for day, name in session.execute(ceasing):
        if day is not None:
            yield _Found(day, Change.CEASES, "", name)


def _relations(session: Session) -> Iterator[_Found]:
    wanted = (
        select(RelationRow.first, RelationRow.last, PersonRow.given_name, PersonRow.family_name, EnterpriseRow.name)
        .join(RelationRow.person)
        .join(RelationRow.enterprise)
        .where(PersonRow.in_cast)
    )
    for first, last, given, family, organisation in session.execute(wanted):
        yield _Found(first, Change.RELATION_BEGINS, f"{given} {family}", organisation)
        yield _Found(last, Change.RELATION_ENDS, f"{given} {family}", organisation)


def _rights(session: Session) -> Iterator[_Found]:
    wanted = (
        select(RightRow.first, RightRow.last, PersonRow.given_name, PersonRow.family_name, EnterpriseRow.name)
        .join(RightRow.relation)
        .join(RelationRow.person)
        .join(RelationRow.enterprise)
        .where(PersonRow.in_cast)
    )
    for first, last, given, family, organisation in session.execute(wanted):
        yield _Found(first, Change.RIGHT_BEGINS, f"{given} {family}", organisation)
        yield _Found(last, Change.RIGHT_ENDS, f"{given} {family}", organisation)


def _functions(session: Session, today: date) -> Iterator[_Found]:
    """A function begins to count on the day KBO has recorded it."""
    wanted = (
        select(FunctionRow, PersonRow, EnterpriseRow.name)
        .join(PersonRow, PersonRow.id == FunctionRow.person_id)
        .join(EnterpriseRow, EnterpriseRow.number == FunctionRow.organisation)
        .where(PersonRow.in_cast)
    )
    for function, person, organisation in session.execute(wanted):
        yield _Found(max(function.first, function.recorded_on), Change.FUNCTION_BEGINS, person.name, organisation)
        yield _Found(last_day(function, today), Change.FUNCTION_ENDS, person.name, organisation)
        if function.end_recorded_on is not None and function.end_recorded_on > today:
            yield _Found(function.end_recorded_on, Change.FUNCTION_ENDS, person.name, organisation)
