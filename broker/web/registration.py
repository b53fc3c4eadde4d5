"""Registering an organisation on INKOM: the page that stands in the way of its first visitor, and nobody else's.

Only somebody for whom the registration is the one thing that stands in the way may see the page and send it: the rule
is admission's own, asked of every application. The organisation is the session's; the form names it only so that a form
for another one is refused. Whoever comes second goes on as if they had been first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import assert_never

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from broker.cookies import cookie_value
from broker.domain.admission import Register, admit
from broker.domain.identity_headers import audit_pseudonym
from broker.domain.policy import Policy
from broker.domain.registration import LANGUAGES, Contact, ContactField, Flaw, Mistake, Registration, read_contact
from broker.domain.session import Acting, Session
from broker.facts import FactsReader
from broker.ports import (
    AuditLog,
    Clock,
    Event,
    Registers,
    RegisterUnavailable,
    Registrations,
    SessionStore,
)
from broker.web.answers import CHOOSE, LOGIN, REGISTER
from broker.web.forms import ForeignForm, own_form
from broker.web.return_to import address_with_return, own_path
from broker.web.site import Pages
from pagekit import message


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Somebody signed in, for an organisation, with facts read a moment ago."""

    cookie: str
    session: Session
    acting: Acting


class RegistrationPages:
    """`registration`: the page, and what it sends."""

    def __init__(
        self,
        *,
        pages: Pages,
        sessions: SessionStore,
        facts: FactsReader,
        registers: Registers,
        registrations: Registrations,
        audit: AuditLog,
        clock: Clock,
        policies: Mapping[str, Policy],
        accepted: Mapping[str, tuple[str, ...]],
        origin: str,
        pseudonym_key: bytes,
    ) -> None:
        self._pages = pages
        self._sessions = sessions
        self._facts = facts
        self._registers = registers
        self._registrations = registrations
        self._audit = audit
        self._clock = clock
        self._policies = policies
        self._accepted = accepted
        self._origin = origin
        self._pseudonym_key = pseudonym_key

    def routes(self) -> list[BaseRoute]:
        """The routes of these pages."""
        return [
            Route("/registration", self.show, methods=["GET"]),
            Route("/registration", self.submit, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show the page, filled from KBO; or that it is not needed, or not theirs to fill in."""
        return_to = own_path(request.query_params.get("return_to"))
        visit = await self._visit(request, return_to)
        if isinstance(visit, Response):
            return visit
        if visit.acting.facts.registered:
            await self._sessions.amend(visit.cookie, lambda kept: kept.acting_for(visit.acting))
            return self._pages.page(request, "registered.html", session=visit.session, return_to=return_to)
        if not self._may_register(visit):
            return self._not_theirs(request, visit.session, return_to)
        typed = {ContactField.LANGUAGE.value: self._pages.language(request)}
        return await self._form(request, visit, return_to, typed=typed)

    async def submit(self, request: Request) -> Response:
        """Store the registration and go on; show the page again, as it was typed, when something in it is wrong."""
        return_to = own_path(request.query_params.get("return_to"))
        visit = await self._visit(request, return_to)
        if isinstance(visit, Response):
            return visit
        try:
            form = await own_form(request, session=visit.session, origin=self._origin)
        except ForeignForm:
            return self._pages.page(request, "foreign-form.html", status=403, back=REGISTER)
        if form.get("organisation") != visit.acting.organisation.number.digits:
            # Forged, or filled in before the person changed to another organisation.
            await self._happened("registration-refused", visit)
            return self._pages.page(request, "foreign-form.html", status=403, back=REGISTER)
        if not visit.acting.facts.registered:
            if not self._may_register(visit):
                await self._happened("registration-refused", visit)
                return self._not_theirs(request, visit.session, return_to)
            contact = read_contact(form)
            if not isinstance(contact, Contact):
                return await self._form(request, visit, return_to, typed=form, mistakes=contact)
            await self._register(visit, contact)
        await self._sessions.amend(visit.cookie, lambda kept: kept.acting_for(_now_registered(visit.acting)))
        return self._pages.see_other(return_to)

    async def _visit(self, request: Request, return_to: str) -> Visit | Response:
        """Return who is asking, with fresh facts, or where they have to go first."""
        here = address_with_return(REGISTER, return_to)
        cookie = cookie_value(request.scope["headers"], self._pages.cookies.session)
        session = await self._sessions.find(cookie) if cookie else None
        if cookie is None or session is None:
            return self._pages.see_other(address_with_return(LOGIN, here))
        acting = session.acting
        if acting is not None:
            acting = await self._facts.acting(session.identity, acting.organisation.number)
        if acting is None:
            return self._pages.see_other(address_with_return(CHOOSE, here))
        return Visit(cookie=cookie, session=session.acting_for(acting), acting=acting)

    def _may_register(self, visit: Visit) -> bool:
        day, now = self._clock.today(), self._clock.now()
        return any(
            isinstance(
                admit(
                    visit.session,
                    application=name,
                    policy=policy,
                    day=day,
                    now=now,
                    providers=self._accepted.get(name, ()),
                ),
                Register,
            )
            for name, policy in self._policies.items()
        )

    async def _register(self, visit: Visit, contact: Contact) -> None:
        registration = Registration(
            organisation=visit.acting.organisation,
            contact=contact,
            registered_by=self._person(visit),
            registered_by_name=visit.session.identity.name,
            registered_at=self._clock.now(),
        )
        # First what is wanted, so that nothing is stored that the audit log cannot hold; then that it happened.
        await self._happened("registration-submitted", visit)
        if await self._registrations.register(registration) == registration:
            await self._happened("organisation-registered", visit)

    async def _form(
        self,
        request: Request,
        visit: Visit,
        return_to: str,
        *,
        typed: Mapping[str, str],
        mistakes: tuple[Mistake, ...] = (),
    ) -> Response:
        return self._pages.page(
            request,
            "registration.html",
            status=422 if mistakes else 200,
            session=visit.session,
            organisation_number=visit.acting.organisation.number,
            representatives=await self._representatives(visit),
            typed={field.value: typed.get(field.value, "") for field in ContactField},
            limits={field.value: field.max_length for field in ContactField},
            mistakes={mistake.field.value: remark(mistake) for mistake in mistakes},
            languages_offered=LANGUAGES,
            return_to=return_to,
        )

    async def _representatives(self, visit: Visit) -> tuple[str, ...] | None:
        try:
            contacts = await self._registers.contacts(visit.acting.organisation.number, day=self._clock.today())
        except RegisterUnavailable:
            return None
        return contacts.representatives if contacts.known else None

    def _not_theirs(self, request: Request, session: Session, return_to: str) -> Response:
        return self._pages.page(request, "not-yours-to-register.html", status=403, session=session, return_to=return_to)

    async def _happened(self, kind: str, visit: Visit) -> None:
        number = visit.acting.organisation.number.digits
        event = Event(
            kind=kind, session=visit.session.reference, organisation=number, detail=f"by {self._person(visit)}"
        )
        await self._audit.happened(event)

    def _person(self, visit: Visit) -> str:
        """The person's pseudonym, the same as in the audit log's decisions."""
        return audit_pseudonym(visit.session.identity.national_number, key=self._pseudonym_key)


def _now_registered(acting: Acting) -> Acting:
    return replace(acting, facts=replace(acting.facts, registered=True))


def remark(mistake: Mistake) -> str:
    """Return the message id of what to correct in a field."""
    match mistake.flaw:
        case Flaw.MISSING:
            return _missing(mistake.field)
        case Flaw.TOO_LONG:
            return message("Write this shorter.")
        case Flaw.NOT_TEXT:
            return message("Write this with ordinary letters, digits and signs.")
        case Flaw.NO_EMAIL:
            return message("Write an e-mail address, such as info@example.be.")
        case Flaw.NO_PHONE:
            return message("Write the number with its country, such as +3212345678.")
        case Flaw.NO_POSTAL_CODE:
            return message("Write a postal code of four digits, such as 1000.")
        case Flaw.NO_LANGUAGE:
            return message("Choose one of the languages.")
        case _:
            assert_never(mistake.flaw)


def _missing(field: ContactField) -> str:
    match field:
        case ContactField.EMAIL:
            return message("Fill in the e-mail address.")
        case ContactField.PHONE:
            return message("Fill in the phone number.")
        case ContactField.STREET:
            return message("Fill in the street.")
        case ContactField.HOUSE_NUMBER:
            return message("Fill in the house number.")
        case ContactField.POSTAL_CODE:
            return message("Fill in the postal code.")
        case ContactField.MUNICIPALITY:
            return message("Fill in the municipality.")
        case ContactField.LANGUAGE:
            return message("Choose the language.")
        case _:
            assert_never(field)
