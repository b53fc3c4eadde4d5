"""What KBO was told of and has not recorded yet, the soonest first, for the counter. Nobody else sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from mock_idp.kbo.rubric import Line, line_of
from mock_idp.numbers import format_enterprise_number
from mock_idp.world.facts import Catalogue
from mock_idp.world.tables import EnterpriseRow, FunctionRow

MOST_SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """`ends_on` is None for a new function, else the end that was reported."""

    line: Line
    organisation: str
    organisation_name: str
    ends_on: date | None
    public_from: date

    @property
    def dotted(self) -> str:
        return format_enterprise_number(self.organisation)


def waiting(
    session: Session, *, catalogue: Catalogue, today: date, organisation: str | None = None
) -> Sequence[Waiting]:
    """In one organisation, or in all of them."""
    wanted = (
        select(FunctionRow, EnterpriseRow.name)
        .join(EnterpriseRow, EnterpriseRow.number == FunctionRow.organisation)
        .where(or_(FunctionRow.recorded_on > today, FunctionRow.end_recorded_on > today))
        .options(joinedload(FunctionRow.person))
        .order_by(FunctionRow.id.desc())
        .limit(MOST_SHOWN)
    )
    if organisation is not None:
        wanted = wanted.where(FunctionRow.organisation == organisation)
    found = [
        Waiting(
            line=line_of(row, catalogue=catalogue, today=today),
            organisation=row.organisation,
            organisation_name=name,
            ends_on=None if row.recorded_on > today else row.ends_on,
            public_from=row.recorded_on if row.recorded_on > today else row.end_recorded_on or today,
        )
        for row, name in session.execute(wanted)
    ]
    return sorted(found, key=lambda one: one.public_from)
