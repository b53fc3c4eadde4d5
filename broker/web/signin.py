"""Signing in: to the provider and back, each attempt on its own, so that several tabs can all finish.

The provider's answer is verified in `adapters/oidc`; what a person may do is decided at the gate. Here a verified
answer becomes a new session.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from broker.cookies import Cookies, cookie_value
from broker.domain.browsers import browser_of
from broker.domain.people import Assurance
from broker.domain.session import Acting, Destination, Identity, Session, SignInAttempt
from broker.facts import FactsReader
from broker.ports import (
    AttemptStore,
    AuditLog,
    Clock,
    Event,
    IdentityProvider,
    Measures,
    Mismatch,
    RegisterUnavailable,
    SessionStore,
    SignedIn,
    SignInRefused,
)
from broker.web.answers import CHOOSE, LOGIN
from broker.web.forms import from_own_page
from broker.web.place import GO, may_have_place, posted_fragment, with_place
from broker.web.return_to import START, address_with_return, own_path
from broker.web.site import Pages, new_reference, spoken
from broker.web.visitors import session_of

_log = logging.getLogger("inkom.signin")
BROWSER_SECONDS = 4 * 3600  # longer than an attempt can be used: where it led is known as long as this
_BROWSER = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)  # what `secrets.token_urlsafe(32)` makes


class SignInPages:
    """`login` and `callback`."""

    def __init__(
        self,
        *,
        pages: Pages,
        provider: IdentityProvider,
        attempts: AttemptStore,
        sessions: SessionStore,
        facts: FactsReader,
        audit: AuditLog,
        measures: Measures,
        clock: Clock,
        origin: str,
        notes_provider_session: Callable[[Identity], Awaitable[None]] | None = None,
    ) -> None:
        """`notes_provider_session` is for front-channel logout, which ends only what began here."""
        self._pages = pages
        self._provider = provider
        self._attempts = attempts
        self._sessions = sessions
        self._facts = facts
        self._audit = audit
        self._measures = measures
        self._clock = clock
        self._origin = origin
        self._notes_provider_session = notes_provider_session

    def routes(self) -> list[BaseRoute]:
        """The routes of these pages."""
        return [
            Route("/login", self.login, methods=["GET"]),
            Route("/login", self.login_with_place, methods=["POST"]),
            Route("/callback", self.callback, methods=["GET"]),
        ]

    async def login(self, request: Request) -> Response:
        """Send the browser to the provider, after a page that nobody sees has asked it for the place on the page."""
        if not may_have_place(request):
            return await self._to_provider(request, fragment="")
        query = request.url.query
        response = self._pages.page(request, "signing-in.html", go=f"{LOGIN}?{query}{'&' if query else ''}{GO}=1")
        # What the script posts ends at the provider's authorization endpoint, wherever that is.
        self._pages.finish(response, form_targets=("https:",))
        return response

    async def login_with_place(self, request: Request) -> Response:
        """Do the same, and keep the place on the page that our own page found out."""
        ours = from_own_page(request, origin=self._origin)
        return await self._to_provider(request, fragment=await posted_fragment(request) if ours else "")

    async def _to_provider(self, request: Request, *, fragment: str) -> Response:
        """Begin an attempt. With `level` a person who is signed in steps up to it."""
        cookies = self._pages.cookies
        browser = _own_browser(request, cookies) or secrets.token_urlsafe(32)
        session = await self._session(request)
        level = _level(request.query_params.get("level")) if session else None
        attempt = SignInAttempt(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            code_verifier=secrets.token_urlsafe(48),
            return_to=own_path(request.query_params.get("return_to")),
            language=self._pages.language(request),
            began_at=self._clock.now(),
            level=level,
            subject=session.identity.subject if session and level else None,
            organisation=session.acting.organisation.number if session and session.acting and level else None,
            fragment=fragment,
        )
        address = await self._provider.authorization_url(attempt)
        await self._attempts.keep(attempt, browser=browser)
        return self._pages.see_other(address, cookies.setting(cookies.signin, browser, seconds=BROWSER_SECONDS))

    async def callback(self, request: Request) -> Response:
        """Take the provider's answer: a new session, or a page that says why not."""
        # Redeeming takes time: what ends the person's sessions from now on ends the one that this answer begins, too.
        arrived_at = self._clock.now()
        answer = parse_qsl(request.scope["query_string"].decode("ascii", "replace"), keep_blank_values=True)
        attempt = await self._attempt(request, answer)
        if attempt is None:
            return await self._without_attempt(request, await self._destination(request, answer))
        try:
            signed_in = await self._provider.identify(attempt, answer)
        except SignInRefused as refused:
            again = with_place(address_with_return(LOGIN, attempt.return_to), attempt.fragment)
            return await self._refuse(request, refused, again=again)
        return await self._begin(request, attempt, signed_in, arrived_at=arrived_at)

    async def _session(self, request: Request) -> Session | None:
        # On the way to the provider nobody uses their session, least of all one that an application no longer takes.
        return await session_of(request, cookies=self._pages.cookies, sessions=self._sessions, counts_as_use=False)

    async def _attempt(self, request: Request, answer: list[tuple[str, str]]) -> SignInAttempt | None:
        states = [value for name, value in answer if name == "state"]
        browser = _own_browser(request, self._pages.cookies)
        if len(states) != 1 or browser is None:
            return None
        return await self._attempts.take(states[0], browser=browser)

    async def _destination(self, request: Request, answer: list[tuple[str, str]]) -> Destination | None:
        """Return where this browser's attempt led, which is known longer than the attempt can be used."""
        states = [value for name, value in answer if name == "state"]
        browser = _own_browser(request, self._pages.cookies)
        if len(states) != 1 or browser is None:
            return None
        return await self._attempts.destination(states[0], browser=browser)

    async def _without_attempt(self, request: Request, destination: Destination | None) -> Response:
        """The browser's Back button leads here after a sign-in; without a session it was too late or not ours."""
        path, fragment = (destination.path, destination.fragment) if destination else (START, "")
        if await self._session(request) is not None:
            return self._pages.see_other(path, fragment=fragment)
        again = with_place(address_with_return(LOGIN, path), fragment) if destination else LOGIN
        return await self._refuse(
            request, SignInRefused(Mismatch.UNKNOWN_ATTEMPT, "no attempt for this answer"), again=again
        )

    async def _refuse(self, request: Request, refused: SignInRefused, *, again: str) -> Response:
        reference = new_reference()
        _log.warning(
            "sign-in refused",
            extra={"reference": reference, "mismatch": refused.mismatch.value, "detail": refused.detail},
        )
        await self._audit.happened(
            Event(kind="sign-in-refused", session=None, organisation=None, detail=refused.mismatch.value)
        )
        self._measures.signed_in(refused.mismatch.value)
        former = cookie_value(request.scope["headers"], self._pages.cookies.session)
        if refused.mismatch is Mismatch.OTHER_PERSON and former is not None:
            await self._sessions.end(former)
        status = 200 if refused.mismatch is Mismatch.CANCELLED else 403
        return self._pages.page(
            request,
            "sign-in-refused.html",
            status=status,
            mismatch=refused.mismatch.value,
            again=again,
            reference=spoken(reference),
        )

    async def _begin(
        self, request: Request, attempt: SignInAttempt, signed_in: SignedIn, *, arrived_at: datetime
    ) -> Response:
        """Begin a session under a new id; one that this browser had before is over."""
        cookies = self._pages.cookies
        former = cookie_value(request.scope["headers"], cookies.session)
        if former is not None:
            await self._sessions.end(former)
        acting, destination = await self._acting(attempt, signed_in)
        session = Session(
            reference=new_reference(),
            identity=signed_in.identity,
            began_at=arrived_at,
            form_token=secrets.token_urlsafe(24),
            acting=acting,
            browser=browser_of(request.headers.get("user-agent", "")),
            grant=signed_in.grant,
        )
        await self._audit.happened(
            Event(
                kind="signed-in",
                session=session.reference,
                organisation=acting.organisation.number.digits if acting else None,
                detail=signed_in.identity.method.value if signed_in.identity.method else "unknown method",
            )
        )
        if self._notes_provider_session is not None:
            await self._notes_provider_session(session.identity)
        cookie = await self._sessions.begin(session)
        browser = _own_browser(request, cookies)
        if browser is not None:
            await self._attempts.finished(attempt, browser=browser)
        self._measures.signed_in("ok")
        session_cookie = cookies.setting(cookies.session, cookie)
        return self._pages.see_other(destination, session_cookie, fragment=attempt.fragment)

    async def _acting(self, attempt: SignInAttempt, signed_in: SignedIn) -> tuple[Acting | None, str]:
        """Take the organisation that needs no question: the one kept, the one chosen at ACM, or the only one."""
        choose = address_with_return(CHOOSE, attempt.return_to)
        try:
            organisations = await self._facts.organisations(signed_in.identity)
            wanted = attempt.organisation or signed_in.chosen
            if wanted is None and len(organisations) == 1:
                wanted = organisations[0].number
            acting = await self._facts.acting(signed_in.identity, wanted) if wanted else None
        except RegisterUnavailable:
            # The person is who they are; the choice page tries again and says what does not work.
            return None, choose
        return acting, attempt.return_to if acting else choose


def _own_browser(request: Request, cookies: Cookies) -> str | None:
    """Return the sign-in cookie's value if we could have made it: nothing else is set again or looked up."""
    value = cookie_value(request.scope["headers"], cookies.signin)
    return value if value is not None and _BROWSER.fullmatch(value) else None


def _level(word: str | None) -> Assurance | None:
    return next((level for level in Assurance if level.word == word), None)
