"""`inkom registrations`: export and show what is registered on INKOM, import it, and migrate its database.

An export holds names and addresses: a file is made for its owner only. Nothing here changes or removes a registration.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import date, datetime, time
from pathlib import Path
from typing import TypeVar

from broker import config
from broker.adapters.registrations import (
    Database,
    SpreadsheetInvalid,
    SqlRegistrations,
    State,
    fields_of,
    migrate,
    read_spreadsheet,
    require_usable,
    standing,
    written,
)
from broker.commands.terminal import Misuse, Paint, add_config_option, as_json, count
from broker.domain.numbers import EnterpriseNumber, InvalidNumberError
from broker.domain.registration import Registration
from broker.domain.validity import BRUSSELS
from broker.ports import InkomError

T = TypeVar("T")
STANDARD = "-"


def add_export_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `export`."""
    add_config_option(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--csv", metavar="FILE", default=STANDARD, help="write CSV to a file, - for the terminal (default: -)"
    )
    form.add_argument("--json", action="store_true", help="print JSON, every value as it is, for a program to read")
    parser.add_argument(
        "--since", type=_day, metavar="DATE", help="only what was registered since the beginning of a day (2026-06-01)"
    )


def add_show_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `show`."""
    add_config_option(parser)
    parser.add_argument("number", metavar="NUMBER", help="the enterprise number, with or without dots")
    parser.add_argument("--json", action="store_true", help="print JSON for a program to read")


def add_import_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `import`."""
    add_config_option(parser)
    parser.add_argument("file", metavar="CSV", help="a file as `export` writes it, - for the standard input")
    parser.add_argument("--json", action="store_true", help="print the outcome for a program to read")


def add_status_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `status`."""
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="print it for a program to read")


def export(arguments: argparse.Namespace) -> int:
    """Write all registrations, oldest first."""
    since = None if arguments.since is None else datetime.combine(arguments.since, time.min, tzinfo=BRUSSELS)

    async def gathered(registrations: SqlRegistrations) -> list[Registration]:
        return [one async for one in registrations.all(since=since)]

    found = _with_registrations(_usable(arguments.config), gathered)
    if arguments.json:
        print(as_json([fields_of(one) for one in found]))
    elif arguments.csv == STANDARD:
        sys.stdout.flush()
        sys.stdout.buffer.write(written(found).encode())
        sys.stdout.buffer.flush()
    else:
        _write(Path(arguments.csv), written(found).encode())
        print(f"{count(len(found), 'registration')} in {arguments.csv}", file=sys.stderr)
    return 0


def show(arguments: argparse.Namespace) -> int:
    """Print one registration; 1 when the organisation is not registered."""
    try:
        number = EnterpriseNumber.parse(arguments.number)
    except InvalidNumberError as error:
        raise Misuse(f"{arguments.number!r}: {error}") from None
    found = _with_registrations(_usable(arguments.config), lambda registrations: registrations.find(number))
    if arguments.json:
        print(as_json(None if found is None else fields_of(found)))
    elif found is None:
        print(f"{number.dotted} is not registered on INKOM")
    else:
        for name, value in fields_of(found).items():
            print(f"{name:<20}{_printable(value)}")
    return 0 if found is not None else 1


def import_(arguments: argparse.Namespace) -> int:
    """Store what is in a CSV, all or nothing; whoever is registered already stays as they are."""
    database = _usable(arguments.config)
    try:
        read = read_spreadsheet(_text(arguments.file))
    except SpreadsheetInvalid as invalid:
        if arguments.json:
            print(as_json({"problems": [{"line": line, "message": text} for line, text in invalid.problems]}))
        else:
            for line, text in invalid.problems:
                print(f"{arguments.file}:{line}: {text}", file=sys.stderr)
            print(f"{count(len(invalid.problems), 'problem')}; nothing was imported", file=sys.stderr)
        return 1
    stored = _with_registrations(database, lambda registrations: registrations.register_all(read))
    if arguments.json:
        print(as_json({"problems": [], "registered": stored, "already": len(read) - stored}))
    else:
        print(f"{count(stored, 'organisation')} registered, {len(read) - stored} were registered already")
    return 0


def migrate_(arguments: argparse.Namespace) -> int:
    """Bring the tables up to this version."""
    database = _database(arguments.config)
    changed = migrate(database)
    print(f"{database}: {'migrated' if changed else 'nothing to do'}")
    return 0


def status(arguments: argparse.Namespace) -> int:
    """Print how the database stands; 1 unless it is ready for this version."""
    database = _database(arguments.config)
    found = standing(database)
    current = found.state is State.CURRENT
    number = _with_registrations(database, lambda registrations: registrations.count()) if current else None
    if arguments.json:
        print(
            as_json(
                {
                    "database": str(database),
                    "state": found.state.value,
                    "revision": found.revision,
                    "newest": found.newest,
                    "registrations": number,
                }
            )
        )
        return 0 if current else 1
    paint = Paint.of(sys.stdout, os.environ)
    print(f"database       {database}")
    print(f"state          {(paint.good if current else paint.bad)(_SAID[found.state])}")
    print(f"revision       {found.revision or 'none'} (this version: {found.newest})")
    if number is not None:
        print(f"registrations  {number}")
    return 0 if current else 1


_SAID = {
    State.CURRENT: "in order",
    State.EMPTY: "no tables yet: run `inkom registrations migrate`",
    State.BEHIND: "behind: run `inkom registrations migrate`",
    State.UNKNOWN: "migrated by a newer version: install that version, or restore a backup",
}


def _database(path: Path) -> Database:
    _, secrets = config.load(path)
    return Database.at(secrets.database, near=path.parent)


def _usable(path: Path) -> Database:
    """The database, when its tables are those of this version. Raises RegistrationsUnavailable."""
    database = _database(path)
    require_usable(standing(database))
    return database


def _with_registrations(database: Database, ask: Callable[[SqlRegistrations], Awaitable[T]]) -> T:
    async def asked() -> T:
        registrations = SqlRegistrations(database)
        try:
            return await ask(registrations)
        finally:
            await registrations.aclose()

    return asyncio.run(asked())


def _text(file: str) -> str:
    try:
        content = sys.stdin.buffer.read() if file == STANDARD else Path(file).read_bytes()
        return content.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InkomError(f"{file} cannot be read ({getattr(error, 'strerror', None) or 'not UTF-8'})") from None


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, and for its owner only."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        unfinished.replace(path)
    except OSError as error:
        raise InkomError(f"{path} cannot be written ({error.strerror})") from None


def _printable(text: str) -> str:
    """Without what would move a terminal's cursor or turn its text around."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; write it as 2026-06-01") from None
