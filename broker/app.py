"""The composition root: from settings to a running gateway. It alone knows domain, adapters, proxy and web.

    settings -> adapters -> pages and answers -> gate -> server

`serve` runs it. `assemble` puts everything around a set of parts, so that tests bring parts of their own.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from uvicorn.supervisors import Multiprocess

from broker import logs
from broker.adapters.metrics import CONTENT_TYPE
from broker.adapters.policy_files import load as load_policies
from broker.adapters.registrations import Database, prepare
from broker.config import Application, Listen, Operators, Secrets, Settings, load
from broker.cookies import Cookies
from broker.domain.policy import Policy
from broker.facts import FactsReader, FreshSessions
from broker.parts import Parts, connect_parts
from broker.ports import InkomError
from broker.proxy.cycle import EdgeSettings
from broker.proxy.edge import server_config
from broker.proxy.gate import Gate, Protected
from broker.proxy.upstream import TimeLimits, Upstream
from broker.standing import StandingSessions
from broker.web.answers import PageAnswers
from broker.web.operators import operators_pages
from broker.web.organisation import OrganisationPages
from broker.web.profile import ProfilePages
from broker.web.refusal import RefusalPage
from broker.web.registration import RegistrationPages
from broker.web.signals import SignalsReceiver
from broker.web.signin import SignInPages
from broker.web.site import SPACE, Pages
from broker.web.status import StatusPages
from pagekit import STATIC

_log = logging.getLogger("inkom")
_CONFIG_VARIABLE = "_INKOM_SERVE_CONFIG"
_GRACE_SECONDS = 10


def serve(path: Path) -> int:
    """Run the gateway until it is told to stop. Raises ConfigurationInvalid or InkomError before anything listens."""
    settings, secrets = load(path)
    _require_free("listen", settings.listen)
    _require_free("operators", settings.operators)
    load_policies(_beside(path, settings.policies), applications=settings.applications.keys())
    prepare(Database.at(secrets.database, near=path.parent))
    os.environ[_CONFIG_VARIABLE] = str(path)
    logs.configure()
    config = server_config(
        "broker.app:create",
        factory=True,
        host=settings.listen.host,
        port=settings.listen.port,
        workers=settings.listen.workers,
        loop="uvloop",
        lifespan="on",
        log_config=None,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    if config.workers > 1:
        with tempfile.TemporaryDirectory(prefix="inkom-metrics-") as figures:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = figures
            Multiprocess(config, sockets=[config.bind_socket()]).run()
        return 0
    server = _Server(config)
    server.run()
    return 0 if server.started else 1


def _require_free(topic: str, address: Listen | Operators) -> None:
    """Say plainly that an address is taken, instead of failing half started."""
    try:
        socket.create_server((address.host, address.port)).close()
    except OSError as error:
        where = f"{address.host}:{address.port}"
        raise InkomError(
            f"{where} cannot be used ({os.strerror(error.errno or 0)}); choose another {topic}.port"
        ) from None


class _Server(uvicorn.Server):
    """Ends with code 0 when it is told to stop, as whoever supervises it expects."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; a second Ctrl-C does not wait for requests that are still running."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def create() -> Gate:
    """Build the gateway in a worker process, from the configuration that `serve` named."""
    path = Path(os.environ[_CONFIG_VARIABLE])
    logs.configure()
    settings, secrets = load(path)
    policies = load_policies(_beside(path, settings.policies), applications=settings.applications.keys())
    return build(settings, secrets, policies, near=path.parent)


def build(settings: Settings, secrets: Secrets, policies: tuple[Policy, ...], *, near: Path) -> Gate:
    """Put the gateway together. Nothing is connected before it is needed; relative paths begin at `near`."""
    parts = connect_parts(settings, secrets, near=near)
    return assemble(settings, policies, parts, pseudonym_key=secrets.pseudonym_key)


def assemble(settings: Settings, policies: tuple[Policy, ...], parts: Parts, *, pseudonym_key: bytes) -> Gate:
    """Put pages, answers and gate around the parts."""
    public_url = settings.public_url.rstrip("/")
    cookies = Cookies.of(secure=settings.secure)
    pages = Pages(
        cookies=cookies,
        provider_origin=_origin(settings.acm.issuer),
        applications={name: application.title for name, application in settings.applications.items()},
        links=settings.links,
    )
    sessions = StandingSessions(parts.sessions)
    facts = FactsReader(
        registers=parts.registers,
        registrations=parts.registrations,
        announcements=parts.announcements,
        clock=parts.clock,
    )
    protected = _applications(settings, policies)
    answers = PageAnswers(pages=pages, refusal=RefusalPage(pages=pages, registers=parts.registers, clock=parts.clock))
    status = StatusPages(pages=pages, assertions=parts.assertions, vital=parts.vital, useful=parts.useful)
    signin = SignInPages(
        pages=pages,
        provider=parts.provider,
        attempts=parts.attempts,
        sessions=sessions,
        facts=facts,
        audit=parts.audit,
        measures=parts.measures,
        clock=parts.clock,
        origin=public_url,
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
        policies={one.id: one.policy for one in protected},
        origin=public_url,
        pseudonym_key=pseudonym_key,
    )
    profile = ProfilePages(pages=pages, sessions=sessions, absolute=timedelta(seconds=settings.sessions.absolute))

    operators = operators_pages(status=status, exposition=parts.measures.exposition, content_type=CONTENT_TYPE)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        shared = settings.listen.workers > 1
        async with _running(parts, protected), _serving(operators, settings.operators, shared=shared):
            yield {"gate": gate, "edge": EdgeSettings(hosts=frozenset({urlsplit(public_url).netloc.encode()}))}

    router = Starlette(
        routes=[
            Route("/", status.start, methods=["GET"]),
            Mount(f"{SPACE}/static", StaticFiles(directory=STATIC)),
            Mount(
                SPACE,
                routes=[
                    *signin.routes(),
                    *organisation.routes(),
                    *registration.routes(),
                    *profile.routes(),
                    *status.routes(),
                    *_signals(parts),
                ],
            ),
        ],
        exception_handlers={
            404: status.missing,
            405: status.method_not_allowed,
            InkomError: answers.handle,
            Exception: status.broken,
        },
        lifespan=lifespan,
    )
    gate = Gate(
        applications=protected,
        pages=router,
        answers=answers,
        sessions=FreshSessions(
            sessions=sessions,
            facts=facts,
            announcements=parts.announcements,
            clock=parts.clock,
            max_age=timedelta(seconds=settings.registers.facts_max_age),
        ),
        assertions=parts.assertions,
        audit=parts.audit,
        measures=parts.measures,
        clock=parts.clock,
        cookies=cookies,
        public_url=public_url,
        pseudonym_key=pseudonym_key,
    )
    return gate


def _signals(parts: Parts) -> list[BaseRoute]:
    """The receiver of Shared Signals, where a transmitter is configured."""
    if parts.signals is None:
        return []
    receiver = SignalsReceiver(
        reader=parts.signals,
        announcements=parts.announcements,
        audit=parts.audit,
        measures=parts.measures,
        token=parts.signals_token,
    )
    return receiver.routes()


@asynccontextmanager
async def _running(parts: Parts, applications: Iterable[Protected]) -> AsyncIterator[None]:
    """Say what is missing at start, and close everything at the end."""
    for name, check in parts.vital.items():
        try:
            await check()
        except InkomError as error:
            _log.error("nobody can sign in until %s work: %s", name, error)
    following = [asyncio.create_task(follow()) for follow in parts.following]
    try:
        yield
    finally:
        for task in following:
            task.cancel()
        for application in applications:
            await application.upstream.aclose()
        for close in parts.closing:
            await close()


class _SideServer(uvicorn.Server):
    """A second server in the same process; signals are the first one's."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]  # typed as a generator there
        return nullcontext()


@asynccontextmanager
async def _serving(pages: Starlette, address: Operators, *, shared: bool) -> AsyncIterator[None]:
    """Serve the operators' pages beside the gateway; workers share the port."""
    listener = socket.create_server((address.host, address.port), reuse_port=shared)
    server = _SideServer(
        uvicorn.Config(
            pages, lifespan="off", log_config=None, access_log=False, proxy_headers=False, server_header=False
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving


def _applications(settings: Settings, policies: tuple[Policy, ...]) -> tuple[Protected, ...]:
    """Give each application its policy and its pool. An application that no policy governs does not start."""
    governing = {name: policy for policy in policies for name in policy.applications}
    return tuple(
        Protected(
            id=name,
            policy=governing[name],
            upstream=_upstream(application),
            discloses_national_number=application.national_number is not None,
        )
        for name, application in settings.applications.items()
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


def _beside(path: Path, other: str) -> Path:
    """Return a path that the configuration names, relative to the configuration file."""
    return path.parent / other
