"""Changes of people, each in the transaction of a Writing and each with its line of history.

All raise RuleBrokenError, NotAllowedError, or ChangedMeanwhileError when the page showed an older version of the row.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from mock_idp.idm import authority, rules
from mock_idp.idm.history import Action, Writing
from mock_idp.idm.rules import Problem, require
from mock_idp.world.facts import PersonStatus
from mock_idp.world.tables import AcquaintanceRow, PersonRow, RelationRow, RightRow
from pagekit.languages import message

ACTIVATED_AFTER = timedelta(seconds=2)  # the workflow that turns "In afwachting" into "Actief"

SOURCE_TYPED = "Ingevoerd"  # where the names come from when the national register does not know the number


class ChangedMeanwhileError(Exception):
    """Somebody else changed the row since the page was made. Nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonForm:
    """What step 2 of adding a person asks. Names and birth date come from the register where it knows the number."""

    given_name: str
    family_name: str
    birth_date: date | None
    call_name: str = ""
    initials: str = ""


def checked_version(row: PersonRow | RelationRow | RightRow, version: int) -> None:
    """Raises ChangedMeanwhileError unless the row still is the one that the page showed."""
    if row.version != version:
        raise ChangedMeanwhileError


# -- people


def registered_person(session: Session, digits: str) -> PersonRow | None:
    """Whom the national register knows by this number."""
    return session.scalars(select(PersonRow).where(PersonRow.national_number == digits)).one_or_none()


def add_person(writing: Writing, *, organisation: str, national_number: str, form: PersonForm) -> PersonRow:
    """Add a person by number. Whoever the national register knows keeps the names it has.

    Somebody whom the organisation knows already is left as they are.
    """
    authority.require_administrator(writing.session, writing.actor, organisation)
    digits = rules.read_number("national_number", national_number)
    person = registered_person(writing.session, digits)
    if person is not None and authority.is_known_in(writing.session, person, organisation):
        return person
    today = writing.clock.today()
    require(
        [
            *person_problems(digits, form, names_needed=person is None, today=today),
            *rules.reason_problems(writing.reason),
        ]
    )
    if person is None:
        person = _new_person(digits, form)
        writing.session.add(person)
    if not person.in_registers:
        person.in_registers = True
        person.status = PersonStatus.PENDING.value
        person.activates_at = (writing.clock.now() + ACTIVATED_AFTER).replace(tzinfo=None)
    person.call_name, person.initials = form.call_name or person.call_name or "", form.initials or person.initials or ""
    writing.session.flush()
    writing.session.add(AcquaintanceRow(organisation=organisation, person_id=person.id))
    told = {"name": person.name, "call_name": person.call_name, "initials": person.initials}
    writing.record(Action.PERSON_ADDED, person, organisation=organisation, after={k: v for k, v in told.items() if v})
    return person


def edit_person(
    writing: Writing, person: PersonRow, *, organisation: str, version: int, call_name: str, initials: str
) -> None:
    """What an administrator may change of a person: not the names, which are the register's."""
    authority.require_administrator(writing.session, writing.actor, organisation)
    if not authority.is_known_in(writing.session, person, organisation):
        raise authority.NotAllowedError("a stranger")
    checked_version(person, version)
    require(
        [
            *rules.text_problems("call_name", call_name, required=False),
            *rules.text_problems("initials", initials, required=False),
            *rules.reason_problems(writing.reason),
        ]
    )
    before = {"call_name": person.call_name, "initials": person.initials}
    after = {"call_name": call_name, "initials": initials}
    if before == after:
        return
    person.call_name, person.initials = call_name, initials
    writing.record(Action.PERSON_EDITED, person, organisation=organisation, before=before, after=after)


def _new_person(digits: str, form: PersonForm) -> PersonRow:
    return PersonRow(
        key=f"added-{secrets.token_hex(6)}",  # names the person in addresses, and tells nothing
        national_number=digits,
        given_name=form.given_name,
        family_name=form.family_name,
        birth_date=form.birth_date,
        source=SOURCE_TYPED,
        phone="",
        email=None,
        story={"nl": "Toegevoegd in Gebruikersbeheer.", "en": "Added in user management."},
        in_cast=True,
        status=PersonStatus.PENDING.value,
        in_registers=False,
    )


def person_problems(digits: str, form: PersonForm, *, names_needed: bool, today: date) -> list[Problem]:
    """`names_needed`: the national register doesn't know the number, so that the form must tell."""
    problems: list[Problem] = []
    if names_needed:
        problems += rules.text_problems("given_name", form.given_name)
        problems += rules.text_problems("family_name", form.family_name)
        if form.birth_date is None:
            problems.append(Problem(field="birth_date", text=message("This must be filled in.")))
    if form.birth_date is not None:
        problems += rules.birth_date_problems(digits, form.birth_date, today=today)
    problems += rules.text_problems("call_name", form.call_name, required=False)
    problems += rules.text_problems("initials", form.initials, required=False)
    return problems
