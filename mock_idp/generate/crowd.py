"""Who exists in a generated world: enterprises first, then people, a batch at a time, in an order that never changes.

Every enterprise gets a representative and a local administrator; the others draw their story and their employer, so
that some enterprises are large and many are small. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from random import Random

from mock_idp.days import OPEN_END, Period, plus_years
from mock_idp.generate.births import Births
from mock_idp.generate.names import read_names
from mock_idp.generate.stories import OUTCOMES, Held, Standing, Story, draw, standing
from mock_idp.numbers import enterprise_number, sex_of
from mock_idp.world.facts import Catalogue, Enterprise, FunctionHolder, KboFunction, Person, Relation, Seed

# KBO's block 1999 has 10 000 numbers, one for each eight digits. These are for generated enterprises, the rest of the
# block for `world.yaml` and for enterprises that are added by hand.
FIRST_EIGHT_DIGITS = range(1999_0000, 1999_6000)
BATCH = 2_000


class CrowdError(Exception):
    """So many people or enterprises cannot be. The text says how many can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    people: int
    enterprises: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a load test may expect of somebody: `organisation` is empty for who acts for none."""

    key: str
    organisation: str
    allowed: bool
    reason: str
    story: Story


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    seed: Seed
    expected: tuple[Expected, ...] = ()


class Crowd:
    def __init__(self, size: Size, *, world: Seed, today: date, seed: int) -> None:
        """`world` is what stands beside it: its numbers are taken. Raises CrowdError."""
        self._size = size
        self._today = today
        self._catalogue = world.catalogue
        self._random = Random(seed)  # noqa: S311  # the same world for the same seed; nothing here is a secret
        self._births = Births(
            self._random, today=today, taken={person.national_number for person in world.people.values()}
        )
        self._names = read_names()
        self._numbers = _numbers(size, taken=world.enterprises.keys())

    def batches(self) -> Iterator[Batch]:
        """All enterprises come before the people who belong to them."""
        for start in range(0, self._size.enterprises, BATCH):
            yield self._enterprises(range(start, min(start + BATCH, self._size.enterprises)))
        for start in range(0, self._size.people, BATCH):
            yield self._people(range(start, min(start + BATCH, self._size.people)))

    # -- enterprises

    def _enterprises(self, places: range) -> Batch:
        enterprises = {self._numbers[at]: self._enterprise(at) for at in places}
        functions = tuple(self._company_director(at) for at in places if _has_company_director(at))
        return Batch(seed=_seed(self._catalogue, enterprises=enterprises, functions=functions))

    def _enterprise(self, at: int) -> Enterprise:
        pick, names = self._random.choice, self._names
        return Enterprise(
            key=f"enterprise-{at + 1:04d}",
            number=self._numbers[at],
            name=f"{pick(names.trades)} {pick(names.places)} {pick(names.forms)}",
            address="",
            began_on=plus_years(self._today, -self._random.randint(1, 40)),
            ceased_on=self._today if _is_ceased(at) else None,
        )

    def _company_director(self, at: int) -> KboFunction:
        company = _company(at)
        return KboFunction(
            organisation=self._numbers[at],
            kind=self._catalogue.functions["10002"],
            holder=FunctionHolder.ENTERPRISE,
            holder_name=company,
            person_key=None,
            company=company,
            period=Period(first=plus_years(self._today, -1), last=OPEN_END),
        )

    # -- people

    def _people(self, places: range) -> Batch:
        people: dict[str, Person] = {}
        relations: dict[str, tuple[Relation, ...]] = {}
        administers: dict[str, tuple[str, ...]] = {}
        functions: list[KboFunction] = []
        expected: list[Expected] = []
        for at in places:
            home = self._home(at)
            told, found = self._story(at, home)
            person = self._person(f"person-{at + 1:06d}", found)
            people[person.key] = person
            relations[person.key] = found.relations
            if found.administers:
                administers[person.key] = (self._numbers[home],)
            functions += (self._function(held, person, home) for held in found.functions)
            expected.append(_expected(person, told))
        return Batch(
            seed=_seed(
                self._catalogue,
                people=people,
                relations=relations,
                administers=administers,
                functions=tuple(functions),
            ),
            expected=tuple(expected),
        )

    @cached_property
    def _share(self) -> int:
        """Of so many people one represents an enterprise and one administers it."""
        return self._size.people // self._size.enterprises

    def _home(self, at: int) -> int:
        """The place of the enterprise that a person's story is about."""
        if at // self._share < self._size.enterprises and at % self._share < 2:
            return at // self._share
        return int(self._size.enterprises * self._random.random() ** 2)

    def _story(self, at: int, home: int) -> tuple[Story, Standing]:
        story = draw(self._random)
        if at // self._share < self._size.enterprises and at % self._share == 0:
            story = Story.EMPLOYEE if _is_unlisted(home) else Story.REPRESENTATIVE
        elif at // self._share < self._size.enterprises and at % self._share == 1:
            story = Story.ADMINISTRATOR
        elif _is_ceased(home):
            story = Story.CEASED
        other = self._another(home)
        found = standing(story, self._random, home=self._numbers[home], other=self._numbers[other], today=self._today)
        if story is Story.REPRESENTATIVE and _has_company_director(home):
            held = replace(found.functions[0], code="10003", company=_company(home))
            found = replace(found, functions=(held,))
        return Story.CEASED if _is_ceased(home) else story, found

    def _another(self, home: int) -> int:
        """The next enterprise that still exists."""
        at = (home + 1) % self._size.enterprises
        return at if not _is_ceased(at) else (at + 1) % self._size.enterprises

    def _person(self, key: str, found: Standing) -> Person:
        number = self._births.next_number()
        return Person(
            key=key,
            national_number=number,
            given_name=self._random.choice(self._names.given[sex_of(number) or "V"]),
            family_name=self._random.choice(self._names.families),
            phone="",
            email=None,
            story={},
            status=found.status,
            in_registers=found.in_registers,
            activated=(),
            acts_for=found.acts_for,
            outcomes=(),
        )

    def _function(self, held: Held, person: Person, home: int) -> KboFunction:
        for_company = held.company is not None
        return KboFunction(
            organisation=self._numbers[home],
            kind=self._catalogue.functions[held.code],
            holder=FunctionHolder.NATURAL_PERSON_FOR_ENTERPRISE if for_company else FunctionHolder.NATURAL_PERSON,
            holder_name=person.name,
            person_key=person.key,
            company=held.company,
            period=held.period,
        )


def _numbers(size: Size, *, taken: Set[str]) -> tuple[str, ...]:
    free = [number for first in FIRST_EIGHT_DIGITS if (number := enterprise_number(first)) not in taken]
    if not 3 <= size.enterprises <= len(free):
        raise CrowdError(f"enterprises: from 3 to {len(free)}, as the never issued block 1999 has so many free numbers")
    if size.people < 2 * size.enterprises:
        raise CrowdError(f"{size.enterprises} enterprises need at least {2 * size.enterprises} people, or fewer")
    return tuple(free[: size.enterprises])


def _expected(person: Person, story: Story) -> Expected:
    allowed, reason = OUTCOMES[story]
    return Expected(key=person.key, organisation=person.acts_for or "", allowed=allowed, reason=reason, story=story)


def _is_ceased(at: int) -> bool:
    return at % 50 == 7


def _is_unlisted(at: int) -> bool:
    """KBO names nobody there."""
    return at % 50 == 23


def _has_company_director(at: int) -> bool:
    return at % 25 == 11


def _company(at: int) -> str:
    return f"Voorbeeld Holding {at + 1} NV"


def _seed(
    catalogue: Catalogue,
    *,
    enterprises: dict[str, Enterprise] | None = None,
    functions: tuple[KboFunction, ...] = (),
    people: dict[str, Person] | None = None,
    relations: dict[str, tuple[Relation, ...]] | None = None,
    administers: dict[str, tuple[str, ...]] | None = None,
) -> Seed:
    return Seed(
        catalogue=catalogue,
        enterprises=enterprises or {},
        establishment_units=(),
        functions=functions,
        people=people or {},
        relations=relations or {},
        administers=administers or {},
    )
