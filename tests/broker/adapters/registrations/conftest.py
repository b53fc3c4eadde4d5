"""Both databases for every test that takes `database`: a file of SQLite, and a fresh one in a real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from broker.adapters.registrations import Database, SqlRegistrations, migrate
from tests.postgres_server import PostgresServer, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty database is, as the configuration names it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state/registrations.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.fresh_database()


@pytest.fixture
def database(address: str, tmp_path: Path) -> Database:
    """An empty database."""
    return Database.at(address, near=tmp_path)


@pytest.fixture
async def registrations(database: Database) -> AsyncIterator[SqlRegistrations]:
    """The adapter, on a database with this version's tables."""
    migrate(database)
    adapter = SqlRegistrations(database)
    yield adapter
    await adapter.aclose()
