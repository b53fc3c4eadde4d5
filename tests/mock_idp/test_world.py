"""The cast of the mock: every number valid and nobody's, every key there, every refusal with someone who can help."""

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from mock_idp.clock import Clock
from mock_idp.days import OPEN_END, Period, parse_day
from mock_idp.numbers import birth_centuries, parse_enterprise_number, parse_national_number
from mock_idp.settings import Settings
from mock_idp.strict_yaml import FileProblemsError
from mock_idp.world.facts import Person
from mock_idp.world.file import load_seed
from mock_idp.world.live import LiveWorld
from mock_idp.world.questions import World
from mock_idp.world.tables import PersonRow, RightRow
from tests.mock_idp.planted import planted

TODAY = date(2026, 11, 24)
KEYS = (
    "legal-representative",
    "employee",
    "older-right",
    "expired-right",
    "expires-today",
    "expires-soon",
    "future-right",
    "paused-relation",
    "pending-person",
    "service-provider",
    "right-elsewhere",
    "local-administrator",
    "auditor",
    "company-director",
    "two-organisations",
    "many-organisations",
    "ceased-enterprise",
    "citizen",
    "nobody",
)
APPLICATIONS = ("kmo-portefeuille", "ecologiepremie-plus", "coronamaatregelen")


@pytest.fixture(scope="module")
def world() -> World:
    return planted(TODAY)


def person(world: World, key: str) -> Person:
    found = world.person(key)
    assert found is not None
    return found


@pytest.mark.parametrize("key", KEYS)
def test_everyone_of_the_cast_has_a_story_in_both_languages_and_an_outcome_everywhere(world: World, key: str) -> None:
    someone = person(world, key)

    assert all("\n" not in someone.story[language] for language in ("nl", "en"))
    assert tuple(outcome.application for outcome in someone.outcomes) == APPLICATIONS


def test_every_national_number_is_a_valid_test_number_and_nobody_shares_one(world: World) -> None:
    numbers = [someone.national_number for someone in world.people]

    assert len(set(numbers)) == len(numbers)
    assert all(parse_national_number(number) == number for number in numbers)
    assert all(61 <= int(number[2:4]) <= 72 for number in numbers)


def test_somebody_was_born_in_this_century(world: World) -> None:
    assert any(birth_centuries(someone.national_number) == (2000,) for someone in world.cast)


def test_every_enterprise_number_is_valid_and_was_never_issued(world: World) -> None:
    assert all(parse_enterprise_number(one.number) == one.number for one in world.enterprises)
    assert all(one.number.startswith("1999") for one in world.enterprises)


def test_the_busy_person_acts_for_three_hundred_enterprises_with_different_names(world: World) -> None:
    offered = world.offered_organisations(person(world, "many-organisations"), TODAY)

    assert len(offered) == len({enterprise.name for enterprise in offered}) == 300
    assert planted(TODAY).enterprises == world.enterprises


def test_a_refused_person_finds_someone_who_can_help_save_where_nobody_is_listed(world: World) -> None:
    for someone in world.cast:
        if someone.acts_for is None or someone.outcomes[0].allowed:
            continue
        enterprise = world.enterprise(someone.acts_for)
        assert enterprise is not None
        named = [one.holder_name for one in world.functions_in(enterprise.number) if one.kind.represents]
        helped = bool(named) and bool(world.administrators_of(enterprise.number))
        assert helped or enterprise.key == "unlisted", someone.key


def test_a_company_that_is_director_gives_no_person_a_function(world: World) -> None:
    assert world.functions_of(person(world, "company-director")) == ()
    builder = next(enterprise for enterprise in world.enterprises if enterprise.key == "builder")
    assert [function.person_key for function in world.functions_in(builder.number)] == [None, "builder-representative"]


def test_an_auditor_represents_nobody(world: World) -> None:
    (audits, _) = world.functions_of(person(world, "auditor"))

    assert not world.represents(person(world, "auditor"), audits.organisation, TODAY)
    assert world.offered_organisations(person(world, "auditor"), TODAY) == ()


@pytest.mark.parametrize("day", [date(2024, 2, 29), date(2026, 12, 31), date(2027, 3, 28)])
def test_relative_dates_follow_the_day_of_loading(day: date) -> None:
    world = planted(day)

    (relation,) = world.relations_of(person(world, "expires-today"))
    assert relation.rights[0].period.last == day


def test_every_right_keeps_to_its_four_years_and_every_relation_to_ten(world: World) -> None:
    for someone in world.people:
        for relation in world.relations_of(someone):
            assert relation.period.last <= parse_day("+10y", today=relation.period.first)
            for right in relation.rights:
                assert right.period.last <= parse_day("+4y", today=right.period.first), someone.key


def test_a_person_never_shows_the_national_number_when_printed(world: World) -> None:
    assert "90651800257" not in repr(person(world, "employee"))


def test_a_reset_loads_anew_and_tells_those_who_asked() -> None:
    told: list[str] = []
    live = LiveWorld(lambda: load_seed(Settings().world_file, today=TODAY), clock=Clock())
    live.on_reset(lambda: told.append("forget"))
    before = live.current.people
    with live.changing() as session:
        session.execute(delete(RightRow))

    live.reset()

    assert live.current.people == before
    assert all(one.rights for one in live.current.relations_of(person(live.current, "employee")))
    assert told == ["forget"]


def test_who_asked_is_told_whose_standing_changed_and_only_after_the_change_is_in_force() -> None:
    live = LiveWorld(lambda: load_seed(Settings().world_file, today=TODAY), clock=Clock())
    told: list[tuple[str, bool]] = []
    live.on_change(lambda key: told.append((key, bool(live.current.relations_of(person(live.current, key))))))

    with live.changing() as session:
        employee = session.scalars(select(PersonRow).where(PersonRow.key == "employee")).one()
        session.delete(employee.relations[0])

    assert told == [("employee", False)]


def test_a_change_that_fails_changes_nothing_and_tells_nobody() -> None:
    live = LiveWorld(lambda: load_seed(Settings().world_file, today=TODAY), clock=Clock())
    told: list[str] = []
    live.on_change(told.append)

    def take_all_rights_and_fail() -> None:
        with live.changing() as session:
            session.execute(delete(RightRow))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        take_all_rights_and_fail()

    assert told == []
    assert live.current.relations_of(person(live.current, "employee"))[0].rights != ()


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2018-06-26", date(2018, 6, 26)),
        ("today", TODAY),
        ("today-1", date(2026, 11, 23)),
        ("today+9", date(2026, 12, 3)),
        ("+9", date(2026, 12, 3)),
        ("-4y", date(2022, 11, 24)),
        ("+3m", date(2027, 2, 24)),
        ("-30d", date(2026, 10, 25)),
        ("open", OPEN_END),
    ],
)
def test_days_are_absolute_relative_or_open(text: str, day: date) -> None:
    assert parse_day(text, today=TODAY) == day


def test_a_leap_day_plus_a_year_is_the_last_of_february() -> None:
    assert parse_day("+1y", today=date(2024, 2, 29)) == date(2025, 2, 28)


def test_both_ends_of_a_period_are_included() -> None:
    period = Period(first=date(2018, 6, 26), last=date(2022, 6, 26))

    assert [period.includes(date(2018, 6, 26)), period.includes(date(2022, 6, 26))] == [True, True]
    assert [period.includes(date(2018, 6, 25)), period.includes(date(2022, 6, 27))] == [False, False]


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("82.67.21-001.08", "82672100108"),
        ("82672100108", "82672100108"),
        ("85.07.30-033.28", "85073003328"),
        ("17073003384", "17073003384"),
        ("98472899765", "98472899765"),
        ("82672100109", None),
        ("82.87.21-001.08", None),
        ("8267210010", None),
        ("", None),
    ],
)
def test_national_numbers_are_read_with_and_without_dots_and_checked(text: str, digits: str | None) -> None:
    assert parse_national_number(text) == digits


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("1999.999.943", "1999999943"),
        ("0123456749", "0123456749"),
        ("0456765432", None),
        ("9999000001", None),
        ("199999994", None),
    ],
)
def test_enterprise_numbers_are_read_with_and_without_dots_and_checked(text: str, digits: str | None) -> None:
    assert parse_enterprise_number(text) == digits


def test_the_clock_moves_the_day_and_never_the_seconds() -> None:
    clock = Clock()
    before = clock.seconds()

    clock.move_to(date(2030, 1, 1))

    assert clock.today() == date(2030, 1, 1)
    assert clock.moved_by_days == (date(2030, 1, 1) - clock.real_day()).days
    assert 0 <= clock.seconds() - before < 60
    clock.reset()
    assert clock.today() == clock.real_day()


SMALL = """
applications: [kmo-portefeuille]
rights: {Recht: {code: Recht, description: {nl: Recht, en: Right}, profiles: [Gebruiker]}}
profiles: {Gebruiker: Gebruiker}
functions:
  "10006": {label: Zaakvoerder, represents: true}
enterprises:
  bakery: {number: "1999.999.943", name: Bakkerij, functions: [{person: ann, code: "10006", from: -1y}]}
people:
  ann:
    national_number: "82.67.21-001.08"
    given_name: Ann
    family_name: Proef
"""


UNIT = 'establishment_units: [{number: "2.999.900.193", name: Winkel, address: Hier, from: -1y}]'


def problem_in(tmp_path: Path, text: str) -> str:
    path = tmp_path / "world.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FileProblemsError) as caught:
        load_seed(path, today=TODAY)
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"1999.999.943"', "1999999943", ":8: a text is needed here; put it in quotes"),
        ('"1999.999.943"', '"1999.999.944"', ":8: this is not an enterprise number: its check digits are wrong"),
        ('"1999.999.943"', '"0207.509.031"', ":8: an enterprise number here begins with 1999"),
        ('"82.67.21-001.08"', '"82.67.21-001.09"', ":11: this is not a national number"),
        ('"82.67.21-001.08"', '"85.07.30-033.28"', ":11: a national number here is a TST number"),
        ("person: ann", "person: bob", ":8: there is no person 'bob'"),
        ('code: "10006", from', 'code: "99999", from', ":8: '99999' is not among the functions"),
        ("from: -1y", "from: yesterday", ":8: 'yesterday' is not a day such as"),
        ("from: -1y", "from: today, until: today-1", ":8: 'until' is before 'from'"),
        ("family_name: Proef", "family_name: Proef\n    shoe_size: 42", ":14: 'shoe_size' is not a key here"),
        ("given_name: Ann", "given_name: Ann\n    given_name: Bea", ":13: 'given_name' is given twice"),
        ("    family_name: Proef\n", "", "'family_name' is missing"),
        ("represents: true", 'represents: "true"', ":6: true or false is needed here"),
        ("family_name: Proef", "family_name: Proef\n    administers: [shop]", ":14: there is no enterprise 'shop'"),
        ("family_name: Proef", "family_name: Proef\n    status: asleep", ":14: 'asleep' is not one of active, pending"),
        ("name: Bakkerij,", f"name: Bakkerij, {UNIT},", ":8: this is not the number of an establishment unit"),
        (
            "name: Bakkerij,",
            f"name: Bakkerij, {UNIT},".replace("2.999.900.193", "2.147.812.701"),
            ":8: the number of an establishment unit here begins with 2999",
        ),
        ("applications:", "applications: {", "world.yaml"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_line(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert complaint in problem_in(tmp_path, SMALL.replace(old, new, 1))


def test_all_mistakes_are_told_at_once_and_no_number_is_repeated(tmp_path: Path) -> None:
    text = SMALL.replace("from: -1y", "from: never").replace('"82.67.21-001.08"', '"82.67.21-001.09"')

    told = problem_in(tmp_path, text)

    assert len(told.splitlines()) == 2
    assert "001.09" not in told


def test_two_people_with_one_number_and_two_enterprises_with_one_number_are_told(tmp_path: Path) -> None:
    text = SMALL.replace(
        "people:\n",
        '  shop: {number: "1999.999.943", name: Winkel}\npeople:\n'
        '  bea: {national_number: "82.67.21-001.08", given_name: Bea, family_name: Proef}\n',
    )

    told = problem_in(tmp_path, text)

    assert "has the number of 'bea'" in told
    assert "enterprise 'shop' has the number of 'bakery'" in told


def test_an_empty_or_absent_file_is_told(tmp_path: Path) -> None:
    assert "the file is empty" in problem_in(tmp_path, "")
    with pytest.raises(FileProblemsError, match="cannot be read"):
        load_seed(tmp_path / "elsewhere.yaml", today=TODAY)


@pytest.mark.parametrize(
    ("outcome", "complaint"),
    [
        ("{kmo-portefeuille: {expect: perhaps, reason: inkom-user}}", "'expect' is 'allowed' or 'refused'"),
        (
            "{kmo-portefeuille: {expect: allowed, reason: right-expired}}",
            "'right-expired' is not a reason for 'allowed'",
        ),
        ("{kmo-portefeuille: {expect: refused, reason: bad-luck}}", "'bad-luck' is not a reason for 'refused'"),
        ("{}", "'kmo-portefeuille' is missing"),
    ],
)
def test_an_outcome_that_no_test_could_meet_is_told(tmp_path: Path, outcome: str, complaint: str) -> None:
    text = f"{SMALL}    story: {{nl: Een verhaal., en: A story.}}\n    outcome: {outcome}\n"

    assert complaint in problem_in(tmp_path, text)
