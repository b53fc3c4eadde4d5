"""Going to a provider to sign in, each attempt on its own, so that several tabs can all finish.

What is asked is what the application's policy asks, and what the address adds to it. How the person comes back is
`callback`'s.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from broker.domain.demand import NO_MEANING, NOTHING, AcrTable, Demand
from broker.domain.people import Assurance
from broker.domain.policy import Policy
from broker.domain.session import Destination, Session, SignInAttempt
from broker.ports import AttemptStore, Clock, SessionStore, SignInRefused
from broker.web.answers import LOGIN
from broker.web.browsers import BROWSER_SECONDS, new_browser, own_browser
from broker.web.choosing import choice_page
from broker.web.demands import demand_in
from broker.web.forms import from_own_page
from broker.web.initiated import initiated_by_get, read_initiation
from broker.web.place import GO, may_have_place, posted_fragment
from broker.web.providers import Offered, Providers, application_behind
from broker.web.refused_signin import RefusedSignIn
from broker.web.return_to import own_path
from broker.web.site import Pages
from broker.web.visitors import session_of


class SignInPages:
    """`login`."""

    def __init__(
        self,
        *,
        pages: Pages,
        providers: Providers,
        attempts: AttemptStore,
        sessions: SessionStore,
        clock: Clock,
        policies: Mapping[str, Policy],
        refused: RefusedSignIn,
        origin: str,
    ) -> None:
        self._pages = pages
        self._providers = providers
        self._attempts = attempts
        self._sessions = sessions
        self._clock = clock
        self._policies = policies
        self._refused = refused
        self._origin = origin

    def routes(self) -> list[BaseRoute]:
        """The routes of these pages."""
        return [
            Route("/login", self.login, methods=["GET"]),
            Route("/login", self.login_by_post, methods=["POST"]),
        ]

    async def login(self, request: Request) -> Response:
        """Send the browser to the provider, after a page that nobody sees has asked it for the place on the page.

        With `iss` another site began the sign-in.
        """
        if "iss" in request.query_params:
            return await self._initiated(request)
        if not may_have_place(request):
            return await self._to_provider(request, fragment="")
        query = request.url.query
        response = self._pages.page(request, "signing-in.html", go=f"{LOGIN}?{query}{'&' if query else ''}{GO}=1")
        # What the script posts ends at the provider's authorization endpoint, wherever that is.
        self._pages.finish(response, form_targets=("https:",))
        return response

    async def login_by_post(self, request: Request) -> Response:
        """Do the same, and keep the place on the page that our own page found out; or take what another site begins."""
        if from_own_page(request, origin=self._origin):
            return await self._to_provider(request, fragment=await posted_fragment(request))
        try:
            by_get = await initiated_by_get(request)
        except SignInRefused as refused:
            return await self._refused.answer(request, refused, again=LOGIN)
        return self._pages.see_other(by_get) if by_get else await self._to_provider(request, fragment="")

    async def _initiated(self, request: Request) -> Response:
        try:
            asked = read_initiation(request.query_params.multi_items(), providers=self._providers, origin=self._origin)
        except SignInRefused as refused:
            return await self._refused.answer(request, refused, again=LOGIN)
        session = await self._session(request)
        provider, to = asked.provider, Destination(path=asked.return_to)
        if provider not in self._providers.accepted_at(to.path):
            return choice_page(request, pages=self._pages, providers=self._providers, session=session, to=to)
        return await self._leave(request, provider, to=to, login_hint=asked.login_hint)

    async def _to_provider(self, request: Request, *, fragment: str) -> Response:
        """Begin an attempt at the provider that was chosen, or let the person choose one.

        Somebody who is signed in and follows an address that asks for more steps up: nobody else may come back.
        """
        query = request.query_params
        to = Destination(path=own_path(query.get("return_to")), fragment=fragment)
        session = await self._session(request)
        added = demand_in(query, acr_values=self._askable(session, to.path))
        provider = self._providers.chosen(to.path, session, named=query.get("provider"), stepping_up=added != NOTHING)
        if provider is None:
            return choice_page(
                request, pages=self._pages, providers=self._providers, session=session, to=to, demand=added
            )
        # A subject means something at its own provider only.
        bound = session if session and added != NOTHING and session.identity.provider == provider.id else None
        return await self._leave(request, provider, to=to, added=added, bound=bound)

    async def _leave(
        self,
        request: Request,
        provider: Offered,
        *,
        to: Destination,
        added: Demand = NOTHING,
        bound: Session | None = None,
        login_hint: str | None = None,
    ) -> Response:
        """Keep an attempt, as the application's policy asks and the address may add to, and send the browser away."""
        cookies = self._pages.cookies
        browser = own_browser(request, cookies.signin) or new_browser()
        demand = self._asked_by_policy(to.path).joined(added)
        attempt = SignInAttempt(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            code_verifier=secrets.token_urlsafe(48),
            return_to=to.path,
            language=self._pages.language(request),
            began_at=self._clock.now(),
            acr_values=demand.acr_values,
            level=demand.level,
            max_age=demand.max_age,
            prompt=demand.prompt,
            subject=bound.identity.subject if bound else None,
            former=bound.reference if bound else None,
            organisation=bound.acting.organisation.number if bound and bound.acting else None,
            fragment=to.fragment,
            provider=provider.id,
            login_hint=login_hint,
        )
        address = await provider.provider.authorization_url(attempt)
        await self._attempts.keep(attempt, browser=browser)
        return self._pages.see_other(address, cookies.setting(cookies.signin, browser, seconds=BROWSER_SECONDS))

    async def _session(self, request: Request) -> Session | None:
        # On the way to the provider nobody uses their session, least of all one that an application no longer takes.
        return await session_of(request, cookies=self._pages.cookies, sessions=self._sessions, counts_as_use=False)

    def _asked_by_policy(self, return_to: str) -> Demand:
        """Return how the policy of the application that the person is on the way to wants them to be asked."""
        policy = self._policies.get(application_behind(return_to) or "")
        return policy.sign_in if policy else NOTHING

    def _askable(self, session: Session | None, return_to: str) -> frozenset[str]:
        """Return the `acr` values that an address may ask for: none that is worth less than what the person has."""
        if session is None:
            return frozenset()
        acr = self._providers.acr_at(session.identity.provider)
        known = {*acr, *self._asked_by_policy(return_to).acr_values}
        reached = session.identity.assurance
        return frozenset(value for value in known if not _is_worth_less(acr, value, reached))


def _is_worth_less(acr: AcrTable, value: str, reached: Assurance | None) -> bool:
    worth = acr.get(value, NO_MEANING).assurance
    return worth is not None and reached is not None and worth < reached
