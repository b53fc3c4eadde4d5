"""`--database`: the world is kept between starts, the moved day too, and a file that does not fit is refused."""

import sqlite3
from pathlib import Path

import pytest

from mock_idp.__main__ import main
from mock_idp.clock import Clock
from mock_idp.settings import Settings
from mock_idp.world.database import WorldDatabaseError
from mock_idp.world.file import load_seed
from mock_idp.world.live import LiveWorld
from mock_idp.world.tables import PersonRow


def started(database: Path, *, world_file: Path | None = None) -> tuple[LiveWorld, Clock]:
    clock = Clock()
    path = world_file or Settings().world_file
    live = LiveWorld(lambda: load_seed(path, today=clock.real_day()), clock=clock, database=database)
    return live, clock


def rename(live: LiveWorld, given_name: str) -> None:
    with live.changing() as session:
        session.query(PersonRow).filter_by(key="employee").one().given_name = given_name


def name_in(live: LiveWorld) -> str:
    person = live.current.person("employee")
    return "" if person is None else person.given_name


def test_a_change_is_there_at_the_next_start_and_goes_with_a_reset(tmp_path: Path) -> None:
    first, _ = started(tmp_path / "world.db")
    rename(first, "Brigitte")

    second, _ = started(tmp_path / "world.db")
    assert name_in(second) == "Brigitte"

    second.reset()
    assert name_in(second) == "Britt"
    assert name_in(started(tmp_path / "world.db")[0]) == "Britt"


def test_the_moved_day_comes_back_and_the_real_one_too(tmp_path: Path) -> None:
    _, clock = started(tmp_path / "world.db")
    clock.move_by(10)

    second, clock = started(tmp_path / "world.db")
    assert clock.moved_by_days == 10

    second.reset()
    assert clock.moved_by_days == 0
    assert started(tmp_path / "world.db")[1].moved_by_days == 0


def test_without_a_database_nothing_is_kept(tmp_path: Path) -> None:
    clock = Clock()
    load = lambda: load_seed(Settings().world_file, today=clock.real_day())  # noqa: E731
    rename(LiveWorld(load, clock=clock), "Brigitte")

    assert name_in(LiveWorld(load, clock=clock)) == "Britt"


def test_tables_of_another_version_are_refused_and_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = tmp_path / "world.db"
    started(database)
    change(database, "update mark set value = 'older' where name = 'schema'")

    assert main(["--port", "0", "--smtp-port", "0", "--database", str(database)]) == 1

    told = capsys.readouterr().err
    assert "was made by another version of inkom-mock" in told
    assert f"rm {database}" in told
    assert database.exists()


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    change(tmp_path / "other.db", "create table song (title text)")

    with pytest.raises(WorldDatabaseError, match="another program"):
        started(tmp_path / "other.db")


@pytest.mark.parametrize(
    ("file", "complaint"), [("text.db", "file is not a database"), ("none/world.db", "there is no folder")]
)
def test_what_is_no_database_is_told(tmp_path: Path, file: str, complaint: str) -> None:
    (tmp_path / "text.db").write_text("these are no tables " * 100, encoding="utf-8")

    with pytest.raises(WorldDatabaseError, match=complaint):
        started(tmp_path / file)


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("""update "right" set name = 'Gone' where id = 1""", "right 'Gone'"),
        ("""update "right" set profiles = '["Lezer"]' where id = 1""", "profile 'Lezer' of 'VLAIO Inkom Gebruiker"),
        ("update function set code = '10009' where id = 1", "function 10009"),
    ],
)
def test_what_the_file_of_the_world_no_longer_knows_is_named(tmp_path: Path, statement: str, complaint: str) -> None:
    started(tmp_path / "world.db")
    change(tmp_path / "world.db", statement)

    with pytest.raises(WorldDatabaseError, match=complaint):
        started(tmp_path / "world.db")


def test_a_reset_that_cannot_be_done_changes_nothing(tmp_path: Path) -> None:
    live, clock = started(tmp_path / "world.db")
    rename(live, "Brigitte")
    clock.move_by(3)
    change(
        tmp_path / "world.db",
        "update person set generated = 1 where key = 'employee'",
    )

    with pytest.raises(WorldDatabaseError, match="generate anew"):
        live.reset()

    assert name_in(live) == "Brigitte"
    assert clock.moved_by_days == 3


def change(database: Path, statement: str) -> None:
    connection = sqlite3.connect(database)
    with connection:
        connection.execute(statement)
    connection.close()
