"""`inkom-mock mail`: runs the job once on a database file, for cron and for trying things out. Serves nothing.

The mock may be running on the same file, and other such commands too: each person gets one mail a day all the same.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from mock_idp.clock import Clock
from mock_idp.mail.due import Reminder
from mock_idp.mail.office import MailOffice
from mock_idp.mail.options import (
    CATCH_NOTHING,
    CATCHER_HOST,
    CATCHER_PORT,
    MailOptionsError,
    add_mail_options,
    mail_settings,
)
from mock_idp.mail.run import Report
from mock_idp.mail.settings import MailServer, MailSettings
from mock_idp.strict_yaml import FileProblemsError
from mock_idp.world.database import WorldDatabaseError
from mock_idp.world.file import load_seed
from mock_idp.world.live import LiveWorld

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # argparse has no public name for what add_subparsers returns

DEFAULT_ORIGIN = "http://localhost:9000"


def add_verb(verbs: _SubParsersAction[argparse.ArgumentParser], environment: Mapping[str, str]) -> None:
    mail = verbs.add_parser(
        "mail",
        help="send today's mail about rights that end, once",
        description="Sends what is due and not sent yet that day. Ends with 0 when all of it went out, 1 when some "
        "did not, 2 when used wrongly.",
    )
    mail.add_argument("--day", type=_day, default=None, metavar="DAY", help="today (default), or such as 2026-11-24")
    mail.add_argument("--dry-run", action="store_true", help="say who would be told, and send nothing")
    mail.add_argument("--json", action="store_true", help="the counts as JSON, with --dry-run the people too")
    mail.add_argument(
        "--database",
        type=Path,
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="the file in which a mock keeps its world",
    )
    add_mail_options(mail, environment, again=True)


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    clock = Clock()
    try:
        settings = _settings(options, environment)
        world = _world(options, clock)
    except MailOptionsError as error:
        print(f"inkom-mock mail: {error}", file=sys.stderr)
        return 2
    except (FileProblemsError, WorldDatabaseError) as error:
        print(error, file=sys.stderr)
        return 1
    office = MailOffice(
        settings, world=world, clock=clock, origin=(options.origin or DEFAULT_ORIGIN).rstrip("/"), tell=_tell
    )
    day = options.day or clock.today()
    if options.dry_run:
        return _show(tuple(office.due(day)), day, as_json=options.json)
    report = asyncio.run(office.run(day))
    print(json.dumps(report.described()) if options.json else report.summary())
    return 0 if report.is_complete and not report.failed else 1


def _settings(options: argparse.Namespace, environment: Mapping[str, str]) -> MailSettings:
    """Without a server of its own, what is sent goes to the catcher of a mock that runs here."""
    settings = mail_settings(options, environment)
    if settings.server is not None or options.dry_run:
        return settings
    if options.smtp_port == CATCH_NOTHING:
        raise MailOptionsError("there is nowhere to send to: name a server with --mail-server")
    return replace(settings, server=MailServer(host=CATCHER_HOST, port=options.smtp_port or CATCHER_PORT))


def _world(options: argparse.Namespace, clock: Clock) -> LiveWorld:
    if options.database is None:
        raise MailOptionsError("which world? Name the file of its database with --database")
    if not options.database.is_file():
        raise MailOptionsError(f"there is no database {options.database}")
    return LiveWorld(lambda: load_seed(options.world, today=clock.real_day()), clock=clock, database=options.database)


def _show(due: tuple[Reminder, ...], day: date, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"day": day.isoformat(), "due": [_described(one) for one in due]}, ensure_ascii=False))
        return 0
    for one in due:
        print(f"{one.person_key}: {', '.join(one.addresses) or 'no usable address'}")
        for ending in one.endings:
            print(f"  {ending.last} {ending.right_name}, {ending.organisation_name} ({ending.organisation})")
    print(f"{day}: {len(due)} due, nothing sent")
    return 0


def _described(reminder: Reminder) -> dict[str, object]:
    return {
        "person": reminder.person_key,
        "addresses": list(reminder.addresses),
        "rights": [
            {"name": one.right_name, "organisation": one.organisation, "last": one.last.isoformat()}
            for one in reminder.endings
        ],
    }


def _tell(report: Report) -> None:
    print(report.summary(), file=sys.stderr)


def _day(text: str) -> date | None:
    if text == "today":
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"today or a day such as 2026-11-24, not {text!r}") from error
