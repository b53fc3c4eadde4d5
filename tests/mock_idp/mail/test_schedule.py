"""When the job runs: at its hour in Brussels, at once when the clock is moved, again when something is left."""

from datetime import UTC, datetime, time, timedelta

import pytest

from mock_idp.clock import BRUSSELS
from mock_idp.mail.schedule import RETRY_AFTER, Schedule
from tests.mock_idp.provider import MovableClock


class ClockAt(MovableClock):
    """Stands still where a test puts it."""

    def __init__(self, moment: datetime) -> None:
        super().__init__()
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def in_brussels(self, *moment: int) -> None:
        self.moment = datetime(*moment, tzinfo=BRUSSELS).astimezone(UTC)  # type: ignore[arg-type,misc]  # no tzinfo in it


@pytest.fixture
def clock() -> ClockAt:
    clock = ClockAt(datetime(2026, 1, 1, tzinfo=UTC))
    clock.in_brussels(2026, 11, 24, 1, 0)
    return clock


@pytest.fixture
def schedule(clock: ClockAt) -> Schedule:
    return Schedule(clock, at=time(1, 7))


def test_it_waits_for_its_hour_and_runs_once(clock: ClockAt, schedule: Schedule) -> None:
    assert schedule.due() is None
    clock.in_brussels(2026, 11, 24, 1, 7)
    assert schedule.due() == clock.today()
    schedule.ran(clock.today(), complete=True)
    assert schedule.due() is None
    clock.in_brussels(2026, 11, 25, 0, 30)
    assert schedule.due() is None
    clock.in_brussels(2026, 11, 25, 1, 7)
    assert schedule.due() == clock.today()


def test_a_night_that_was_slept_through_is_caught_up(clock: ClockAt) -> None:
    clock.in_brussels(2026, 11, 24, 15, 0)

    assert Schedule(clock, at=time(1, 7)).due() == clock.today()


def test_a_clock_that_is_moved_is_followed_at_once_in_both_directions(clock: ClockAt, schedule: Schedule) -> None:
    for days in (10, -3):
        day = clock.real_day() + timedelta(days=days)
        clock.move_to(day)
        assert schedule.due() == day
        schedule.ran(day, complete=True)
        assert schedule.due() is None


def test_after_the_move_the_next_night_is_an_ordinary_one(clock: ClockAt, schedule: Schedule) -> None:
    clock.move_to(clock.real_day() + timedelta(days=10))
    assert schedule.due() == clock.today()
    schedule.ran(clock.today(), complete=True)
    clock.in_brussels(2026, 11, 25, 0, 30)
    assert schedule.due() is None
    clock.in_brussels(2026, 11, 25, 1, 7)
    assert schedule.due() == clock.real_day() + timedelta(days=10)


def test_what_is_left_is_tried_again_after_a_while(clock: ClockAt, schedule: Schedule) -> None:
    clock.in_brussels(2026, 11, 24, 1, 7)
    schedule.ran(clock.today(), complete=False)
    assert schedule.due() is None
    clock.moment += RETRY_AFTER
    assert schedule.due() == clock.today()


def test_what_is_left_of_yesterday_is_not_sent_today(clock: ClockAt, schedule: Schedule) -> None:
    clock.in_brussels(2026, 11, 24, 23, 59)
    schedule.ran(clock.today(), complete=False)
    clock.in_brussels(2026, 11, 25, 0, 10)
    assert schedule.due() is None


@pytest.mark.parametrize("at", [time(2, 30), time(1, 7)])
@pytest.mark.parametrize("night", [(2026, 3, 29), (2026, 10, 25)])
def test_on_the_nights_when_the_clocks_change_it_runs_once(at: time, night: tuple[int, int, int]) -> None:
    clock = ClockAt(datetime(*night, tzinfo=UTC) - timedelta(hours=3))
    schedule, runs = Schedule(clock, at=at), 0
    schedule.ran(clock.today(), complete=True)
    for _ in range(24 * 6):
        clock.moment += timedelta(minutes=10)
        day = schedule.due()
        if day is not None:
            runs += 1
            schedule.ran(day, complete=True)

    assert runs == 1


def test_after_a_reset_it_begins_anew(clock: ClockAt, schedule: Schedule) -> None:
    clock.in_brussels(2026, 11, 24, 12, 0)
    schedule.ran(clock.today(), complete=True)
    schedule.reset()

    assert schedule.due() == clock.today()
