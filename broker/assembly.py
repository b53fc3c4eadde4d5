"""Puts pages, answers and gate around the parts that speak to the outside: who is given what, and at which address.

`assemble` is also how tests build a gateway around parts of their own. What runs while the gateway does (watching,
operators' port, closing) is `running.py`; processes and listening are `app.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from broker import own_space
from broker.adapters.metrics import CONTENT_TYPE
from broker.config import Settings, available_cores, peers_of
from broker.domain.claims import RoleTable
from broker.domain.policy import Policy
from broker.facts import FreshSessions
from broker.intake import Intake
from broker.machines import KnownOrganisations, MachineSessions
from broker.own_space import Common
from broker.parts import Parts
from broker.ports import InkomError
from broker.proxy.certificates import Certificates
from broker.proxy.challenge import Challenges
from broker.proxy.fast import FastPath
from broker.proxy.forward_auth import ForwardAuth
from broker.proxy.gate import Gate
from broker.proxy.listening import connection_state
from broker.renewal import Renewal
from broker.running import hearing, running, serving
from broker.standing import StandingSessions
from broker.web.answers import PageAnswers, TooLate
from broker.web.operators import operators_pages
from broker.web.refusal import RefusalPage
from broker.web.replay import ReplayedForms
from broker.web.signals import SignalsReceiver
from broker.web.site import SPACE
from broker.web.status import StatusPages
from pagekit import STATIC


def assemble(
    settings: Settings,
    policies: tuple[Policy, ...],
    parts: Parts,
    *,
    pseudonym_key: bytes,
    certificates: Certificates | None = None,
) -> Gate:
    """Put pages, answers and gate around the parts; `certificates` are what clients are shown, where TLS ends here."""
    common = own_space.common(settings, policies, parts, key=pseudonym_key)
    pages, origin = common.pages, common.origin
    refusal = RefusalPage(pages=pages, registers=parts.registers, clock=parts.clock)
    answers = _answers(common, refusal, too_late=common.parked)
    useful = {**parts.useful, **({} if certificates is None else {"certificates": certificates.check})}
    status = StatusPages(pages=pages, assertions=parts.assertions, vital=parts.vital, useful=useful)
    operators = operators_pages(status=status, exposition=parts.measures.exposition, content_type=CONTENT_TYPE)
    intake = _intake(parts)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        shared = (settings.listen.workers or available_cores()) > 1
        async with (
            running(parts, common.applications, intake),
            serving(operators, settings.operators, shared=shared),
            hearing(certificates),
        ):
            state = connection_state(settings.listen, hosts=_hosts(settings, origin), certificates=certificates)
            yield {"gate": gate, "fast": FastPath(gate) if settings.listen.fast_path else None, **state}

    below = Router(
        routes=[
            *own_space.routes(common),
            *status.routes(),
            *(SignalsReceiver(intake, token=parts.signals_token).routes() if intake else ()),
            *_forward_auth(common, refusal, gate=lambda: gate),
        ],
        # Its redirects repeat a form (307) at another address; one that is nearly ours is nobody's (RFC 9700 4.12).
        redirect_slashes=False,
    )
    router = Starlette(
        routes=[
            Route("/", status.start, methods=["GET"]),
            Mount(f"{SPACE}/static", StaticFiles(directory=STATIC)),
            Mount(SPACE, app=below),
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
    gate = _gate(common, router, answers)
    return gate


def _hosts(settings: Settings, origin: str) -> frozenset[bytes]:
    """The hosts that are served: the public one, and that of proxies' questions if it is another."""
    asked = settings.forward_auth.host if settings.forward_auth else None
    return frozenset(host.lower().encode() for host in (urlsplit(origin).netloc, asked) if host)


def _forward_auth(common: Common, refusal: RefusalPage, *, gate: Callable[[], Gate]) -> list[BaseRoute]:
    """`auth`, where proxies may ask; else nothing stands there."""
    topic = common.settings.forward_auth
    if topic is None:
        return []
    forward_auth = ForwardAuth(
        peers=peers_of(topic),
        answers=_answers(common, refusal, too_late=common.parked.keeping_nothing()),
        gate=gate,
        cookies=common.pages.cookies,
        public_url=common.origin,
    )
    return [Route("/auth", forward_auth), Route("/auth/{rest:path}", forward_auth)]


def _answers(common: Common, refusal: RefusalPage, *, too_late: TooLate) -> PageAnswers:
    return PageAnswers(pages=common.pages, refusal=refusal, too_late=too_late, acr_at=common.providers.acr_at)


def _gate(common: Common, pages: ASGIApp, answers: PageAnswers) -> Gate:
    settings, parts = common.settings, common.parts
    return Gate(
        applications=common.applications,
        pages=pages,
        answers=answers,
        replays=ReplayedForms(
            pages=common.pages,
            parked=common.parked,
            parking=parts.parking,
            sessions=common.sessions,
            audit=parts.audit,
            origin=common.origin,
        ),
        sessions=FreshSessions(
            sessions=common.sessions,
            facts=common.facts,
            announcements=parts.announcements,
            clock=parts.clock,
            max_age=timedelta(seconds=settings.registers.facts_max_age),
            renewal=_renewal(settings, parts, common.sessions),
        ),
        machines=_machines(settings, parts, key=common.key),
        assertions=parts.assertions,
        audit=parts.audit,
        measures=parts.measures,
        clock=parts.clock,
        cookies=common.pages.cookies,
        public_url=common.origin,
        pseudonym_key=common.key,
        challenges=Challenges(acr_at=common.providers.acr_at, clock=parts.clock),
    )


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
