"""Working days: Monday to Friday without legal holidays, however the day and the number are chosen."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_idp.kbo.working_days import after_working_days, easter, holidays, is_working_day

DAYS = st.dates(min_value=date(1990, 1, 1), max_value=date(2120, 12, 31))
COUNTS = st.integers(min_value=0, max_value=12)


@pytest.mark.parametrize(
    ("year", "day"),
    [
        (1943, date(1943, 4, 25)),  # the latest there is
        (2000, date(2000, 4, 23)),
        (2008, date(2008, 3, 23)),
        (2019, date(2019, 4, 21)),
        (2024, date(2024, 3, 31)),
        (2026, date(2026, 4, 5)),
        (2038, date(2038, 4, 25)),
        (2285, date(2285, 3, 22)),  # the earliest
    ],
)
def test_easter_falls_where_almanacs_have_it(year: int, day: date) -> None:
    assert easter(year) == day


def test_2026_has_the_ten_legal_holidays_of_the_almanac() -> None:
    assert sorted(holidays(2026)) == [
        date(2026, 1, 1),
        date(2026, 4, 6),
        date(2026, 5, 1),
        date(2026, 5, 14),
        date(2026, 5, 25),
        date(2026, 7, 21),
        date(2026, 8, 15),
        date(2026, 11, 1),
        date(2026, 11, 11),
        date(2026, 12, 25),
    ]


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        (date(2026, 11, 24), 5, date(2026, 12, 1)),
        (date(2026, 12, 22), 5, date(2026, 12, 30)),  # Christmas on a Friday
        (date(2026, 4, 2), 1, date(2026, 4, 3)),  # Good Friday is a working day
        (date(2026, 4, 3), 1, date(2026, 4, 7)),  # Easter Monday is not
        (date(2026, 11, 28), 0, date(2026, 11, 28)),  # a Saturday, at once
        (date(2026, 11, 28), 1, date(2026, 11, 30)),
    ],
)
def test_a_term_is_counted_as_on_a_calendar(day: date, count: int, expected: date) -> None:
    assert after_working_days(day, count) == expected


@given(year=st.integers(min_value=1900, max_value=2200))
def test_easter_is_a_sunday_between_22_march_and_25_april(year: int) -> None:
    assert easter(year).weekday() == 6
    assert date(year, 3, 22) <= easter(year) <= date(year, 4, 25)


@given(day=DAYS, count=COUNTS)
def test_a_term_ends_on_a_working_day_and_has_as_many_of_them_as_it_says(day: date, count: int) -> None:
    end = after_working_days(day, count)
    between = [day + timedelta(days=n) for n in range(1, (end - day).days + 1)]

    assert sum(map(is_working_day, between)) == count
    assert end == day if count == 0 else is_working_day(end)


@given(day=DAYS, one=COUNTS, more=COUNTS)
def test_two_terms_after_each_other_are_one_long_term(day: date, one: int, more: int) -> None:
    assert after_working_days(after_working_days(day, one), more) == after_working_days(day, one + more)


@given(day=DAYS, count=COUNTS)
def test_who_reports_later_is_never_served_earlier(day: date, count: int) -> None:
    assert after_working_days(day, count) <= after_working_days(day + timedelta(days=1), count)
