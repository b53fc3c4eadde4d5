"""A generated world: valid, the same for the same seed, whole or not there, and what its table says comes true."""

import csv
import html
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random
from socket import create_server

import pytest

from mock_idp.__main__ import main
from mock_idp.app import create_app
from mock_idp.days import plus_years
from mock_idp.generate.births import Births
from mock_idp.generate.crowd import Crowd, CrowdError, Size
from mock_idp.generate.stories import Story
from mock_idp.numbers import (
    birth_dates,
    is_never_issued,
    is_test_number,
    parse_enterprise_number,
    parse_national_number,
    sex_of,
)
from mock_idp.settings import Settings
from mock_idp.world.file import load_seed
from mock_idp.world.questions import World
from tests.mock_idp.provider import Mock, MovableClock, Party, new_browser, serving

PEOPLE = 5_000
TODAY = date(2026, 11, 24)
INKOM = ("VLAIO Inkom Gebruiker Nieuw", "VLAIO Inkom Gebruiker")


@dataclass(frozen=True, kw_only=True)
class Made:
    database: Path
    table: Path
    dump: str


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("generated"))


def make(folder: Path, *more: str) -> Made:
    database, table = folder / "world.db", folder / "world.csv"
    options = ["generate", "--people", str(PEOPLE), "--today", TODAY.isoformat(), *more]
    assert main([*options, "--database", str(database), "--csv", str(table), "--json"]) == 0
    connection = sqlite3.connect(database)
    dump = "\n".join(connection.iterdump())
    connection.close()
    return Made(database=database, table=table, dump=dump)


@pytest.fixture(scope="module")
def rows(made: Made) -> list[dict[str, str]]:
    with made.table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def served(made: Made) -> Iterator[tuple[Mock, World]]:
    clock = MovableClock()
    with create_server(("127.0.0.1", 0)) as listener:
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = create_app(Settings(origin=origin, database=made.database), clock=clock)
        clock.move_to(TODAY)
        with serving(app, listener), new_browser() as direct:
            yield Mock(origin=origin, clock=clock, direct=direct), app.state.world.current


def asked(database: Path, question: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(database)
    try:
        return connection.execute(question).fetchall()
    finally:
        connection.close()


def test_each_national_number_is_a_test_number_of_somebody_between_18_and_80(made: Made) -> None:
    numbers = [str(number) for (number,) in asked(made.database, "select national_number from person where generated")]
    births = [birth_dates(number)[0] for number in numbers]

    assert len(set(numbers)) == PEOPLE
    assert all(parse_national_number(number) == number and is_test_number(number) for number in numbers)
    assert min(births) >= plus_years(TODAY, -80)
    assert max(births) <= plus_years(TODAY, -18)
    assert {born.year // 100 for born in births} == {19, 20}
    assert {sex_of(number) for number in numbers} == {"M", "V"}


def test_each_enterprise_number_is_valid_and_never_issued(made: Made) -> None:
    numbers = [str(number) for (number,) in asked(made.database, "select number from enterprise where generated")]

    assert len(set(numbers)) == PEOPLE // 20
    assert all(parse_enterprise_number(number) == number and is_never_issued(number) for number in numbers)


def test_terms_are_within_the_rules(made: Made) -> None:
    relations = 'select first, last from relation join person on person.id = person_id where person."generated"'
    rights = """select "right".first, "right".last, relation.first, relation.last from "right"
                join relation on relation.id = relation_id join person on person.id = person_id where generated"""

    assert all(days(last) <= plus_years(days(first), 10) for first, last in asked(made.database, _named(relations)))
    for first, last, relation_first, relation_last in asked(made.database, rights):
        assert days(relation_first) <= days(first) <= days(last) <= days(relation_last)
        assert days(last) <= plus_years(days(first), 4)


def _named(question: str) -> str:
    return question.replace("select first, last", "select relation.first, relation.last")


def days(text: object) -> date:
    return date.fromisoformat(str(text))


def test_every_story_occurs_and_most_may_enter(rows: list[dict[str, str]]) -> None:
    told = Counter(row["story"] for row in rows)

    assert set(told) == {story.value for story in Story}
    assert 0.55 < sum(row["expected"] == "allowed" for row in rows) / PEOPLE < 0.85


def test_what_the_table_expects_is_what_the_registers_say(
    served: tuple[Mock, World], rows: list[dict[str, str]]
) -> None:
    """So many of each story: all five thousand take too long."""
    _, world = served
    by_story = [[row for row in rows if row["story"] == story][:12] for story in Story]

    wrong = [
        row["key"]
        for some in by_story
        for row in some
        if may_enter(world, row["key"], row["organisation"]) != row["expected"]
    ]

    assert wrong == []


def may_enter(world: World, key: str, organisation: str) -> str:
    """INKOM's rule said once more, as simply as it can be."""
    person = world.person(key)
    enterprise = world.enterprise(organisation)
    if person is None or enterprise is None or enterprise.is_ceased(TODAY):
        return "refused"
    holds = any(
        relation.is_usable(TODAY) and right.name in INKOM and "Gebruiker" in right.profiles
        for relation in world.relations_of(person)
        if relation.organisation == organisation
        for right in relation.rights
        if right.period.includes(TODAY)
    )
    return "allowed" if holds or world.represents(person, organisation, TODAY) else "refused"


def test_a_script_signs_in_somebody_generated(served: tuple[Mock, World], rows: list[dict[str, str]]) -> None:
    mock, _ = served
    row = next(row for row in rows if row["story"] == "two-organisations")

    with new_browser() as browser:
        claims = Party(mock=mock, browser=browser).claims(row["key"], mock_organisation=row["organisation"])

    assert claims["vo_orgcode"] == row["organisation"]


def test_somebody_generated_who_comes_back_finds_the_choice_of_organisations(
    served: tuple[Mock, World], rows: list[dict[str, str]]
) -> None:
    mock, world = served
    key = next(row["key"] for row in rows if row["story"] == "two-organisations")
    person = world.person(key)
    assert person is not None

    with new_browser() as browser:
        mock.register("asks-itself", organisation_choice="gateway")
        Party(mock=mock, client_id="asks-itself", browser=browser).sign_in(key)
        page = browser.get(Party(mock=mock, browser=browser).ask().headers["location"] + "/organisation")

    assert page.status_code == 200
    assert person.name in html.unescape(page.text)


def test_the_pages_list_the_cast_and_not_the_crowd(served: tuple[Mock, World]) -> None:
    mock, _ = served

    for path in ("/", "/people", "/phone", "/mock/klok", "/mock/opnieuw", "/mock/people"):
        answer = mock.get(path)
        assert answer.status_code == 200
        assert "person-0" not in answer.text
    assert f"{PEOPLE} " in mock.get("/mock/opnieuw").text


def test_a_reset_leaves_the_crowd_and_puts_the_cast_back(made: Made, tmp_path: Path) -> None:
    copy = tmp_path / "world.db"
    copy.write_bytes(made.database.read_bytes())
    app = create_app(Settings(database=copy), clock=MovableClock())
    live = app.state.world
    with live.changing() as session:
        session.connection().exec_driver_sql("delete from administrator")

    live.reset()

    assert (PEOPLE,) in asked(copy, "select count(*) from person where generated")
    cast = live.current.person("right-elsewhere")
    assert live.current.administers(cast) == ("1999999943",)


def test_the_same_seed_gives_the_same_world_and_another_seed_another(made: Made, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    assert make(tmp_path / "a").dump == made.dump
    assert make(tmp_path / "b", "--seed", "2").dump != made.dump


def test_a_file_that_is_there_is_not_written_over_without_force(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept.db"
    kept.write_text("mine", encoding="utf-8")

    assert main(["generate", "--people", "100", "--database", str(kept)]) == 2
    assert "--force writes over it" in capsys.readouterr().err
    assert kept.read_text(encoding="utf-8") == "mine"

    assert main(["generate", "--people", "100", "--database", str(kept), "--force", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["people"] == sum(told["stories"].values()) == 100
    assert [path.name for path in tmp_path.iterdir()] == ["kept.db"]


def test_an_interrupted_run_leaves_nothing_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: Births) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(Births, "next_number", interrupted)

    assert main(["generate", "--people", "100", "--database", str(tmp_path / "no.db")]) == 130
    assert "nothing was written" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--people", "100"], "which file?"),
        (["--people", "100", "--database", "{folder}"], "is a folder"),
        (["--people", "100", "--database", "{folder}/x", "--csv", "{folder}/x"], "need a file each"),
        (["--people", "100", "--database", "{folder}/none/x.db"], "No such file or directory"),
        (["--people", "100", "--enterprises", "80", "--database", "{folder}/x.db"], "need at least 160 people"),
        (["--people", "20000", "--enterprises", "6001", "--database", "{folder}/x.db"], "from 3 to 6000"),
    ],
)
def test_what_cannot_be_made_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    written = [argument.format(folder=tmp_path) for argument in arguments]

    assert main(["generate", *written]) in (1, 2)

    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--people", "0"], ["--people", "many"], ["--people", "9", "--today", "1800-01-01"]]
)
def test_numbers_and_days_that_make_no_sense_are_used_wrongly(arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(["generate", *arguments, "--database", "x.db"])


def test_a_full_day_hands_out_each_serial_number_once() -> None:
    births = Births(Random(1), today=TODAY, taken=set())
    births._days = 1

    numbers = {births.next_number() for _ in range(997)}

    assert len(numbers) == 997
    assert {birth_dates(number)[0] for number in numbers} == {plus_years(TODAY, -80)}


def test_numbers_of_the_cast_are_left_to_the_cast() -> None:
    world = load_seed(Settings().world_file, today=TODAY)
    births = Births(Random(1), today=TODAY, taken={"46712400190"})
    births._days = 1

    assert "46712400190" not in {births.next_number() for _ in range(900)}
    with pytest.raises(CrowdError):
        Crowd(Size(people=10, enterprises=1), world=world, today=TODAY + timedelta(days=1), seed=1)
