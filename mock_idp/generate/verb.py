"""The command line of `inkom-mock generate`: what may be chosen, what is refused, and the summary at the end."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Never

from sqlalchemy.exc import DatabaseError

from mock_idp.clock import Clock
from mock_idp.generate.crowd import Crowd, CrowdError, Size
from mock_idp.generate.progress import Progress
from mock_idp.generate.stories import Story
from mock_idp.generate.writing import Targets, write_world
from mock_idp.strict_yaml import FileProblemsError
from mock_idp.world.database import WorldDatabaseError
from mock_idp.world.file import load_seed

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # argparse has no public name for what add_subparsers returns

MOST_PEOPLE = 1_000_000
MOST_ENTERPRISES_UNASKED = 5_000
PEOPLE_FOR_AN_ENTERPRISE = 20
INTERRUPTED = 130  # as shells have it: 128 and the number of SIGINT


class NotPossible(Exception):
    """The world that was asked for cannot be made. The text says why."""


def add_verb(verbs: _SubParsersAction[argparse.ArgumentParser]) -> None:
    generate = verbs.add_parser(
        "generate",
        help="make a large world in a database file, for load tests",
        description="Invented people with TST numbers, beside the cast of the file of the world. The same seed and day "
        "give the same world. Ends with 0 when it is there, 1 when it cannot be made, 2 when used wrongly.",
    )
    generate.add_argument("--people", type=_people, required=True, metavar="N", help=f"at most {MOST_PEOPLE}")
    generate.add_argument(
        "--enterprises",
        type=int,
        default=None,
        metavar="N",
        help=f"default: one for {PEOPLE_FOR_AN_ENTERPRISE} people, at most {MOST_ENTERPRISES_UNASKED}",
    )
    generate.add_argument("--database", type=Path, default=argparse.SUPPRESS, metavar="FILE", help="the file to make")
    generate.add_argument("--seed", type=int, default=1, metavar="N", help="another number, another world")
    generate.add_argument(
        "--today", type=_day, default=None, metavar="DAY", help="count dates from this day, such as 2026-11-24"
    )
    generate.add_argument(
        "--csv", type=Path, default=None, metavar="FILE", help="key, organisation and expected outcome of each person"
    )
    generate.add_argument("--force", action="store_true", help="write over files that are there")
    generate.add_argument("--json", action="store_true", help="the summary as JSON")


def run(options: argparse.Namespace) -> int:
    clock = Clock()
    began = clock.now()
    today = options.today or clock.real_day()
    try:
        targets = _targets(options)
        size = _size(options)
        world = load_seed(options.world, today=today)
        crowd = Crowd(size, world=world, today=today, seed=options.seed)
        with _ended_in_good_order():
            progress = Progress(sys.stderr, total=size.people)
            stories = write_world(crowd, size, world=world, targets=targets, progress=progress)
    except (NotPossible, CrowdError) as error:
        print(f"inkom-mock generate: {error}", file=sys.stderr)
        return 2
    except (FileProblemsError, WorldDatabaseError, DatabaseError, OSError) as error:
        print(f"inkom-mock generate: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninkom-mock generate: interrupted, nothing was written", file=sys.stderr)
        return INTERRUPTED
    seconds = round((clock.now() - began).total_seconds(), 1)
    described = _described(targets, size, stories, today=today, seed=options.seed, seconds=seconds)
    print(json.dumps(described) if options.json else _summary(targets, size, stories, seconds=seconds))
    return 0


def _targets(options: argparse.Namespace) -> Targets:
    if options.database is None:
        raise NotPossible("which file? Name it with --database")
    targets = Targets(database=options.database, table=options.csv)
    if targets.database == targets.table:
        raise NotPossible("the database and the table need a file each")
    for path in (targets.database, targets.table):
        if path is not None and path.is_dir():
            raise NotPossible(f"{path} is a folder")
        if path is not None and path.exists() and not options.force:
            raise NotPossible(f"{path} is there already; --force writes over it")
    return targets


def _size(options: argparse.Namespace) -> Size:
    unasked = max(3, min(MOST_ENTERPRISES_UNASKED, options.people // PEOPLE_FOR_AN_ENTERPRISE))
    return Size(people=options.people, enterprises=unasked if options.enterprises is None else options.enterprises)


@contextmanager
def _ended_in_good_order() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does, so that no half file stays behind."""

    def interrupt(number: int, frame: FrameType | None) -> Never:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _described(
    targets: Targets, size: Size, stories: Counter[Story], *, today: date, seed: int, seconds: float
) -> dict[str, object]:
    return {
        "database": str(targets.database),
        "csv": None if targets.table is None else str(targets.table),
        "people": size.people,
        "enterprises": size.enterprises,
        "today": today.isoformat(),
        "seed": seed,
        "stories": {story.value: stories[story] for story in Story},
        "bytes": targets.database.stat().st_size,
        "seconds": seconds,
    }


def _summary(targets: Targets, size: Size, stories: Counter[Story], *, seconds: float) -> str:
    rows = [f"{stories[story]:>9}  {story.value}" for story in Story]
    megabytes = targets.database.stat().st_size / 1_000_000
    files = " and ".join(str(path) for path in (targets.database, targets.table) if path is not None)
    return "\n".join(
        (
            f"{size.people} people in {size.enterprises} enterprises, beside the cast:",
            *rows,
            f"{megabytes:.1f} MB in {seconds} seconds, in {files}",
        )
    )


def _people(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 6 <= int(text[:9]) <= MOST_PEOPLE or len(text) > 9:
        raise argparse.ArgumentTypeError(f"a number from 6 to {MOST_PEOPLE}, not {text!r}")
    return int(text)


def _day(text: str) -> date:
    clock = Clock()
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"a day such as 2026-11-24, not {text!r}") from error
    if not clock.earliest <= day <= clock.latest:
        raise argparse.ArgumentTypeError(f"a day from {clock.earliest} to {clock.latest}")
    return day
