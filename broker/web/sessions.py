"""Where a person is signed in: a list of their sessions, with the ways to end one of them or all others.

A session that is ended here is over on every machine at once, open streams included. The list names browsers and
organisations, and nothing that opens a session.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from broker.domain.identity_headers import audit_pseudonym
from broker.domain.session import OpenSession, Session
from broker.ports import AuditLog, Event, SessionIndex, SessionStore
from broker.web.answers import LOGIN
from broker.web.forms import ForeignForm, own_form
from broker.web.return_to import address_with_return
from broker.web.site import SPACE, Pages
from broker.web.visitors import session_of

SESSIONS = f"{SPACE}/sessions"
OTHERS = "others"


class SessionsPages:
    """`sessions`: the list, and the ends."""

    def __init__(
        self,
        *,
        pages: Pages,
        sessions: SessionStore,
        index: SessionIndex,
        audit: AuditLog,
        origin: str,
        pseudonym_key: bytes,
    ) -> None:
        self._pages = pages
        self._sessions = sessions
        self._index = index
        self._audit = audit
        self._origin = origin
        self._pseudonym_key = pseudonym_key

    def routes(self) -> list[BaseRoute]:
        """The routes of these pages."""
        return [
            Route("/sessions", self.list, methods=["GET"]),
            Route("/sessions", self.end, methods=["POST"]),
        ]

    async def list(self, request: Request) -> Response:
        """Show this session and the person's others, the newest first."""
        session = await self._session(request)
        if session is None:
            return self._pages.see_other(address_with_return(LOGIN, SESSIONS))
        listed = await self._index.of(self._person(session))
        return self._pages.page(
            request,
            "sessions.html",
            session=session,
            this=[one for one in listed if one.reference == session.reference],
            others=[one for one in listed if one.reference != session.reference],
            ended=_count(request.query_params.get("ended")),
        )

    async def end(self, request: Request) -> Response:
        """End one of the others, or all of them; this one ends by signing out."""
        session = await self._session(request)
        if session is None:
            return self._pages.see_other(address_with_return(LOGIN, SESSIONS))
        try:
            form = await own_form(request, session=session, origin=self._origin)
        except ForeignForm:
            return self._pages.page(request, "foreign-form.html", status=403, back=SESSIONS)
        others = [one for one in await self._index.of(self._person(session)) if one.reference != session.reference]
        wanted = form.get("end", "")
        chosen = others if wanted == OTHERS else [one for one in others if one.reference == wanted]
        ended = await self._index.end(self._person(session), [one.reference for one in chosen])
        for one in chosen:
            if one.reference in ended:
                await self._happened(one, by=session)
        return self._pages.see_other(f"{SESSIONS}?ended={len(ended)}")

    async def _session(self, request: Request) -> Session | None:
        return await session_of(request, cookies=self._pages.cookies, sessions=self._sessions)

    async def _happened(self, ended: OpenSession, *, by: Session) -> None:
        organisation = ended.organisation.digits if ended.organisation else None
        await self._audit.happened(
            Event(
                kind="session-ended",
                session=ended.reference,
                organisation=organisation,
                detail=f"in the list of session {by.reference}",
            )
        )

    def _person(self, session: Session) -> str:
        return audit_pseudonym(session.identity.national_number, key=self._pseudonym_key)


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 4 else None
