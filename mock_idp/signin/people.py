"""What the sign-in pages know of the test people: who they are, and what they hold to sign in with.

Everything secret is fixed per person, so that a demo works at once and a script can repeat it. These are test values of
invented people; nothing here would be fit for a real one. Rights and functions are no concern of this module.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from mock_idp.acm.methods import Method
from mock_idp.clock import Clock
from mock_idp.world.facts import Person
from mock_idp.world.live import LiveWorld
from mock_idp.world.tables import PersonRow

PIN = "1234"  # of every test card
ITSME_CODE = "12345"  # of every test phone
SEARCH_FROM = 30  # a longer list of people gets a search box
CARD_POSITIONS = 24  # the federal token was a paper card with 24 codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """An organisation that a person may sign in for. The number is ten digits."""

    number: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TestPerson:
    """One of the cast. `story` says by language what the person is there to show.

    `phone` is +32 and nine digits, or empty for somebody who was added and has no mobile number yet.
    """

    __test__ = False  # the name begins as pytest's classes of tests do

    key: str
    name: str
    story: Mapping[str, str]
    phone: str
    has_app: bool
    has_sms: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleList:
    """What a page lists: `people` fit `searched`. The search box is there once the whole list is long."""

    people: tuple[TestPerson, ...]
    searched: str
    searchable: bool


class Cast:
    """The test people of the world in force, in the order of its file, and those who were added since."""

    def __init__(self, world: LiveWorld, clock: Clock) -> None:
        self._world = world
        self._clock = clock

    def people(self) -> tuple[TestPerson, ...]:
        return tuple(_test_person(person) for person in self._world.current.cast)

    def find(self, key: str) -> TestPerson | None:
        person = self._world.current.member_of_cast(key)
        return None if person is None else _test_person(person)

    def name_of(self, key: str) -> str:
        """Of anybody: a script may have signed in somebody who is not of the cast."""
        person = self._world.current.person(key)
        return "" if person is None else person.name

    def activated(self, key: str, method: Method) -> None:
        """The person has activated this method: user management shows it under *Accounts*."""
        with self._world.changing() as session:
            row = session.scalars(select(PersonRow).where(PersonRow.key == key)).one_or_none()
            if row is not None and method.value not in row.activated:
                row.activated = [*row.activated, method.value]

    def organisations(self, key: str) -> tuple[Organisation, ...]:
        """What the person may choose at ACM today: as representative, as colleague, or as local administrator."""
        person = self._world.current.person(key)
        if person is None:
            return ()
        offered = self._world.current.offered_organisations(person, self._clock.today())
        return tuple(Organisation(number=enterprise.number, name=enterprise.name) for enterprise in offered)


def _test_person(person: Person) -> TestPerson:
    return TestPerson(
        key=person.key,
        name=person.name,
        story=person.story,
        phone=phone_digits(person.phone) or "",
        has_app=Method.APP in person.activated,
        has_sms=Method.SMS in person.activated,
    )


def list_of(people: tuple[TestPerson, ...], searched: str) -> PeopleList:
    searched = searched.strip()
    return PeopleList(people=matching(people, searched), searched=searched, searchable=len(people) > SEARCH_FROM)


def matching(people: tuple[TestPerson, ...], searched: str) -> tuple[TestPerson, ...]:
    """The people whose name, key or story (in any language) holds every word that was typed."""
    words = searched.casefold().split()
    return tuple(person for person in people if all(word in _searchable(person) for word in words))


def _searchable(person: TestPerson) -> str:
    return " ".join((person.name, person.key, *person.story.values())).casefold()


def find_by_phone(cast: Cast, typed: str) -> TestPerson | None:
    """The person whose phone this is, however the number was written: +32 4…, 0032 4… or 04…."""
    number = phone_digits(typed)
    return next((person for person in cast.people() if person.phone == number), None) if number else None


def phone_digits(typed: str) -> str | None:
    """A Belgian mobile number as +32 and nine digits, or None when it isn't one."""
    digits = "".join(character for character in typed if character not in " ./-()")
    for prefix in ("+32", "0032", "0"):
        rest = digits.removeprefix(prefix)
        if rest != digits and len(rest) == 9 and rest.isascii() and rest.isdigit() and rest.startswith("4"):
            return "+32" + rest
    return None


def phone_text(number: str) -> str:
    """+32 470 12 34 56; nothing for nothing."""
    if not number:
        return ""
    return f"{number[:3]} {number[3:6]} {number[6:8]} {number[8:10]} {number[10:]}"


def phone_ending(number: str) -> str:
    """Enough to recognise the own phone by, and not enough to learn someone's number."""
    return f"+32 ··· ·· ·· {number[-2:]}"


def app_secret(person: TestPerson) -> bytes:
    """The secret of a person whose app was activated before the demo began: 160 bits, as RFC 4226 section 4 advises."""
    return _fixed("app", person.key)


def user_name(person: TestPerson) -> str:
    return person.key


def password(person: TestPerson) -> str:
    return "Test" + _fixed("password", person.key).hex()[:6]


def card_code(person: TestPerson, position: int) -> str:
    """The six digits that the paper card of the federal token has at a position from 1 to 24."""
    if not 1 <= position <= CARD_POSITIONS:
        raise ValueError(f"the card has positions 1 to {CARD_POSITIONS}")
    return str(int.from_bytes(_fixed(f"card {position}", person.key)[:4], "big") % 1_000_000).zfill(6)


def _fixed(purpose: str, key: str) -> bytes:
    return hmac.digest(b"test value, no secret", f"{purpose}:{key}".encode(), hashlib.sha1)
