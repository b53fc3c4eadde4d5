"""Changes of working relations, each in the transaction of a Writing and each with its line of history.

They raise what `changes` raise. What a change would bring can be asked first: `problems_of`, `extension_of`.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.orm import Session

from mock_idp.days import Period, plus_years
from mock_idp.idm import authority, rules
from mock_idp.idm.changes import ChangedMeanwhileError, checked_version
from mock_idp.idm.history import Action, Writing
from mock_idp.idm.rules import Problem, require
from mock_idp.world.facts import RelationStatus
from mock_idp.world.tables import AcquaintanceRow, EnterpriseRow, PersonRow, RelationRow
from pagekit.languages import message


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationForm:
    category: str
    first: date
    last: date
    phone: str
    email: str

    @property
    def period(self) -> Period:
        return Period(first=self.first, last=self.last)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """The last day that an extension would give a relation, and each of its rights (by id of the row)."""

    last: date
    rights: dict[int, date]


def relation_in(session: Session, relation_id: int, organisation: str) -> RelationRow:
    """A working relation of this organisation. Raises NotAllowedError for one of another.

    One that is no more was removed since the page with its link was made: ChangedMeanwhileError.
    """
    row = session.get(RelationRow, relation_id)
    if row is None:
        raise ChangedMeanwhileError
    if row.organisation != organisation:
        raise authority.NotAllowedError("a relation elsewhere")
    return row


def relations_in(person: PersonRow, organisation: str) -> list[RelationRow]:
    return [relation for relation in person.relations if relation.organisation == organisation]


def seen_version(relation: RelationRow) -> int:
    """A version of the relation together with its rights, for pages whose change concerns them all."""
    rights = ",".join(f"{right.id}:{right.version}" for right in relation.rights)
    return zlib.crc32(f"{relation.version}|{rights}".encode()) % 999_999_937 + 1


# -- linking somebody


def link(writing: Writing, person: PersonRow, *, organisation: str, form: RelationForm) -> RelationRow:
    """A new working relation, with somebody whom an organisation of the administrator knows."""
    authority.require_administrator(writing.session, writing.actor, organisation)
    if not _is_known_to(writing.session, writing.actor, person, organisation):
        raise authority.NotAllowedError("a stranger")
    require(problems_of(writing, person, organisation=organisation, form=form))
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


def problems_of(writing: Writing, person: PersonRow, *, organisation: str, form: RelationForm) -> list[Problem]:
    """Everything that a new relation with this organisation would break."""
    today = writing.clock.today()
    enterprise = writing.session.get(EnterpriseRow, organisation)
    others = [_period(one) for one in relations_in(person, organisation)]
    problems = [
        *rules.relation_problems(form.period, today=today, others=others),
        *contact_problems(form.category, form.phone, form.email, writing.reason),
    ]
    if enterprise is None or (enterprise.ceased_on is not None and enterprise.ceased_on <= today):
        problems.append(Problem(field="organisation", text=message("This organisation has ceased according to KBO.")))
    return problems


def contact_problems(category: str, phone: str, email: str, reason: str) -> list[Problem]:
    """What is wrong with the fields other than the days."""
    problems: list[Problem] = []
    if category not in rules.CATEGORIES:
        problems.append(Problem(field="category", text=message("Choose a category from the list.")))
    try:
        rules.read_phone(phone)
    except rules.RuleBrokenError as broken:
        problems += broken.problems
    problems += rules.email_problems(email)
    problems += rules.reason_problems(reason)
    return problems


def _is_known_to(session: Session, actor: PersonRow, person: PersonRow, organisation: str) -> bool:
    """Known there, or in another organisation that the same administrator works for."""
    numbers = [organisation, *(one.number for one in authority.administered_by(session, actor))]
    return any(authority.is_known_in(session, person, number) for number in numbers)


# -- changing a relation


def edit_relation(writing: Writing, relation: RelationRow, *, version: int, form: RelationForm) -> None:
    """New days or ways to reach the person. Rights that would stick out begin and end with the relation."""
    _check(writing, relation, version)
    others = [_period(one) for one in relations_in(relation.person, relation.organisation) if one is not relation]
    require(
        [
            *rules.relation_problems(form.period, today=writing.clock.today(), was=_period(relation), others=others),
            *contact_problems(form.category, form.phone, form.email, writing.reason),
        ]
    )
    require(_rights_left_outside(relation, form.period))
    before = _told(relation)
    relation.category, relation.first, relation.last = form.category, form.first, form.last
    relation.phone, relation.email = rules.read_phone(form.phone), form.email
    for right in relation.rights:
        right.first, right.last = max(right.first, form.first), min(right.last, form.last)
    if _told(relation) != before:
        _record(writing, Action.RELATION_EDITED, relation, before)


def extend_relation(writing: Writing, relation: RelationRow, *, version: int) -> None:
    """*Verleng werkrelatie en gebruikersrechten*: all to their maximum terms, counted from today."""
    _check(writing, relation, version)
    require(rules.reason_problems(writing.reason))
    before = _told(relation)
    extension = extension_of(relation, writing.clock.today())
    relation.last = extension.last
    for right in relation.rights:
        right.last = extension.rights[right.id]
    if _told(relation) == before:
        raise rules.RuleBrokenError(
            Problem(field="reason", text=message("Everything already lasts as long as the rules allow today."))
        )
    _record(writing, Action.RELATION_EXTENDED, relation, before)


def extension_of(relation: RelationRow, today: date) -> Extension:
    """Nothing gets shorter, nothing overlaps what comes after it, and no right outlasts the relation.

    A right that ended before its relation stays ended: who needs it again gets it granted or extended by name.
    """
    most = plus_years(max(relation.first, today), rules.RELATION_YEARS)
    later = [one.first for one in relations_in(relation.person, relation.organisation) if one.first > relation.last]
    last = max(relation.last, _at_most(most, later))
    rights = {}
    for right in relation.rights:
        rights[right.id] = right.last
        if right.last >= min(today, relation.last):
            most = min(plus_years(max(right.first, today), rules.RIGHT_YEARS), last)
            same = [one.first for one in relation.rights if one.name == right.name and one.first > right.last]
            rights[right.id] = min(max(right.last, _at_most(most, same)), last)
    return Extension(last=last, rights=rights)


def pause(writing: Writing, relation: RelationRow, *, version: int) -> None:
    _set_status(writing, relation, version, RelationStatus.ACTIVE, RelationStatus.PAUSED, Action.RELATION_PAUSED)


def resume(writing: Writing, relation: RelationRow, *, version: int) -> None:
    _set_status(writing, relation, version, RelationStatus.PAUSED, RelationStatus.ACTIVE, Action.RELATION_RESUMED)


def remove_relation(writing: Writing, relation: RelationRow, *, version: int) -> None:
    """The relation and its rights are gone; the history stays."""
    _check(writing, relation, version)
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


def _check(writing: Writing, relation: RelationRow, version: int) -> None:
    """The administrator may do this, and saw the relation and its rights as they are."""
    authority.require_administrator(writing.session, writing.actor, relation.organisation)
    if seen_version(relation) != version:
        raise ChangedMeanwhileError


def _rights_left_outside(relation: RelationRow, period: Period) -> list[Problem]:
    return [
        Problem(
            field="last" if right.first > period.last else "first",
            text=message("The right %(right)s would fall outside the working relation. Remove it first."),
            values={"right": right.name},
        )
        for right in relation.rights
        if right.last < period.first or right.first > period.last
    ]


def _at_most(most: date, later: list[date]) -> date:
    """`most`, or the day before the next period begins."""
    return min([most, *(first - timedelta(days=1) for first in later)])


def _period(relation: RelationRow) -> Period:
    return Period(first=relation.first, last=relation.last)


def _record(writing: Writing, action: Action, relation: RelationRow, before: dict[str, str]) -> None:
    writing.record(action, relation.person, organisation=relation.organisation, before=before, after=_told(relation))


def _told(relation: RelationRow) -> dict[str, str]:
    told = {
        "category": relation.category,
        "first": relation.first.isoformat(),
        "last": relation.last.isoformat(),
        "phone": relation.phone,
        "email": relation.email,
    }
    if relation.rights:
        told["rights"] = "; ".join(f"{one.name} ({one.first} - {one.last})" for one in relation.rights)
    return told
