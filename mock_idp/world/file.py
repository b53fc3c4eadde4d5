"""`world.yaml` into a Seed. Everything wrong in the file is reported at once, with file and line.

Refuses numbers that could belong to someone, numbers used twice, and references to people or enterprises that are not
there. Relative dates are counted from the day that is passed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from mock_idp.acm.methods import Method
from mock_idp.days import OPEN_END, Period, parse_day
from mock_idp.numbers import (
    is_never_issued,
    is_never_issued_unit,
    is_test_number,
    parse_enterprise_number,
    parse_establishment_number,
    parse_national_number,
)
from mock_idp.strict_yaml import Fields, FileProblemError, FileProblemsError, Place, Problems, read_yaml
from mock_idp.world.facts import (
    Catalogue,
    Enterprise,
    EstablishmentUnit,
    FunctionHolder,
    FunctionKind,
    KboFunction,
    Person,
    PersonStatus,
    Relation,
    RelationStatus,
    Right,
    RightKind,
    Seed,
)
from mock_idp.world.outcomes import read_outcomes
from mock_idp.world.repeats import RepeatedEnterprise, read_repeats

CLOSED = TypeVar("CLOSED", bound=StrEnum)


def load_seed(path: Path, *, today: date) -> Seed:
    """Raises FileProblemsError with all problems, one a line. A file that did not change is not read again."""
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        changed = 0  # reading it says what is wrong
    return _seed_of(path, today, changed)


@lru_cache(maxsize=4)
def _seed_of(path: Path, today: date, changed: int) -> Seed:
    try:
        return _SeedReader(path, today).read()
    except FileProblemError as problem:  # in a section that all others need
        raise FileProblemsError(str(problem)) from problem


class _SeedReader:
    """One reading of one file: the day, the problems found so far, and what earlier sections said."""

    def __init__(self, path: Path, today: date) -> None:
        self._path = path
        self._today = today
        self._problems = Problems()
        self._numbers: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._kinds: dict[str, FunctionKind] = {}
        self._rights: dict[str, RightKind] = {}
        self._profile_codes: dict[str, str] = {}
        self._applications: tuple[str, ...] = ()
        self._units: set[str] = set()

    def read(self) -> Seed:
        top = Fields(self._top())
        self._applications = top.texts("applications")
        self._profile_codes = self._texts_by_name(top.required("profiles"))
        for name, place in top.required("rights").named().items():
            self._rights[name] = self._right_kind(name, place)
        for code, place in top.required("functions").named().items():
            self._kinds[code] = self._function_kind(code, place)
        people_places = top.required("people").named()
        enterprise_places = top.required("enterprises").named()
        repeats = read_repeats(top.items_or_none("repeated_enterprises"))
        top.finish()

        for key, place in enterprise_places.items():
            with self._problems.collected():
                self._learn_number(key, self._enterprise_number(place), place)
        for repeated in repeats:
            with self._problems.collected():
                self._learn_number(repeated.key, repeated.number, repeated.place)
        for key, place in people_places.items():
            with self._problems.collected():
                self._names[key] = f"{Fields(place).text('given_name')} {Fields(place).text('family_name')}"

        people: dict[str, Person] = {}
        relations: dict[str, tuple[Relation, ...]] = {}
        administers: dict[str, tuple[str, ...]] = {}
        for key, place in people_places.items():
            with self._problems.collected():
                people[key], relations[key], administers[key] = self._person(key, place)
        enterprises: dict[str, Enterprise] = {}
        units: list[EstablishmentUnit] = []
        functions: list[KboFunction] = []
        for key, place in enterprise_places.items():
            with self._problems.collected():
                enterprise, its_units, its_functions = self._enterprise(key, place)
                enterprises[enterprise.number] = enterprise
                units += its_units
                functions += its_functions
        for repeated in repeats:
            with self._problems.collected():
                enterprises[repeated.number] = self._repeated_enterprise(repeated)
                if repeated.function is not None:
                    functions.append(self._function(repeated.key, repeated.function))
                if repeated.relation is not None and repeated.relation_person is not None:
                    key = self._person_key(repeated.relation_person)
                    relation = self._relation(repeated.relation, organisation=repeated.number)
                    relations[key] = (*relations.get(key, ()), relation)
        self._check_national_numbers(people, people_places)
        self._problems.raise_any()
        return Seed(
            catalogue=Catalogue(
                applications=self._applications,
                rights=self._rights,
                profile_codes=self._profile_codes,
                functions=self._kinds,
            ),
            enterprises=enterprises,
            establishment_units=tuple(units),
            functions=tuple(functions),
            people=people,
            relations=relations,
            administers=administers,
        )

    def _top(self) -> Place:
        return read_yaml(self._path)

    # -- enterprises

    def _learn_number(self, key: str, number: str, place: Place) -> None:
        if key in self._numbers:
            raise place.problem(f"enterprise {key!r} is given twice")
        holder = next((other for other, taken in self._numbers.items() if taken == number), None)
        if holder is not None:
            raise place.problem(f"enterprise {key!r} has the number of {holder!r}")
        self._numbers[key] = number

    def _enterprise_number(self, place: Place) -> str:
        written = Fields(place).required("number")
        number = parse_enterprise_number(written.text())
        if number is None:
            raise written.problem("this is not an enterprise number: its check digits are wrong")
        if not is_never_issued(number):
            raise written.problem("an enterprise number here begins with 1999: KBO has not issued those")
        return number

    def _enterprise(
        self, key: str, place: Place
    ) -> tuple[Enterprise, tuple[EstablishmentUnit, ...], tuple[KboFunction, ...]]:
        fields = Fields(place)
        fields.required("number")
        began, ceased = fields.optional("began_on"), fields.optional("ceased_on")
        number = self._numbers.get(key, "")
        functions = tuple(self._function(key, row) for row in fields.items_or_none("functions"))
        units = tuple(self._establishment_unit(number, row) for row in fields.items_or_none("establishment_units"))
        enterprise = Enterprise(
            key=key,
            number=number,
            name=fields.text("name"),
            address=fields.text_or("address", ""),
            began_on=None if began is None else self._day(began),
            ceased_on=None if ceased is None else self._day(ceased),
        )
        fields.finish()
        return enterprise, units, functions

    def _repeated_enterprise(self, repeated: RepeatedEnterprise) -> Enterprise:
        return Enterprise(
            key=repeated.key,
            number=repeated.number,
            name=repeated.name,
            address=repeated.address,
            began_on=None if repeated.began_on is None else self._day(repeated.began_on),
            ceased_on=None,
        )

    def _establishment_unit(self, organisation: str, place: Place) -> EstablishmentUnit:
        fields = Fields(place)
        written = fields.required("number")
        number = parse_establishment_number(written.text())
        if number is None:
            raise written.problem("this is not the number of an establishment unit: ten digits, the first 2 to 8")
        if not is_never_issued_unit(number):
            raise written.problem("the number of an establishment unit here begins with 2999: KBO has not issued those")
        if number in self._units:
            raise written.problem("this number is given twice")
        self._units.add(number)
        unit = EstablishmentUnit(
            number=number,
            organisation=organisation,
            name=fields.text("name"),
            address=fields.text("address"),
            period=self._period(fields),
        )
        fields.finish()
        return unit

    def _function(self, key: str, place: Place) -> KboFunction:
        fields = Fields(place)
        person = fields.optional("person")
        company = fields.optional("company")
        code = fields.required("code")
        period = self._period(fields)
        fields.finish()
        if code.text() not in self._kinds:
            raise code.problem(f"{code.text()!r} is not among the functions at the top of the file")
        person_key = None if person is None else self._person_key(person)
        return KboFunction(
            organisation=self._numbers.get(key, ""),
            kind=self._kinds[code.text()],
            holder=self._holder(place, person, company),
            holder_name=company.text() if company and person_key is None else self._names.get(person_key or "", ""),
            person_key=person_key,
            company=None if company is None else company.text(),
            period=period,
        )

    def _holder(self, place: Place, person: Place | None, company: Place | None) -> FunctionHolder:
        if person is not None and company is not None:
            return FunctionHolder.NATURAL_PERSON_FOR_ENTERPRISE
        if person is not None:
            return FunctionHolder.NATURAL_PERSON
        if company is not None:
            return FunctionHolder.ENTERPRISE
        raise place.problem("a function is held by a 'person', a 'company' (its name), or a person for a company")

    # -- people

    def _person(self, key: str, place: Place) -> tuple[Person, tuple[Relation, ...], tuple[str, ...]]:
        fields = Fields(place)
        written = fields.required("national_number")
        number = parse_national_number(written.text())
        if number is None:
            raise written.problem("this is not a national number: its check digits or its date are wrong")
        if not is_test_number(number):
            raise written.problem("a national number here is a TST number (month + 60), so that it is nobody's")
        story = fields.optional("story")
        acts_for = fields.optional("acts_for")
        person = Person(
            key=key,
            national_number=number,
            given_name=fields.text("given_name"),
            family_name=fields.text("family_name"),
            phone=fields.text_or("phone", "+32 470 00 00 00"),
            email=fields.text_or_none("email"),
            story={} if story is None else self._story(story),
            status=self._choice(PersonStatus, fields.optional("status"), PersonStatus.ACTIVE),
            in_registers=fields.boolean_or("in_registers", default=True),
            activated=tuple(
                self._choice(Method, item, Method.APP) for item in fields.items_or_none("activated_methods")
            ),
            acts_for=None if acts_for is None else self._organisation(acts_for),
            outcomes=() if story is None else read_outcomes(fields.required("outcome"), self._applications),
        )
        relations = tuple(self._relation(item) for item in fields.items_or_none("relations"))
        administers = tuple(self._organisation(item) for item in fields.items_or_none("administers"))
        fields.finish()
        return person, relations, administers

    def _story(self, place: Place) -> Mapping[str, str]:
        fields = Fields(place)
        story = {"nl": fields.text("nl"), "en": fields.text("en")}
        fields.finish()
        return story

    def _relation(self, place: Place, *, organisation: str | None = None) -> Relation:
        fields = Fields(place)
        relation = Relation(
            organisation=organisation or self._organisation(fields.required("organisation")),
            category=fields.text_or("category", "Vaste Medewerker"),
            status=self._choice(RelationStatus, fields.optional("status"), RelationStatus.ACTIVE),
            period=self._period(fields),
            rights=tuple(self._right(item) for item in fields.items_or_none("rights")),
        )
        fields.finish()
        return relation

    def _right(self, place: Place) -> Right:
        fields = Fields(place)
        name = fields.required("name")
        if name.text() not in self._rights:
            raise name.problem(f"{name.text()!r} is not among the rights at the top of the file")
        for profile in fields.items_or_none("profiles"):
            if profile.text() not in self._rights[name.text()].profiles:
                raise profile.problem(f"{profile.text()!r} is not a profile of that right")
        right = Right(name=name.text(), profiles=fields.texts("profiles"), period=self._period(fields))
        fields.finish()
        return right

    # -- small values

    def _function_kind(self, code: str, place: Place) -> FunctionKind:
        fields = Fields(place)
        kind = FunctionKind(code=code, label=fields.text("label"), represents=fields.required("represents").boolean())
        fields.finish()
        return kind

    def _right_kind(self, name: str, place: Place) -> RightKind:
        fields = Fields(place)
        description = fields.required("description")
        kind = RightKind(
            name=name, code=fields.text("code"), description=self._story(description), profiles=fields.texts("profiles")
        )
        for profile in fields.items_or_none("profiles"):
            if profile.text() not in self._profile_codes:
                raise profile.problem(f"{profile.text()!r} is not among the profiles at the top of the file")
        fields.finish()
        return kind

    def _texts_by_name(self, place: Place) -> dict[str, str]:
        return {name: value.text() for name, value in place.named().items()}

    def _choice(self, kind: type[CLOSED], place: Place | None, default: CLOSED) -> CLOSED:
        if place is None:
            return default
        try:
            return kind(place.text())
        except ValueError as error:
            raise place.problem(f"{place.text()!r} is not one of {', '.join(kind)}") from error

    def _organisation(self, place: Place) -> str:
        number = self._numbers.get(place.text())
        if number is None:
            raise place.problem(f"there is no enterprise {place.text()!r}")
        return number

    def _person_key(self, place: Place) -> str:
        if place.text() not in self._names:
            raise place.problem(f"there is no person {place.text()!r}")
        return place.text()

    def _period(self, fields: Fields) -> Period:
        until = fields.optional("until")
        first = self._day(fields.required("from"))
        last = OPEN_END if until is None else self._day(until)
        if last < first:
            raise fields.place.problem("'until' is before 'from'")
        return Period(first=first, last=last)

    def _day(self, place: Place) -> date:
        try:
            return parse_day(place.plain(), today=self._today)
        except (ValueError, OverflowError) as error:
            raise place.problem(f"{place.plain()!r} is not a day such as 2018-06-26, today-1, +10y or open") from error

    def _check_national_numbers(self, people: Mapping[str, Person], places: Mapping[str, Place]) -> None:
        seen: dict[str, str] = {}
        for key, person in people.items():
            if person.national_number in seen:
                self._problems.add(places[key], f"{key!r} has the number of {seen[person.national_number]!r}")
            seen[person.national_number] = key
