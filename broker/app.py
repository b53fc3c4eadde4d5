"""The composition root: from settings to a running gateway. It alone knows domain, adapters, proxy and web.

    settings -> adapters -> pages and answers -> gate -> server

`serve` runs it; `build` is for tests that want the parts without the server.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from uvicorn.supervisors import Multiprocess

from broker import logs
from broker.adapters.assertion import AssertionSigner
from broker.adapters.audit import AuditFile
from broker.adapters.clock import MovedClock, SystemClock
from broker.adapters.http import BackChannel, Limits
from broker.adapters.oidc.provider import OidcProvider
from broker.adapters.oidc.settings import (
    ACM_ACR,
    ClaimNames,
    KeyAuthentication,
    OidcSettings,
    SecretAuthentication,
    acr_table,
)
from broker.adapters.policy_files import load as load_policies
from broker.adapters.registers.client import HttpRegisters
from broker.adapters.sessions.attempts import RedisAttempts
from broker.adapters.sessions.choices import RedisChoices
from broker.adapters.sessions.connection import connect
from broker.adapters.sessions.store import RedisSessions
from broker.config import Acm, Application, Secrets, Settings, load
from broker.cookies import Cookies
from broker.domain.people import SignInMethod
from broker.domain.policy import Policy
from broker.facts import FactsReader
from broker.ports import Clock, InkomError, StoreUnavailable
from broker.proxy.cycle import EdgeSettings
from broker.proxy.edge import server_config
from broker.proxy.gate import Gate, Protected
from broker.proxy.upstream import TimeLimits, Upstream
from broker.web.answers import PageAnswers
from broker.web.organisation import OrganisationPages
from broker.web.profile import ProfilePages
from broker.web.refusal import RefusalPage
from broker.web.signin import SignInPages
from broker.web.site import SPACE, OutsideLinks, Pages
from broker.web.status import StatusPages
from pagekit import STATIC

_log = logging.getLogger("inkom")
_CONFIG_VARIABLE = "_INKOM_SERVE_CONFIG"
_GRACE_SECONDS = 10


def serve(path: Path) -> int:
    """Run the gateway until it is told to stop. Raises ConfigurationInvalid before anything listens."""
    settings, _ = load(path)
    load_policies(_beside(path, settings.policies), applications=settings.applications.keys())
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
        Multiprocess(config, sockets=[config.bind_socket()]).run()
        return 0
    server = _Server(config)
    server.run()
    return 0 if server.started else 1


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
    """Put the parts together. Nothing is connected before it is needed; `near` is where relative paths begin."""
    public_url = settings.public_url.rstrip("/")
    registers_channel = BackChannel(Limits(total=settings.registers.time_limit))
    provider_channel = BackChannel(Limits(total=settings.acm.time_limit))
    clock, moved = _clock(settings, registers_channel)
    redis = connect(settings.sessions.redis)
    absolute = timedelta(seconds=settings.sessions.absolute)
    sessions = RedisSessions(
        redis,
        secrets=secrets.session_secrets,
        idle=timedelta(seconds=settings.sessions.idle),
        absolute=absolute,
        clock=clock,
    )
    registers = HttpRegisters(
        idm=settings.registers.idm,
        kbo=settings.registers.kbo,
        token=secrets.register_token,
        channel=registers_channel,
        clock=clock,
        time_limit=settings.registers.time_limit,
    )
    provider = OidcProvider(_oidc(settings.acm, secrets, public_url), clock=clock, channel=provider_channel)
    audit = AuditFile(near / settings.audit.file, clock=clock)
    assertions = AssertionSigner(
        key=secrets.assertion_key, client_key=secrets.client_key, issuer=public_url, clock=clock
    )
    facts = FactsReader(registers=registers, clock=clock)
    cookies = Cookies.of(secure=settings.secure)
    pages = Pages(
        cookies=cookies,
        provider_origin=_origin(settings.acm.issuer),
        applications={name: application.title for name, application in settings.applications.items()},
        links=OutsideLinks(),
    )
    choices = RedisChoices(redis, secrets=secrets.session_secrets, pseudonym_key=secrets.pseudonym_key)
    protected = _applications(settings, policies)
    status = StatusPages(
        pages=pages, assertions=assertions, vital={"sessions": sessions.ping}, useful={"provider": provider.ready}
    )
    signin = SignInPages(
        pages=pages,
        provider=provider,
        attempts=RedisAttempts(redis, secrets=secrets.session_secrets),
        sessions=sessions,
        facts=facts,
        audit=audit,
        clock=clock,
        origin=public_url,
    )
    organisation = OrganisationPages(
        pages=pages, sessions=sessions, facts=facts, choices=choices, audit=audit, origin=public_url
    )
    profile = ProfilePages(pages=pages, sessions=sessions, absolute=absolute)
    answers = PageAnswers(pages=pages, refusal=RefusalPage(pages=pages, registers=registers, clock=clock))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        try:
            await sessions.ping()
        except StoreUnavailable as error:
            _log.error("nobody can sign in until Redis is back: %s", error)
        following = asyncio.create_task(moved.follow()) if moved else None
        hosts = frozenset({urlsplit(public_url).netloc.encode()})
        yield {"gate": gate, "edge": EdgeSettings(hosts=hosts)}
        if following:
            following.cancel()
        for application in protected:
            await application.upstream.aclose()
        await registers_channel.aclose()
        await provider_channel.aclose()
        await redis.aclose()
        audit.close()

    router = Starlette(
        routes=[
            Route("/", status.start, methods=["GET"]),
            Mount(f"{SPACE}/static", StaticFiles(directory=STATIC)),
            Mount(SPACE, routes=[*signin.routes(), *organisation.routes(), *profile.routes(), *status.routes()]),
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
        sessions=sessions,
        facts=facts,
        assertions=assertions,
        audit=audit,
        clock=clock,
        cookies=cookies,
        public_url=public_url,
        pseudonym_key=secrets.pseudonym_key,
        facts_max_age=timedelta(seconds=settings.registers.facts_max_age),
    )
    return gate


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


def _oidc(acm: Acm, secrets: Secrets, public_url: str) -> OidcSettings:
    authentication: SecretAuthentication | KeyAuthentication
    if acm.client_authentication == "private_key_jwt":
        authentication = KeyAuthentication(private_key=secrets.client_key or "")
    else:
        authentication = SecretAuthentication(method=acm.client_authentication, secret=secrets.client_secret or "")
    methods = {acr: SignInMethod(method) for acr, method in acm.acr.items()}
    return OidcSettings(
        issuer=acm.issuer,
        client_id=acm.client_id,
        redirect_uri=f"{public_url}{SPACE}/callback",
        post_logout_redirect_uri=f"{public_url}{SPACE}/logged-out",
        authentication=authentication,
        scopes=acm.scopes,
        algorithms=acm.algorithms,
        acr=acr_table(methods) if methods else ACM_ACR,
        claims=ClaimNames(role=acm.role_claim, national_number=acm.national_number_claim),
        leeway=acm.leeway,
    )


def _clock(settings: Settings, channel: BackChannel) -> tuple[Clock, MovedClock | None]:
    """Return the clock, and the one to follow where a demo or a test moves the day."""
    system = SystemClock()
    if settings.development.clock is None:
        return system, None
    moved = MovedClock(system, url=settings.development.clock, channel=channel)
    return moved, moved


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _beside(path: Path, other: str) -> Path:
    """Return a path that the configuration names, relative to the configuration file."""
    return path.parent / other
