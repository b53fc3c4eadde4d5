"""Who and what exists in the mock: people, enterprises, functions, working relations, rights, and questions about them.

Frozen, and without opinions about access: whether someone may enter an application is the gateway's decision. The
outcomes told here are the stories' own, for tests and for the demo's table. Reading the file is `world_file`'s work.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
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
    ACTIVE = "active"
    PENDING = "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionKind:
    code: str
    label: str
    represents: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KboFunction:
    """`person_key` is None for a type 2 row: a company is director, and no person may sign in on that."""

    organisation: str
    kind: FunctionKind
    holder: FunctionHolder
    holder_name: str
    person_key: str | None
    period: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Enterprise:
    key: str
    number: str
    name: str
    ceased_on: date | None
    functions: tuple[KboFunction, ...]

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
    """`story` is empty for someone who only exists to be named. `acts_for` is the organisation of the story."""

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
    relations: tuple[Relation, ...]
    administers: tuple[str, ...]
    acts_for: str | None
    outcomes: tuple[Outcome, ...]

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"

    @property
    def subject(self) -> str:
        """ACM's *PersoonsID*: 40 hexadecimal characters, the same at every sign-in."""
        return hashlib.sha256(b"subject " + self.key.encode()).hexdigest()[:40]

    @property
    def vo_id(self) -> str:
        return str(uuid.uuid5(_VO_IDS, self.key))


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    applications: tuple[str, ...]
    right_codes: Mapping[str, str]
    profile_codes: Mapping[str, str]
    enterprises: Mapping[str, Enterprise]
    people: Mapping[str, Person]

    @property
    def cast(self) -> tuple[Person, ...]:
        """The people with a story: those that a visitor can sign in as."""
        return tuple(person for person in self.people.values() if person.story)

    def person(self, key: str) -> Person | None:
        return self.people.get(key)

    def person_by_national_number(self, digits: str) -> Person | None:
        """Only people whom the registers know; digits only."""
        return next((p for p in self.people.values() if p.national_number == digits and p.in_registers), None)

    def enterprise(self, number: str) -> Enterprise | None:
        return self.enterprises.get(number)

    def functions_of(self, person: Person) -> tuple[KboFunction, ...]:
        """Rows that the person itself holds, over or not."""
        return tuple(
            function
            for enterprise in self.enterprises.values()
            for function in enterprise.functions
            if function.person_key == person.key
        )

    def represents(self, person: Person, number: str, today: date) -> bool:
        return any(
            function.organisation == number and function.kind.represents and function.period.includes(today)
            for function in self.functions_of(person)
        )

    def administrators_of(self, number: str) -> tuple[Person, ...]:
        return tuple(person for person in self.people.values() if number in person.administers)

    def offered_organisations(self, person: Person, today: date) -> tuple[Enterprise, ...]:
        """What ACM's own choice page lists: where the person represents, works or administers today."""
        return self._in_order_of_name(
            {f.organisation for f in self.functions_of(person) if f.kind.represents and f.period.includes(today)}
            | {relation.organisation for relation in person.relations if relation.is_usable(today)}
            | set(person.administers)
        )

    def connected_organisations(self, person: Person) -> frozenset[str]:
        """Every enterprise the person has or had to do with: a script may choose any of them."""
        return frozenset(
            {function.organisation for function in self.functions_of(person)}
            | {relation.organisation for relation in person.relations}
            | set(person.administers)
        )

    def _in_order_of_name(self, numbers: set[str]) -> tuple[Enterprise, ...]:
        found = [self.enterprises[number] for number in numbers]
        return tuple(sorted(found, key=lambda enterprise: (enterprise.name, enterprise.number)))


class LiveWorld:
    """The world in force, which `reset` loads anew so that its relative dates are counted from the present day."""

    def __init__(self, load: Callable[[], World]) -> None:
        self._load = load
        self._after_reset: list[Callable[[], None]] = []
        self.current = load()

    def on_reset(self, forget: Callable[[], None]) -> None:
        """`forget` is called after each reset: sessions, codes, counts of wrong codes go with the old world."""
        self._after_reset.append(forget)

    def reset(self) -> None:
        self.current = self._load()
        for forget in self._after_reset:
            forget()
