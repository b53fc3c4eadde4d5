"""Calendar days in Brussels: midnight, and the two nights on which the clock is moved."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.validity import BRUSSELS, Period, brussels_day

DAYS = st.dates(date(1970, 1, 1), date(2100, 1, 1))


def end_of_day(day: date) -> datetime:
    """The first instant that no longer belongs to a day in Brussels: its following midnight."""
    return datetime.combine(day + timedelta(days=1), time(), BRUSSELS)


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("2022-06-26T21:59:59.999999+00:00", "2022-06-26"),  # summer: two hours ahead of UTC
        ("2022-06-26T22:00:00+00:00", "2022-06-27"),
        ("2022-12-31T22:59:59.999999+00:00", "2022-12-31"),  # winter: one hour
        ("2022-12-31T23:00:00+00:00", "2023-01-01"),
        ("2026-03-29T00:59:59+00:00", "2026-03-29"),  # the hour that is skipped
        ("2026-03-29T01:00:00+00:00", "2026-03-29"),
        ("2026-03-29T21:59:59+00:00", "2026-03-29"),
        ("2026-03-29T22:00:00+00:00", "2026-03-30"),
        ("2026-10-24T22:00:00+00:00", "2026-10-25"),
        ("2026-10-25T00:30:00+00:00", "2026-10-25"),  # the hour that comes twice
        ("2026-10-25T01:30:00+00:00", "2026-10-25"),
        ("2026-10-25T22:59:59+00:00", "2026-10-25"),
        ("2026-10-25T23:00:00+00:00", "2026-10-26"),
        ("2022-06-26T20:00:00-04:00", "2022-06-27"),
    ],
)
def test_the_day_is_the_one_in_brussels(instant: str, day: str) -> None:
    assert brussels_day(datetime.fromisoformat(instant)) == date.fromisoformat(day)


def test_an_instant_without_a_time_zone_is_no_instant() -> None:
    with pytest.raises(ValueError, match="time zone"):
        brussels_day(datetime(2022, 6, 26, 12))  # noqa: DTZ001  (the fault that is tested)


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-26", 24), ("2024-02-29", 24)]
)
def test_a_day_is_as_long_as_brussels_makes_it(day: str, hours: int) -> None:
    today = date.fromisoformat(day)
    begins, ends = end_of_day(today - timedelta(days=1)), end_of_day(today)
    assert ends.astimezone(UTC) - begins.astimezone(UTC) == timedelta(hours=hours)


@given(DAYS)
def test_the_end_of_a_day_is_the_first_instant_that_is_not_in_it(day: date) -> None:
    end = end_of_day(day).astimezone(UTC)
    assert brussels_day(end) == day + timedelta(days=1)
    assert brussels_day(end - timedelta(microseconds=1)) == day


@given(st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_every_instant_lies_before_the_end_of_its_day_and_not_before_that_of_the_day_before(instant: datetime) -> None:
    day = brussels_day(instant)
    assert end_of_day(day - timedelta(days=1)) <= instant.astimezone(BRUSSELS) < end_of_day(day)


def test_both_ends_of_a_period_are_included() -> None:
    period = Period(begins=date(2018, 6, 26), until=date(2022, 6, 26))
    assert [period.holds_on(day) for day in _around(period.begins)] == [False, True, True]
    assert [period.holds_on(day) for day in _around(date(2022, 6, 26))] == [True, True, False]


def test_a_period_of_one_day_holds_on_that_day() -> None:
    day = date(2024, 2, 29)
    assert [Period(begins=day, until=day).holds_on(one) for one in _around(day)] == [False, True, False]


@given(DAYS, st.one_of(st.none(), DAYS), DAYS)
def test_a_period_holds_unless_it_has_not_begun_or_is_over(begins: date, until: date | None, day: date) -> None:
    period = Period(begins=begins, until=until)
    assert period.holds_on(day) == (begins <= day and (until is None or day <= until))
    assert period.holds_on(day) != (period.begins_after(day) or period.ended_before(day))


def _around(day: date) -> list[date]:
    return [day - timedelta(days=1), day, day + timedelta(days=1)]
