"""Where the registrations are: a file of SQLite, or a database of PostgreSQL by its address.

Makes the engines for it, without connecting: one for the gateway (asyncio), one for migrations. Turns what a driver
raises into RegistrationsUnavailable, without anything that stands in a row.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from broker.ports import RegistrationsUnavailable

SECONDS = 5  # patience with the database: to connect, for a lock, for an answer
_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """One of the two; `file` is None for PostgreSQL."""

    url: URL
    file: Path | None = None

    @classmethod
    def at(cls, address: str, *, near: Path) -> Self:
        """Return the database at `sqlite:///PATH` or `postgresql://…`; a relative path begins at `near`.

        Raises RegistrationsUnavailable for anything else, without repeating it: an address may hold a password.
        """
        if address.startswith(_SQLITE):
            file = near / address.removeprefix(_SQLITE)
            return cls(url=URL.create("sqlite", database=str(file)), file=file)
        try:
            url = make_url(address)
        except ArgumentError:
            raise RegistrationsUnavailable("the address of the registrations database cannot be read") from None
        if url.get_backend_name() != "postgresql":
            raise RegistrationsUnavailable("the registrations database is sqlite:///PATH or postgresql://…")
        return cls(url=url.set(drivername="postgresql+psycopg"))

    def __str__(self) -> str:
        """The place, without its password."""
        return self.url.set(drivername=self.url.get_backend_name()).render_as_string(hide_password=True)

    def engine(self) -> AsyncEngine:
        """Return the gateway's engine. It connects when it is first used."""
        if self.file is not None:
            # `timeout` is how long SQLite waits while another process writes.
            address = self.url.set(drivername="sqlite+aiosqlite")
            return create_async_engine(address, hide_parameters=True, connect_args={"timeout": SECONDS})
        return create_async_engine(
            self.url,
            hide_parameters=True,
            pool_pre_ping=True,  # a restart of PostgreSQL is not noticed by who comes next
            pool_timeout=SECONDS,
            connect_args={"connect_timeout": SECONDS},
        )

    def migrating_engine(self) -> Engine:
        """Return an engine whose transactions hold tables too: a migration happens whole or not at all."""
        if self.file is None:
            return create_engine(self.url, hide_parameters=True, connect_args={"connect_timeout": SECONDS})
        engine = create_engine(self.url, hide_parameters=True, connect_args={"timeout": SECONDS})

        # By itself the driver would begin a transaction before the first row is written, and not before a table is.
        @event.listens_for(engine, "connect")
        def _begins_nothing_itself(connection: DBAPIConnection, _: object) -> None:
            connection.isolation_level = None

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        return engine

    def make_file(self) -> None:
        """Make SQLite's file, readable by its owner only: it holds people's names and addresses.

        With a log written ahead readers and a writer work at the same time (https://www.sqlite.org/wal.html); the file
        remembers that.
        """
        if self.file is None:
            return
        if not self.file.exists():
            os.close(os.open(self.file, os.O_WRONLY | os.O_CREAT, 0o600))
        with closing(sqlite3.connect(self.file, timeout=SECONDS)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")


@contextmanager
def told_apart(*, but: type[DBAPIError] | None = None) -> Iterator[None]:
    """Raise what a driver raises as RegistrationsUnavailable, with one exception if need be."""
    try:
        yield
    except DBAPIError as error:
        if but is not None and isinstance(error, but):
            raise
        raise RegistrationsUnavailable(f"the registrations database does not work: {_reason(error)}") from error
    except TimeoutError as error:
        raise RegistrationsUnavailable("the registrations database does not answer in time") from error
    except sqlite3.Error as error:
        raise RegistrationsUnavailable(f"the registrations database does not work: {error}") from error
    except (SQLAlchemyError, OSError) as error:
        raise RegistrationsUnavailable(f"the registrations database does not work: {type(error).__name__}") from error


def _reason(error: DBAPIError) -> str:
    """Return what is wrong with connection or tables; of anything else only its kind, as it may quote a row."""
    kind = type(error.orig).__name__
    lines = str(error.orig).strip().splitlines()
    return lines[0] if lines and kind in {"OperationalError", "UndefinedTable", "UndefinedColumn"} else kind
