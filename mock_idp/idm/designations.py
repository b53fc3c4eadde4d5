"""Designating and withdrawing local administrators (*Beheer der Toegangsbeheer*).

The chain (CSAM and VLAIO): a legal representative, according to KBO, designates main local administrators and local
administrators; a main local administrator designates local administrators. Raises what `changes` raise.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from mock_idp.idm import authority, rules
from mock_idp.idm.changes import ChangedMeanwhileError
from mock_idp.idm.history import Action, Writing
from mock_idp.idm.rules import Problem, require
from mock_idp.world.facts import AdministratorLevel, Catalogue, PersonStatus
from mock_idp.world.tables import AdministratorRow, EnterpriseRow, PersonRow
from pagekit.languages import message


def levels_open_to(
    session: Session, person: PersonRow, organisation: str, *, catalogue: Catalogue, today: date
) -> tuple[AdministratorLevel, ...]:
    """Which administrators the person may designate and withdraw in the organisation; none for a stranger."""
    if authority.represents(session, person, organisation, catalogue, today):
        return (AdministratorLevel.MAIN, AdministratorLevel.LOCAL)
    if authority.level_of(session, person, organisation) is AdministratorLevel.MAIN:
        return (AdministratorLevel.LOCAL,)
    return ()


def organisations_of(
    session: Session, person: PersonRow, *, catalogue: Catalogue, today: date
) -> tuple[EnterpriseRow, ...]:
    """Where the person may designate somebody: as legal representative, or as main local administrator."""
    found = {one.number: one for one in authority.represented_by(session, person, catalogue, today)}
    for one in authority.administered_by(session, person):
        if authority.level_of(session, person, one.number) is AdministratorLevel.MAIN:
            found[one.number] = one
    return tuple(sorted(found.values(), key=lambda one: (one.name, one.number)))


def administrators_in(session: Session, organisation: str) -> Sequence[AdministratorRow]:
    """All administrators of the organisation, main ones first."""
    wanted = select(AdministratorRow).join(AdministratorRow.person).where(AdministratorRow.organisation == organisation)
    return session.scalars(
        wanted.order_by(AdministratorRow.level.desc(), PersonRow.family_name, PersonRow.given_name)
    ).all()


def find_person(session: Session, national_number: str) -> PersonRow:
    """The person with that number, if the national register knows one. Raises RuleBrokenError."""
    digits = rules.read_number("national_number", national_number)
    person = session.scalars(select(PersonRow).where(PersonRow.national_number == digits)).one_or_none()
    if person is None:
        raise rules.RuleBrokenError(
            Problem(field="national_number", text=message("The national register knows nobody with this number."))
        )
    return person


def designate(
    writing: Writing,
    *,
    catalogue: Catalogue,
    organisation: str,
    person: PersonRow,
    level: AdministratorLevel,
    email: str,
) -> None:
    """Make a person administrator, or change the level of one who is."""
    _require_level(writing, catalogue, organisation, level)
    enterprise = writing.session.get(EnterpriseRow, organisation)
    if enterprise is None or (enterprise.ceased_on is not None and enterprise.ceased_on <= writing.clock.today()):
        raise rules.RuleBrokenError(
            Problem(field="organisation", text=message("This organisation has ceased according to KBO."))
        )
    require([*rules.email_problems(email), *rules.reason_problems(writing.reason)])
    row = writing.session.get(AdministratorRow, (organisation, person.id))
    before = {} if row is None else {"level": row.level}
    if row is None:
        writing.session.add(AdministratorRow(organisation=organisation, person_id=person.id, level=level.value))
    else:
        _require_level(writing, catalogue, organisation, AdministratorLevel(row.level))
        row.level = level.value
    if not person.in_registers:
        person.in_registers = True
        person.status = PersonStatus.ACTIVE.value
    person.email = person.email or email
    writing.record(
        Action.ADMINISTRATOR_DESIGNATED,
        person,
        organisation=organisation,
        before=before,
        after={"level": level.value},
    )


def withdraw(writing: Writing, *, catalogue: Catalogue, organisation: str, person: PersonRow) -> None:
    """From now on the person administers nothing here; what they granted stays."""
    row = writing.session.get(AdministratorRow, (organisation, person.id))
    if row is None:
        raise ChangedMeanwhileError
    _require_level(writing, catalogue, organisation, AdministratorLevel(row.level))
    require(rules.reason_problems(writing.reason))
    writing.record(Action.ADMINISTRATOR_WITHDRAWN, person, organisation=organisation, before={"level": row.level})
    writing.session.delete(row)


def _require_level(writing: Writing, catalogue: Catalogue, organisation: str, level: AdministratorLevel) -> None:
    open_to = levels_open_to(
        writing.session, writing.actor, organisation, catalogue=catalogue, today=writing.clock.today()
    )
    if level not in open_to:
        raise authority.NotAllowedError("may not designate that")
