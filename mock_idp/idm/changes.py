"""Changes of people and working relations, each in the transaction of a Writing and each with its line of history.

All raise RuleBrokenError, NotAllowedError, or ChangedMeanwhileError when the page showed an older version of the row.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select

from mock_idp.days import Period, plus_years
from mock_idp.idm import authority, rules
from mock_idp.idm.history import Action, Writing
from mock_idp.idm.rules import Problem, require
from mock_idp.world.facts import PersonStatus, RelationStatus
from mock_idp.world.tables import AcquaintanceRow, EnterpriseRow, PersonRow, RelationRow, RightRow
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationForm:
    category: str
    first: date
    last: date
    phone: str
    email: str


def checked_version(row: PersonRow | RelationRow | RightRow, version: int) -> None:
    """Raises ChangedMeanwhileError unless the row still is the one that the page showed."""
    if row.version != version:
        raise ChangedMeanwhileError


# -- people


def add_person(writing: Writing, *, organisation: str, national_number: str, form: PersonForm) -> PersonRow:
    """Add a person by number, or make a known one known in this organisation too.

    Whoever the national register knows keeps the names it has; anybody else gets those of the form.
    """
    authority.require_administrator(writing.session, writing.actor, organisation)
    digits = rules.read_number("national_number", national_number)
    person = writing.session.scalars(select(PersonRow).where(PersonRow.national_number == digits)).one_or_none()
    require(_person_problems(digits, form, names_needed=person is None))
    if person is None:
        person = _new_person(digits, form)
        writing.session.add(person)
    if not person.in_registers:
        person.in_registers = True
        person.status = PersonStatus.PENDING.value
        person.activates_at = (writing.clock.now() + ACTIVATED_AFTER).replace(tzinfo=None)
    person.call_name, person.initials = form.call_name or person.call_name or "", form.initials or person.initials or ""
    writing.session.flush()
    if writing.session.get(AcquaintanceRow, (organisation, person.id)) is None:
        writing.session.add(AcquaintanceRow(organisation=organisation, person_id=person.id))
    writing.record(Action.PERSON_ADDED, person, organisation=organisation, after={"name": person.name})
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
    person.call_name, person.initials = call_name, initials
    after = {"call_name": call_name, "initials": initials}
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


def _person_problems(digits: str, form: PersonForm, *, names_needed: bool) -> list[Problem]:
    problems: list[Problem] = []
    if names_needed:
        problems += rules.text_problems("given_name", form.given_name)
        problems += rules.text_problems("family_name", form.family_name)
        if form.birth_date is None:
            problems.append(Problem(field="birth_date", text=message("This must be filled in.")))
    if form.birth_date is not None:
        problems += rules.birth_date_problems(digits, form.birth_date)
    problems += rules.text_problems("call_name", form.call_name, required=False)
    problems += rules.text_problems("initials", form.initials, required=False)
    return problems


# -- working relations


def link(writing: Writing, person: PersonRow, *, organisation: str, form: RelationForm) -> RelationRow:
    """A new working relation."""
    authority.require_administrator(writing.session, writing.actor, organisation)
    if not authority.is_known_in(writing.session, person, organisation):
        raise authority.NotAllowedError("a stranger")
    today = writing.clock.today()
    require(_relation_problems(writing, form, others=_relations(person, organisation), today=today, is_new=True))
    enterprise = writing.session.get(EnterpriseRow, organisation)
    if enterprise is None or (enterprise.ceased_on is not None and enterprise.ceased_on <= today):
        raise rules.RuleBrokenError(
            Problem(field="organisation", text=message("This organisation has ceased according to KBO."))
        )
    relation = RelationRow(
        person_id=person.id,
        organisation=organisation,
        category=form.category,
        status=RelationStatus.ACTIVE.value,
        first=form.first,
        last=form.last,
        phone=rules.read_phone(form.phone),
        email=form.email,
    )
    person.relations.append(relation)
    person.phone = person.phone or relation.phone
    person.email = person.email or relation.email
    writing.record(Action.RELATION_ADDED, person, organisation=organisation, after=_told(relation))
    return relation


def edit_relation(writing: Writing, relation: RelationRow, *, version: int, form: RelationForm) -> None:
    """New dates or ways to reach the person. Rights that would stick out end with the relation."""
    authority.require_administrator(writing.session, writing.actor, relation.organisation)
    checked_version(relation, version)
    others = [one for one in _relations(relation.person, relation.organisation) if one is not relation]
    begins_anew = form.first != relation.first
    require(_relation_problems(writing, form, others=others, today=writing.clock.today(), is_new=begins_anew))
    for right in relation.rights:
        if right.last < form.first or right.first > form.last:
            raise rules.RuleBrokenError(
                Problem(
                    field="last" if right.first > form.last else "first",
                    text=message("The right %(right)s would fall outside the working relation. Remove it first."),
                    values={"right": right.name},
                )
            )
    before = _told(relation)
    relation.category, relation.first, relation.last = form.category, form.first, form.last
    relation.phone, relation.email = rules.read_phone(form.phone), form.email
    for right in relation.rights:
        right.first, right.last = max(right.first, form.first), min(right.last, form.last)
    writing.record(
        Action.RELATION_EDITED,
        relation.person,
        organisation=relation.organisation,
        before=before,
        after=_told(relation),
    )


def extend_relation(writing: Writing, relation: RelationRow, *, version: int) -> None:
    """*Verleng werkrelatie en gebruikersrechten*: all to their maximum terms, counted from today."""
    authority.require_administrator(writing.session, writing.actor, relation.organisation)
    checked_version(relation, version)
    require(rules.reason_problems(writing.reason))
    today = writing.clock.today()
    before = _told(relation)
    relation.last = max(relation.last, plus_years(max(relation.first, today), rules.RELATION_YEARS))
    for right in relation.rights:
        most = plus_years(max(right.first, today), rules.RIGHT_YEARS)
        right.last = max(right.last, min(most, relation.last))
    writing.record(
        Action.RELATION_EXTENDED,
        relation.person,
        organisation=relation.organisation,
        before=before,
        after=_told(relation),
    )


def pause(writing: Writing, relation: RelationRow, *, version: int) -> None:
    _set_status(writing, relation, version, RelationStatus.ACTIVE, RelationStatus.PAUSED, Action.RELATION_PAUSED)


def resume(writing: Writing, relation: RelationRow, *, version: int) -> None:
    _set_status(writing, relation, version, RelationStatus.PAUSED, RelationStatus.ACTIVE, Action.RELATION_RESUMED)


def remove_relation(writing: Writing, relation: RelationRow, *, version: int) -> None:
    """The relation and its rights are gone; the history stays."""
    authority.require_administrator(writing.session, writing.actor, relation.organisation)
    checked_version(relation, version)
    require(rules.reason_problems(writing.reason))
    person, organisation, before = relation.person, relation.organisation, _told(relation)
    if writing.session.get(AcquaintanceRow, (organisation, person.id)) is None:
        # The administrator who removes a relation must still find the person, to put a mistake right.
        writing.session.add(AcquaintanceRow(organisation=organisation, person_id=person.id))
    writing.record(Action.RELATION_REMOVED, person, organisation=organisation, before=before)
    person.relations.remove(relation)


def _set_status(
    writing: Writing, relation: RelationRow, version: int, old: RelationStatus, new: RelationStatus, action: Action
) -> None:
    authority.require_administrator(writing.session, writing.actor, relation.organisation)
    checked_version(relation, version)
    require(rules.reason_problems(writing.reason))
    if relation.status != old.value:
        raise ChangedMeanwhileError
    relation.status = new.value
    writing.record(
        action,
        relation.person,
        organisation=relation.organisation,
        before={"status": old.value},
        after={"status": new.value},
    )


def _relations(person: PersonRow, organisation: str) -> list[RelationRow]:
    return [relation for relation in person.relations if relation.organisation == organisation]


def _relation_problems(
    writing: Writing, form: RelationForm, *, others: list[RelationRow], today: date, is_new: bool
) -> list[Problem]:
    problems: list[Problem] = []
    if form.category not in rules.CATEGORIES:
        problems.append(Problem(field="category", text=message("Choose a category from the list.")))
    problems += rules.relation_problems(
        Period(first=form.first, last=form.last),
        today=today,
        is_new=is_new,
        others=[Period(first=one.first, last=one.last) for one in others],
    )
    try:
        rules.read_phone(form.phone)
    except rules.RuleBrokenError as broken:
        problems += broken.problems
    problems += rules.email_problems(form.email)
    problems += rules.reason_problems(writing.reason)
    return problems


def _told(relation: RelationRow) -> dict[str, str]:
    return {
        "category": relation.category,
        "first": relation.first.isoformat(),
        "last": relation.last.isoformat(),
        "phone": relation.phone,
        "email": relation.email,
    }
