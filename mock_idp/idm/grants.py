"""Changes of user rights within a working relation, each in the transaction of a Writing and with its line of history.

They raise what `changes` raise. What a change would bring can be asked first: `grant_problems`, `proposed`, `reach_of`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum, auto

from sqlalchemy.orm import Session

from mock_idp.days import Period, plus_years
from mock_idp.idm import authority, rules
from mock_idp.idm.changes import ChangedMeanwhileError, checked_version
from mock_idp.idm.history import Action, Writing
from mock_idp.idm.rules import Problem, RuleBrokenError, require
from mock_idp.world.facts import Catalogue
from mock_idp.world.tables import RelationRow, RightRow
from pagekit.languages import message


class Bound(Enum):
    """What keeps a right from lasting longer."""

    TERM = auto()
    RELATION = auto()
    NEXT_GRANT = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The last day that the rules allow a right today, and what bounds it."""

    last: date
    bound: Bound


def right_in(session: Session, right_id: int, organisation: str) -> RightRow:
    """A right in this organisation. Raises NotAllowedError for one elsewhere, ChangedMeanwhileError for one removed."""
    row = session.get(RightRow, right_id)
    if row is None:
        raise ChangedMeanwhileError
    if row.relation.organisation != organisation:
        raise authority.NotAllowedError("a right elsewhere")
    return row


# -- granting


def grant(
    writing: Writing,
    relation: RelationRow,
    *,
    catalogue: Catalogue,
    right: str,
    profiles: tuple[str, ...],
    first: date,
    last: date,
) -> RightRow:
    """A new right with its profiles, within a working relation that is not over."""
    authority.require_administrator(writing.session, writing.actor, relation.organisation)
    period = Period(first=first, last=last)
    require(
        [
            *grant_problems(
                relation,
                catalogue=catalogue,
                right=right,
                profiles=profiles,
                period=period,
                today=writing.clock.today(),
            ),
            *rules.reason_problems(writing.reason),
        ]
    )
    row = RightRow(name=right, profiles=list(profiles), first=first, last=last)
    relation.rights.append(row)
    writing.record(
        Action.RIGHT_GRANTED, relation.person, organisation=relation.organisation, after={"right": right, **_told(row)}
    )
    return row


def grant_problems(
    relation: RelationRow,
    *,
    catalogue: Catalogue,
    right: str,
    profiles: tuple[str, ...],
    period: Period,
    today: date,
) -> list[Problem]:
    """Everything that such a grant would break."""
    kind = catalogue.rights.get(right)
    if kind is None:
        return [Problem(field="right", text=message("Choose a user right from the list."))]
    problems = [
        *rules.right_problems(period, relation=_period(relation), today=today, others=_same(relation, right)),
        *rules.profile_problems(kind, profiles),
    ]
    ceased_on = relation.enterprise.ceased_on
    if ceased_on is not None and ceased_on <= today:
        problems.append(Problem(field="right", text=message("This organisation has ceased according to KBO.")))
    return problems


def proposed(relation: RelationRow, right: str, today: date) -> Period:
    """The longest grant that can begin today, or with the relation; the days that a form begins with."""
    first = max(today, relation.first)
    return Period(first=first, last=_reach(relation, first, _same(relation, right), today).last)


# -- changing a right


def edit_right(
    writing: Writing,
    row: RightRow,
    *,
    version: int,
    catalogue: Catalogue,
    profiles: tuple[str, ...],
    first: date,
    last: date,
) -> None:
    """Other profiles or dates for a right."""
    _check(writing, row, version)
    kind = catalogue.rights.get(row.name)
    if kind is None:  # the world's file no longer has it, and a database kept it
        raise RuleBrokenError(Problem(field="right", text=message("This right no longer exists. It can be removed.")))
    require(
        [
            *rules.right_problems(
                Period(first=first, last=last),
                relation=_period(row.relation),
                today=writing.clock.today(),
                was=_period(row),
                others=_same(row.relation, row.name, besides=row),
            ),
            *rules.profile_problems(kind, profiles),
            *rules.reason_problems(writing.reason),
        ]
    )
    before = _told(row)
    if set(profiles) != set(row.profiles):
        row.profiles = list(profiles)
    row.first, row.last = first, last
    if _told(row) != before:
        _record(writing, Action.RIGHT_EDITED, row, before)


def extend_right(writing: Writing, row: RightRow, *, version: int, last: date | None = None) -> None:
    """Set a later end date, or (None) the latest that the rules allow: four years from today, within the relation."""
    _check(writing, row, version)
    today = writing.clock.today()
    require([*rules.ended_problems(_period(row.relation), today), *rules.reason_problems(writing.reason)])
    wanted = reach_of(row, today).last if last is None else last
    if wanted <= row.last:
        text = (
            message("This right already lasts as long as the rules allow today: until %(day)s.")
            if last is None
            else message("This right already lasts until %(day)s. Choose a later day to extend it.")
        )
        raise RuleBrokenError(Problem(field="last", text=text, values={"day": rules.written_day(row.last)}))
    require(
        rules.right_problems(
            Period(first=row.first, last=wanted),
            relation=_period(row.relation),
            today=today,
            was=_period(row),
            others=_same(row.relation, row.name, besides=row),
        )
    )
    before = _told(row)
    row.last = wanted
    _record(writing, Action.RIGHT_EXTENDED, row, before)


def reach_of(row: RightRow, today: date) -> Reach:
    """How long this right could last if it were extended today. Not always later than it lasts already."""
    later = [one for one in _same(row.relation, row.name, besides=row) if one.first > row.last]
    return _reach(row.relation, row.first, later, today)


def can_extend(row: RightRow, today: date) -> bool:
    # Not to a day that is past either, which is all that a later grant of it may leave to one that has ended.
    return row.last < (last := reach_of(row, today).last) and today <= last


def remove_right(writing: Writing, row: RightRow, *, version: int) -> None:
    _check(writing, row, version)
    require(rules.reason_problems(writing.reason))
    relation = row.relation
    writing.record(
        Action.RIGHT_REMOVED,
        relation.person,
        organisation=relation.organisation,
        before={"right": row.name, **_told(row)},
    )
    relation.rights.remove(row)


# -- all of them


def _reach(relation: RelationRow, first: date, others: Iterable[Period], today: date) -> Reach:
    bounds = [
        Reach(last=plus_years(max(first, today), rules.RIGHT_YEARS), bound=Bound.TERM),
        Reach(last=relation.last, bound=Bound.RELATION),
        *(
            Reach(last=one.first - timedelta(days=1), bound=Bound.NEXT_GRANT)  # the next grant of it stays whole
            for one in others
            if one.first > first
        ),
    ]
    return min(bounds, key=lambda reach: reach.last)


def _same(relation: RelationRow, name: str, *, besides: RightRow | None = None) -> list[Period]:
    """The other grants of this right in the relation."""
    return [_period(one) for one in relation.rights if one.name == name and one is not besides]


def _period(row: RelationRow | RightRow) -> Period:
    return Period(first=row.first, last=row.last)


def _check(writing: Writing, row: RightRow, version: int) -> None:
    authority.require_administrator(writing.session, writing.actor, row.relation.organisation)
    checked_version(row, version)


def _record(writing: Writing, action: Action, row: RightRow, before: dict[str, str]) -> None:
    writing.record(
        action,
        row.relation.person,
        organisation=row.relation.organisation,
        before={"right": row.name, **before},
        after={"right": row.name, **_told(row)},
    )


def _told(row: RightRow) -> dict[str, str]:
    return {"profiles": ", ".join(row.profiles), "first": row.first.isoformat(), "last": row.last.isoformat()}
