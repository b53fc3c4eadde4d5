"""What user management accepts: numbers, days, phone numbers, e-mail addresses, and terms to the day."""

import contextlib
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_idp.days import Period, plus_years
from mock_idp.idm import rules
from mock_idp.idm.rules import RuleBrokenError
from mock_idp.world.names import folded
from tests.mock_idp.idm.numbers import UNKNOWN, unused_number

TODAY = date(2026, 11, 24)
days = st.dates(date(1900, 1, 1), date(2150, 1, 1))


@given(days)
def test_a_written_day_is_read_as_the_same_day(day: date) -> None:
    assert rules.read_day("first", rules.written_day(day)) == day


@given(st.text(max_size=12))
def test_no_text_for_a_day_breaks_anything(text: str) -> None:
    with contextlib.suppress(RuleBrokenError):
        assert rules.read_day("first", text) >= date.min


@given(st.dates(date(1910, 1, 1), date(2025, 12, 31)), st.integers(1, 997))
def test_a_number_agrees_with_the_day_of_birth_in_it_and_with_no_other(birth: date, serial: int) -> None:
    number = rules.read_number("number", unused_number(birth, serial))

    assert not list(rules.birth_date_problems(number, birth, today=TODAY))
    assert list(rules.birth_date_problems(number, birth + timedelta(days=1), today=TODAY))


def test_the_text_of_a_wrong_number_is_not_in_the_error() -> None:
    with pytest.raises(RuleBrokenError) as refused:
        rules.read_number("number", f"{UNKNOWN[:9]}00")

    assert str(refused.value) == "number"
    assert not refused.value.problems[0].values


def test_the_check_digits_decide() -> None:
    right = int(UNKNOWN[9:])
    for check in range(100):
        text = f"{UNKNOWN[:9]}{check:02d}"
        if check == right:
            assert rules.read_number("number", text) == UNKNOWN
        elif check != 97 - int("2" + UNKNOWN[:9]) % 97:  # which would be somebody born in 2090
            with pytest.raises(RuleBrokenError):
                rules.read_number("number", text)


@pytest.mark.parametrize("text", ["+3212345678", "+32 470 12 34 56", "+32(0)2 553 17 00", "+31.20.1234567"])
def test_phone_numbers_with_their_country_are_accepted(text: str) -> None:
    assert rules.read_phone(text).startswith("+3")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "+32",
        "0470123456",
        "+0470123456",
        "+3212345678901234",
        "+32\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18",
    ],
)
def test_other_phone_numbers_are_not(text: str) -> None:
    with pytest.raises(RuleBrokenError):
        rules.read_phone(text)


@pytest.mark.parametrize("text", ["a@b.be", "an.sofie+vlaio@mail.voorbeeld.test", "o'hara@voorbeeld.test"])
def test_addresses_that_mail_can_be_delivered_to_are_accepted(text: str) -> None:
    assert not list(rules.email_problems(text))


@pytest.mark.parametrize(
    "text",
    ["", "a", "a@b", "a@b.", "@b.be", "a@@b.be", "a b@c.be", "a@b..be", "a@-b.be", "a@b.be\nbcc: x@y", "a@b.1"],
)
def test_other_addresses_are_not(text: str) -> None:
    assert list(rules.email_problems(text))


def test_a_number_in_the_digits_of_another_script_is_none() -> None:
    with pytest.raises(RuleBrokenError):
        rules.read_number("number", UNKNOWN.translate({48 + digit: 0xFF10 + digit for digit in range(10)}))


@given(days.filter(lambda day: day >= TODAY), st.integers(-2, 2))
def test_a_relation_lasts_ten_years_to_the_day(first: date, more: int) -> None:
    last = plus_years(first, 10) + timedelta(days=more)
    problems = list(rules.relation_problems(Period(first=first, last=last), today=TODAY))

    assert bool(problems) == (more > 0)


@given(days, days, days)
def test_days_that_stay_as_they_were_are_never_a_problem(first: date, last: date, today: date) -> None:
    period = Period(first=min(first, last), last=max(first, last))

    assert not list(rules.relation_problems(period, today=today, was=period))


def test_a_leap_day_is_no_way_around_the_term() -> None:
    first = date(2028, 2, 29)
    assert not list(rules.relation_problems(Period(first=first, last=date(2038, 2, 28)), today=TODAY))
    assert list(rules.relation_problems(Period(first=first, last=date(2038, 3, 1)), today=TODAY))


@given(days, days, days, days)
def test_periods_that_share_a_day_overlap_and_others_do_not(a: date, b: date, c: date, d: date) -> None:
    one, other = Period(first=min(a, b), last=max(a, b)), Period(first=min(c, d), last=max(c, d))
    shares = one.first <= other.last and other.first <= one.last
    problems = rules.relation_problems(one, today=one.first, was=one, others=[other])

    assert bool(list(problems)) == shares


def test_a_name_is_compared_without_accents_and_capitals() -> None:
    assert folded("Zoë D'Hondt-MÜLLER") == "zoe dhondt muller"
