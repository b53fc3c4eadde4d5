"""Choosing the organisation that a person acts for: none, one or several, and switching at any time.

The list is read from the registers whenever it is shown and again when a choice is made: a form cannot name an
organisation that the person has nothing to do with. Each choice gives the session a new id, so that nothing decided for
the former organisation can be used any more and open streams end.
"""

from __future__ import annotations

import unicodedata

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from broker.cookies import cookie_value
from broker.domain.numbers import EnterpriseNumber, InvalidNumberError
from broker.domain.people import Organisation
from broker.domain.session import Session
from broker.facts import FactsReader
from broker.ports import AuditLog, Event, LastChoices, SessionStore
from broker.web.answers import CHOOSE, LOGIN
from broker.web.forms import ForeignForm, own_form
from broker.web.return_to import address_with_return, own_path
from broker.web.site import Pages
from broker.web.visitors import session_of

PER_PAGE = 20


class OrganisationPages:
    """`organisation`: the list, and the choice."""

    def __init__(
        self,
        *,
        pages: Pages,
        sessions: SessionStore,
        facts: FactsReader,
        choices: LastChoices,
        audit: AuditLog,
        origin: str,
    ) -> None:
        self._pages = pages
        self._sessions = sessions
        self._facts = facts
        self._choices = choices
        self._audit = audit
        self._origin = origin

    def routes(self) -> list[BaseRoute]:
        """The routes of these pages."""
        return [
            Route("/organisation", self.list, methods=["GET"]),
            Route("/organisation", self.choose, methods=["POST"]),
        ]

    async def list(self, request: Request) -> Response:
        """Show the organisations that the person can act for, the last choice first."""
        return_to = own_path(request.query_params.get("return_to"))
        session = await self._session(request)
        if session is None:
            return self._pages.see_other(address_with_return(LOGIN, address_with_return(CHOOSE, return_to)))
        organisations = await self._facts.organisations(session.identity)
        if not organisations:
            return self._pages.page(request, "no-organisation.html", status=403, session=session)
        last = await self._choices.recall(session.identity.national_number)
        search = request.query_params.get("q", "").strip()[:100]
        found = [one for one in organisations if _matches(one, search)]
        found.sort(key=lambda one: (one.number != last, _folded(one.name)))
        page, pages = _page(request.query_params.get("page"), len(found))
        return self._pages.page(
            request,
            "organisation.html",
            session=session,
            organisations=found[(page - 1) * PER_PAGE : page * PER_PAGE],
            total=len(organisations),
            found=len(found),
            per_page=PER_PAGE,
            last=last,
            search=search,
            current=session.acting.organisation.number if session.acting else None,
            return_to=return_to,
            page_number=page,
            page_count=pages,
        )

    async def choose(self, request: Request) -> Response:
        """Act for the chosen organisation from now on, under a new session id."""
        session = await self._session(request)
        cookie = cookie_value(request.scope["headers"], self._pages.cookies.session)
        if session is None or cookie is None:
            return self._pages.see_other(address_with_return(LOGIN, CHOOSE))
        try:
            form = await own_form(request, session=session, origin=self._origin)
            number = EnterpriseNumber(form.get("organisation", ""))
        except (ForeignForm, InvalidNumberError):
            return self._pages.page(request, "foreign-form.html", status=403, back=CHOOSE)
        acting = await self._facts.acting(session.identity, number)
        if acting is None:
            await self._happened("organisation-refused", session, number)
            return self._pages.page(request, "foreign-form.html", status=403, back=CHOOSE)
        await self._happened("organisation-chosen", session, number)
        renewed = await self._sessions.renew(cookie, session.acting_for(acting))
        if renewed is None:
            return self._pages.see_other(address_with_return(LOGIN, CHOOSE))
        await self._choices.remember(session.identity.national_number, number)
        cookies = self._pages.cookies
        return self._pages.see_other(own_path(form.get("return_to")), cookies.setting(cookies.session, renewed))

    async def _session(self, request: Request) -> Session | None:
        return await session_of(request, cookies=self._pages.cookies, sessions=self._sessions)

    async def _happened(self, kind: str, session: Session, number: EnterpriseNumber) -> None:
        await self._audit.happened(Event(kind=kind, session=session.reference, organisation=number.digits, detail=""))


def _matches(organisation: Organisation, search: str) -> bool:
    """Whether every word of the search stands in the name, or its digits in the number."""
    digits = "".join(character for character in search if character.isdigit())
    if len(digits) >= 3 and digits in organisation.number.digits:
        return True
    return all(word in _folded(organisation.name) for word in _folded(search).split())


def _folded(text: str) -> str:
    """Without case and accents, so that "zoe" finds "Zoë"."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _page(asked: str | None, found: int) -> tuple[int, int]:
    pages = max(1, -(-found // PER_PAGE))
    wanted = int(asked) if asked is not None and asked.isascii() and asked.isdigit() and len(asked) < 6 else 1
    return min(max(wanted, 1), pages), pages
