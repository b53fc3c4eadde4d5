"""Questions about the people that an organisation knows: one of them, a search among all, who holds a right today.

Names are compared without accents and capitals, which SQLite cannot do: a search reads the names of everybody whom the
organisation knows (some thousands), and only the people of one page in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from sqlalchemy import Select, and_, or_, select, union
from sqlalchemy.orm import Session, selectinload

from mock_idp.idm import authority
from mock_idp.world.facts import RelationStatus
from mock_idp.world.names import called, folded
from mock_idp.world.tables import AcquaintanceRow, AdministratorRow, PersonRow, RelationRow, RightRow
from pagekit.languages import message

PAGE = 25
EXPIRING = timedelta(days=10)  # from then on the guide's daily mail is sent


class Condition(StrEnum):
    """What a list of people can be narrowed to; the values stand in addresses."""

    ALL = "allen"
    WITH_RIGHT = "met-recht"
    WITHOUT_RIGHT = "zonder-recht"
    PAUSED = "gepauzeerd"
    EXPIRED = "vervallen"
    EXPIRING = "vervalt-binnenkort"

    @property
    def words(self) -> str:
        return {
            Condition.ALL: message("Everybody"),
            Condition.WITH_RIGHT: message("With a valid right"),
            Condition.WITHOUT_RIGHT: message("Without a valid right"),
            Condition.PAUSED: message("Working relation paused"),
            Condition.EXPIRED: message("Right or working relation expired"),
            Condition.EXPIRING: message("Right or working relation expires within ten days"),
        }[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One page of people, and how many there are in all."""

    people: Sequence[PersonRow]
    total: int
    page: int
    pages: int


def person_in(session: Session, key: str, organisation: str) -> PersonRow:
    """Somebody whom the organisation knows. Raises NotAllowedError for anybody else, whether they exist or not."""
    person = session.scalars(select(PersonRow).where(PersonRow.key == key)).one_or_none()
    if person is None or not authority.is_known_in(session, person, organisation):
        raise authority.NotAllowedError("a stranger")
    return person


def search(
    session: Session,
    organisation: str,
    *,
    today: date,
    name: str = "",
    condition: Condition = Condition.ALL,
    page: int = 1,
    leave_out: Sequence[str] = (),
) -> Found:
    """People by name, family name first; `leave_out` are keys. A page too far is the last one."""
    known = select(PersonRow.id, PersonRow.family_name, PersonRow.given_name, PersonRow.call_name).where(
        PersonRow.id.in_(_known_in(organisation)), PersonRow.key.not_in(leave_out)
    )
    fits = called(name)
    matching = sorted(
        (folded(family), folded(given), person_id)
        for person_id, family, given, call in session.execute(_narrowed(known, condition, organisation, today))
        if fits(f"{given} {family} {call}")
    )
    pages = max(1, -(-len(matching) // PAGE))
    page = min(max(page, 1), pages)
    ids = [person_id for _, _, person_id in matching[(page - 1) * PAGE : page * PAGE]]
    rows = session.scalars(
        select(PersonRow)
        .where(PersonRow.id.in_(ids))
        .options(selectinload(PersonRow.relations).selectinload(RelationRow.rights))
    )
    in_order = sorted(rows, key=lambda row: ids.index(row.id))
    return Found(people=in_order, total=len(matching), page=page, pages=pages)


def _known_in(organisation: str) -> Select[int]:
    """As `authority.is_known_in`, for everybody at once."""
    either = union(
        *(
            select(table.person_id).where(table.organisation == organisation)
            for table in (RelationRow, AcquaintanceRow, AdministratorRow)
        )
    ).subquery()
    return select(either.c.person_id)


def _narrowed(
    people: Select[int, str, str, str], condition: Condition, organisation: str, today: date
) -> Select[int, str, str, str]:
    here = select(RelationRow.person_id).where(RelationRow.organisation == organisation)
    with_rights = here.outerjoin(RelationRow.rights)
    holding = with_rights.where(
        RelationRow.status == RelationStatus.ACTIVE.value,
        RelationRow.first <= today,
        RelationRow.last >= today,
        RightRow.first <= today,
        RightRow.last >= today,
    )
    soon = today + EXPIRING
    match condition:
        case Condition.ALL:
            return people
        case Condition.WITH_RIGHT:
            return people.where(PersonRow.id.in_(holding))
        case Condition.WITHOUT_RIGHT:
            return people.where(PersonRow.id.not_in(holding))
        case Condition.PAUSED:
            paused = here.where(RelationRow.status == RelationStatus.PAUSED.value, RelationRow.last >= today)
            return people.where(PersonRow.id.in_(paused))
        case Condition.EXPIRED:
            over = with_rights.where(or_(RelationRow.last < today, RightRow.last < today))
            return people.where(PersonRow.id.in_(over), PersonRow.id.not_in(holding))
        case Condition.EXPIRING:
            ends = or_(
                RelationRow.last.between(today, soon),
                and_(RelationRow.last >= today, RightRow.last.between(today, soon)),
            )
            return people.where(PersonRow.id.in_(with_rights.where(ends)))
