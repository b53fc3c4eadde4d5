"""Whatever administrators do, and in whatever order, no right ever leaves its relation or its term.

Each example is one transaction that is undone at its end, on a person who has nothing yet.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mock_idp.clock import Clock
from mock_idp.days import plus_years
from mock_idp.idm import grants, relations, rules
from mock_idp.idm.changes import ChangedMeanwhileError
from mock_idp.idm.history import Writing
from mock_idp.idm.relations import RelationForm, seen_version
from mock_idp.idm.rules import RuleBrokenError
from mock_idp.settings import Settings
from mock_idp.world.facts import Catalogue
from mock_idp.world.file import load_seed
from mock_idp.world.live import LiveWorld
from mock_idp.world.tables import AcquaintanceRow, HistoryRow, PersonRow, RelationRow
from tests.mock_idp.idm.visit import BAKERY

RIGHTS = ("VLAIO Inkom Gebruiker Nieuw", "Voorbeeld Subsidieloket")
PROFILES = {RIGHTS[0]: ("Gebruiker",), RIGHTS[1]: ("Lezer", "Indiener")}
START = date(2026, 2, 28)
Step = tuple[str, int, int, int]  # what, to which of them, begin and length of the period that is asked for

CHANGES = (
    "link",
    "edit relation",
    "edit relation",
    "extend relation",
    "pause",
    "resume",
    "remove relation",
    "grant",
    "grant",
    "edit right",
    "extend right",
    "extend right",
    "remove right",
    "time passes",
)
# When a period begins, counted from today, and how long it lasts: around the limits of both terms, or anywhere.
begins = st.sampled_from([0, 0, 0, 0, 1, 30, 30, 400, 4000, -1])
lengths = st.sampled_from([0, 1, 20, 30, 100, 400, 1461, 1462, 3652, 3653, 3654]) | st.integers(-10, 5000)
steps = st.tuples(st.sampled_from(CHANGES), st.integers(0, 3), begins, lengths)
# Everybody begins with a relation, and with a right in it.
links = st.tuples(st.just("link"), st.just(0), st.just(0), st.sampled_from([400, 1500, 3652]))
granted = st.tuples(st.just("grant"), st.integers(0, 1), st.sampled_from([0, 30]), st.sampled_from([20, 100, 300]))


@dataclass(frozen=True, kw_only=True)
class Place:
    world: LiveWorld
    clock: Clock


@pytest.fixture(scope="module")
def place() -> Place:
    clock = Clock()
    clock.move_to(START)
    # Another clock than the world's, which is kept in the database and does not move within a transaction.
    return Place(
        world=LiveWorld(lambda: load_seed(Settings().world_file, today=START), clock=Clock()),
        clock=clock,
    )


@settings(max_examples=150, deadline=None)
@given(link=links, grant=granted, asked=st.lists(steps, min_size=2, max_size=12))
@example(  # an edit to the days that an extension has just given changes nothing, and is no line of history
    link=("link", 0, 0, 400),
    grant=("grant", 0, 30, 20),
    asked=[("extend relation", 0, 0, 0), ("edit right", 0, 30, 1461)],
)
def test_no_sequence_of_changes_breaks_a_rule(place: Place, link: Step, grant: Step, asked: list[Step]) -> None:
    place.clock.move_to(START)
    with place.world.reading() as session:
        lieve = session.scalars(select(PersonRow).where(PersonRow.key == "local-administrator")).one()
        person = session.scalars(select(PersonRow).where(PersonRow.key == "citizen")).one()
        session.add(AcquaintanceRow(organisation=BAKERY, person_id=person.id))
        writing = Writing(session=session, clock=place.clock, actor=lieve, reason="because")
        for step in [link, grant, *asked]:
            before, lines = picture(person), number_of_lines(session)
            try:
                take(writing, person, place.world.current.catalogue, step)
                session.flush()
            except (RuleBrokenError, ChangedMeanwhileError):
                assert picture(person) == before
            changed = picture(person) != before
            assert number_of_lines(session) - lines == (1 if changed else 0)
            hold(person, place.clock.today())


def take(writing: Writing, person: PersonRow, catalogue: Catalogue, step: Step) -> None:
    """One thing that somebody asks for; nothing when there is nothing to do it to."""
    what, which, begins_in, length = step
    today = writing.clock.today()
    first = today + timedelta(days=begins_in)
    last = first + timedelta(days=length)
    form = RelationForm(
        category="Vaste Medewerker", first=first, last=last, phone="+3212345678", email="a@voorbeeld.test"
    )
    if what == "time passes":
        writing.clock.move_to(max(today, first))
        return
    if what == "link":
        relations.link(writing, person, organisation=BAKERY, form=form)
        return
    held = relations.relations_in(person, BAKERY)
    if not held:
        return
    relation = held[which % len(held)]
    name = RIGHTS[which % 2]
    match what:
        case "edit relation":
            relations.edit_relation(writing, relation, version=seen_version(relation), form=form)
        case "extend relation":
            relations.extend_relation(writing, relation, version=seen_version(relation))
        case "pause":
            relations.pause(writing, relation, version=relation.version)
        case "resume":
            relations.resume(writing, relation, version=relation.version)
        case "remove relation":
            relations.remove_relation(writing, relation, version=seen_version(relation))
        case "grant":
            grants.grant(
                writing, relation, catalogue=catalogue, right=name, profiles=PROFILES[name], first=first, last=last
            )
        case _ if relation.rights:
            right = relation.rights[which % len(relation.rights)]
            if what == "edit right":
                profiles = PROFILES[right.name]
                grants.edit_right(
                    writing,
                    right,
                    version=right.version,
                    catalogue=catalogue,
                    profiles=profiles,
                    first=first,
                    last=last,
                )
            elif what == "extend right":
                grants.extend_right(writing, right, version=right.version, last=last if which % 2 else None)
            else:
                grants.remove_right(writing, right, version=right.version)


def hold(person: PersonRow, today: date) -> None:
    """What must be true at every moment."""
    held = relations.relations_in(person, BAKERY)
    for relation in held:
        assert relation.first <= relation.last <= plus_years(max(relation.first, today), rules.RELATION_YEARS)
        for right in relation.rights:
            assert relation.first <= right.first <= right.last <= relation.last
            assert right.last <= plus_years(max(right.first, today), rules.RIGHT_YEARS)
            assert right.profiles
        for name in RIGHTS:
            assert_apart([(one.first, one.last) for one in relation.rights if one.name == name])
    assert_apart([(one.first, one.last) for one in held])


def assert_apart(periods: list[tuple[date, date]]) -> None:
    in_order = sorted(periods)
    assert all(one[1] < other[0] for one, other in pairwise(in_order))


def picture(person: PersonRow) -> list[object]:
    def of(relation: RelationRow) -> object:
        rights = [(one.id, one.first, one.last, tuple(one.profiles)) for one in relation.rights]
        return (relation.id, relation.status, relation.first, relation.last, relation.phone, rights)

    return [of(relation) for relation in relations.relations_in(person, BAKERY)]


def number_of_lines(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(HistoryRow)) or 0
