"""The file that holds a world: opened, or made when it is not there, and refused when it is not one of ours.

Its tables have no migrations: a world for tests is planted or generated anew. So a file whose tables were made by
another version is refused before anything in it is read or written.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session
from sqlalchemy.schema import CreateIndex, CreateTable

from mock_idp.world.facts import Catalogue
from mock_idp.world.tables import FunctionRow, MarkRow, RequestRow, RightRow, Row

SCHEMA_MARK = "schema"


class WorldDatabaseError(Exception):
    """This database cannot be used. The text says why, and what to do."""


def open_database(path: Path) -> Engine:
    """The tables are there afterwards, empty when the file is new. Raises WorldDatabaseError."""
    if not path.parent.is_dir():
        raise WorldDatabaseError(f"{path}: there is no folder {path.parent}")
    engine = _engine(path)
    try:
        with engine.begin() as connection:
            _check_or_make(connection, path)
    except DatabaseError as error:
        engine.dispose()
        raise WorldDatabaseError(f"{path} cannot be used as a database: {error.orig}") from error
    except WorldDatabaseError:
        engine.dispose()
        raise
    return engine


def companions(path: Path) -> tuple[Path, Path]:
    """The two files that SQLite keeps beside a database while it is in use."""
    return path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")


def schema_digest() -> str:
    """Changes when a table, a column or an index does."""
    dialect = sqlite.dialect()
    statements = []
    for table in Row.metadata.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=dialect)))
        statements += sorted(str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes)
    return hashlib.sha256("\n".join(statements).encode()).hexdigest()[:16]


def check_catalogue(session: Session, catalogue: Catalogue, path: Path) -> None:
    """Everything that the database names must be in the catalogue of `world.yaml`. Raises WorldDatabaseError."""
    missing = sorted(_missing(session, catalogue))
    if missing:
        raise WorldDatabaseError(
            f"{path} holds what the file of the world no longer knows: {', '.join(missing)}. "
            f"Put that back into the file of the world, or begin anew: {_remedy(path)}"
        )


def _missing(session: Session, catalogue: Catalogue) -> set[str]:
    missing = {
        f"function {code}"
        for code in session.scalars(select(FunctionRow.code).distinct())
        if code not in catalogue.functions
    }
    for table, name in ((RightRow, RightRow.name), (RequestRow, RequestRow.right)):
        for right, profiles in session.execute(select(name, table.profiles).distinct()):
            kind = catalogue.rights.get(right)
            if kind is None:
                missing.add(f"right {right!r}")
                continue
            missing |= {f"profile {one!r} of {right!r}" for one in profiles if one not in kind.profiles}
    return missing


def _check_or_make(connection: Connection, path: Path) -> None:
    tables = inspect(connection).get_table_names()
    if not tables:
        Row.metadata.create_all(connection)
        connection.execute(insert(MarkRow), {"name": SCHEMA_MARK, "value": schema_digest()})
        return
    if MarkRow.__tablename__ not in tables:
        raise WorldDatabaseError(f"{path} is a database of another program: name another file")
    made_by = connection.scalar(select(MarkRow.value).where(MarkRow.name == SCHEMA_MARK))
    if made_by != schema_digest():
        raise WorldDatabaseError(
            f"{path} was made by another version of inkom-mock, with other tables. Nothing in it was changed. "
            f"Name another file, or begin anew: {_remedy(path)}"
        )


def _remedy(path: Path) -> str:
    return f"rm {' '.join(str(one) for one in (path, *companions(path)) if one.exists())}"


def _engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}")

    @event.listens_for(engine, "connect")
    def _settings(connection: Any, _: object) -> None:
        # A power cut may lose the last change of a test world; nobody waits for the disk.
        connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA foreign_keys=ON;")

    return engine
