"""Signing out: the session here ends first, then the provider is asked to end its own (ACM, "Afmelden").

Or to let the person choose again for whom they act, without another sign-in (ACM, "Switch identiteit"). Whatever the
provider does or does not do, nobody stays signed in here.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from broker.cookies import cookie_value
from broker.domain.session import Session, TokenGrant
from broker.ports import AuditLog, Event, IdentityProvider, InkomError, SessionStore
from broker.web.answers import LOGIN
from broker.web.forms import ForeignForm, own_form
from broker.web.site import SPACE, Pages
from broker.web.visitors import session_of

LOGGED_OUT = f"{SPACE}/logged-out"
# Asks a provider where the person goes on.
Onward = Callable[[IdentityProvider], Awaitable[str | None]]


class LogoutPages:
    """`logout`, `switch` and `logged-out`."""

    def __init__(
        self,
        *,
        pages: Pages,
        providers: Mapping[str, IdentityProvider],
        sessions: SessionStore,
        audit: AuditLog,
        origin: str,
    ) -> None:
        self._pages = pages
        self._providers = providers
        self._sessions = sessions
        self._audit = audit
        self._origin = origin

    def routes(self) -> list[BaseRoute]:
        """The routes of these pages."""
        return [
            Route("/logout", self.logout, methods=["POST"]),
            Route("/switch", self.switch, methods=["POST"]),
            Route("/logged-out", self.logged_out, methods=["GET"]),
        ]

    async def logout(self, request: Request) -> Response:
        """End the session here, then at the provider."""
        return await self._leave(request, kind="signed-out", to=_end_there, otherwise=LOGGED_OUT)

    async def switch(self, request: Request) -> Response:
        """End the session here, and let the person choose again at the provider for whom they act."""
        return await self._leave(request, kind="switched", to=_choose_again, otherwise=LOGIN)

    async def _leave(self, request: Request, *, kind: str, to: Onward, otherwise: str) -> Response:
        cookies = self._pages.cookies
        cookie = cookie_value(request.scope["headers"], cookies.session)
        session = await session_of(request, cookies=cookies, sessions=self._sessions)
        forget = cookies.removal(cookies.session)
        if cookie is None or session is None:
            return self._pages.see_other(otherwise, forget)
        try:
            await own_form(request, session=session, origin=self._origin)
        except ForeignForm:
            return self._pages.page(request, "foreign-form.html", status=403, back=f"{SPACE}/profile")
        await self._sessions.end(cookie)
        await self._audit.happened(Event(kind=kind, session=session.reference, organisation=None, detail=""))
        response = self._pages.see_other(await self._at_provider(session, to) or otherwise, forget)
        provider = self._providers.get(session.identity.provider)
        if session.grant is not None and provider is not None:
            response.background = BackgroundTask(_revoke, provider, session.grant)  # nobody waits for it
        return response

    async def logged_out(self, request: Request) -> Response:
        """Say that the session is over. What comes along in the address is not looked at."""
        page = self._pages.page(request, "logged-out.html")
        page.headers["referrer-policy"] = "no-referrer"
        return page

    async def _at_provider(self, session: Session, to: Onward) -> str | None:
        """Return where the provider that signed this person in goes on, if it is there and offers that."""
        provider = self._providers.get(session.identity.provider)
        if provider is None:
            return None
        try:
            return await to(provider)
        except InkomError:
            # The session here is over already; the provider's own one ends by itself after two hours at most.
            return None


async def _revoke(provider: IdentityProvider, grant: TokenGrant) -> None:
    with suppress(InkomError):  # the tokens end by themselves
        await provider.revoke(grant)


async def _end_there(provider: IdentityProvider) -> str | None:
    return await provider.logout_url(state=secrets.token_urlsafe(16))


async def _choose_again(provider: IdentityProvider) -> str | None:
    return await provider.switch_url()
