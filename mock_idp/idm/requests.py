"""Self-registration (*zelfregistratie*): a person asks for a right, a local administrator approves or refuses.

Approving makes what is missing: the person in user management, the working relation, the right with its profiles.
Raises what `changes` raise.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from mock_idp.days import plus_years
from mock_idp.idm import authority, changes, grants, relations, rules
from mock_idp.idm.history import Action, Writing
from mock_idp.idm.rules import Problem, require
from mock_idp.world.facts import Catalogue, PersonStatus, RelationStatus
from mock_idp.world.tables import AcquaintanceRow, AdministratorRow, EnterpriseRow, PersonRow, RelationRow, RequestRow
from pagekit.languages import message


class RequestStatus(StrEnum):
    OPEN = "open"
    APPROVED = "approved"
    REFUSED = "refused"


def open_requests(session: Session, organisation: str) -> Sequence[RequestRow]:
    """What waits for an administrator of the organisation, oldest first."""
    wanted = select(RequestRow).where(
        RequestRow.organisation == organisation, RequestRow.status == RequestStatus.OPEN.value
    )
    return session.scalars(wanted.order_by(RequestRow.id)).all()


def requests_of(session: Session, person: PersonRow) -> Sequence[RequestRow]:
    """What a person asked for, newest first."""
    return session.scalars(
        select(RequestRow).where(RequestRow.person_id == person.id).order_by(RequestRow.id.desc())
    ).all()


def can_be_asked(session: Session, organisation: str) -> bool:
    """Whether somebody is there to decide: self-registration needs a local administrator."""
    wanted = select(AdministratorRow.person_id).where(AdministratorRow.organisation == organisation)
    return session.scalars(wanted.limit(1)).first() is not None


def ask(
    writing: Writing,
    *,
    catalogue: Catalogue,
    organisation: str,
    right: str,
    profiles: tuple[str, ...],
    phone: str,
    email: str,
) -> RequestRow:
    """The person who acts asks for a right for themselves. Asking twice is asking once."""
    person = writing.actor
    require(_problems(writing, catalogue, organisation, right, profiles, phone, email))
    for waiting in open_requests(writing.session, organisation):
        if waiting.person_id == person.id and waiting.right == right:
            return waiting
    request = RequestRow(
        person_id=person.id,
        organisation=organisation,
        right=right,
        profiles=list(profiles),
        phone=rules.read_phone(phone),
        email=email,
        reason=writing.reason,
        asked_at=writing.clock.now(),
        asked_on=writing.clock.today(),
        status=RequestStatus.OPEN.value,
    )
    writing.session.add(request)
    writing.record(
        Action.RIGHT_REQUESTED,
        person,
        organisation=organisation,
        after={"right": right, "profiles": ", ".join(profiles)},
    )
    return request


def approve(writing: Writing, request: RequestRow, *, version: int, catalogue: Catalogue) -> None:
    """Grant what was asked, from today to the maximum terms."""
    authority.require_administrator(writing.session, writing.actor, request.organisation)
    _decide(writing, request, version, RequestStatus.APPROVED)
    person = request.person
    if not person.in_registers:
        person.in_registers = True
        person.status = PersonStatus.ACTIVE.value
    if writing.session.get(AcquaintanceRow, (request.organisation, person.id)) is None:
        writing.session.add(AcquaintanceRow(organisation=request.organisation, person_id=person.id))
        writing.session.flush()
    relation = _relation_in_force(writing, request)
    today = writing.clock.today()
    last = min(plus_years(today, rules.RIGHT_YEARS), relation.last)
    same = [one for one in relation.rights if one.name == request.right and one.last >= today and one.first <= last]
    if same:
        # Already held, today or later: it begins today, and the profiles come together.
        (held, *_) = same
        grants.edit_right(
            writing,
            held,
            version=held.version,
            catalogue=catalogue,
            profiles=tuple(dict.fromkeys([*held.profiles, *request.profiles])),
            first=min(today, held.first),
            last=max(last, held.last),
        )
    else:
        grants.grant(
            writing,
            relation,
            catalogue=catalogue,
            right=request.right,
            profiles=tuple(request.profiles),
            first=today,
            last=last,
        )
    writing.record(Action.REQUEST_APPROVED, person, organisation=request.organisation, after={"right": request.right})


def refuse(writing: Writing, request: RequestRow, *, version: int) -> None:
    """Say no, with the reason that the person will read."""
    authority.require_administrator(writing.session, writing.actor, request.organisation)
    require(
        [
            *rules.text_problems("reason", writing.reason.replace("\r", " ").replace("\n", " ")[: rules.LONGEST_TEXT]),
            *rules.reason_problems(writing.reason),
        ]
    )
    _decide(writing, request, version, RequestStatus.REFUSED)
    request.decision_reason = writing.reason
    writing.record(
        Action.REQUEST_REFUSED, request.person, organisation=request.organisation, before={"right": request.right}
    )


def _decide(writing: Writing, request: RequestRow, version: int, status: RequestStatus) -> None:
    if request.version != version or request.status != RequestStatus.OPEN.value:
        raise changes.ChangedMeanwhileError
    request.status = status.value
    request.decided_by_id = writing.actor.id
    request.decided_on = writing.clock.today()


def _relation_in_force(writing: Writing, request: RequestRow) -> RelationRow:
    today = writing.clock.today()
    held = [one for one in request.person.relations if one.organisation == request.organisation and one.last >= today]
    for relation in held:
        if relation.first <= today and relation.status == RelationStatus.ACTIVE.value:
            return relation
    if held:
        raise rules.RuleBrokenError(
            Problem(
                field="reason",
                text=message(
                    "This person's working relation is paused, pending, or has not begun. Put that right first, on the "
                    "person's page."
                ),
            )
        )
    return relations.link(
        writing,
        request.person,
        organisation=request.organisation,
        form=relations.RelationForm(
            category=rules.CATEGORIES[0],
            first=today,
            last=plus_years(today, rules.RELATION_YEARS),
            phone=request.phone,
            email=request.email,
        ),
    )


def _problems(
    writing: Writing,
    catalogue: Catalogue,
    organisation: str,
    right: str,
    profiles: tuple[str, ...],
    phone: str,
    email: str,
) -> list[Problem]:
    problems: list[Problem] = []
    enterprise = writing.session.get(EnterpriseRow, organisation)
    if enterprise is None:
        problems.append(Problem(field="organisation", text=message("KBO knows no enterprise with that number.")))
    elif enterprise.ceased_on is not None and enterprise.ceased_on <= writing.clock.today():
        problems.append(Problem(field="organisation", text=message("This organisation has ceased according to KBO.")))
    elif not can_be_asked(writing.session, organisation):
        problems.append(
            Problem(
                field="organisation",
                text=message(
                    "This organisation has no local administrator yet, so nobody could decide. A legal representative "
                    "designates one first."
                ),
            )
        )
    kind = catalogue.rights.get(right)
    if kind is None:
        problems.append(Problem(field="right", text=message("Choose a user right from the list.")))
    else:
        problems += rules.profile_problems(kind, profiles)
    try:
        rules.read_phone(phone)
    except rules.RuleBrokenError as broken:
        problems += broken.problems
    problems += rules.email_problems(email)
    problems += rules.reason_problems(writing.reason)
    return problems
