"""What exists in the mock, as frozen values: people, enterprises, functions, working relations, rights.

Without opinions about access: whether someone may enter an application is the gateway's decision. The outcomes told
here are the stories' own, for tests and for the demo's table.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from mock_idp.acm.methods import Method
from mock_idp.days import Period

_VO_IDS = uuid.UUID("6b1f1c0e-7a3d-4a55-9c1e-3f1b9f0d2a11")


class FunctionHolder(StrEnum):
    """KBO's *AanduidingPersoonOnderneming* 1, 2 and 3."""

    NATURAL_PERSON = "natural-person"
    ENTERPRISE = "enterprise"
    NATURAL_PERSON_FOR_ENTERPRISE = "natural-person-for-enterprise"


class RelationStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    PENDING = "pending"


class PersonStatus(StrEnum):
    """*Status werkstroom*: In afwachting, Actief."""

    ACTIVE = "active"
    PENDING = "pending"


class AdministratorLevel(StrEnum):
    """*Hoofd lokale beheerder*, whom a legal representative designates, and *lokale beheerder*, whom either does."""

    MAIN = "main"
    LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionKind:
    code: str
    label: str
    represents: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RightKind:
    """A user right that can be granted: its code in ACM's role claim, what it opens, and its profiles."""

    name: str
    code: str
    description: Mapping[str, str]
    profiles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What rights, profiles and functions there are. `profile_codes` are those of ACM's role claim."""

    applications: tuple[str, ...]
    rights: Mapping[str, RightKind]
    profile_codes: Mapping[str, str]
    functions: Mapping[str, FunctionKind]


@dataclass(frozen=True, slots=True, kw_only=True)
class KboFunction:
    """`person_key` is None for a type 2 row: a company is director, and no person may sign in on that.

    `company` is the name of the enterprise that holds the function, itself or through the person.
    """

    organisation: str
    kind: FunctionKind
    holder: FunctionHolder
    holder_name: str
    person_key: str | None
    company: str | None
    period: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class EstablishmentUnit:
    """*Vestigingseenheid*: a place where the enterprise works. The number is ten digits, the first of them 2 to 8."""

    number: str
    organisation: str
    name: str
    address: str
    period: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Enterprise:
    key: str
    number: str
    name: str
    address: str
    began_on: date | None
    ceased_on: date | None

    def is_ceased(self, today: date) -> bool:
        return self.ceased_on is not None and self.ceased_on <= today


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    name: str
    profiles: tuple[str, ...]
    period: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    organisation: str
    category: str
    status: RelationStatus
    period: Period
    rights: tuple[Right, ...]

    def is_usable(self, today: date) -> bool:
        return self.status is RelationStatus.ACTIVE and self.period.includes(today)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the story says must happen at one application, on the day on which the world was loaded."""

    application: str
    allowed: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """`story` is empty for someone who only exists to be named. `acts_for` is the organisation of the story.

    `in_registers` is False for somebody whom user management and KBO have never heard of.
    """

    key: str
    national_number: str = field(repr=False)
    given_name: str
    family_name: str
    phone: str
    email: str | None
    story: Mapping[str, str]
    status: PersonStatus
    in_registers: bool
    activated: tuple[Method, ...]
    acts_for: str | None
    outcomes: tuple[Outcome, ...]

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"

    @property
    def subject(self) -> str:
        """ACM's *PersoonsID*: 40 hexadecimal characters, the same at every sign-in."""
        return subject_of(self.key)

    @property
    def vo_id(self) -> str:
        return str(uuid.uuid5(_VO_IDS, self.key))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """What `world.yaml` says, to be planted in a database: by key of a person, or by number of an enterprise."""

    catalogue: Catalogue
    enterprises: Mapping[str, Enterprise]
    establishment_units: tuple[EstablishmentUnit, ...]
    functions: tuple[KboFunction, ...]
    people: Mapping[str, Person]
    relations: Mapping[str, tuple[Relation, ...]]
    administers: Mapping[str, tuple[str, ...]]


def subject_of(key: str) -> str:
    """The subject of a person by key, also of one who is there no more."""
    return hashlib.sha256(b"subject " + key.encode()).hexdigest()[:40]
