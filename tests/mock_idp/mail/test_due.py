"""Who is told, on which days, about what, and where."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_idp.addresses import is_address
from mock_idp.days import Period
from mock_idp.mail.due import Grant, reminders
from mock_idp.world.facts import RelationStatus

LAST = date(2026, 11, 24)
BAKERY, CARPENTRY = "1999999943", "1999999052"
NOBODY: frozenset[tuple[int, str]] = frozenset()


def grant(**changed: object) -> Grant:
    values: dict[str, object] = {
        "person_id": 1,
        "person_key": "somebody",
        "person_name": "Zoë D'Hondt",
        "person_active": True,
        "organisation": BAKERY,
        "organisation_name": "Voorbeeld Bakkerij BV",
        "ceased_on": None,
        "status": RelationStatus.ACTIVE,
        "relation": Period(first=date(2020, 1, 1), last=date(2030, 1, 1)),
        "email": "zoe@voorbeeld.test",
        "right_name": "VLAIO Inkom Gebruiker Nieuw",
        "right": Period(first=date(2022, 11, 25), last=LAST),
        **changed,
    }
    return Grant(**values)  # type: ignore[arg-type]  # the tests say what they change


def is_told(one: Grant, day: date) -> bool:
    return bool(reminders([one], NOBODY, day))


@pytest.mark.parametrize(
    ("day", "told"),
    [
        (date(2026, 11, 13), False),
        (date(2026, 11, 14), True),  # ten days before the end
        (date(2026, 11, 20), True),
        (date(2026, 11, 24), True),  # the last day, on which the right still works
        (date(2026, 11, 25), False),
    ],
)
def test_the_mails_begin_ten_days_before_the_last_day_and_stop_after_it(day: date, told: bool) -> None:
    assert is_told(grant(), day) is told


def test_a_right_that_nobody_extends_is_told_of_on_eleven_days() -> None:
    days = [LAST + timedelta(days=count) for count in range(-400, 400)]

    assert sum(is_told(grant(), day) for day in days) == 11


@pytest.mark.parametrize(
    ("last", "first_mail"),
    [
        (date(2028, 2, 29), date(2028, 2, 19)),
        (date(2028, 3, 10), date(2028, 2, 29)),
        (date(2027, 3, 10), date(2027, 2, 28)),
        (date(2027, 1, 5), date(2026, 12, 26)),
    ],
)
def test_ten_days_are_calendar_days_across_leap_days_and_new_year(last: date, first_mail: date) -> None:
    ending = grant(right=Period(first=date(2024, 3, 1), last=last))

    assert is_told(ending, first_mail)
    assert not is_told(ending, first_mail - timedelta(days=1))


def test_at_the_end_of_time_nothing_breaks() -> None:
    open_end = Period(first=date(2020, 1, 1), last=date.max)

    assert is_told(grant(relation=open_end, right=open_end), date.max)


@pytest.mark.parametrize(
    "useless",
    [
        {"status": RelationStatus.PAUSED},
        {"status": RelationStatus.PENDING},
        {"person_active": False},
        {"right": Period(first=LAST + timedelta(days=1), last=LAST + timedelta(days=3))},
        {"relation": Period(first=LAST + timedelta(days=1), last=date(2030, 1, 1))},
        {"relation": Period(first=date(2020, 1, 1), last=LAST - timedelta(days=1))},
        {"ceased_on": LAST},
    ],
)
def test_a_right_that_does_not_work_today_is_not_told_of(useless: dict[str, object]) -> None:
    assert not is_told(grant(**useless), LAST)


def test_a_relation_that_ends_before_its_right_counts_with_its_own_end() -> None:
    today = LAST - timedelta(days=5)
    early = grant(
        relation=Period(first=date(2020, 1, 1), last=LAST), right=Period(first=date(2025, 1, 1), last=date(2028, 1, 1))
    )

    (reminder,) = reminders([early], NOBODY, today)

    assert [(one.last, one.with_relation) for one in reminder.endings] == [(LAST, True)]


def test_a_legal_representative_is_not_told() -> None:
    assert reminders([grant()], frozenset({(1, BAKERY)}), LAST) == ()


def test_a_representative_of_one_enterprise_is_told_of_a_right_in_another() -> None:
    elsewhere = grant(organisation=CARPENTRY, organisation_name="De Proefbank")

    (reminder,) = reminders([grant(), elsewhere], frozenset({(1, BAKERY)}), LAST)

    assert [one.organisation for one in reminder.endings] == [CARPENTRY]


def test_another_persons_function_does_not_count() -> None:
    assert len(reminders([grant()], frozenset({(2, BAKERY)}), LAST)) == 1


def test_several_rights_in_several_organisations_are_one_mail_with_the_soonest_first() -> None:
    today = LAST - timedelta(days=5)
    sooner = grant(
        organisation=CARPENTRY,
        organisation_name="De Proefbank",
        right=Period(first=date(2023, 1, 1), last=today),
        email="zoe@proefbank.test",
    )
    far = grant(right_name="Voorbeeld Subsidieloket", right=Period(first=date(2023, 1, 1), last=date(2028, 1, 1)))

    (reminder,) = reminders([grant(), sooner, far], NOBODY, today)

    assert [(one.organisation, one.last) for one in reminder.endings] == [(CARPENTRY, today), (BAKERY, LAST)]
    assert reminder.addresses == ("zoe@proefbank.test", "zoe@voorbeeld.test")


def test_one_address_in_two_spellings_is_one_address() -> None:
    twice = [grant(), grant(right_name="Voorbeeld Subsidieloket", email="Zoe@Voorbeeld.test")]

    (reminder,) = reminders(twice, NOBODY, LAST)

    assert [one.casefold() for one in reminder.addresses] == ["zoe@voorbeeld.test"]


def test_someone_without_a_usable_address_is_still_reported() -> None:
    (reminder,) = reminders([grant(email=""), grant(email="zoe at home")], NOBODY, LAST)

    assert reminder.addresses == ()


def test_each_person_gets_a_mail_of_their_own() -> None:
    both = [grant(person_id=2, person_key="other"), grant(), grant(person_id=2, right_name="Voorbeeld Subsidieloket")]

    assert [(one.person_id, len(one.endings)) for one in reminders(both, NOBODY, LAST)] == [(1, 1), (2, 2)]


@pytest.mark.parametrize("text", ["zoe@voorbeeld.test", "a.b+c@x-y.voorbeeld.test", "o'neill@voorbeeld.test"])
def test_usual_addresses_are_usable(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "zoe", "@voorbeeld.test", "zoe@", "zoe@localhost", "zoe@voorbeeld..test", ".zoe@voorbeeld.test"),
        *("zoe@voorbeeld.test\r\nBcc: all@voorbeeld.test", "zoe@voorbeeld.test\n", "a b@voorbeeld.test"),
        *("<zoe@voorbeeld.test>", "zoe@voorbeeld.test,jan@voorbeeld.test", "x" * 250 + "@voorbeeld.test"),
    ],
)
def test_anything_else_is_no_address(text: str) -> None:
    assert not is_address(text)


@given(
    days=st.integers(-30, 30),
    last=st.integers(-30, 30),
    status=st.sampled_from(list(RelationStatus)),
    relation_last=st.integers(-30, 30),
)
def test_only_rights_that_work_today_and_end_within_ten_days_are_listed(
    days: int, last: int, status: RelationStatus, relation_last: int
) -> None:
    today = LAST + timedelta(days=days)
    one = replace(
        grant(status=status),
        right=Period(first=date(2020, 1, 1), last=LAST + timedelta(days=last)),
        relation=Period(first=date(2020, 1, 1), last=LAST + timedelta(days=relation_last)),
    )
    left = min(last, relation_last) - days

    assert is_told(one, today) == (status is RelationStatus.ACTIVE and 0 <= left <= 10)
