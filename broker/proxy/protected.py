"""An application behind the gate, as a value: who may come, to which backend, and what is changed on the way."""

from __future__ import annotations

from dataclasses import dataclass, field

from broker.domain.machine import ApiTerms
from broker.domain.policy import Policy
from broker.domain.session import SessionLimits
from broker.proxy.backends import Backends
from broker.proxy.rewriting import Rewriting


@dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """An application behind the gate, with the policy that guards it and the backend that serves it.

    `api` is set where programs may come with an access token.
    """

    id: str
    policy: Policy
    upstream: Backends
    discloses_national_number: bool
    providers: tuple[str, ...]
    api: ApiTerms | None = None
    backend_may_ask_for_step_up: bool = False
    limits: SessionLimits = field(default_factory=SessionLimits)
    rewriting: Rewriting | None = None
