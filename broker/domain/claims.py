"""What ACM said of a person when they signed in, for a gateway that asks no register. True until the token's end.

Only facts as they were told; which right or profile a code stands for is the configuration's
(`adapters/registers/claims.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from broker.domain.numbers import EnterpriseNumber
from broker.domain.people import Organisation


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedRole:
    """One value of ACM's role claim: right, context (profile), and the organisations it was given for."""

    right: str
    context: str | None
    organisations: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What the claims of one sign-in say. `organisation` is the one chosen at ACM; without it there is none to act for.

    `represents` is the organisation of which ACM calls the person a legal representative.
    """

    valid_until: datetime
    organisation: Organisation | None
    represents: EnterpriseNumber | None
    roles: tuple[ClaimedRole, ...]
