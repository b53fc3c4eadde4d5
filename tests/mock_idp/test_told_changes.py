"""Of whom the world tells that their standing changed: at a change, a moved day, midnight, a reset."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mock_idp.clock import Clock
from mock_idp.settings import Settings
from mock_idp.world.file import load_seed
from mock_idp.world.live import LiveWorld
from mock_idp.world.tables import EnterpriseRow, FunctionRow, PersonRow, RelationRow

BY_TOMORROW = ["expires-today", "future-right"]
EVENING = datetime(2026, 11, 24, 22, 59, 30, tzinfo=UTC)  # half a minute before midnight in Brussels


class Hands(Clock):
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        super().__init__()
        self.at = EVENING

    def now(self) -> datetime:
        return self.at


class Told:
    """A world of its own, and who was told of."""

    def __init__(self) -> None:
        self.clock = Hands()
        self.world = LiveWorld(lambda: load_seed(Settings().world_file, today=self.clock.real_day()), clock=self.clock)
        self.keys: list[str] = []
        self.world.on_change(self.keys.append)

    def since(self) -> list[str]:
        """Who was told of since the last time."""
        keys = sorted(self.keys)
        self.keys.clear()
        return keys

    def move(self, days: int) -> list[str]:
        self.clock.move_by(days)
        return self.since()

    def person_id(self, session: Session, key: str) -> int:
        return session.scalars(select(PersonRow.id).where(PersonRow.key == key)).one()


@pytest.fixture
def told() -> Told:
    return Told()


def test_a_moved_day_tells_of_whoever_gains_or_loses_a_right_by_it_there_and_back(told: Told) -> None:
    assert told.move(1) == BY_TOMORROW

    there = told.move(20)
    assert there
    assert told.move(1) == there
    assert told.move(1) == []


def test_a_right_that_ends_on_a_day_is_over_the_day_after(told: Told) -> None:
    with told.world.changing() as session:
        (relation,) = session.scalars(select(RelationRow).join(RelationRow.person).where(PersonRow.key == "employee"))
        relation.rights[0].last = told.clock.today() + timedelta(days=3)
    told.since()

    assert "employee" not in told.move(3)
    assert "employee" in told.move(4)


def test_a_function_is_told_of_on_the_day_that_kbo_has_recorded_it_and_again_its_end(told: Told) -> None:
    today = told.clock.today()
    with told.world.changing() as session:
        session.add(
            FunctionRow(
                organisation="1999999943",
                code="10002",
                holder="natural-person",
                person_id=told.person_id(session, "nobody"),
                first=today,
                last=today + timedelta(days=3000),
                recorded_on=today + timedelta(days=2),
                ends_on=today + timedelta(days=3),
                end_recorded_on=today + timedelta(days=5),
            )
        )
    told.since()

    assert [("nobody" in told.move(day)) for day in range(1, 7)] == [False, True, False, True, True, False]


def test_an_enterprise_that_ceases_tells_of_all_its_people(told: Told) -> None:
    with told.world.changing() as session:
        bakery = session.get(EnterpriseRow, "1999999943")
        assert bakery is not None
        bakery.ceased_on = told.clock.today() + timedelta(days=2)
    assert "employee" in told.since()

    assert "employee" not in told.move(1)
    assert {"employee", "legal-representative", "local-administrator"} <= set(told.move(2))


def test_midnight_tells_what_a_moved_day_would(told: Told) -> None:
    told.world.look()
    assert told.since() == []

    told.clock.at += timedelta(minutes=1)
    told.world.look()
    assert told.since() == BY_TOMORROW

    told.world.look()
    assert told.since() == []


def test_somebody_whose_workflow_is_through_is_told_of_once(told: Told) -> None:
    with told.world.changing() as session:
        person = session.get(PersonRow, told.person_id(session, "nobody"))
        assert person is not None
        person.activates_at = (told.clock.now() + timedelta(seconds=5)).replace(tzinfo=None)
    told.since()
    told.world.look()
    assert told.since() == []

    told.clock.at += timedelta(seconds=6)
    told.world.look()
    told.world.look()

    assert told.since() == ["nobody"]


def test_a_reset_tells_of_whoever_it_puts_back_takes_away_or_moves_to_another_day(told: Told) -> None:
    told.world.reset()
    assert told.since() == []

    with told.world.changing() as session:
        (relation,) = session.scalars(select(RelationRow).join(RelationRow.person).where(PersonRow.key == "employee"))
        relation.status = "paused"
        row = session.get(PersonRow, told.person_id(session, "nobody"))
        assert row is not None
        row.status = "pending"
    told.move(1)
    told.since()

    told.world.reset()
    assert told.since() == sorted(["employee", "nobody", *BY_TOMORROW])

    told.world.reset()
    assert told.since() == []
