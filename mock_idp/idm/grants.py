"""Changes of user rights within a working relation, each in the transaction of a Writing and with its line of history.

They raise what `changes` raise.
"""

from __future__ import annotations

from datetime import date, timedelta

from mock_idp.days import Period, plus_years
from mock_idp.idm import authority, rules
from mock_idp.idm.changes import checked_version
from mock_idp.idm.history import Action, Writing
from mock_idp.idm.rules import Problem, require
from mock_idp.world.facts import Catalogue
from mock_idp.world.tables import RelationRow, RightRow
from pagekit.languages import message


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
    kind = catalogue.rights.get(right)
    if kind is None:
        raise rules.RuleBrokenError(Problem(field="right", text=message("Choose a user right from the list.")))
    same = [one for one in relation.rights if one.name == right]
    require(
        [
            *rules.right_problems(
                Period(first=first, last=last),
                relation=Period(first=relation.first, last=relation.last),
                today=writing.clock.today(),
                is_new=True,
                others=[Period(first=one.first, last=one.last) for one in same],
            ),
            *rules.profile_problems(kind, profiles),
            *rules.reason_problems(writing.reason),
        ]
    )
    row = RightRow(name=right, profiles=list(profiles), first=first, last=last)
    relation.rights.append(row)
    writing.record(
        Action.RIGHT_GRANTED, relation.person, organisation=relation.organisation, after={"right": right, **_told(row)}
    )
    return row


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
    same = [one for one in row.relation.rights if one.name == row.name and one is not row]
    require(
        [
            *rules.right_problems(
                Period(first=first, last=last),
                relation=Period(first=row.relation.first, last=row.relation.last),
                today=writing.clock.today(),
                is_new=first != row.first,
                others=[Period(first=one.first, last=one.last) for one in same],
            ),
            *rules.profile_problems(catalogue.rights[row.name], profiles),
            *rules.reason_problems(writing.reason),
        ]
    )
    before = _told(row)
    row.profiles, row.first, row.last = list(profiles), first, last
    if _told(row) != before:
        _record(writing, Action.RIGHT_EDITED, row, before)


def extend_right(writing: Writing, row: RightRow, *, version: int, last: date | None = None) -> None:
    """Set a later end date, or (None) the latest that the rules allow: four years from today, within the relation."""
    _check(writing, row, version)
    today = writing.clock.today()
    same = [one for one in row.relation.rights if one.name == row.name and one is not row]
    later = [one.first - timedelta(days=1) for one in same if one.first > row.last]  # the next grant of it stays whole
    latest = min([plus_years(max(row.first, today), rules.RIGHT_YEARS), row.relation.last, *later])
    wanted = latest if last is None else last
    require(
        [
            *rules.right_problems(
                Period(first=row.first, last=wanted),
                relation=Period(first=row.relation.first, last=row.relation.last),
                today=today,
                is_new=False,
                others=[Period(first=one.first, last=one.last) for one in same],
            ),
            *rules.reason_problems(writing.reason),
        ]
    )
    if wanted <= row.last:
        raise rules.RuleBrokenError(
            Problem(
                field="last",
                text=message("This right already lasts until %(day)s. Choose a later day to extend it."),
                values={"day": rules.written_day(row.last)},
            )
        )
    before = _told(row)
    row.last = wanted
    _record(writing, Action.RIGHT_EXTENDED, row, before)


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
