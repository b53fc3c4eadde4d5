"""Registrations in real databases: the first of an organisation stays, whoever comes at the same time."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from broker.adapters.registrations import Database, SqlRegistrations, migrate
from broker.domain.numbers import EnterpriseNumber
from broker.domain.people import Organisation
from broker.domain.registration import Registration
from broker.ports import RegistrationsUnavailable
from tests.broker.gateway import BAKERY, FLORIST, a_contact, a_registration
from tests.postgres_server import PostgresServer
from tests.project.places import ROOT


async def everything(registrations: SqlRegistrations, since: datetime | None = None) -> list[Registration]:
    return [one async for one in registrations.all(since=since)]


async def test_a_registration_comes_back_as_it_was_made(registrations: SqlRegistrations) -> None:
    made = a_registration(
        Organisation(number=BAKERY.number, name="Zoë's \u202eBakkerij\r\n'=1+1"),
        contact=a_contact(street="Straße «ÿ» 𝄞", municipality="L'Écluse"),
        registered_at=datetime(2026, 6, 1, 23, 59, 59, 123456, tzinfo=timezone(timedelta(hours=2))),
    )
    assert await registrations.register(made) == made
    found = await registrations.find(BAKERY.number)
    assert found == made
    assert found is not None
    assert found.registered_at.tzinfo is UTC
    assert await registrations.find(FLORIST.number) is None


async def test_the_first_stays_and_whoever_comes_later_is_given_it(registrations: SqlRegistrations) -> None:
    first, later = a_registration(), a_registration(registered_by="another", contact=a_contact(email="b@b.test"))
    await registrations.register(first)
    assert await registrations.register(later) == first
    assert await everything(registrations) == [first]


async def test_two_machines_at_once_make_one_registration(database: Database) -> None:
    migrate(database)
    machines = [SqlRegistrations(database) for _ in range(3)]
    tries = [a_registration(registered_by=f"person-{number}") for number in range(24)]
    try:
        found = await asyncio.gather(*(machines[at % 3].register(one) for at, one in enumerate(tries)))
        assert len({one.registered_by for one in found}) == 1
        assert await everything(machines[0]) == [found[0]]
    finally:
        for machine in machines:
            await machine.aclose()


RACER = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from broker.adapters.registrations import Database, SqlRegistrations
from broker.domain.numbers import EnterpriseNumber
from broker.domain.people import Organisation
from broker.domain.registration import Contact, ContactField, Registration

async def race():
    registrations = SqlRegistrations(Database.at(sys.argv[1], near=Path("/")))
    await registrations.ping()
    print("ready", flush=True)
    sys.stdin.readline()
    mine = Registration(
        organisation=Organisation(number=EnterpriseNumber("1999999943"), name="Voorbeeld Bakkerij BV"),
        contact=Contact(**{field.value: "x" for field in ContactField} | {"language": "nl"}),
        registered_by=sys.argv[2],
        registered_by_name="Arne Baas",
        registered_at=datetime(2026, 6, 1, tzinfo=UTC),
    )
    print((await registrations.register(mine)).registered_by)
    await registrations.aclose()

asyncio.run(race())
"""


def test_two_processes_at_once_make_one_registration(address: str, database: Database) -> None:
    migrate(database)
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, address, f"process-{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )
        for number in range(2)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    won = {racer.communicate(timeout=30)[0] for racer in racers}
    assert {racer.returncode for racer in racers} == {0}
    assert len(won) == 1


async def test_all_begins_where_it_is_asked_to_and_goes_on_in_the_order_of_time(
    registrations: SqlRegistrations,
) -> None:
    day = datetime(2026, 6, 1, tzinfo=UTC)
    made = [
        a_registration(
            Organisation(number=EnterpriseNumber(number), name=number), registered_at=day + timedelta(days=at)
        )
        for at, number in enumerate(("1999999844", "1999999943", "1999999151"))
    ]
    for one in reversed(made):
        await registrations.register(one)
    assert await everything(registrations) == made
    assert await everything(registrations, since=day + timedelta(days=1)) == made[1:]
    assert await everything(registrations, since=day + timedelta(days=1, microseconds=1)) == made[2:]
    assert await registrations.count() == 3


async def test_many_are_stored_together_and_those_that_are_there_stay(registrations: SqlRegistrations) -> None:
    first = a_registration(registered_by="first")
    await registrations.register(first)
    numbers = [f"{begin:08}{97 - begin % 97:02}" for begin in range(19998000, 19999200)]
    many = [a_registration(Organisation(number=EnterpriseNumber(one), name=one)) for one in numbers]
    assert await registrations.register_all([*many, a_registration()]) == 1200
    assert await registrations.register_all(many) == 0
    assert await registrations.find(BAKERY.number) == first
    assert await registrations.count() == 1201


async def test_an_import_that_meets_a_visitor_in_the_act_stores_the_others(registrations: SqlRegistrations) -> None:
    """The same organisation twice is what the database sees when somebody registers it between its two looks."""
    bakery, florist = a_registration(), a_registration(FLORIST)
    assert await registrations.register_all([bakery, replace(bakery, registered_by="later"), florist]) == 2
    assert await everything(registrations) == [florist, bakery]


async def test_a_name_that_a_database_cannot_hold_does_not_stop_a_registration(registrations: SqlRegistrations) -> None:
    await registrations.register(a_registration(Organisation(number=BAKERY.number, name="a\x00b\ud800c")))
    found = await registrations.find(BAKERY.number)
    assert found is not None
    assert found.organisation.name == "a\ufffdb?c"


async def test_tables_that_are_not_there_are_an_error_and_no_answer(database: Database) -> None:
    migrate(database)
    migrate(database, to="base")
    adapter = SqlRegistrations(database)
    for asking in (adapter.ping(), adapter.find(BAKERY.number), adapter.register(a_registration()), adapter.count()):
        with pytest.raises(RegistrationsUnavailable, match="does not work") as refused:
            await asking
        assert "bakkerij" not in str(refused.value)
    with pytest.raises(RegistrationsUnavailable):
        await everything(adapter)
    await adapter.aclose()


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_a_file_that_is_not_there_is_an_error_and_is_not_made(tmp_path: Path) -> None:
    adapter = SqlRegistrations(Database.at("sqlite:///registrations.db", near=tmp_path))
    with pytest.raises(RegistrationsUnavailable, match="inkom registrations migrate"):
        await adapter.ping()
    assert names_in(tmp_path) == []
    await adapter.aclose()


async def test_a_writer_that_does_not_let_go_is_an_error_and_not_a_wait_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.adapters.registrations.database.SECONDS", 0.2)
    database = Database.at("sqlite:///registrations.db", near=tmp_path)
    migrate(database)
    adapter = SqlRegistrations(database)
    other = sqlite3.connect(tmp_path / "registrations.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RegistrationsUnavailable, match="locked"):
        await adapter.register(a_registration())
    await adapter.ping()  # who only reads need not wait for a writer
    other.execute("COMMIT")
    other.close()
    assert await adapter.register(a_registration()) == a_registration()
    await adapter.aclose()


async def test_a_server_that_went_away_and_came_back_is_used_again(postgres: PostgresServer, tmp_path: Path) -> None:
    database = Database.at(postgres.fresh_database(), near=tmp_path)
    migrate(database)
    adapter = SqlRegistrations(database)
    await adapter.register(a_registration())
    postgres.say("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    assert await adapter.find(BAKERY.number) == a_registration()
    await adapter.aclose()


async def test_a_server_that_is_not_there_is_said_so_without_its_password(tmp_path: Path) -> None:
    address = f"postgresql://inkom:top-secret@localhost/inkom?host={tmp_path}"
    database = Database.at(address, near=tmp_path)
    adapter = SqlRegistrations(database)
    with pytest.raises(RegistrationsUnavailable, match="No such file") as refused:
        await adapter.ping()
    assert "top-secret" not in str(refused.value) + str(database)
    await adapter.aclose()


@pytest.mark.parametrize("address", ["mysql://host/name", "sqlite://x", "nonsense", "", "//:@"])
def test_an_address_of_something_else_is_refused_without_repeating_it(tmp_path: Path, address: str) -> None:
    with pytest.raises(RegistrationsUnavailable) as refused:
        Database.at(address, near=tmp_path)
    assert not address or address not in str(refused.value)


def test_the_file_and_its_folder_are_for_their_owner_only(tmp_path: Path) -> None:
    migrate(Database.at("sqlite:///state/registrations.db", near=tmp_path))
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "state" / "registrations.db").stat().st_mode & 0o777 == 0o600
