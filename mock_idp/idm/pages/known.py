"""What every page about a person shows above its own part: *Gegevens van gebruiker*, never with the number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from mock_idp.clock import Clock
from mock_idp.idm.signin import SPACE
from mock_idp.numbers import sex_of
from mock_idp.world.facts import PersonStatus
from mock_idp.world.questions import status_of
from mock_idp.world.tables import PersonRow

PEOPLE = f"{SPACE}/personen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """`sex` is M, V or none; `address` is that of the person's page."""

    key: str
    given_name: str
    family_name: str
    call_name: str
    initials: str
    birth_date: date | None
    sex: str | None
    source: str
    is_active: bool

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"

    @property
    def address(self) -> str:
        return address_of(self.key)


def known(person: PersonRow, clock: Clock) -> Known:
    return Known(
        key=person.key,
        given_name=person.given_name,
        family_name=person.family_name,
        call_name=person.call_name,
        initials=person.initials,
        birth_date=person.birth_date,
        sex=sex_of(person.national_number),
        source=person.source,
        is_active=status_of(person, clock) is PersonStatus.ACTIVE,
    )


def address_of(key: str) -> str:
    return f"{PEOPLE}/{key}"
