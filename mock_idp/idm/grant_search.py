"""*Toekenning opzoeken*: the grants of one organisation that fit a search, sorted by the day on which they end.

What is asked is read from an address, so that a search can be bookmarked. Names are compared as `people` compares them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import InstrumentedAttribute, Session, contains_eager

from mock_idp.idm import rules
from mock_idp.idm.rules import Problem, RuleBrokenError
from mock_idp.idm.standing import Standing
from mock_idp.world.facts import Catalogue, RelationStatus
from mock_idp.world.names import called, folded
from mock_idp.world.tables import PersonRow, RelationRow, RightRow
from pagekit.languages import message

MOST_DAYS = 3660  # ten years: no relation lasts longer


class Operator(StrEnum):
    """The guide's list before a date; the values stand in addresses."""

    ON = "is"
    BEFORE = "voor"
    AFTER = "na"


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCondition:
    operator: Operator
    day: date

    def on(self, column: InstrumentedAttribute[date]) -> ColumnElement[bool]:
        match self.operator:
            case Operator.ON:
                return column == self.day
            case Operator.BEFORE:
                return column < self.day
            case Operator.AFTER:
                return column > self.day


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody looks for; none or empty is anything. `within` counts days from today."""

    right: str = ""
    first: DayCondition | None = None
    last: DayCondition | None = None
    name: str = ""
    profile: str = ""
    standing: Standing | None = None
    category: str = ""
    within: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One page of grants, with their relations and people, and how many there are in all."""

    rows: Sequence[RightRow] = field(default=())
    total: int = 0
    page: int = 1
    pages: int = 1


def read_search(fields: Mapping[str, str], catalogue: Catalogue) -> Asked:
    """From the fields of an address. Raises RuleBrokenError with every problem: a search never silently asks less."""
    problems: list[Problem] = []

    def day(name: str) -> DayCondition | None:
        text = fields.get(name, "")
        if not text:
            return None
        try:
            return DayCondition(operator=Operator(fields.get(f"{name}_op") or "is"), day=rules.read_day(name, text))
        except RuleBrokenError as broken:
            problems.extend(broken.problems)
        except ValueError:
            problems.append(Problem(field=name, text=message("Choose on, before or after from the list.")))
        return None

    def one_of(name: str, possible: Sequence[str]) -> str:
        text = fields.get(name, "")
        if text and text not in possible:
            problems.append(Problem(field=name, text=message("Choose from the list.")))
        return text

    profiles = [profile for kind in catalogue.rights.values() for profile in kind.profiles]
    standing = one_of("status", [one.value for one in Standing])
    asked = {
        "right": one_of("recht", list(catalogue.rights)),
        "profile": one_of("profiel", profiles),
        "category": one_of("categorie", rules.CATEGORIES),
    }
    first, last = day("begin"), day("eind")
    within = fields.get("binnen", "")
    if within and not (within.isascii() and within.isdigit() and len(within) < 6 and int(within) <= MOST_DAYS):
        problems.append(
            Problem(
                field="binnen",
                text=message("Write a number of days from 0 to %(most)s."),
                values={"most": MOST_DAYS},
            )
        )
    rules.require(problems)
    return Asked(
        **asked,
        first=first,
        last=last,
        name=fields.get("naam", ""),
        standing=Standing(standing) if standing else None,
        within=int(within) if within else None,
    )


def find(session: Session, organisation: str, asked: Asked, *, today: date, page: int, size: int) -> Found:
    """A page too far is the last one."""
    ids = _matching(session, organisation, asked, today)
    pages = max(1, -(-len(ids) // size))
    page = min(max(page, 1), pages)
    return Found(rows=_rows(session, ids[(page - 1) * size : page * size]), total=len(ids), page=page, pages=pages)


def find_all(session: Session, organisation: str, asked: Asked, *, today: date) -> Sequence[RightRow]:
    return _rows(session, _matching(session, organisation, asked, today))


def _matching(session: Session, organisation: str, asked: Asked, today: date) -> list[int]:
    """The ids of all that fit, those that end first before the others."""
    wanted = _wanted(organisation, asked, today)
    fits = called(asked.name)
    fitting = []
    for right_id, last, profiles, family, given, call in session.execute(wanted):
        if fits(f"{given} {family} {call}") and (not asked.profile or asked.profile in profiles):
            fitting.append((last, folded(family), folded(given), right_id))
    return [right_id for *_, right_id in sorted(fitting)]


def _wanted(organisation: str, asked: Asked, today: date) -> Select[int, date, list[object], str, str, str]:
    wanted = (
        select(
            RightRow.id,
            RightRow.last,
            RightRow.profiles,
            PersonRow.family_name,
            PersonRow.given_name,
            PersonRow.call_name,
        )
        .join(RightRow.relation)
        .join(RelationRow.person)
        .where(RelationRow.organisation == organisation)
    )
    if asked.right:
        wanted = wanted.where(RightRow.name == asked.right)
    if asked.first is not None:
        wanted = wanted.where(asked.first.on(RightRow.first))
    if asked.last is not None:
        wanted = wanted.where(asked.last.on(RightRow.last))
    if asked.category:
        wanted = wanted.where(RelationRow.category == asked.category)
    if asked.within is not None:
        wanted = wanted.where(RightRow.last.between(today, today + timedelta(days=asked.within)))
    if asked.standing is not None:
        wanted = wanted.where(*_stands(asked.standing, today))
    return wanted


def _stands(standing: Standing, today: date) -> tuple[ColumnElement[bool], ...]:
    """As `standing.standing_of_right`, asked of the database."""
    over = (RightRow.last < today) | (RelationRow.last < today)
    begun = (RightRow.first <= today) & (RelationRow.first <= today)

    def within(status: RelationStatus) -> ColumnElement[bool]:
        return RelationRow.status == status.value

    match standing:
        case Standing.EXPIRED:
            return (over,)
        case Standing.PAUSED:
            return (~over, within(RelationStatus.PAUSED))
        case Standing.PENDING:
            return (~over, within(RelationStatus.PENDING))
        case Standing.NOT_BEGUN:
            return (~over, within(RelationStatus.ACTIVE), ~begun)
        case Standing.VALID:
            return (~over, within(RelationStatus.ACTIVE), begun)


def _rows(session: Session, ids: Sequence[int]) -> list[RightRow]:
    found: dict[int, RightRow] = {}
    for begin in range(0, len(ids), 500):  # SQLite takes so many values in one question, and more
        wanted = (
            select(RightRow)
            .join(RightRow.relation)
            .join(RelationRow.person)
            .where(RightRow.id.in_(ids[begin : begin + 500]))
            .options(contains_eager(RightRow.relation).contains_eager(RelationRow.person))
        )
        found |= {row.id: row for row in session.scalars(wanted)}
    return [found[one] for one in ids]
