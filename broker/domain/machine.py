"""A program that came with an access token instead of a browser with a session: who it is, and why it was refused.

These values live as long as one request (or stream): nothing of them is stored. What a token must hold is
`adapters/bearer`; where in a request it stands is `proxy/credentials`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import assert_never

from broker.domain.claims import ClaimedRole
from broker.domain.numbers import EnterpriseNumber
from broker.domain.people import Assurance
from broker.domain.session import Acting


class Scheme(Enum):
    """How a token is presented: alone (RFC 6750), or with a proof of the key it is bound to (RFC 9449, section 7.1)."""

    BEARER = "Bearer"
    DPOP = "DPoP"


class TokenError(Enum):
    """The error codes of RFC 6750 (section 3.1) and RFC 9449 (section 7.1)."""

    INVALID_REQUEST = "invalid_request"
    INVALID_TOKEN = "invalid_token"
    INSUFFICIENT_SCOPE = "insufficient_scope"
    INVALID_DPOP_PROOF = "invalid_dpop_proof"

    @property
    def status(self) -> int:
        """The HTTP status that goes with it."""
        match self:
            case TokenError.INVALID_REQUEST:
                return 400
            case TokenError.INSUFFICIENT_SCOPE:
                return 403
            case TokenError.INVALID_TOKEN | TokenError.INVALID_DPOP_PROOF:
                return 401
            case _:
                assert_never(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRefused:
    """A request whose token, or the way it was presented, is no good.

    `detail` says which rule it broke, for the client's maker and for the log: it never holds anything of the token.
    """

    error: TokenError
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """What a request holds by way of a token. `proofs` are all its DPoP fields, as they came."""

    scheme: Scheme
    token: str = field(repr=False)
    proofs: tuple[str, ...] = field(repr=False, default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiTerms:
    """What an application says to programs: which token it wants, for its answers that refuse one.

    `forwards_token` lets the backend see the token.
    """

    scopes: tuple[str, ...]
    dpop_required: bool
    forwards_token: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine client, by its provider and the name it has there. `subject` is nearly always the client itself."""

    issuer: str
    client_id: str
    subject: str

    @property
    def name(self) -> str:
        """What backends are told: the client's id, as nobody gave it another name."""
        return self.client_id

    @property
    def assurance(self) -> Assurance | None:
        """None: eIDAS knows levels of people only."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenClaims:
    """What a verified token says. `bound_to` is the thumbprint of the key that its bearer must prove to hold."""

    machine: Machine
    organisation: EnterpriseNumber
    roles: tuple[ClaimedRole, ...]
    expires_at: datetime
    bound_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineSession:
    """One request of a machine client. `reference` names its token in logs and audit without telling the token."""

    reference: str
    identity: Machine
    acting: Acting
    ends_at: datetime
    token: str = field(repr=False)
