"""A form that comes when its session is over waits here until its sender is back and says what to do with it.

Only a form that a browser sends from a page of our own origin is kept, and only where it is known whose session it was:
another person never gets to send it. It is shown to nobody, not even to its sender. Sending it on is `replay`'s work.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from copy import copy

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from broker.cookies import cookie_value
from broker.domain.admission import ChooseOrganisation, StepUp
from broker.domain.parked import Owner, ParkedPost
from broker.domain.session import Session
from broker.ports import AuditLog, Clock, Event, Parking, Passage, SessionStore
from broker.web.answers import CHOOSE, LOGIN
from broker.web.bodies import whole_body
from broker.web.browsers import new_browser, own_browser
from broker.web.forms import ForeignForm, from_own_page, own_form
from broker.web.return_to import address_with_return, own_path
from broker.web.site import SPACE, Pages
from broker.web.visitors import session_of

PARKED = f"{SPACE}/parked"
PARKED_SECONDS = 900
# The application's answer to the form may lead to any https site, and Chromium holds redirects to form-action too.
_ANYWHERE = ("https:",)


class ParkingPages:
    """`parked/<name>`: asks whether to send a form now; and what is said when a form comes too late."""

    def __init__(
        self,
        *,
        pages: Pages,
        parking: Parking,
        sessions: SessionStore,
        audit: AuditLog,
        clock: Clock,
        origin: str,
        largest: int,
    ) -> None:
        self._pages = pages
        self._parking = parking
        self._sessions = sessions
        self._audit = audit
        self._clock = clock
        self._origin = origin
        self._largest = largest

    def routes(self) -> list[BaseRoute]:
        """The routes of these pages."""
        return [
            Route("/parked/{name}", self.ask, methods=["GET"]),
            Route("/parked/{name}", self.drop, methods=["POST"]),
        ]

    def keeping_nothing(self) -> ParkingPages:
        """Return the same for requests whose body is not seen here: no form is kept."""
        pages = copy(self)
        pages._largest = 0
        return pages

    async def answer(self, request: Request, passage: Passage, *, onward: Callable[[str], str]) -> Response:
        """Keep a form that cannot pass now, if it may be kept, and say so. `onward` leads to what is missing."""
        too_large = self._too_large(request)
        post = None if too_large else await self._read(request, passage)
        browser = own_browser(request, self._pages.cookies.parked) or new_browser()
        kept = post is not None and await self._parking.park(post, browser=browser)
        return_to = waiting_place(post) if post is not None and kept else f"/{passage.application}/"
        choosing = isinstance(passage.outcome, ChooseOrganisation)
        response = self._pages.page(
            request,
            "form-too-late.html",
            status=403 if choosing else 401,
            missing="organisation" if choosing else "level" if isinstance(passage.outcome, StepUp) else "session",
            kept=kept,
            too_large=too_large,
            largest=self._largest,
            minutes=PARKED_SECONDS // 60,
            onward=onward(return_to),
        )
        if kept:
            cookies = self._pages.cookies
            cookie = cookies.setting(cookies.parked, browser, seconds=PARKED_SECONDS)
            response.headers.append("set-cookie", cookie)
        return response

    async def ask(self, request: Request) -> Response:
        """Say what waits, never what stands in it, and ask whether to send it as this person."""
        name, here, query = request.path_params["name"], request.url.path, request.url.query
        # No use of the session: else a form that waits would open an application that asks for a more recent use.
        session = await session_of(request, cookies=self._pages.cookies, sessions=self._sessions, counts_as_use=False)
        if session is None:
            return self._pages.see_other(address_with_return(LOGIN, f"{here}?{query}" if query else here))
        browser = own_browser(request, self._pages.cookies.parked)
        post = await self._parking.look(name, browser=browser) if browser else None
        if post is None or browser is None:
            return self.gone(request, session)
        if not post.owner.is_person_of(session):
            return await self.refuse(request, session, post, browser=browser)
        if session.acting is None:
            return self._pages.see_other(address_with_return(CHOOSE, here))
        response = self._pages.page(
            request,
            "parked.html",
            session=session,
            post=post,
            title_of=self._pages.title(post.application, self._pages.language(request)),
            other_organisation=not post.owner.acts_in(session),
            here=here,
        )
        self._pages.finish(response, form_targets=_ANYWHERE)
        return response

    async def drop(self, request: Request) -> Response:
        """Forget a form that the person does not want to send."""
        name, here = request.path_params["name"], request.url.path
        session = await session_of(request, cookies=self._pages.cookies, sessions=self._sessions)
        if session is None:
            return self._pages.see_other(address_with_return(LOGIN, here))
        try:
            await own_form(request, session=session, origin=self._origin)
        except ForeignForm:
            return self._pages.page(request, "foreign-form.html", status=403, back=here)
        browser = own_browser(request, self._pages.cookies.parked)
        post = await self._parking.take(name, browser=browser) if browser else None
        if post is None:
            return self.gone(request, session)
        return self._pages.page(
            request, "parked-dropped.html", session=session, start=f"/{post.application}/", other_person=False
        )

    def gone(self, request: Request, session: Session | None) -> Response:
        """Nothing waits under this name: sent, given up, too old, or never there."""
        return self._pages.page(request, "parked-gone.html", status=410, session=session)

    async def refuse(self, request: Request, session: Session, post: ParkedPost, *, browser: str) -> Response:
        """Somebody else is here: what waits is theirs no longer to send, and is forgotten."""
        await self._parking.take(post.name, browser=browser)
        await self._audit.happened(
            Event(kind="kept-form-refused", session=session.reference, organisation=None, detail=post.application)
        )
        return self._pages.page(
            request,
            "parked-dropped.html",
            status=403,
            session=session,
            start=f"/{post.application}/",
            other_person=True,
        )

    def _too_large(self, request: Request) -> bool:
        length = request.headers.get("content-length", "0")
        return self._largest > 0 and length.isdigit() and int(length) > self._largest

    async def _read(self, request: Request, passage: Passage) -> ParkedPost | None:
        """Return the form, if it may be kept: a post of our own origin, of somebody known, and not too large."""
        target = passage.target.decode("ascii")
        if self._largest == 0 or own_path(target) != target or not from_own_page(request, origin=self._origin):
            return None
        owner = await self._owner(request, passage)
        if owner is None:
            return None
        body = await whole_body(request, longest=self._largest)
        if body is None:
            return None
        return ParkedPost(
            name=secrets.token_urlsafe(32),
            application=passage.application,
            target=target,
            content_type=request.headers.get("content-type"),
            referer=request.headers.get("referer"),
            body=body,
            parked_at=self._clock.now(),
            owner=owner,
        )

    async def _owner(self, request: Request, passage: Passage) -> Owner | None:
        """Return whose session it is or was; a program has none, and sees that its request failed."""
        if passage.session is not None:
            return Owner.of(passage.session) if isinstance(passage.session, Session) else None
        cookie = cookie_value(request.scope["headers"], self._pages.cookies.session)
        return await self._parking.owner(cookie) if cookie else None


def waiting_place(post: ParkedPost) -> str:
    """Return the address that asks about a form. It names the application, as the sign-in has to suit that."""
    return address_with_return(f"{PARKED}/{post.name}", f"/{post.application}/")
