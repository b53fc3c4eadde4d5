"""Puts a generated world into a file, which appears under its name only when it is whole.

A run that is interrupted leaves what was there before. Memory does not grow with the number of people.
"""

from __future__ import annotations

import csv
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from sqlalchemy.orm import Session

from mock_idp.generate.crowd import Crowd, Expected, Size
from mock_idp.generate.stories import Story
from mock_idp.world.database import companions, open_database
from mock_idp.world.facts import Seed
from mock_idp.world.live import GENERATED_MARK
from mock_idp.world.planting import Place, plant
from mock_idp.world.tables import MarkRow

# Far above what a file of the world ever plants, so that its people keep the numbers from 1.
FIRST_GENERATED = 1_000_001
COLUMNS = ("key", "organisation", "expected", "reason", "story")


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """`table` is the file of comma-separated values for load tools, if any."""

    database: Path
    table: Path | None


def write_world(
    crowd: Crowd, size: Size, *, world: Seed, targets: Targets, progress: Callable[[int], None]
) -> Counter[Story]:
    """How many there are of each story. `progress` is told how many people are in. Raises OSError, DatabaseError."""
    stories: Counter[Story] = Counter()
    with _appearing(targets.table) as table_path, _appearing(targets.database) as database_path:
        assert database_path is not None  # noqa: S101  # only a path that is None gives None
        engine = open_database(database_path)
        try:
            with Session(engine) as session, _rows(table_path) as table:
                plant(session, world)
                session.add(MarkRow(name=GENERATED_MARK, value=f"{size.people} people, {size.enterprises} enterprises"))
                person, relation = FIRST_GENERATED, FIRST_GENERATED
                for batch in crowd.batches():
                    place = Place(first_person=person, first_relation=relation, generated=True)
                    plant(session, batch.seed, place)
                    session.commit()
                    person += len(batch.seed.people)
                    relation += sum(len(held) for held in batch.seed.relations.values())
                    stories.update(one.story for one in batch.expected)
                    table(batch.expected)
                    progress(person - FIRST_GENERATED)
        finally:
            engine.dispose()  # the last connection to go puts everything into the one file
        for old in companions(targets.database):
            old.unlink(missing_ok=True)
    return stories


@contextmanager
def _appearing(path: Path | None) -> Iterator[Path | None]:
    """A file beside the one that is wanted; it takes that name at the end of the block, or goes with an exception."""
    if path is None:
        yield None
        return
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(number)
    made = Path(name)
    try:
        yield made
        made.chmod(0o666 & ~_umask())
        made.replace(path)
    finally:
        for one in (made, *companions(made)):
            one.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextmanager
def _rows(path: Path | None) -> Iterator[Callable[[tuple[Expected, ...]], None]]:
    if path is None:
        yield lambda _: None
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        yield _writer(file)


def _writer(file: TextIO) -> Callable[[tuple[Expected, ...]], None]:
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(COLUMNS)

    def write(expected: tuple[Expected, ...]) -> None:
        rows.writerows(
            (one.key, one.organisation, "allowed" if one.allowed else "refused", one.reason, one.story.value)
            for one in expected
        )

    return write
