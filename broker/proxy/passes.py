"""Passes: decisions that were made and recorded, kept for the next requests of a session to an application.

A pass holds the very lines that the backend is told the person by, signed assertion included. It is used while nothing
it rests on has changed: what was read of the session and of what was announced (its memory tells), the day, and the
instants by which anything in it runs out. Making a pass is the gate's work; this module keeps, checks and forgets them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from broker.ports import Clock, Memory, Passage
from broker.proxy.protected import Protected

# How long one decision, its audit record and its signed assertion serve. An assertion lives 60 seconds: a backend that
# gets it at the end of this time still has most of them.
REUSED_FOR = timedelta(seconds=10)
_OVERHEAD = 5000  # bytes of one pass besides its lines: the session with its facts, the decision, the keys in Redis


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One decision to forward, in the form in which it is used. `lines` are header lines, each with its line end.

    It may be used for other requests until `reused_until`, and not at all without a memory. `holds_until` is when the
    decision itself ends by time alone, for a request that still runs.
    """

    application: Protected
    passage: Passage
    lines: bytes
    day: date
    made_at: datetime
    reused_until: datetime
    holds_until: datetime
    memory: Memory | None

    @property
    def record(self) -> str:
        """The id of the audit record of the decision."""
        if self.passage.record is None:
            raise AssertionError("a pass is made of a recorded decision")
        return self.passage.record

    def holds_at(self, now: datetime, day: date) -> bool:
        """Whether the decision is still what would be decided, as far as can be told without asking anybody."""
        memory = self.memory
        # A clock that was set back would make it hold for longer than it may.
        in_time = self.made_at <= now < self.holds_until
        return memory is not None and memory.holds() and in_time and day == self.day


class Passes:
    """The passes of one worker, bounded in bytes; the oldest go first."""

    def __init__(self, *, clock: Clock, most_bytes: int) -> None:
        """`most_bytes` 0 keeps none: then every request is decided anew."""
        self._clock = clock
        self._most = most_bytes
        self._kept: dict[tuple[str, str], Pass] = {}
        self._bytes = 0

    def find(self, cookie: str, application: str) -> Pass | None:
        """Return the pass of a session for an application, if it may be used for another request."""
        key = (cookie, application)
        kept = self._kept.get(key)
        if kept is None:
            return None
        now = self._clock.now()
        if now < kept.reused_until and kept.holds_at(now, self._clock.today()):
            return kept
        self._drop(key)
        return None

    def keep(self, granted: Pass) -> None:
        """Keep a pass for further requests, if anything tells when it no longer holds."""
        cookie, size = granted.passage.cookie, _size(granted)
        if cookie is None or granted.memory is None or size > self._most:
            return
        key = (cookie, granted.application.id)
        if key in self._kept:
            self._drop(key)
        while self._bytes + size > self._most:
            self._drop(next(iter(self._kept)))
        self._kept[key] = granted
        self._bytes += size

    @property
    def size(self) -> int:
        """Bytes that are kept, about."""
        return self._bytes

    def _drop(self, key: tuple[str, str]) -> None:
        self._bytes -= _size(self._kept.pop(key))


def _size(granted: Pass) -> int:
    return len(granted.lines) + len(granted.passage.target) + _OVERHEAD
