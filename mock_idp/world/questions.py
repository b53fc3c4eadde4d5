"""Questions about the world, answered from its database with frozen values. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload, selectinload, sessionmaker

from mock_idp.acm.methods import Method
from mock_idp.clock import Clock
from mock_idp.days import Period
from mock_idp.world.facts import (
    Catalogue,
    Enterprise,
    EstablishmentUnit,
    FunctionHolder,
    KboFunction,
    Outcome,
    Person,
    PersonStatus,
    Relation,
    RelationStatus,
    Right,
)
from mock_idp.world.tables import (
    AdministratorRow,
    EnterpriseRow,
    EstablishmentUnitRow,
    FunctionRow,
    PersonRow,
    RelationRow,
)


class World:
    """The world as its database has it at the moment of asking; each question is one short reading."""

    def __init__(self, sessions: sessionmaker[Session], catalogue: Catalogue, clock: Clock) -> None:
        self.catalogue = catalogue
        self._sessions = sessions
        self._clock = clock

    # -- people

    @property
    def cast(self) -> tuple[Person, ...]:
        """The people with a story, and those who were added since: everybody that a visitor can sign in as."""
        return self._people(select(PersonRow).where(PersonRow.in_cast).order_by(PersonRow.id))

    @property
    def people(self) -> tuple[Person, ...]:
        """Everybody. For the world that was planted; a generated one is large."""
        return self._people(select(PersonRow).order_by(PersonRow.id))

    def member_of_cast(self, key: str) -> Person | None:
        return self._one(select(PersonRow).where(PersonRow.key == key, PersonRow.in_cast))

    def person(self, key: str) -> Person | None:
        return self._one(select(PersonRow).where(PersonRow.key == key))

    def person_by_national_number(self, digits: str) -> Person | None:
        """Only people whom user management knows; digits only."""
        return self._one(select(PersonRow).where(PersonRow.national_number == digits, PersonRow.in_registers))

    def relations_of(self, person: Person) -> tuple[Relation, ...]:
        wanted = (
            select(RelationRow)
            .join(RelationRow.person)
            .where(PersonRow.key == person.key)
            .options(selectinload(RelationRow.rights))
            .order_by(RelationRow.id)
        )
        with self._sessions() as session:
            return tuple(_relation(row) for row in session.scalars(wanted))

    def administers(self, person: Person) -> tuple[str, ...]:
        """The organisations in which the person is a local administrator."""
        wanted = (
            select(AdministratorRow.organisation)
            .join(AdministratorRow.person)
            .where(PersonRow.key == person.key)
            .order_by(AdministratorRow.organisation)
        )
        with self._sessions() as session:
            return tuple(session.scalars(wanted))

    def administrators_of(self, number: str) -> tuple[Person, ...]:
        return self._people(
            select(PersonRow)
            .join(AdministratorRow, AdministratorRow.person_id == PersonRow.id)
            .where(AdministratorRow.organisation == number)
            .order_by(PersonRow.id)
        )

    # -- enterprises

    @property
    def enterprises(self) -> tuple[Enterprise, ...]:
        with self._sessions() as session:
            return tuple(_enterprise(row) for row in session.scalars(select(EnterpriseRow)))

    def enterprise(self, number: str) -> Enterprise | None:
        with self._sessions() as session:
            row = session.get(EnterpriseRow, number)
            return None if row is None else _enterprise(row)

    def names_of(self, numbers: Iterable[str]) -> dict[str, str]:
        with self._sessions() as session:
            wanted = select(EnterpriseRow.number, EnterpriseRow.name).where(EnterpriseRow.number.in_(set(numbers)))
            return dict(session.execute(wanted).all())

    def establishment_units_of(self, number: str) -> tuple[EstablishmentUnit, ...]:
        wanted = select(EstablishmentUnitRow).where(EstablishmentUnitRow.organisation == number)
        with self._sessions() as session:
            return tuple(_establishment_unit(row) for row in session.scalars(wanted))

    # -- functions

    def functions_of(self, person: Person) -> tuple[KboFunction, ...]:
        """Rows that the person itself holds, over or not, as far as KBO has recorded them."""
        return self._functions(select(FunctionRow).join(FunctionRow.person).where(PersonRow.key == person.key))

    def functions_in(self, number: str) -> tuple[KboFunction, ...]:
        return self._functions(select(FunctionRow).where(FunctionRow.organisation == number))

    def represents(self, person: Person, number: str, today: date) -> bool:
        return any(
            function.organisation == number and function.kind.represents and function.period.includes(today)
            for function in self.functions_of(person)
        )

    # -- both

    def offered_organisations(self, person: Person, today: date) -> tuple[Enterprise, ...]:
        """What ACM's own choice page lists: where the person represents, works or administers today."""
        return self._in_order_of_name(
            {f.organisation for f in self.functions_of(person) if f.kind.represents and f.period.includes(today)}
            | {relation.organisation for relation in self.relations_of(person) if relation.is_usable(today)}
            | set(self.administers(person))
        )

    def connected_organisations(self, person: Person) -> frozenset[str]:
        """Every enterprise the person has or had to do with: a script may choose any of them."""
        return frozenset(
            {function.organisation for function in self.functions_of(person)}
            | {relation.organisation for relation in self.relations_of(person)}
            | set(self.administers(person))
        )

    # -- reading

    def _one(self, wanted: Select[PersonRow]) -> Person | None:
        return next(iter(self._people(wanted)), None)

    def _people(self, wanted: Select[PersonRow]) -> tuple[Person, ...]:
        with self._sessions() as session:
            return tuple(self._person(row) for row in session.scalars(wanted))

    def _person(self, row: PersonRow) -> Person:
        return Person(
            key=row.key,
            national_number=row.national_number,
            given_name=row.given_name,
            family_name=row.family_name,
            phone=row.phone,
            email=row.email,
            story=row.story,
            status=status_of(row, self._clock),
            in_registers=row.in_registers,
            activated=tuple(Method(method) for method in row.activated),
            acts_for=row.acts_for,
            outcomes=tuple(
                Outcome(application=application, allowed=allowed, reason=reason)
                for application, allowed, reason in row.outcomes
            ),
        )

    def _functions(self, wanted: Select[FunctionRow]) -> tuple[KboFunction, ...]:
        today = self._clock.today()
        recorded = wanted.where(FunctionRow.recorded_on <= today).options(joinedload(FunctionRow.person))
        with self._sessions() as session:
            rows: Sequence[FunctionRow] = session.scalars(recorded.order_by(FunctionRow.id)).all()
            return tuple(self._function(row, today) for row in rows)

    def _function(self, row: FunctionRow, today: date) -> KboFunction:
        return KboFunction(
            organisation=row.organisation,
            kind=self.catalogue.functions[row.code],
            holder=FunctionHolder(row.holder),
            holder_name=row.company or "" if row.person is None else row.person.name,
            person_key=None if row.person is None else row.person.key,
            company=row.company,
            period=Period(first=row.first, last=last_day(row, today)),
        )

    def _in_order_of_name(self, numbers: set[str]) -> tuple[Enterprise, ...]:
        wanted = select(EnterpriseRow).where(EnterpriseRow.number.in_(numbers))
        with self._sessions() as session:
            found = [_enterprise(row) for row in session.scalars(wanted)]
        return tuple(sorted(found, key=lambda enterprise: (enterprise.name, enterprise.number)))


def status_of(row: PersonRow, clock: Clock) -> PersonStatus:
    """Pending until the workflow after adding a person is through; some of the cast stay so."""
    if row.activates_at is not None and row.activates_at.replace(tzinfo=UTC) <= clock.now():
        return PersonStatus.ACTIVE
    return PersonStatus(row.status)


def last_day(row: FunctionRow, today: date) -> date:
    """The last day of a function as KBO tells it today: an end counts once it is recorded."""
    if row.ends_on is not None and row.end_recorded_on is not None and row.end_recorded_on <= today:
        return row.ends_on
    return row.last


def _relation(row: RelationRow) -> Relation:
    return Relation(
        organisation=row.organisation,
        category=row.category,
        status=RelationStatus(row.status),
        period=Period(first=row.first, last=row.last),
        rights=tuple(
            Right(name=right.name, profiles=tuple(right.profiles), period=Period(first=right.first, last=right.last))
            for right in row.rights
        ),
    )


def _enterprise(row: EnterpriseRow) -> Enterprise:
    return Enterprise(
        key=row.key,
        number=row.number,
        name=row.name,
        address=row.address,
        began_on=row.began_on,
        ceased_on=row.ceased_on,
    )


def _establishment_unit(row: EstablishmentUnitRow) -> EstablishmentUnit:
    return EstablishmentUnit(
        number=row.number,
        organisation=row.organisation,
        name=row.name,
        address=row.address,
        period=Period(first=row.first, last=row.last),
    )
