"""Coming back from a provider: its answer is taken once, in the browser that asked, and a session begins.

The answer is verified in `adapters/oidc`; what the person may do is decided at the gate.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from broker.cookies import cookie_value
from broker.domain.browsers import browser_of
from broker.domain.demand import NOTHING
from broker.domain.session import FIRST_PROVIDER, Acting, Destination, Identity, Session, SignInAttempt
from broker.facts import FactsReader
from broker.ports import (
    AttemptStore,
    AuditLog,
    Clock,
    Event,
    Measures,
    Mismatch,
    PostedAnswers,
    ProviderUnavailable,
    RegisterUnavailable,
    SessionStore,
    SignedIn,
    SignInRefused,
)
from broker.web.answers import CHOOSE, LOGIN
from broker.web.arrival import LONGEST_ANSWER, check_arrival
from broker.web.browsers import own_browser
from broker.web.demands import address_with_demand
from broker.web.forms import ForeignForm, posted_fields
from broker.web.place import with_place
from broker.web.providers import Offered, Providers, ResponseMode
from broker.web.refused_signin import RefusedSignIn, asked_of
from broker.web.return_to import START, address_with_return
from broker.web.site import Pages, new_reference
from broker.web.visitors import session_of

_log = logging.getLogger("inkom.signin")


class CallbackPages:
    """`callback`, for each provider at an address of its own (RFC 9700 2.1)."""

    def __init__(
        self,
        *,
        pages: Pages,
        providers: Providers,
        attempts: AttemptStore,
        posted: PostedAnswers,
        sessions: SessionStore,
        facts: FactsReader,
        audit: AuditLog,
        measures: Measures,
        clock: Clock,
        refused: RefusedSignIn,
        notes_provider_session: Callable[[Identity], Awaitable[None]] | None = None,
    ) -> None:
        """`notes_provider_session` is for front-channel logout, which ends only what began here."""
        self._pages = pages
        self._providers = providers
        self._attempts = attempts
        self._posted = posted
        self._sessions = sessions
        self._facts = facts
        self._audit = audit
        self._measures = measures
        self._clock = clock
        self._refused = refused
        self._notes_provider_session = notes_provider_session

    def routes(self) -> list[BaseRoute]:
        """The routes of these pages."""
        return [
            Route("/callback", self.callback, methods=["GET"]),
            Route("/callback", self.posted, methods=["POST"]),
            Route("/callback/{provider}", self.callback, methods=["GET"]),
            Route("/callback/{provider}", self.posted, methods=["POST"]),
        ]

    async def callback(self, request: Request) -> Response:
        """Take the provider's answer: a new session, or a page that says why not."""
        # Redeeming takes time: what ends the person's sessions from now on ends the one that this answer begins, too.
        arrived_at = self._clock.now()
        provider = self._answering(request)
        answer = parse_qsl(request.scope["query_string"].decode("ascii", "replace"), keep_blank_values=True)
        mode: ResponseMode = "query"
        if [name for name, _ in answer] == ["ticket"]:
            mode, answer = "form_post", [*(await self._posted.take(answer[0][1], provider=provider.id) or ())]
        states = [value for name, value in answer if name == "state"]
        browser = own_browser(request, self._pages.cookies.signin)
        if len(states) != 1 or browser is None:
            return await self._without_attempt(request, None)
        attempt = await self._attempts.take(states[0], browser=browser)
        if attempt is None:
            # Where it led is known longer than it can be used.
            return await self._without_attempt(request, await self._attempts.destination(states[0], browser=browser))
        try:
            check_arrival(attempt, at=provider, mode=mode)
            signed_in = await provider.provider.identify(attempt, answer)
        except SignInRefused as refused:
            again = with_place(_again(attempt, refused.mismatch), attempt.fragment)
            return await self._refused.answer(request, refused, again=again, attempt=attempt)
        except ProviderUnavailable as error:
            if error.lost and not attempt.once_more:
                return await self._once_more(request, attempt, error, browser=browser)
            request.state.retry = with_place(address_with_return(LOGIN, attempt.return_to), attempt.fragment)
            raise
        return await self._begin(request, attempt, signed_in, browser=browser, arrived_at=arrived_at)

    async def _once_more(
        self, request: Request, attempt: SignInAttempt, error: ProviderUnavailable, *, browser: str
    ) -> Response:
        """Send the person to the provider again, where they are signed in by now and need not do anything.

        A code serves once (RFC 6749 4.1.2): when the answer to redeeming it is lost, only another code helps.
        """
        _log.warning("a sign-in is begun once more, as the provider's answer did not come: %s", error)
        self._measures.signed_in("once-more")
        provider = self._answering(request)
        again = replace(
            attempt,
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            code_verifier=secrets.token_urlsafe(48),
            began_at=self._clock.now(),
            once_more=True,
        )
        request.state.retry = with_place(address_with_return(LOGIN, attempt.return_to), attempt.fragment)
        address = await provider.provider.authorization_url(again)
        await self._attempts.keep(again, browser=browser)
        return self._pages.see_other(address)

    async def posted(self, request: Request) -> Response:
        """Take an answer that the provider lets the browser post (Form Post Response Mode), from its own site.

        The sign-in cookie does not come along with that, but with the address that the browser is sent to next.
        """
        provider = self._answering(request)
        try:
            if provider.response_mode != "form_post":
                raise ForeignForm("this provider does not post its answers")
            answer = await posted_fields(request, longest=LONGEST_ANSWER)
        except ForeignForm as unreadable:
            refused = SignInRefused(Mismatch.BAD_RESPONSE, f"a posted answer: {unreadable}")
            return await self._refused.answer(request, refused, again=LOGIN)
        ticket = await self._posted.keep(answer, provider=provider.id)
        return self._pages.see_other(f"{request.url.path}?ticket={ticket}")

    def _answering(self, request: Request) -> Offered:
        """Return whose callback this is. Raises HTTPException for nobody's."""
        name = request.path_params.get("provider")
        provider = self._providers.named(FIRST_PROVIDER if name is None else name)
        if provider is None or name == FIRST_PROVIDER:
            raise HTTPException(404)
        return provider

    async def _without_attempt(self, request: Request, destination: Destination | None) -> Response:
        """The browser's Back button leads here after a sign-in; without a session it was too late or not ours."""
        path, fragment = (destination.path, destination.fragment) if destination else (START, "")
        cookies, sessions = self._pages.cookies, self._sessions
        # Coming back is no use of a session, least of all of one that an application no longer takes.
        if await session_of(request, cookies=cookies, sessions=sessions, counts_as_use=False) is not None:
            return self._pages.see_other(path, fragment=fragment)
        again = with_place(address_with_return(LOGIN, path), fragment) if destination else LOGIN
        return await self._refused.answer(
            request, SignInRefused(Mismatch.UNKNOWN_ATTEMPT, "no attempt for this answer"), again=again
        )

    async def _begin(
        self, request: Request, attempt: SignInAttempt, signed_in: SignedIn, *, browser: str, arrived_at: datetime
    ) -> Response:
        """Begin a session under a new id; one that this browser had before is over."""
        cookies = self._pages.cookies
        former = cookie_value(request.scope["headers"], cookies.session)
        if former is not None:
            await self._sessions.end(former)
        acting, destination = await self._acting(attempt, signed_in)
        session = Session(
            reference=new_reference(),
            identity=replace(signed_in.identity, provider=attempt.provider),
            began_at=arrived_at,
            form_token=secrets.token_urlsafe(24),
            acting=acting,
            asked=asked_of(attempt, now=self._clock.now()),
            browser=browser_of(request.headers.get("user-agent", "")),
            grant=signed_in.grant,
        )
        await self._audit.happened(
            Event(
                kind="signed-in",
                session=session.reference,
                organisation=acting.organisation.number.digits if acting else None,
                detail=_how(session.identity),
            )
        )
        if self._notes_provider_session is not None:
            await self._notes_provider_session(session.identity)
        if attempt.former is not None:
            stepped_up = Event(
                kind="stepped-up",
                session=session.reference,
                organisation=acting.organisation.number.digits if acting else None,
                detail=f"from session {attempt.former}",
            )
            await self._audit.happened(stepped_up)
        cookie = await self._sessions.begin(session)
        if await self._sessions.find(cookie, counts_as_use=False) is None:
            # Over before it began: the next request would ask the provider again, which would answer the same.
            refused = SignInRefused(Mismatch.INTERACTION_NEEDED, "the provider ended the session that it answers for")
            again = with_place(_again(attempt, refused.mismatch), attempt.fragment)
            return await self._refused.answer(request, refused, again=again, attempt=attempt)
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


def _how(identity: Identity) -> str:
    """Return how somebody signed in, for the audit log; the provider is named where it is not ACM."""
    method = identity.method.value if identity.method else "unknown method"
    return method if identity.provider == FIRST_PROVIDER else f"{method} at {identity.provider}"


def _again(attempt: SignInAttempt, mismatch: Mismatch) -> str:
    """Where to sign in again: as before where a step-up failed, from the beginning as another person."""
    demand = NOTHING if mismatch is Mismatch.OTHER_PERSON else attempt.demand
    asks_anew = demand != NOTHING or mismatch is Mismatch.INTERACTION_NEEDED
    return address_with_demand(LOGIN, attempt.return_to, demand, asks_anew=asks_anew)
