"""The mock government put together: ACM with its pages, user management, registers, mail, strings for tests.

FOR DEVELOPMENT ONLY: anyone who reaches it can sign in as anyone (see `control`).
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from mock_idp.acm.authorization import Authorization
from mock_idp.acm.clients import Clients, client_from_json
from mock_idp.acm.interactions import Interactions
from mock_idp.acm.keys import KeyRing
from mock_idp.acm.machines import MachineTokens
from mock_idp.acm.provider import Provider
from mock_idp.acm.pushed import PushedRequests
from mock_idp.acm.routes import acm_routes
from mock_idp.acm.scripts import NextLogins
from mock_idp.acm.sessions import Sessions
from mock_idp.acm.tokens import Tokens
from mock_idp.clock import Clock
from mock_idp.control import Control
from mock_idp.desk import Desk
from mock_idp.fault_list import all_faults
from mock_idp.faults import Faults
from mock_idp.idm import app as idm
from mock_idp.kbo import app as kbo
from mock_idp.key_control import KeyControl
from mock_idp.mail import app as mail
from mock_idp.mail.office import MailOffice
from mock_idp.other_sites import OtherSites
from mock_idp.pages import ACCESSIBILITY_URL, HERE, KIT_URL, Pages, site
from mock_idp.registers.routes import Registers
from mock_idp.requests_seen import CountRequests, RequestsSeen
from mock_idp.settings import Settings
from mock_idp.signals.control import SignalsControl
from mock_idp.signals.management import StreamManagement
from mock_idp.signals.polling import PollEndpoint
from mock_idp.signals.transmitter import Transmitter
from mock_idp.signin import app as signin
from mock_idp.world.file import load_seed
from mock_idp.world.live import LiveWorld
from mock_idp.world_pages import WorldPages
from pagekit.kit import STATIC

LOOK_EVERY_SECONDS = 1.0


def create_app(settings: Settings, *, clock: Clock | None = None, catcher: socket.socket | None = None) -> Starlette:
    """Raises FileProblemsError when the world or the clients cannot be read, WorldDatabaseError for a bad database.

    The lifespan catches mail on the socket `catcher` and runs the nightly job; a server without it (`lifespan="off"`)
    serves everything else.
    """
    provider = build_provider(settings, clock or Clock())
    given_at_start = provider.clients.all()  # without the mock's own, which come with their pages
    authorization = Authorization(provider)
    registers = Registers(
        world=provider.world, clock=provider.clock, faults=provider.faults, token=settings.register_token
    )
    transmitter = Transmitter(provider)
    provider.world.on_change(transmitter.person_changed)
    provider.world.on_reset(transmitter.reset)
    seen = RequestsSeen()
    provider.world.on_reset(seen.reset)
    office = MailOffice(settings.mail, world=provider.world, clock=provider.clock, origin=settings.origin)
    provider.world.on_reset(office.reset)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with office.open(catcher), _looking(provider.world):
            yield

    app = Starlette(
        lifespan=lifespan,
        middleware=[Middleware(CountRequests, seen=seen), Middleware(OtherSites, origin=settings.origin)],
        routes=[
            *_page_routes(provider.pages),
            *acm_routes(provider, authorization),
            *signin.routes(
                world=provider.world,
                interactions=provider.interactions,
                authorization=authorization,
                clock=provider.clock,
                accessibility_url=ACCESSIBILITY_URL,
            ),
            *registers.routes(),
            *idm.routes(provider, static_url=KIT_URL, accessibility_url=ACCESSIBILITY_URL),
            *kbo.routes(
                world=provider.world,
                clock=provider.clock,
                origin=settings.origin,
                working_days=settings.kbo_working_days,
                static_url=KIT_URL,
                accessibility_url=ACCESSIBILITY_URL,
            ),
            *SignalsControl(provider, transmitter).routes(),
            *StreamManagement(provider, transmitter).routes(),
            *PollEndpoint(provider, transmitter).routes(),
            *mail.routes(office, origin=settings.origin, static_url=KIT_URL, accessibility_url=ACCESSIBILITY_URL),
            *Control(provider).routes(),
            *seen.routes(),
            *KeyControl(provider.keys).routes(),
            *world_pages(provider).routes(),
        ],
    )
    app.state.world = provider.world
    app.state.clients = given_at_start
    return app


@asynccontextmanager
async def _looking(world: LiveWorld) -> AsyncIterator[None]:
    """Notices what the passing of time changes, for the length of a block."""

    async def look() -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            world.look()

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.wait({looking})


def world_pages(provider: Provider) -> WorldPages:
    desk = Desk(templates=HERE / "templates", locales=HERE / "locales", site=site(), origin=provider.settings.origin)
    return WorldPages(desk=desk, world=provider.world, clock=provider.clock)


def build_provider(settings: Settings, clock: Clock) -> Provider:
    """All parts with their state, each emptied when the world is reset."""
    world = LiveWorld(
        lambda: load_seed(settings.world_file, today=clock.real_day()), clock=clock, database=settings.database
    )
    faults = Faults(all_faults())
    clients = Clients(settings.clients_file)
    for given in settings.given_clients:
        clients.put(client_from_json(json.dumps(given.entry()).encode()))
    provider = Provider(
        settings=settings,
        clock=clock,
        world=world,
        clients=clients,
        keys=KeyRing(clock),
        interactions=Interactions(clock),
        sessions=Sessions(clock),
        tokens=Tokens(clock),
        machines=MachineTokens(clock),
        pushed=PushedRequests(clock),
        next_logins=NextLogins(),
        faults=faults,
        pages=Pages(settings=settings, world=world, clock=clock, faults=faults),
    )
    # Clients stay: they were registered by programs that go on, whatever happens to the world.
    for part in (
        provider.keys,
        provider.interactions,
        provider.sessions,
        provider.tokens,
        provider.machines,
        provider.pushed,
        provider.next_logins,
        provider.faults,
    ):
        world.on_reset(part.reset)
    return provider


def _page_routes(pages: Pages) -> list[BaseRoute]:
    async def openapi(request: Request) -> Response:
        return FileResponse(HERE / "registers" / "openapi.yaml", media_type="application/yaml")

    async def elsewhere(request: Request) -> Response:
        """Where the redirect faults lead: a client that follows them gets an answer that helps nobody."""
        return JSONResponse({"error": "followed_a_redirect"})

    return [
        Route("/", pages.start, methods=["GET"]),
        Route("/people", pages.people, methods=["GET"]),
        Route("/faults", pages.faults, methods=["GET"]),
        Route("/openapi.yaml", openapi, methods=["GET"]),
        Route("/mock/elsewhere", elsewhere, methods=["GET", "POST"]),
        Mount(KIT_URL, StaticFiles(directory=STATIC)),
    ]
