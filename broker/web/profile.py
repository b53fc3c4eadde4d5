"""What the gateway knows of the visitor's own session: as a page, and as JSON for scripts of the applications."""

from __future__ import annotations

from datetime import timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from broker.domain.session import Session
from broker.ports import SessionStore
from broker.web.answers import LOGIN
from broker.web.return_to import address_with_return
from broker.web.site import SPACE, Pages, new_reference
from broker.web.visitors import session_of

PROFILE = f"{SPACE}/profile"


class ProfilePages:
    """`profile` and `me`."""

    def __init__(self, *, pages: Pages, sessions: SessionStore, absolute: timedelta, chosen_at_provider: bool) -> None:
        """`chosen_at_provider`: the organisation is chosen there, since no register is asked here."""
        self._pages = pages
        self._sessions = sessions
        self._absolute = absolute
        self._chosen_at_provider = chosen_at_provider

    def routes(self) -> list[BaseRoute]:
        """The routes of these pages."""
        return [Route("/profile", self.profile, methods=["GET"]), Route("/me", self.me, methods=["GET"])]

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

    async def me(self, request: Request) -> Response:
        """The own session as JSON: no identity number, no token, nothing that opens anything."""
        session = await self._session(request)
        if session is None:
            problem = {"type": "about:blank", "title": "Nobody is signed in", "status": 401, "reason": "not-signed-in"}
            problem |= {"reference": new_reference(), "login_url": LOGIN}
            return JSONResponse(
                problem,
                status_code=401,
                media_type="application/problem+json",
                headers={"cache-control": "no-store"},
            )
        identity, acting = session.identity, session.acting
        return JSONResponse(
            {
                "name": identity.name,
                "method": identity.method.value if identity.method else None,
                "assurance": identity.assurance.word if identity.assurance else None,
                "signed_in_at": identity.authenticated_at.isoformat(),
                "ends_at": session.ends_at(absolute=self._absolute).isoformat(),
                "organisation": {"number": acting.organisation.number.digits, "name": acting.organisation.name}
                if acting
                else None,
                "session": session.reference,
            },
            headers={"cache-control": "no-store"},
        )

    async def _session(self, request: Request) -> Session | None:
        return await session_of(request, cookies=self._pages.cookies, sessions=self._sessions)
