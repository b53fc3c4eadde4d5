"""What the registers know of a person in an organisation: functions, working relations, rights.

These are facts as they were told, dates included; whether they hold on a given day, and what follows, is `decide`'s.
The one English name of each Dutch term stands in docs/glossary.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum, IntEnum
from typing import assert_never

from broker.domain.numbers import EnterpriseNumber
from broker.domain.validity import Period

# KBO functions (AardFunctie) whose holder may bind the enterprise: director, permanent representative of a legal
# person, member of the management committee, manager, managing director. Others, such as an auditor's representative
# (10021), the VAT unit's (00004) or proof of management skill (20090), represent nobody; nor does an unknown code.
REPRESENTING_FUNCTIONS = frozenset({"10002", "10003", "10005", "10006", "10007"})


class SignInMethod(Enum):
    """The five ways to sign in (guide, step 1), and the one of programs: an access token of their own."""

    EID = "eid"
    ITSME = "itsme"
    FEDERAL_TOKEN = "federal-token"
    APP = "app"
    SMS = "sms"
    CLIENT_CREDENTIALS = "client-credentials"

    @property
    def assurance(self) -> Assurance | None:
        """The eIDAS level of the method (ACM, "Authenticatiemiddelen"); None for programs, of which there is none.

        The federal token left that list; its level is our assumption, on the low side.
        """
        match self:
            case SignInMethod.EID | SignInMethod.ITSME:
                return Assurance.HIGH
            case SignInMethod.APP | SignInMethod.SMS:
                return Assurance.SUBSTANTIAL
            case SignInMethod.FEDERAL_TOKEN:
                return Assurance.LOW
            case SignInMethod.CLIENT_CREDENTIALS:
                return None
            case _:
                assert_never(self)


class Assurance(IntEnum):
    """How sure the provider is of the person: the eIDAS level of the method."""

    LOW = 1
    SUBSTANTIAL = 2
    HIGH = 3

    @property
    def word(self) -> str:
        """The level as headers, configuration and policies write it."""
        return self.name.lower()


class RelationStatus(Enum):
    """Status of a working relation in user management."""

    ACTIVE = "active"
    PAUSED = "paused"
    PENDING = "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """An enterprise by number and name."""

    number: EnterpriseNumber
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Enterprise:
    """What KBO says of an enterprise itself."""

    organisation: Organisation
    active: bool
    ceased_on: date | None = None
    has_representative: bool = True

    def active_on(self, day: date) -> bool:
        """Whether it may act that day: an enterprise that ceases on a day no longer acts on it."""
        return self.active and (self.ceased_on is None or day < self.ceased_on)


@dataclass(frozen=True, slots=True, kw_only=True)
class KboFunction:
    """A function that the person holds in an enterprise, by its KBO code."""

    organisation: EnterpriseNumber
    code: str
    period: Period

    @property
    def represents(self) -> bool:
        """Whether the holder of such a function may bind the enterprise."""
        return self.code in REPRESENTING_FUNCTIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingRelation:
    """The person's relation with an organisation in user management, at most ten years."""

    organisation: EnterpriseNumber
    status: RelationStatus
    period: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRight:
    """A named right with its profiles, given in one organisation, at most four years.

    It is usable only while the working relation that it was given in is; `relation` is None when the register names
    none.
    """

    organisation: EnterpriseNumber
    name: str
    profiles: tuple[str, ...]
    period: Period
    relation: WorkingRelation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRecord:
    """Everything the registers know of one person, over all organisations that the person has anything to do with."""

    functions: tuple[KboFunction, ...] = ()
    rights: tuple[UserRight, ...] = ()
    administers: tuple[EnterpriseNumber, ...] = ()
    organisations: tuple[Organisation, ...] = ()

    def organisation(self, number: EnterpriseNumber) -> Organisation | None:
        """Return the organisation with that number, if the person has anything to do with it."""
        return next((one for one in self.organisations if one.number == number), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a decision about one person in one organisation looks at.

    `method`, `assurance` and `authenticated_at` (when the person proved who they are) are None when the provider did
    not say, or said something unknown: no condition on them holds then. `rights` may hold rights of other
    organisations, which only serve to explain a refusal.
    """

    organisation: EnterpriseNumber
    active: bool
    registered: bool
    method: SignInMethod | None
    assurance: Assurance | None
    functions: tuple[KboFunction, ...] = ()
    rights: tuple[UserRight, ...] = ()
    administrator: bool = False
    has_representative: bool = True
    authenticated_at: datetime | None = None
