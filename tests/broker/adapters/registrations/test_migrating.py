"""Migrations on both databases: from nothing to this version and back, as the tables are declared, one at a time."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from broker.adapters.registrations import Database, SqlRegistrations, State, migrate, prepare, standing
from broker.adapters.registrations.tables import METADATA
from broker.cli import main
from broker.ports import RegistrationsUnavailable
from tests.broker.gateway import BAKERY, a_registration
from tests.postgres_server import PostgresServer
from tests.project.places import ROOT


def test_an_empty_database_is_brought_up_to_this_version_once(database: Database) -> None:
    assert standing(database).state is State.EMPTY
    assert migrate(database)
    assert standing(database).state is State.CURRENT
    assert not migrate(database)


def test_the_migrations_make_exactly_the_tables_that_are_declared(database: Database) -> None:
    migrate(database)
    engine = database.migrating_engine()
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


def test_every_migration_can_be_undone(database: Database) -> None:
    migrate(database)
    assert migrate(database, to="base")
    assert standing(database).state is State.EMPTY
    engine = database.migrating_engine()
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
    engine.dispose()
    assert migrate(database)


def test_several_that_migrate_at_once_wait_for_each_other(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        changed = list(pool.map(lambda _: migrate(database), range(8)))
    assert sorted(changed) == [False] * 7 + [True]
    assert standing(database).state is State.CURRENT


def test_a_migration_that_breaks_off_leaves_nothing_behind(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("the power went out")

    monkeypatch.setattr("alembic.operations.Operations.create_index", breaks)
    with pytest.raises(RuntimeError):
        migrate(database)
    assert standing(database).state is State.EMPTY
    monkeypatch.undo()
    assert migrate(database)


async def test_what_is_registered_stays_through_a_second_start(tmp_path: Path) -> None:
    database = Database.at("sqlite:///registrations.db", near=tmp_path)
    prepare(database)
    adapter = SqlRegistrations(database)
    await adapter.register(a_registration())
    prepare(database)
    assert await adapter.find(BAKERY.number) == a_registration()
    await adapter.aclose()


def test_a_start_migrates_sqlite_by_itself_and_refuses_a_postgresql_that_is_behind(database: Database) -> None:
    if database.file is not None:
        prepare(database)
        assert standing(database).state is State.CURRENT
        return
    with pytest.raises(RegistrationsUnavailable, match="run `inkom registrations migrate`"):
        prepare(database)
    assert standing(database).state is State.EMPTY
    migrate(database)
    prepare(database)


def test_the_gateway_does_not_start_on_a_postgresql_that_is_behind(
    postgres: PostgresServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in ("assertion", "session", "pseudonym"):
        assert main(["keys", kind, "--out", str(tmp_path / kind)]) == 0
    names = ("kmo-portefeuille", "ecologiepremie-plus", "coronamaatregelen")
    settings = {
        "public_url": "http://localhost:8000",
        "listen": {"port": 0},
        "operators": {"port": 0},
        "acm": {
            "issuer": "http://localhost:9000/op",
            "client_id": "inkom",
            "client_authentication": "client_secret_basic",
            "client_secret": "shared",
        },
        "registers": {"idm": "http://localhost:9000/idm", "kbo": "http://localhost:9000/kbo", "token": "bearer"},
        "sessions": {"redis": "redis://localhost", "secrets_file": "session"},
        "policies": str(ROOT / "policies"),
        "audit": {"file": "audit.jsonl"},
        "registrations": {"database": postgres.fresh_database()},
        "assertion": {"key_file": "assertion"},
        "pseudonym": {"key_file": "pseudonym"},
        "applications": {one: {"title": {"nl": "K", "en": "K"}, "upstream": "http://localhost:9101"} for one in names},
    }
    (tmp_path / "inkom.yaml").write_text(json.dumps(settings))
    assert main(["serve", "--config", str(tmp_path / "inkom.yaml")]) == 1
    assert "run `inkom registrations migrate`" in capsys.readouterr().err


def test_tables_of_a_newer_version_are_left_alone(database: Database) -> None:
    migrate(database)
    engine = database.migrating_engine()
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    assert standing(database).state is State.UNKNOWN
    for using in (prepare, migrate):
        with pytest.raises(RegistrationsUnavailable, match="newer version"):
            using(database)


def test_a_postgresql_that_does_not_answer_does_not_stop_the_start(tmp_path: Path) -> None:
    prepare(Database.at(f"postgresql:///inkom?host={tmp_path}", near=tmp_path))


def test_a_place_where_nothing_can_be_written_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    with pytest.raises(RegistrationsUnavailable):
        prepare(Database.at("sqlite:///state/registrations.db", near=tmp_path))
