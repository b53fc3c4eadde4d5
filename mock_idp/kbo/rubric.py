"""What the page of an enterprise shows: the rubric *Functies* and the establishment units, as KBO has recorded them.

Changes that KBO was told of and has not recorded yet are not public; `waiting` lists those. No national number leaves
the database here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from mock_idp.days import OPEN_END
from mock_idp.numbers import format_establishment_number
from mock_idp.world.facts import Catalogue, FunctionHolder, FunctionKind
from mock_idp.world.questions import last_day
from mock_idp.world.tables import EnterpriseRow, EstablishmentUnitRow, FunctionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One function. `last` is None while it has no end, `recorded_on` when KBO has had it from the beginning.

    `company` is the enterprise that holds it, itself or through the person; `company_number` when KBO has it too.
    """

    row: int
    kind: FunctionKind
    holder: FunctionHolder
    person: str | None
    company: str | None
    company_number: str | None
    first: date
    last: date | None
    recorded_on: date | None

    def is_over(self, today: date) -> bool:
        return self.last is not None and self.last < today


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    number: str
    name: str
    address: str
    first: date
    last: date | None

    @property
    def dotted(self) -> str:
        return format_establishment_number(self.number)

    def is_over(self, today: date) -> bool:
        return self.last is not None and self.last < today


@dataclass(frozen=True, slots=True, kw_only=True)
class Rubric:
    """`present` also has what begins later, `former` is over; each in order of begin date."""

    present: Sequence[Line]
    former: Sequence[Line]

    def anybody_represents(self, today: date) -> bool:
        return any(line.kind.represents and line.first <= today for line in self.present)


def rubric_of(session: Session, number: str, *, catalogue: Catalogue, today: date) -> Rubric:
    wanted = (
        select(FunctionRow)
        .where(FunctionRow.organisation == number, FunctionRow.recorded_on <= today)
        .options(joinedload(FunctionRow.person))
        .order_by(FunctionRow.first, FunctionRow.id)
    )
    rows = session.scalars(wanted).all()
    numbers = _numbers_of_companies(session, {row.company for row in rows if row.company is not None})
    lines = [line_of(row, catalogue=catalogue, today=today, companies=numbers) for row in rows]
    return Rubric(
        present=[line for line in lines if not line.is_over(today)],
        former=[line for line in lines if line.is_over(today)],
    )


def line_of(row: FunctionRow, *, catalogue: Catalogue, today: date, companies: dict[str, str] | None = None) -> Line:
    last = last_day(row, today)
    return Line(
        row=row.id,
        kind=catalogue.functions[row.code],
        holder=FunctionHolder(row.holder),
        person=None if row.person is None else row.person.name,
        company=row.company,
        company_number=(companies or {}).get(row.company or ""),
        first=row.first,
        last=None if last >= OPEN_END else last,
        recorded_on=None if row.recorded_on == date.min else row.recorded_on,
    )


def units_of(session: Session, number: str) -> Sequence[Unit]:
    wanted = select(EstablishmentUnitRow).where(EstablishmentUnitRow.organisation == number)
    return [unit_of(row) for row in session.scalars(wanted.order_by(EstablishmentUnitRow.number))]


def unit_of(row: EstablishmentUnitRow) -> Unit:
    return Unit(
        number=row.number,
        name=row.name,
        address=row.address,
        first=row.first,
        last=None if row.last >= OPEN_END else row.last,
    )


def _numbers_of_companies(session: Session, names: set[str]) -> dict[str, str]:
    """By name, which is all that a function keeps of a company; a name that several enterprises have tells nothing."""
    found: dict[str, list[str]] = {}
    wanted = select(EnterpriseRow.name, EnterpriseRow.number).where(EnterpriseRow.name.in_(names))
    for name, number in session.execute(wanted):
        found.setdefault(name, []).append(number)
    return {name: numbers[0] for name, numbers in found.items() if len(numbers) == 1}
