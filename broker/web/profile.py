"""What the gateway knows of the visitor's own session: as a page, and as JSON for scripts of the applications.

Asking as a script does not count as use; a post to the same address does, and is how `session.js` extends a session.
"""

from __future__ import annotations

from datetime import timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from broker.cookies import cookie_value
from broker.domain.identity_headers import pseudonym
from broker.domain.session import Session
from broker.ports import Clock, SessionStore
from broker.web.answers import CHOOSE, LOGIN
from broker.web.forms import from_own_page
from broker.web.return_to import address_with_return
from broker.web.site import SPACE, Pages, new_reference
from broker.web.visitors import session_of

PROFILE = f"{SPACE}/profile"
SIGNED_IN = f"{SPACE}/signed-in"


class ProfilePages:
    """`profile`, `signed-in` and `me`."""

    def __init__(
        self,
        *,
        pages: Pages,
        sessions: SessionStore,
        clock: Clock,
        absolute: timedelta,
        chosen_at_provider: bool,
        origin: str,
        pseudonym_key: bytes,
    ) -> None:
        """`chosen_at_provider`: the organisation is chosen there, since no register is asked here."""
        self._pages = pages
        self._sessions = sessions
        self._clock = clock
        self._absolute = absolute
        self._origin = origin
        self._pseudonym_key = pseudonym_key
        self._chosen_at_provider = chosen_at_provider

    def routes(self) -> list[BaseRoute]:
        """The routes of these pages."""
        return [
            Route("/profile", self.profile, methods=["GET"]),
            Route("/signed-in", self.signed_in, methods=["GET"]),
            Route("/me", self.me, methods=["GET", "POST"]),
        ]

    async def profile(self, request: Request) -> Response:
        """Show who is signed in, how, for which organisation, with the ways to switch and to sign out."""
        session = await self._session(request)
        if session is None:
            return self._pages.see_other(address_with_return(LOGIN, PROFILE))
        return self._pages.page(
            request,
            "profile.html",
            session=session,
            ends_at=session.ends_at(absolute=self._absolute),
            chosen_at_provider=self._chosen_at_provider,
            applications=self._pages.titles(self._pages.language(request)),
        )

    async def signed_in(self, request: Request) -> Response:
        """Where a sign-in in a second tab ends: the first one goes on."""
        session = await self._session(request)
        if session is None:
            return self._pages.see_other(address_with_return(LOGIN, SIGNED_IN))
        if session.acting is None:
            return self._pages.see_other(address_with_return(CHOOSE, SIGNED_IN))
        response = self._pages.page(request, "signed-in.html", session=session)
        self._pages.finish(response, live=True)
        return response

    async def me(self, request: Request) -> Response:
        """The own session as JSON: no identity number, no token, nothing that opens anything.

        `ends_in` are the seconds until it ends if nobody uses it, `latest_in` those until it ends in any case. `person`
        is a pseudonym by which a page sees whether the same person is back; no backend receives it.
        """
        extends = request.method == "POST"
        if extends and not from_own_page(request, origin=self._origin):
            return _problem(403, "Not from a page of this site", {"reason": "foreign"})
        cookie = cookie_value(request.scope["headers"], self._pages.cookies.session)
        session = await self._sessions.find(cookie, counts_as_use=extends) if cookie else None
        left = await self._sessions.left(cookie) if cookie and session else None
        if session is None or left is None:
            return _problem(401, "Nobody is signed in", {"reason": "not-signed-in", "login_url": LOGIN})
        identity, acting = session.identity, session.acting
        ends_at = session.ends_at(absolute=self._absolute)
        latest = ends_at - self._clock.now()
        return JSONResponse(
            {
                "name": identity.name,
                "person": pseudonym(identity.national_number, application="_inkom", key=self._pseudonym_key),
                "method": identity.method.value if identity.method else None,
                "assurance": identity.assurance.word if identity.assurance else None,
                "signed_in_at": identity.authenticated_at.isoformat(),
                "ends_at": ends_at.isoformat(),
                "ends_in": int(min(left, latest).total_seconds()),
                "latest_in": int(latest.total_seconds()),
                "organisation": {"number": acting.organisation.number.digits, "name": acting.organisation.name}
                if acting
                else None,
                "session": session.reference,
            },
            headers={"cache-control": "no-store"},
        )

    async def _session(self, request: Request) -> Session | None:
        return await session_of(request, cookies=self._pages.cookies, sessions=self._sessions)


def _problem(status: int, title: str, members: dict[str, str]) -> Response:
    problem = {"type": "about:blank", "title": title, "status": status, "reference": new_reference(), **members}
    headers = {"cache-control": "no-store"}
    return JSONResponse(problem, status_code=status, media_type="application/problem+json", headers=headers)
