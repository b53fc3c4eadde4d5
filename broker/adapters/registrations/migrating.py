"""Brings the database's tables up to this version: SQLite at every start, PostgreSQL when an operator says so.

Why they differ: docs/decisions/0014-registrations-database.md. Each migration is one transaction, and only one process
at a time migrates: the others wait, and then find nothing to do.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from broker.adapters.registrations.database import Database, told_apart
from broker.ports import RegistrationsUnavailable

NEWEST = "head"
_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x1E_C0_4D_01  # any number that nobody else uses for an advisory lock of PostgreSQL


class State(Enum):
    """How the tables compare with this version of the gateway."""

    EMPTY = "empty"
    BEHIND = "behind"
    CURRENT = "current"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The state, and the revisions that it was read from; `revision` is None where there are no tables yet."""

    state: State
    revision: str | None
    newest: str


def prepare(database: Database) -> None:
    """Do what a start of the gateway needs: migrate SQLite, look whether PostgreSQL was migrated.

    Raises RegistrationsUnavailable for tables that this version cannot use. A PostgreSQL that does not answer is no
    reason not to start: readiness tells, and it may come back.
    """
    if database.file is not None:
        migrate(database)
        return
    try:
        found = standing(database)
    except RegistrationsUnavailable:
        return
    require_usable(found)


def require_usable(found: Standing) -> None:
    """Raise RegistrationsUnavailable, with what to do, unless the tables are those of this version."""
    match found.state:
        case State.CURRENT:
            return
        case State.UNKNOWN:
            raise RegistrationsUnavailable(
                f"the registrations database was migrated by a newer version (revision {found.revision}): "
                "install that version of the gateway, or restore a backup"
            )
        case _:
            raise RegistrationsUnavailable(
                "the registrations database is not migrated: run `inkom registrations migrate`"
            )


def standing(database: Database) -> Standing:
    """Look, without changing anything. Raises RegistrationsUnavailable."""
    if database.file is not None and not database.file.exists():
        return Standing(state=State.EMPTY, revision=None, newest=_newest())
    with told_apart(), _connected(database) as connection:
        return _standing(connection)


def migrate(database: Database, *, to: str = NEWEST) -> bool:
    """Bring the tables to a revision, and return whether that changed anything. Raises RegistrationsUnavailable."""
    with told_apart(), _alone(database), _connected(database) as connection:
        if database.file is None:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        before = _standing(connection)
        if before.state is State.UNKNOWN:
            require_usable(before)
        config = _config()
        config.attributes["connection"] = connection
        (command.upgrade if to == NEWEST else command.downgrade)(config, to)
        return _standing(connection) != before


@contextmanager
def _connected(database: Database) -> Iterator[Connection]:
    """A connection in one transaction for all of it."""
    engine = database.migrating_engine()
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """Let one process at a time make and change SQLite's file; PostgreSQL has locks of its own.

    The folder is locked and not the file: who closes a file of SQLite loses the locks that SQLite has on it.
    """
    if database.file is None:
        yield
        return
    database.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = os.open(database.file.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        database.make_file()
        yield
    finally:
        os.close(folder)


def _standing(connection: Connection) -> Standing:
    revision, newest = MigrationContext.configure(connection).get_current_revision(), _newest()
    if revision is None:
        return Standing(state=State.EMPTY, revision=None, newest=newest)
    if revision == newest:
        return Standing(state=State.CURRENT, revision=revision, newest=newest)
    known = {script.revision for script in _scripts().walk_revisions()}
    state = State.BEHIND if revision in known else State.UNKNOWN
    return Standing(state=state, revision=revision, newest=newest)


def _newest() -> str:
    newest = _scripts().get_current_head()
    if newest is None:
        raise AssertionError("there is a first migration")
    return newest


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    # Interpolation is the parser's: a percent sign in the path would begin one.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
