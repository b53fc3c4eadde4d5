"""What a generated person has to do with which organisation: one of the stories of the cast, with other days.

How often each story occurs is a guess at a working week at a counter, not a measurement: most people may enter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from random import Random

from mock_idp.days import Period, plus_years
from mock_idp.world.facts import PersonStatus, Relation, RelationStatus, Right

RIGHT = "VLAIO Inkom Gebruiker Nieuw"
OLDER_RIGHT = "VLAIO Inkom Gebruiker"
OTHER_RIGHT = "Voorbeeld Subsidieloket"
USER, SERVICE_PROVIDER = "Gebruiker", "Dienstverlener kmo-portefeuille"


class Story(StrEnum):
    """The first three are given out by organisation, the others at random."""

    REPRESENTATIVE = "representative"
    ADMINISTRATOR = "administrator"
    CEASED = "ceased-enterprise"
    EMPLOYEE = "employee"
    OLDER_RIGHT = "older-right"
    EXPIRES_SOON = "expires-soon"
    EXPIRES_TODAY = "expires-today"
    TWO_ORGANISATIONS = "two-organisations"
    EXPIRED = "expired-right"
    FUTURE = "future-right"
    PAUSED = "paused-relation"
    PENDING = "pending-person"
    RELATION_ENDED = "ended-relation"
    OTHER_PROFILE = "service-provider"
    ELSEWHERE = "right-elsewhere"
    NO_RIGHT = "no-right"
    OTHER_APPLICATION = "right-of-another-application"
    AUDITOR = "auditor"
    FORMER_DIRECTOR = "former-director"
    CITIZEN = "citizen"
    UNKNOWN = "unknown-to-the-registers"


# Per thousand of those whose story is drawn.
SHARES: Mapping[Story, int] = {
    Story.EMPLOYEE: 545,
    Story.OLDER_RIGHT: 40,
    Story.EXPIRES_SOON: 20,
    Story.EXPIRES_TODAY: 5,
    Story.TWO_ORGANISATIONS: 40,
    Story.EXPIRED: 80,
    Story.FUTURE: 10,
    Story.PAUSED: 40,
    Story.PENDING: 10,
    Story.RELATION_ENDED: 50,
    Story.OTHER_PROFILE: 40,
    Story.ELSEWHERE: 20,
    Story.NO_RIGHT: 30,
    Story.OTHER_APPLICATION: 10,
    Story.AUDITOR: 5,
    Story.FORMER_DIRECTOR: 5,
    Story.CITIZEN: 48,
    Story.UNKNOWN: 2,
}

# What the support measures do with somebody who acts for the organisation of the story, and why.
OUTCOMES: Mapping[Story, tuple[bool, str]] = {
    Story.REPRESENTATIVE: (True, "legal-representative"),
    Story.ADMINISTRATOR: (True, "inkom-user"),
    Story.CEASED: (False, "organisation-ceased"),
    Story.EMPLOYEE: (True, "inkom-user"),
    Story.OLDER_RIGHT: (True, "inkom-user"),
    Story.EXPIRES_SOON: (True, "inkom-user"),
    Story.EXPIRES_TODAY: (True, "inkom-user"),
    Story.TWO_ORGANISATIONS: (True, "inkom-user"),
    Story.EXPIRED: (False, "right-expired"),
    Story.FUTURE: (False, "right-not-yet-valid"),
    Story.PAUSED: (False, "relation-paused"),
    Story.PENDING: (False, "relation-pending"),
    Story.RELATION_ENDED: (False, "relation-ended"),
    Story.OTHER_PROFILE: (False, "wrong-profile"),
    Story.ELSEWHERE: (False, "right-elsewhere"),
    Story.NO_RIGHT: (False, "right-missing"),
    Story.OTHER_APPLICATION: (False, "right-missing"),
    Story.AUDITOR: (False, "right-missing"),
    Story.FORMER_DIRECTOR: (False, "right-missing"),
    Story.CITIZEN: (False, "no-organisation"),
    Story.UNKNOWN: (False, "no-organisation"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A function in KBO: code and period; `company` when the person holds it for one."""

    code: str
    period: Period
    company: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Everything the registers have about one person; functions and duties are in the organisation of the story."""

    functions: tuple[Held, ...] = ()
    relations: tuple[Relation, ...] = ()
    administers: bool = False
    acts_for: str | None = None
    status: PersonStatus = PersonStatus.ACTIVE
    in_registers: bool = True


def draw(random: Random) -> Story:
    return random.choices(tuple(SHARES), weights=tuple(SHARES.values()))[0]


def standing(story: Story, random: Random, *, home: str, other: str, today: date) -> Standing:
    """`home` is the organisation that the story is about."""
    return _BY_STORY[story](_Days(random, today), home, other)


class _Days:
    """Draws periods around the day, within the rules: a relation of ten years at most, a right of four inside it."""

    def __init__(self, random: Random, today: date) -> None:
        self._random = random
        self.today = today

    def ago(self, least: int, most: int) -> date:
        return self.today - timedelta(days=self._random.randint(least, most))

    def ahead(self, least: int, most: int) -> date:
        return self.today + timedelta(days=self._random.randint(least, most))

    def long_relation(self, organisation: str, *rights: Right, status: RelationStatus | None = None) -> Relation:
        """From up to five years ago to at least three years ahead."""
        first = self.ago(4 * 366, 5 * 366)
        category = self._random.choices(("Vaste Medewerker", "Externe Medewerker"), weights=(9, 1))[0]
        return Relation(
            organisation=organisation,
            category=category,
            status=status or RelationStatus.ACTIVE,
            period=Period(first=first, last=plus_years(first, 10)),
            rights=rights,
        )

    def valid(self, name: str = RIGHT, profile: str = USER) -> Right:
        """Began within two years, and goes on for more than a month."""
        return _right(self.ago(0, 700), self.ahead(32, 760), name=name, profile=profile)

    def until(self, last: date) -> Right:
        return _right(last - timedelta(days=1400), last)


def _right(first: date, last: date, *, name: str = RIGHT, profile: str = USER) -> Right:
    return Right(name=name, profiles=(profile,), period=Period(first=first, last=last))


def _representative(days: _Days, home: str, other: str) -> Standing:
    code = "10007" if home.endswith(("1", "3", "5")) else "10006"
    return Standing(functions=(Held(code=code, period=_open(days)),), acts_for=home)


def _administrator(days: _Days, home: str, other: str) -> Standing:
    return Standing(relations=(days.long_relation(home, days.valid()),), administers=True, acts_for=home)


def _employee(days: _Days, home: str, other: str) -> Standing:
    return _working(home, days.long_relation(home, days.valid()))


def _older_right(days: _Days, home: str, other: str) -> Standing:
    return _working(home, days.long_relation(home, days.valid(OLDER_RIGHT)))


def _expires_soon(days: _Days, home: str, other: str) -> Standing:
    return _working(home, days.long_relation(home, days.until(days.ahead(1, 10))))


def _expires_today(days: _Days, home: str, other: str) -> Standing:
    return _working(home, days.long_relation(home, days.until(days.today)))


def _two_organisations(days: _Days, home: str, other: str) -> Standing:
    return _working(home, days.long_relation(home, days.valid()), days.long_relation(other, days.valid()))


def _expired(days: _Days, home: str, other: str) -> Standing:
    return _working(home, days.long_relation(home, days.until(days.ago(1, 60))))


def _future(days: _Days, home: str, other: str) -> Standing:
    return _working(home, days.long_relation(home, _right(days.ahead(1, 60), days.ahead(400, 900))))


def _paused(days: _Days, home: str, other: str) -> Standing:
    return _working(home, days.long_relation(home, days.valid(), status=RelationStatus.PAUSED))


def _pending(days: _Days, home: str, other: str) -> Standing:
    relation = Relation(
        organisation=home,
        category="Vaste Medewerker",
        status=RelationStatus.PENDING,
        period=Period(first=days.today, last=plus_years(days.today, 10)),
        rights=(_right(days.today, plus_years(days.today, 4)),),
    )
    return Standing(relations=(relation,), acts_for=home, status=PersonStatus.PENDING)


def _relation_ended(days: _Days, home: str, other: str) -> Standing:
    last = days.ago(1, 400)
    relation = Relation(
        organisation=home,
        category="Vaste Medewerker",
        status=RelationStatus.ACTIVE,
        period=Period(first=plus_years(last, -6), last=last),
        rights=(_right(last - timedelta(days=1400), last),),
    )
    return _working(home, relation)


def _other_profile(days: _Days, home: str, other: str) -> Standing:
    return _working(home, days.long_relation(home, days.valid(profile=SERVICE_PROVIDER)))


def _elsewhere(days: _Days, home: str, other: str) -> Standing:
    return _working(home, days.long_relation(home), days.long_relation(other, days.valid()))


def _no_right(days: _Days, home: str, other: str) -> Standing:
    return _working(home, days.long_relation(home))


def _other_application(days: _Days, home: str, other: str) -> Standing:
    return _working(home, days.long_relation(home, days.valid(OTHER_RIGHT, "Lezer")))


def _auditor(days: _Days, home: str, other: str) -> Standing:
    return Standing(functions=(Held(code="10021", period=_open(days)),))


def _former_director(days: _Days, home: str, other: str) -> Standing:
    last = days.ago(1, 700)
    return Standing(functions=(Held(code="10002", period=Period(first=plus_years(last, -5), last=last)),))


def _citizen(days: _Days, home: str, other: str) -> Standing:
    return Standing()


def _unknown(days: _Days, home: str, other: str) -> Standing:
    return Standing(in_registers=False)


def _working(home: str, *relations: Relation) -> Standing:
    return Standing(relations=relations, acts_for=home)


def _open(days: _Days) -> Period:
    return Period(first=days.ago(400, 6000), last=date.max)


_BY_STORY: Mapping[Story, Callable[[_Days, str, str], Standing]] = {
    Story.REPRESENTATIVE: _representative,
    Story.ADMINISTRATOR: _administrator,
    Story.CEASED: _employee,
    Story.EMPLOYEE: _employee,
    Story.OLDER_RIGHT: _older_right,
    Story.EXPIRES_SOON: _expires_soon,
    Story.EXPIRES_TODAY: _expires_today,
    Story.TWO_ORGANISATIONS: _two_organisations,
    Story.EXPIRED: _expired,
    Story.FUTURE: _future,
    Story.PAUSED: _paused,
    Story.PENDING: _pending,
    Story.RELATION_ENDED: _relation_ended,
    Story.OTHER_PROFILE: _other_profile,
    Story.ELSEWHERE: _elsewhere,
    Story.NO_RIGHT: _no_right,
    Story.OTHER_APPLICATION: _other_application,
    Story.AUDITOR: _auditor,
    Story.FORMER_DIRECTOR: _former_director,
    Story.CITIZEN: _citizen,
    Story.UNKNOWN: _unknown,
}
