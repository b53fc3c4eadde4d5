"""The mock government put together: ACM, the sign-in pages, the registers and the strings for tests.

FOR DEVELOPMENT ONLY: anyone who reaches it can sign in as anyone (see `control`).
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import BaseRoute

from mock_idp.acm.authorization import Authorization
from mock_idp.acm.clients import Clients
from mock_idp.acm.interactions import Interactions
from mock_idp.acm.keys import KeyRing
from mock_idp.acm.provider import Provider
from mock_idp.acm.pushed import PushedRequests
from mock_idp.acm.routes import acm_routes
from mock_idp.acm.scripts import NextLogins
from mock_idp.acm.sessions import Sessions
from mock_idp.acm.tokens import Tokens
from mock_idp.clock import Clock
from mock_idp.control import Control
from mock_idp.faults import Faults
from mock_idp.registers.routes import Registers
from mock_idp.settings import Settings
from mock_idp.world import LiveWorld
from mock_idp.world_file import load_world


def create_app(settings: Settings, *, clock: Clock | None = None) -> Starlette:
    """Raises FileProblemsError when the world or the clients cannot be read."""
    provider = build_provider(settings, clock or Clock())
    authorization = Authorization(provider)
    registers = Registers(
        world=provider.world, clock=provider.clock, faults=provider.faults, token=settings.register_token
    )
    routes: list[BaseRoute] = [
        *acm_routes(provider, authorization),
        *registers.routes(),
        *Control(provider).routes(),
    ]
    return Starlette(routes=routes)


def build_provider(settings: Settings, clock: Clock) -> Provider:
    provider = Provider(
        settings=settings,
        clock=clock,
        world=LiveWorld(lambda: load_world(settings.world_file, today=clock.real_day())),
        clients=Clients(settings.clients_file),
        keys=KeyRing(clock),
        interactions=Interactions(clock),
        sessions=Sessions(clock),
        tokens=Tokens(clock),
        pushed=PushedRequests(clock),
        next_logins=NextLogins(),
        faults=Faults(()),
    )
    for part in (
        provider.clients,
        provider.interactions,
        provider.sessions,
        provider.tokens,
        provider.pushed,
        provider.next_logins,
        provider.faults,
    ):
        provider.world.on_reset(part.reset)
    return provider
