"""Signing in: to the provider and back, each attempt on its own, so that several tabs can all finish.

The provider's answer is verified in `adapters/oidc`; what a person may do is decided at the gate. Here a verified
answer becomes a new session.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from broker.cookies import Cookies, cookie_value
from broker.domain.browsers import browser_of
from broker.domain.demand import NO_MEANING, NOTHING, AcrTable, Asked, Demand
from broker.domain.people import Assurance
from broker.domain.policy import Policy
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
from broker.web.demands import address_with_demand, demand_in
from broker.web.forms import from_own_page
from broker.web.place import GO, may_have_place, posted_fragment, with_place
from broker.web.return_to import START, address_with_return, own_path
from broker.web.site import Pages, new_reference, spoken
from broker.web.step_up import needed
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
        policies: Mapping[str, Policy],
        acr: AcrTable,
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
        self._policies = policies
        self._acr = acr

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
        """Begin an attempt, as the application's policy asks and the address may add to.

        Somebody who is signed in and follows an address that asks for more steps up: nobody else may come back.
        """
        cookies = self._pages.cookies
        browser = _own_browser(request, cookies) or secrets.token_urlsafe(32)
        session = await self._session(request)
        return_to = own_path(request.query_params.get("return_to"))
        added = demand_in(request.query_params, acr_values=self._askable(session, return_to))
        demand = self._asked_by_policy(return_to).joined(added)
        bound = session if added != NOTHING else None
        attempt = SignInAttempt(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            code_verifier=secrets.token_urlsafe(48),
            return_to=return_to,
            language=self._pages.language(request),
            began_at=self._clock.now(),
            acr_values=demand.acr_values,
            level=demand.level,
            max_age=demand.max_age,
            prompt=demand.prompt,
            subject=bound.identity.subject if bound else None,
            former=bound.reference if bound else None,
            organisation=bound.acting.organisation.number if bound and bound.acting else None,
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
            again = with_place(_again(attempt, refused.mismatch), attempt.fragment)
            return await self._refuse(request, refused, again=again, attempt=attempt)
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

    def _asked_by_policy(self, return_to: str) -> Demand:
        """Return how the policy of the application that the person is on the way to wants them to be asked."""
        policy = self._policies.get(return_to.partition("?")[0].split("/")[1])
        return policy.sign_in if policy else NOTHING

    def _askable(self, session: Session | None, return_to: str) -> frozenset[str]:
        """Return the `acr` values that an address may ask for: none that is worth less than what the person has."""
        if session is None:
            return frozenset()
        known = {*self._acr, *self._asked_by_policy(return_to).acr_values}
        reached = session.identity.assurance
        return frozenset(value for value in known if not _is_worth_less(self._acr, value, reached))

    async def _refuse(
        self, request: Request, refused: SignInRefused, *, again: str, attempt: SignInAttempt | None = None
    ) -> Response:
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
        if former is not None and attempt is not None:
            if refused.mismatch is Mismatch.OTHER_PERSON:
                await self._sessions.end(former)
            else:
                await self._remember(former, attempt)
        status = 200 if refused.mismatch is Mismatch.CANCELLED else 403
        return self._pages.page(
            request,
            "sign-in-refused.html",
            status=status,
            mismatch=refused.mismatch.value,
            again=again,
            needed=needed(attempt.demand, self._acr) if attempt else (),
            reference=spoken(reference),
        )

    async def _remember(self, cookie: str, attempt: SignInAttempt) -> None:
        """Note in the session of a person who stepped up in vain what they were sent with: not to be repeated."""
        session = await self._sessions.find(cookie)
        if session is not None and session.reference == attempt.former:
            await self._sessions.update(cookie, replace(session, asked=self._asked(attempt)))

    def _asked(self, attempt: SignInAttempt) -> Asked | None:
        return None if attempt.demand == NOTHING else Asked(demand=attempt.demand, at=self._clock.now())

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
            asked=self._asked(attempt),
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
        if attempt.former is not None:
            stepped_up = Event(
                kind="stepped-up",
                session=session.reference,
                organisation=acting.organisation.number.digits if acting else None,
                detail=f"from session {attempt.former}",
            )
            await self._audit.happened(stepped_up)
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


def _again(attempt: SignInAttempt, mismatch: Mismatch) -> str:
    """Where to sign in again: as before where a step-up failed, from the beginning as another person."""
    demand = NOTHING if mismatch is Mismatch.OTHER_PERSON else attempt.demand
    asks_anew = demand != NOTHING or mismatch is Mismatch.INTERACTION_NEEDED
    return address_with_demand(LOGIN, attempt.return_to, demand, asks_anew=asks_anew)


def _is_worth_less(acr: AcrTable, value: str, reached: Assurance | None) -> bool:
    worth = acr.get(value, NO_MEANING).assurance
    return worth is not None and reached is not None and worth < reached
