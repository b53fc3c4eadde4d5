"""Puts pages, answers and gate around the parts that speak to the outside: who is given what, and at which address.

`assemble` is also how tests build a gateway around parts of their own. What runs while the gateway does (watching,
operators' port, closing) is `running.py`; processes and listening are `app.py`.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.routing import Mount, Route, Router
from starlette.staticfiles import StaticFiles

from broker.adapters.bearer.chosen import api_terms
from broker.adapters.metrics import CONTENT_TYPE
from broker.config import Application, Settings
from broker.cookies import Cookies
from broker.domain.claims import RoleTable
from broker.domain.policy import Policy
from broker.domain.session import FIRST_PROVIDER, SessionLimits
from broker.facts import FactsReader, FreshSessions
from broker.intake import Intake
from broker.machines import KnownOrganisations, MachineSessions
from broker.parts import Parts
from broker.ports import InkomError
from broker.proxy.challenge import Challenges
from broker.proxy.cycle import EdgeSettings
from broker.proxy.gate import Gate, Protected
from broker.proxy.upstream import TimeLimits, Upstream
from broker.renewal import Renewal
from broker.running import running, serving
from broker.standing import StandingSessions
from broker.web.answers import PageAnswers
from broker.web.callback import CallbackPages
from broker.web.logout import LogoutPages
from broker.web.operators import operators_pages
from broker.web.organisation import OrganisationPages
from broker.web.parking import ParkingPages
from broker.web.profile import ProfilePages
from broker.web.provider_logout import ProviderLogout
from broker.web.providers import Offered, Providers
from broker.web.refusal import RefusalPage
from broker.web.refused_signin import RefusedSignIn
from broker.web.registration import RegistrationPages
from broker.web.replay import ReplayedForms
from broker.web.sessions import SessionsPages
from broker.web.signals import SignalsReceiver
from broker.web.signin import SignInPages
from broker.web.site import SPACE, Pages
from broker.web.status import StatusPages
from pagekit import STATIC


def assemble(settings: Settings, policies: tuple[Policy, ...], parts: Parts, *, pseudonym_key: bytes) -> Gate:
    """Put pages, answers and gate around the parts."""
    public_url = settings.public_url.rstrip("/")
    cookies = Cookies.of(secure=settings.secure)
    pages = Pages(
        cookies=cookies,
        provider_origins=tuple({_origin(one.issuer): None for one in settings.all_providers.values()}),
        applications={name: application.title for name, application in settings.applications.items()},
        links=settings.links,
    )
    sessions = StandingSessions(parts.sessions, parking=parts.parking)
    facts = FactsReader(
        registers=parts.registers,
        registrations=parts.registrations,
        announcements=parts.announcements,
        clock=parts.clock,
    )
    protected = _applications(settings, policies)
    accepted = {one.id: one.providers for one in protected}
    parked = ParkingPages(
        pages=pages,
        parking=parts.parking,
        sessions=sessions,
        audit=parts.audit,
        clock=parts.clock,
        origin=public_url,
        largest=settings.sessions.parked_body,
    )
    answers = PageAnswers(
        pages=pages,
        refusal=RefusalPage(pages=pages, registers=parts.registers, clock=parts.clock),
        too_late=parked,
        acr=parts.acr,
    )
    governing = {one.id: one.policy for one in protected}
    status = StatusPages(pages=pages, assertions=parts.assertions, vital=parts.vital, useful=parts.useful)
    framing = tuple(one.issuer for one in settings.all_providers.values() if one.front_channel_logout)
    providers = _providers(settings, parts, accepted)
    refused = RefusedSignIn(
        pages=pages,
        providers=providers,
        sessions=sessions,
        audit=parts.audit,
        measures=parts.measures,
        clock=parts.clock,
    )
    signin = SignInPages(
        pages=pages,
        providers=providers,
        attempts=parts.attempts,
        sessions=sessions,
        clock=parts.clock,
        policies=governing,
        refused=refused,
        origin=public_url,
    )
    callback = CallbackPages(
        pages=pages,
        providers=providers,
        attempts=parts.attempts,
        posted=parts.posted,
        sessions=sessions,
        facts=facts,
        audit=parts.audit,
        measures=parts.measures,
        clock=parts.clock,
        refused=refused,
        notes_provider_session=parts.announcements.session_began if framing else None,
    )
    logout = LogoutPages(
        pages=pages,
        providers=parts.providers,
        sessions=sessions,
        audit=parts.audit,
        origin=public_url,
    )
    provider_logout = ProviderLogout(
        tokens=parts.logout_tokens or parts.provider,
        announcements=parts.announcements,
        audit=parts.audit,
        measures=parts.measures,
        clock=parts.clock,
        front_channel=framing,
    )
    organisation = OrganisationPages(
        pages=pages,
        sessions=sessions,
        facts=facts,
        choices=parts.choices,
        audit=parts.audit,
        origin=public_url,
    )
    registration = RegistrationPages(
        pages=pages,
        sessions=sessions,
        facts=facts,
        registers=parts.registers,
        registrations=parts.registrations,
        audit=parts.audit,
        clock=parts.clock,
        policies=governing,
        accepted=accepted,
        origin=public_url,
        pseudonym_key=pseudonym_key,
    )
    profile = ProfilePages(
        pages=pages,
        sessions=sessions,
        absolute=timedelta(seconds=settings.sessions.absolute),
        chosen_at_provider=settings.registers.source == "claims",
        clock=parts.clock,
        origin=public_url,
        pseudonym_key=pseudonym_key,
    )
    listed = SessionsPages(
        pages=pages,
        sessions=sessions,
        index=parts.index,
        audit=parts.audit,
        origin=public_url,
        pseudonym_key=pseudonym_key,
    )

    intake = _intake(parts)
    operators = operators_pages(status=status, exposition=parts.measures.exposition, content_type=CONTENT_TYPE)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        shared = settings.listen.workers > 1
        async with running(parts, protected, intake), serving(operators, settings.operators, shared=shared):
            yield {"gate": gate, "edge": EdgeSettings(hosts=frozenset({urlsplit(public_url).netloc.encode()}))}

    pages_below = Router(
        routes=[
            *pages.scripts.routes(),
            *signin.routes(),
            *callback.routes(),
            *logout.routes(),
            *provider_logout.routes(),
            *organisation.routes(),
            *registration.routes(),
            *parked.routes(),
            *profile.routes(),
            *listed.routes(),
            *status.routes(),
            *(SignalsReceiver(intake, token=parts.signals_token).routes() if intake else ()),
        ],
        # Its redirects repeat a form (307) at another address; one that is nearly ours is nobody's (RFC 9700 4.12).
        redirect_slashes=False,
    )
    router = Starlette(
        routes=[
            Route("/", status.start, methods=["GET"]),
            Mount(f"{SPACE}/static", StaticFiles(directory=STATIC)),
            Mount(SPACE, app=pages_below),
        ],
        exception_handlers={
            404: status.missing,
            405: status.method_not_allowed,
            InkomError: answers.handle,
            Exception: status.broken,
        },
        lifespan=lifespan,
    )
    router.router.redirect_slashes = False
    gate = Gate(
        applications=protected,
        pages=router,
        answers=answers,
        replays=ReplayedForms(
            pages=pages,
            parked=parked,
            parking=parts.parking,
            sessions=sessions,
            audit=parts.audit,
            origin=public_url,
        ),
        sessions=FreshSessions(
            sessions=sessions,
            facts=facts,
            announcements=parts.announcements,
            clock=parts.clock,
            max_age=timedelta(seconds=settings.registers.facts_max_age),
            renewal=_renewal(settings, parts, sessions),
        ),
        machines=_machines(settings, parts, key=pseudonym_key),
        assertions=parts.assertions,
        audit=parts.audit,
        measures=parts.measures,
        clock=parts.clock,
        cookies=cookies,
        public_url=public_url,
        pseudonym_key=pseudonym_key,
        challenges=Challenges(acr=parts.acr, clock=parts.clock),
    )
    return gate


def _renewal(settings: Settings, parts: Parts, sessions: StandingSessions) -> Renewal | None:
    """What refreshes tokens, where the configuration wants that of any provider."""
    if not any(one.refresh for one in settings.all_providers.values()):
        return None
    return Renewal(
        sessions=sessions,
        providers=parts.providers,
        flights=parts.flights,
        audit=parts.audit,
        measures=parts.measures,
        clock=parts.clock,
    )


def _providers(settings: Settings, parts: Parts, accepted: Mapping[str, tuple[str, ...]]) -> Providers:
    """The providers as the pages know them."""
    offered = (
        Offered(
            id=name,
            title=one.title,
            issuer=one.issuer,
            provider=parts.providers[name],
            acr=parts.acr if name == FIRST_PROVIDER else parts.others_acr.get(name, parts.acr),
            response_mode=one.response_mode,
        )
        for name, one in settings.all_providers.items()
    )
    return Providers(offered, accepted=accepted)


def _intake(parts: Parts) -> Intake | None:
    """What takes in events of Shared Signals, where a transmitter is configured."""
    if parts.signals is None:
        return None
    return Intake(
        reader=parts.signals,
        announcements=parts.announcements,
        notes=parts.stream_notes,
        audit=parts.audit,
        measures=parts.measures,
    )


def _machines(settings: Settings, parts: Parts, *, key: bytes) -> MachineSessions:
    """Sessions of programs: of nobody at all where no application has an `api`."""
    claims = settings.registers.claims
    return MachineSessions(
        tokens=parts.tokens,
        organisations=KnownOrganisations(
            registers=parts.registers, registrations=parts.registrations, clock=parts.clock
        ),
        table=RoleTable(rights=claims.rights, profiles=claims.profiles),
        clock=parts.clock,
        max_age=timedelta(seconds=settings.registers.facts_max_age),
        key=key,
    )


def _applications(settings: Settings, policies: tuple[Policy, ...]) -> tuple[Protected, ...]:
    """Give each application its policy and its pool. An application that no policy governs does not start."""
    governing = {name: policy for policy in policies for name in policy.applications}
    return tuple(
        Protected(
            id=name,
            policy=governing[name],
            upstream=_upstream(application),
            discloses_national_number=application.national_number is not None,
            providers=application.providers,
            api=None if application.api is None else api_terms(application.api),
            backend_may_ask_for_step_up=application.step_up,
            limits=_limits(application),
        )
        for name, application in settings.applications.items()
    )


def _limits(application: Application) -> SessionLimits:
    idle, absolute = application.sessions.idle, application.sessions.absolute
    return SessionLimits(
        idle=None if idle is None else timedelta(seconds=idle),
        absolute=None if absolute is None else timedelta(seconds=absolute),
    )


def _upstream(application: Application) -> Upstream:
    parts, limits = urlsplit(application.upstream), application.time_limits
    secure = parts.scheme == "https"
    return Upstream(
        parts.hostname or "",
        parts.port or (443 if secure else 80),
        limits=TimeLimits(
            connect=limits.connect,
            first_byte=limits.first_byte,
            idle=limits.idle,
            max_body=application.max_body,
        ),
        ssl=ssl.create_default_context() if secure else None,
    )


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
