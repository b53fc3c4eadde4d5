"""The world in force: its database, how it is changed, and how it is planted anew.

Without an address the database is a file that goes when the process ends. With one it stays, and what it holds is
taken up again at the next start, the moved day included; only a reset plants it anew, so that its relative dates count
from the present day.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import event, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from mock_idp.clock import Clock
from mock_idp.world.database import SCHEMA_MARK, WorldDatabaseError, check_catalogue, open_database
from mock_idp.world.facts import Seed
from mock_idp.world.planting import plant, uproot
from mock_idp.world.questions import World
from mock_idp.world.standing import activated_between, changed_between, differing, standing
from mock_idp.world.tables import (
    AdministratorRow,
    EnterpriseRow,
    FunctionRow,
    MarkRow,
    PersonRow,
    RelationRow,
    RightRow,
)

MOVED_MARK = "moved_by_days"
GENERATED_MARK = "generated"


class LiveWorld:
    """`current` answers questions; `changing` is a transaction; `reset` plants the world anew."""

    def __init__(self, load: Callable[[], Seed], *, clock: Clock, database: Path | None = None) -> None:
        """Raises FileProblemsError, and WorldDatabaseError for a database that cannot be used."""
        self._load = load
        self._clock = clock
        self._after_reset: list[Callable[[], None]] = []
        self._after_change: list[Callable[[str], None]] = []
        # Where nobody else can open the file and nothing was changed, a reset finds the world as it was planted.
        self._is_ours = self._untouched = database is None
        self._planted = seed = load()
        folder = Path(tempfile.mkdtemp(prefix="inkom-mock-")) if database is None else None
        path = database or (folder or Path()) / "world.db"
        engine = open_database(path)
        if folder is not None:
            # Goes with the last who asks this database, or with the process.
            weakref.finalize(engine, shutil.rmtree, folder, ignore_errors=True)
        self._sessions = sessionmaker(engine, expire_on_commit=False)
        with self._sessions.begin() as session:
            if session.scalars(select(EnterpriseRow.number).limit(1)).first() is None:
                plant(session, seed)
            check_catalogue(session, seed.catalogue, path)
            moved = session.get(MarkRow, MOVED_MARK)
        if moved is not None:
            clock.move_by(int(moved.value))
        clock.on_move(self._keep_day)
        self.current = World(self._sessions, seed.catalogue, clock)
        self._seen_day, self._seen_at = clock.today(), clock.now()
        self._is_resetting = False

    @contextmanager
    def changing(self) -> Iterator[Session]:
        """A transaction: committed at the end, undone by an exception. Keep it short, and never await inside."""
        touched: set[int] = set()
        self._untouched = False
        with self._sessions() as session:
            event.listen(session, "after_flush", lambda flushed, _: touched.update(_touched(flushed)))
            with session.begin():
                yield session
            keys = session.scalars(select(PersonRow.key).where(PersonRow.id.in_(touched))).all() if touched else ()
        self._tell(keys)

    def look(self) -> None:
        """Tell whom the passing of time changed since the last look: at midnight, and when a workflow is through."""
        day, now = self._clock.today(), self._clock.now()
        with self._sessions() as session:
            keys = {
                *changed_between(session, self._seen_day, day),
                *activated_between(session, self._seen_at, now),
            }
        self._seen_day, self._seen_at = day, now
        self._tell(sorted(keys))

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for a page that only looks."""
        with self._sessions() as session:
            yield session

    def on_reset(self, forget: Callable[[], None]) -> None:
        """`forget` is called after each reset: sessions, codes, counts of wrong codes go with the old world."""
        self._after_reset.append(forget)

    def on_change(self, tell: Callable[[str], None]) -> None:
        """`tell` is called with the key of each person whose functions, relations, rights or duties just changed.

        Also after a reset, and for what a moved day begins or ends.
        """
        self._after_change.append(tell)

    def reset(self) -> None:
        """The world of the file, on the real day; generated people stay.

        Raises FileProblemsError or WorldDatabaseError, and then nothing has changed.
        """
        seed, day = self._load(), self._seen_day
        self._is_resetting = True
        try:
            changed = [] if self._untouched and seed is self._planted else self._plant_anew(seed)
            self._clock.reset()
        finally:
            self._is_resetting = False
        for forget in self._after_reset:
            forget()
        # Told last: what waited in the old world was forgotten, and this is about the new one.
        with self._sessions() as session:
            self._tell(sorted({*changed, *changed_between(session, day, self._clock.today())}))

    def _plant_anew(self, seed: Seed) -> list[str]:
        """Returns whose standing that changed."""
        try:
            with self._sessions.begin() as session:
                before = standing(session)
                uproot(session, kept_marks=(SCHEMA_MARK, GENERATED_MARK))
                plant(session, seed)
                changed = differing(before, standing(session))
        except IntegrityError as error:
            raise WorldDatabaseError(
                "the file of the world has a number or a key that somebody generated has too: generate anew"
            ) from error
        self.current = World(self._sessions, seed.catalogue, self._clock)
        self._planted, self._untouched = seed, self._is_ours
        return changed

    def _keep_day(self) -> None:
        day, self._seen_day = self._seen_day, self._clock.today()
        with self._sessions.begin() as session:
            session.merge(MarkRow(name=MOVED_MARK, value=str(self._clock.moved_by_days)))
            keys = [] if self._is_resetting else changed_between(session, day, self._seen_day)
        self._tell(keys)

    def _tell(self, keys: Iterable[str]) -> None:
        for key in keys:
            for tell in self._after_change:
                tell(key)


def _touched(session: Session) -> Iterator[int]:
    """The people whose standing a flush changes."""
    for row in (*session.new, *session.dirty, *session.deleted):
        match row:
            case RelationRow() | AdministratorRow():
                yield row.person_id
            case RightRow() if row.relation is not None:  # one that was taken from its relation: the relation tells
                yield row.relation.person_id
            case FunctionRow() if row.person_id is not None:
                yield row.person_id
            case PersonRow():
                yield row.id
            case EnterpriseRow():
                yield from _people_of(session, row.number)


def _people_of(session: Session, number: str) -> Iterator[int]:
    """Whoever stands to lose or gain when an enterprise ceases. Past the session, which is being flushed."""
    for table in (FunctionRow, RelationRow, AdministratorRow):
        found = session.connection().scalars(select(table.person_id).where(table.organisation == number))
        yield from (person_id for person_id in found if person_id is not None)
