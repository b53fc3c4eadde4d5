"""Who is told today that a right ends. Pure: grants in, reminders out.

The guide (slide "Verlenging gebruikersrecht"): "10 dagen voor de einddatum … elke dag … via een mailbericht", and a
legal representative "hoeft niets te ondernemen". So on each of the ten days before the last day, and on that day, since
the right still works then; eleven mails if nobody extends it, and none afterwards. Not about a right that does not work
today anyway (not begun, relation paused or pending, enterprise ceased): there is nothing to lose yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import groupby

from mock_idp.addresses import is_address
from mock_idp.days import Period
from mock_idp.world.facts import RelationStatus

LEAD = timedelta(days=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One right of one person, with all on which it depends."""

    person_id: int
    person_key: str
    person_name: str
    person_active: bool
    organisation: str
    organisation_name: str
    ceased_on: date | None
    status: RelationStatus
    relation: Period
    email: str
    right_name: str
    right: Period

    @property
    def last(self) -> date:
        """A right is usable only while its relation is."""
        return min(self.right.last, self.relation.last)

    def works_on(self, day: date) -> bool:
        return (
            self.person_active
            and self.status is RelationStatus.ACTIVE
            and self.relation.includes(day)
            and self.right.includes(day)
            and (self.ceased_on is None or self.ceased_on > day)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A right that ends. `with_relation`: because the working relation does, so that this must be extended too."""

    right_name: str
    organisation: str
    organisation_name: str
    last: date
    with_relation: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """One mail to one person about all that ends. `addresses`: that of the relation that ends soonest comes first."""

    person_id: int
    person_key: str
    person_name: str
    addresses: tuple[str, ...] = field(repr=False)
    endings: tuple[Ending, ...]


def reminders(grants: Iterable[Grant], represents: Set[tuple[int, str]], today: date) -> tuple[Reminder, ...]:
    """`represents`: pairs of a person's id and the number of an organisation that KBO lets them represent today."""
    ending = [
        grant for grant in grants if ends_soon(grant, today) and (grant.person_id, grant.organisation) not in represents
    ]
    ending.sort(key=lambda grant: (grant.person_id, grant.last, grant.organisation_name, grant.right_name))
    return tuple(_reminder(tuple(of_one)) for _, of_one in groupby(ending, key=lambda grant: grant.person_id))


def ends_soon(grant: Grant, today: date) -> bool:
    return grant.works_on(today) and grant.last - today <= LEAD


def horizon(today: date) -> date:
    """The furthest last day of which people are told today."""
    return today + LEAD if date.max - today > LEAD else date.max


def _reminder(grants: tuple[Grant, ...]) -> Reminder:
    """The addresses are all of the same person: whoever reads one of them learns nothing of anybody else."""
    first = grants[0]
    by_spelling = {grant.email.casefold(): grant.email for grant in reversed(grants) if is_address(grant.email)}
    return Reminder(
        person_id=first.person_id,
        person_key=first.person_key,
        person_name=first.person_name,
        addresses=tuple(reversed(by_spelling.values())),
        endings=tuple(dict.fromkeys(_ending(grant) for grant in grants)),
    )


def _ending(grant: Grant) -> Ending:
    return Ending(
        right_name=grant.right_name,
        organisation=grant.organisation,
        organisation_name=grant.organisation_name,
        last=grant.last,
        with_relation=grant.relation.last <= grant.right.last,
    )
