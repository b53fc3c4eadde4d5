"""The terms of rights hold on any day: four years, inside the relation, never twice, and never shorter by extending."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from mock_idp.app import create_app
from mock_idp.clock import Clock
from mock_idp.days import Period, plus_years
from mock_idp.idm import grants
from mock_idp.idm.authority import NotAllowedError
from mock_idp.idm.changes import ChangedMeanwhileError
from mock_idp.idm.grants import Bound
from mock_idp.idm.history import Writing
from mock_idp.idm.rules import RIGHT_YEARS, RuleBrokenError
from mock_idp.settings import Settings
from mock_idp.world.live import LiveWorld
from mock_idp.world.tables import HistoryRow, PersonRow, RelationRow, RightRow
from tests.mock_idp.idm.visit import BAKERY

NEW = "VLAIO Inkom Gebruiker Nieuw"
TODAY = date(2026, 11, 24)
DAYS = st.integers(-6000, 6000).map(lambda days: TODAY + timedelta(days=days))
CLOCK = Clock()  # of whoever writes; the world's own is kept in its database, and does not move within a transaction


@pytest.fixture(scope="module")
def world() -> LiveWorld:
    live: LiveWorld = create_app(Settings(), clock=Clock()).state.world
    return live


class _UndoError(Exception):
    """What a test changed is not kept."""


@contextmanager
def writing(world: LiveWorld, today: date = TODAY, actor: str = "local-administrator") -> Iterator[Writing]:
    CLOCK.move_to(today)
    with suppress(_UndoError), world.changing() as session:
        yield Writing(session=session, clock=CLOCK, actor=person(session, actor))
        raise _UndoError


def person(session: Session, key: str) -> PersonRow:
    return session.scalars(select(PersonRow).where(PersonRow.key == key)).one()


def relation(asked: Writing, period: Period, *rights: Period) -> RelationRow:
    row = RelationRow(
        person_id=person(asked.session, "citizen").id,
        organisation=BAKERY,
        category="Vaste Medewerker",
        status="active",
        first=period.first,
        last=period.last,
    )
    row.rights = [RightRow(name=NEW, profiles=["Gebruiker"], first=one.first, last=one.last) for one in rights]
    asked.session.add(row)
    asked.session.flush()
    return row


def grant(asked: Writing, world: LiveWorld, row: RelationRow, first: date, last: date, **other: object) -> RightRow:
    typed = {"right": NEW, "profiles": ("Gebruiker",), **other}
    return grants.grant(asked, row, catalogue=world.current.catalogue, first=first, last=last, **typed)  # type: ignore[arg-type]


def edit(asked: Writing, world: LiveWorld, row: RightRow, first: date, last: date, *profiles: str) -> None:
    grants.edit_right(
        asked,
        row,
        version=row.version,
        catalogue=world.current.catalogue,
        profiles=profiles or ("Gebruiker",),
        first=first,
        last=last,
    )


def day(text: str) -> date:
    return date.fromisoformat(text)


def days(first: str, last: str) -> Period:
    return Period(first=day(first), last=day(last))


TEN_YEARS = days("2024-01-01", "2034-01-01")


def assert_within_the_terms(right: RightRow, row: RelationRow, today: date) -> None:
    assert right.first <= right.last
    assert row.first <= right.first
    assert right.last <= row.last
    assert right.last <= plus_years(max(right.first, today), RIGHT_YEARS)
    others = [one for one in row.rights if one is not right and one.name == right.name]
    assert all(one.last < right.first or right.last < one.first for one in others)


# -- properties


@settings(max_examples=60, deadline=None)
@given(
    begins=DAYS,
    lasts=st.integers(0, 3652),
    later=st.integers(-400, 3700),
    after=st.integers(-3, 800),
    length=st.integers(-3, 1500),
)
def test_a_grant_that_is_accepted_keeps_the_terms(
    world: LiveWorld, begins: date, lasts: int, later: int, after: int, length: int
) -> None:
    today = begins + timedelta(days=later)
    first = today + timedelta(days=after)
    with writing(world, today) as asked:
        row = relation(asked, Period(first=begins, last=begins + timedelta(days=lasts)))
        with suppress(RuleBrokenError):
            right = grant(asked, world, row, first, first + timedelta(days=length))
            assert right.first >= today
            assert_within_the_terms(right, row, today)


@settings(max_examples=40, deadline=None)
@given(today=DAYS, begins=DAYS, lasts=st.integers(0, 3652))
def test_the_days_that_the_form_begins_with_are_accepted_while_the_relation_lasts(
    world: LiveWorld, today: date, begins: date, lasts: int
) -> None:
    with writing(world, today) as asked:
        row = relation(asked, Period(first=begins, last=begins + timedelta(days=lasts)))
        period = grants.proposed(row, NEW, today)
        if row.last < today:
            with pytest.raises(RuleBrokenError):
                grant(asked, world, row, period.first, period.last)
        else:
            right = grant(asked, world, row, period.first, period.last)
            assert right.last == min(plus_years(max(today, row.first), RIGHT_YEARS), row.last)


@settings(max_examples=80, deadline=None)
@example(begins=TODAY, later=2, lasts=2, offset=0, length=0, gap=2, asked_days=None)  # only the past is left to it
@given(
    begins=DAYS,
    later=st.integers(-400, 3700),
    lasts=st.integers(0, 3652),
    offset=st.integers(0, 2000),
    length=st.integers(0, 1461),
    gap=st.none() | st.integers(1, 500),
    asked_days=st.none() | st.integers(-900, 1700),
)
def test_an_extension_never_shortens_and_keeps_the_terms_on_any_day(
    world: LiveWorld,
    begins: date,
    later: int,
    lasts: int,
    offset: int,
    length: int,
    gap: int | None,
    asked_days: int | None,
) -> None:
    today = begins + timedelta(days=later)
    last = None if asked_days is None else today + timedelta(days=asked_days)
    period = Period(first=begins, last=begins + timedelta(days=lasts))
    first = begins + timedelta(days=min(offset, lasts))
    held = [Period(first=first, last=min(first + timedelta(days=length), period.last))]
    if gap is not None and (after := held[0].last + timedelta(days=gap)) <= period.last:
        held.append(Period(first=after, last=after))
    with writing(world, today) as asked:
        row = relation(asked, period, *held)
        right = row.rights[0]
        before, version = Period(first=right.first, last=right.last), right.version
        possible = grants.can_extend(right, today)
        try:
            grants.extend_right(asked, right, version=version, last=last)
        except RuleBrokenError:
            assert (right.first, right.last) == (before.first, before.last)
            assert last is not None or not possible
            return
        assert possible
        assert right.first == before.first
        assert right.last > before.last
        assert right.last >= today
        assert_within_the_terms(right, row, today)
        asked.session.flush()
        too_far = grants.reach_of(right, today).last + timedelta(days=1)
        with pytest.raises(RuleBrokenError):  # the automatic one is the longest there is
            grants.extend_right(asked, right, version=right.version, last=too_far)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_after_any_changes_over_the_years_the_terms_still_hold(world: LiveWorld, data: st.DataObject) -> None:
    with writing(world) as asked:
        row = relation(asked, TEN_YEARS)
        today = TODAY
        for _ in range(data.draw(st.integers(1, 6))):
            today += timedelta(days=data.draw(st.integers(0, 900)))
            CLOCK.move_to(today)
            first = today + timedelta(days=data.draw(st.integers(-30, 1500)))
            last = first + timedelta(days=data.draw(st.integers(-1, 1600)))
            right = data.draw(st.sampled_from(row.rights)) if row.rights else None
            with suppress(RuleBrokenError):
                if right is None or data.draw(st.booleans()):
                    right = grant(asked, world, row, first, last)
                elif data.draw(st.booleans()):
                    edit(asked, world, right, data.draw(st.sampled_from([first, right.first])), last)
                else:
                    grants.extend_right(asked, right, version=right.version, last=None)
                asked.session.flush()
                assert_within_the_terms(right, row, today)


# -- each rule by itself


@pytest.mark.parametrize(
    ("first", "last", "complaint"),
    [
        ("2026-11-24", "2026-11-23", "end date is before"),
        ("2026-11-23", "2027-11-24", "begin date cannot be in the past"),
        ("2026-11-24", "2030-11-25", "at most %(years)s years"),
        ("2033-01-01", "2034-01-02", "cannot outlast its working relation"),
        ("2028-02-29", "2032-03-01", "at most %(years)s years"),
    ],
)
def test_a_grant_that_breaks_a_term_is_refused_with_that_rule(
    world: LiveWorld, first: str, last: str, complaint: str
) -> None:
    with writing(world) as asked, pytest.raises(RuleBrokenError) as broken:
        grant(asked, world, relation(asked, TEN_YEARS), day(first), day(last))
    assert any(complaint in problem.text for problem in broken.value.problems)


def test_four_years_and_today_are_both_included(world: LiveWorld) -> None:
    with writing(world) as asked:
        right = grant(asked, world, relation(asked, TEN_YEARS), TODAY, day("2030-11-24"))
        assert right.last == day("2030-11-24")


def test_a_right_cannot_begin_before_its_relation(world: LiveWorld) -> None:
    with writing(world) as asked, pytest.raises(RuleBrokenError, match="first"):
        grant(asked, world, relation(asked, days("2027-01-01", "2030-01-01")), TODAY, day("2028-01-01"))


def test_a_profile_of_another_right_is_refused(world: LiveWorld) -> None:
    with writing(world) as asked, pytest.raises(RuleBrokenError, match="profiles"):
        grant(asked, world, relation(asked, TEN_YEARS), TODAY, TODAY, profiles=("Gebruiker", "Indiener"))


@pytest.mark.parametrize("profiles", [(), ("Gebruiker", "Gebruiker"), ("gebruiker",)])
def test_no_profile_a_doubled_and_a_misspelt_one_are_refused(world: LiveWorld, profiles: tuple[str, ...]) -> None:
    with writing(world) as asked, pytest.raises(RuleBrokenError, match="profiles"):
        grant(asked, world, relation(asked, TEN_YEARS), TODAY, TODAY, profiles=profiles)


def test_a_right_that_is_not_in_the_catalogue_is_refused(world: LiveWorld) -> None:
    with writing(world) as asked, pytest.raises(RuleBrokenError, match="right"):
        grant(asked, world, relation(asked, TEN_YEARS), TODAY, TODAY, right="VLAIO Inkom")


def test_a_grant_that_touches_another_of_the_same_right_is_refused_and_another_right_is_not(world: LiveWorld) -> None:
    with writing(world) as asked:
        row = relation(asked, TEN_YEARS, days("2026-01-01", "2027-01-01"))
        with pytest.raises(RuleBrokenError, match="right"):
            grant(asked, world, row, day("2027-01-01"), day("2028-01-01"))
        grant(asked, world, row, day("2027-01-02"), day("2028-01-01"))
        grant(asked, world, row, TODAY, TODAY, right="VLAIO Inkom Gebruiker")
        assert len(row.rights) == 3


def test_a_relation_that_is_over_takes_no_grant_and_no_extension_and_the_message_says_why(world: LiveWorld) -> None:
    with writing(world) as asked:
        row = relation(asked, days("2016-01-01", "2026-01-01"), days("2024-01-01", "2026-01-01"))
        for attempt in (
            lambda: grant(asked, world, row, TODAY, TODAY, right="VLAIO Inkom Gebruiker"),
            lambda: grants.extend_right(asked, row.rights[0], version=1),
            lambda: grants.extend_right(asked, row.rights[0], version=1, last=day("2027-01-01")),
        ):
            with pytest.raises(RuleBrokenError) as broken:
                attempt()
            assert "The working relation ended" in broken.value.problems[0].text


def test_an_organisation_that_has_ceased_gets_no_new_rights(world: LiveWorld) -> None:
    with writing(world) as asked:
        row = relation(asked, TEN_YEARS)
        row.enterprise.ceased_on = TODAY
        with pytest.raises(RuleBrokenError) as broken:
            grant(asked, world, row, TODAY, TODAY)
        assert "has ceased" in broken.value.problems[0].text


def test_what_bounds_an_extension_is_told(world: LiveWorld) -> None:
    with writing(world) as asked:
        free = relation(asked, TEN_YEARS, days("2026-01-01", "2027-01-01")).rights[0]
        followed = relation(asked, TEN_YEARS, days("2026-01-01", "2027-01-01"), days("2028-01-01", "2029-01-01"))
        short = relation(asked, days("2024-01-01", "2028-01-01"), days("2026-01-01", "2027-01-01")).rights[0]

        assert [grants.reach_of(one, TODAY).bound for one in (free, followed.rights[0], short)] == [
            Bound.TERM,
            Bound.NEXT_GRANT,
            Bound.RELATION,
        ]
        assert grants.reach_of(followed.rights[0], TODAY).last == day("2027-12-31")


def test_an_expired_right_is_not_extended_to_another_day_in_the_past(world: LiveWorld) -> None:
    with writing(world) as asked:
        right = relation(asked, TEN_YEARS, days("2025-01-01", "2026-01-01")).rights[0]
        with pytest.raises(RuleBrokenError) as broken:
            grants.extend_right(asked, right, version=1, last=day("2026-06-01"))
        assert "cannot be in the past" in broken.value.problems[0].text


def test_other_profiles_are_no_reason_to_judge_old_days_anew(world: LiveWorld) -> None:
    with writing(world) as asked:
        right = relation(asked, TEN_YEARS, days("2024-02-01", "2032-01-01")).rights[0]
        edit(asked, world, right, right.first, right.last, "Gebruiker", "Dienstverlener kmo-portefeuille")
        assert len(right.profiles) == 2
        with pytest.raises(RuleBrokenError):
            edit(asked, world, right, right.first, day("2032-01-02"))


def test_an_edit_that_changes_nothing_leaves_no_line_of_history(world: LiveWorld) -> None:
    with writing(world) as asked:
        right = relation(asked, TEN_YEARS, days("2026-01-01", "2027-01-01")).rights[0]
        edit(asked, world, right, right.first, right.last, "Gebruiker")
        assert asked.session.scalars(select(HistoryRow)).all() == []


def test_an_older_version_and_a_stranger_change_nothing(world: LiveWorld) -> None:
    with writing(world) as asked:
        right = relation(asked, TEN_YEARS, days("2026-01-01", "2027-01-01")).rights[0]
        with pytest.raises(ChangedMeanwhileError):
            grants.extend_right(asked, right, version=right.version + 1)
        with pytest.raises(ChangedMeanwhileError):
            grants.remove_right(asked, right, version=0)
    with writing(world, actor="training-administrator") as asked:
        right = relation(asked, TEN_YEARS, days("2026-01-01", "2027-01-01")).rights[0]
        for attempt in (
            lambda: grants.extend_right(asked, right, version=1),
            lambda: grants.remove_right(asked, right, version=1),
            lambda: edit(asked, world, right, right.first, right.last),
            lambda: grant(asked, world, right.relation, TODAY, TODAY),
        ):
            with pytest.raises(NotAllowedError):
                attempt()


def test_a_removed_right_is_gone_its_history_stays_and_its_holder_is_announced(world: LiveWorld) -> None:
    told: list[str] = []
    world.on_change(told.append)
    CLOCK.move_to(TODAY)
    with world.changing() as session:
        right = person(session, "employee").relations[0].rights[0]
        actor = person(session, "local-administrator")
        asked = Writing(session=session, clock=CLOCK, actor=actor, reason="Andere taak")
        grants.remove_right(asked, right, version=right.version)

    assert told == ["employee"]
    with world.reading() as session:
        assert person(session, "employee").relations[0].rights == []
        (line,) = session.scalars(select(HistoryRow))
        assert (line.action, line.reason) == ("right-removed", "Andere taak")
        assert line.change["before"]["right"] == NEW
    world.reset()
