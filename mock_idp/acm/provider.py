"""The parts of the provider, put together once and handed to every endpoint. No behaviour of its own."""

from __future__ import annotations

from dataclasses import dataclass

from mock_idp.acm.clients import Clients
from mock_idp.acm.interactions import Interactions
from mock_idp.acm.keys import KeyRing
from mock_idp.acm.machines import MachineTokens
from mock_idp.acm.pushed import PushedRequests
from mock_idp.acm.scripts import NextLogins
from mock_idp.acm.sessions import Sessions
from mock_idp.acm.tokens import Tokens
from mock_idp.clock import Clock
from mock_idp.faults import Faults
from mock_idp.pages import Pages
from mock_idp.settings import Settings
from mock_idp.world.live import LiveWorld


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    settings: Settings
    clock: Clock
    world: LiveWorld
    clients: Clients
    keys: KeyRing
    interactions: Interactions
    sessions: Sessions
    tokens: Tokens
    machines: MachineTokens
    pushed: PushedRequests
    next_logins: NextLogins
    faults: Faults
    pages: Pages

    @property
    def issuer(self) -> str:
        return self.settings.issuer

    @property
    def token_endpoint(self) -> str:
        return f"{self.issuer}/v1/token"

    @property
    def par_endpoint(self) -> str:
        return f"{self.issuer}/v1/par"
