"""Who may act where in user management (VLAIO and CSAM: the chain from legal representative to local administrator).

A legal representative designates main local administrators and local administrators; a main local administrator
designates local administrators; both kinds grant working relations and rights. Being one gives no access by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from mock_idp.world.facts import AdministratorLevel, Catalogue
from mock_idp.world.questions import last_day
from mock_idp.world.tables import AcquaintanceRow, AdministratorRow, EnterpriseRow, FunctionRow, PersonRow, RelationRow


class NotAllowedError(Exception):
    """The person may not act for this organisation, or not on this person: nothing is shown and nothing changes."""


def administers(session: Session, person: PersonRow, organisation: str) -> bool:
    return session.get(AdministratorRow, (organisation, person.id)) is not None


def level_of(session: Session, person: PersonRow, organisation: str) -> AdministratorLevel | None:
    row = session.get(AdministratorRow, (organisation, person.id))
    return None if row is None else AdministratorLevel(row.level)


def require_administrator(session: Session, person: PersonRow, organisation: str) -> None:
    """Raises NotAllowedError. Asked anew at every change: a designation can be withdrawn at any moment."""
    if not administers(session, person, organisation):
        raise NotAllowedError("not an administrator there")


def administered_by(session: Session, person: PersonRow) -> tuple[EnterpriseRow, ...]:
    """The organisations in which the person is an administrator, by name."""
    wanted = (
        select(EnterpriseRow)
        .join(AdministratorRow, AdministratorRow.organisation == EnterpriseRow.number)
        .where(AdministratorRow.person_id == person.id)
        .order_by(EnterpriseRow.name, EnterpriseRow.number)
    )
    return tuple(session.scalars(wanted))


def represented_by(session: Session, person: PersonRow, catalogue: Catalogue, today: date) -> tuple[EnterpriseRow, ...]:
    """The organisations that the person legally represents today according to KBO, by name."""
    numbers = {row.organisation for row in _functions_in_force(session, person, catalogue, today)}
    wanted = select(EnterpriseRow).where(EnterpriseRow.number.in_(numbers)).order_by(EnterpriseRow.name)
    return tuple(session.scalars(wanted))


def represents(session: Session, person: PersonRow, organisation: str, catalogue: Catalogue, today: date) -> bool:
    return any(row.organisation == organisation for row in _functions_in_force(session, person, catalogue, today))


def is_known_in(session: Session, person: PersonRow, organisation: str) -> bool:
    """Whether administrators of the organisation may see this person: a relation, a duty there, or added by them."""
    if session.get(AcquaintanceRow, (organisation, person.id)) is not None or administers(
        session, person, organisation
    ):
        return True
    wanted = select(RelationRow.id).where(RelationRow.person_id == person.id, RelationRow.organisation == organisation)
    return session.scalars(wanted.limit(1)).first() is not None


def _functions_in_force(
    session: Session, person: PersonRow, catalogue: Catalogue, today: date
) -> Iterator[FunctionRow]:
    wanted = select(FunctionRow).where(FunctionRow.person_id == person.id, FunctionRow.recorded_on <= today)
    for row in session.scalars(wanted):
        if catalogue.functions[row.code].represents and row.first <= today <= last_day(row, today):
            yield row
