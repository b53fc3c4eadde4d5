"""Counting wrong codes: after too many the method is closed to that person for a while, longer each time.

Counted per person and method, so a second name or phone number for the same person gives no extra tries. The rule is
pure (`after_wrong`); `Attempts` only remembers tallies. Seconds are real time, not the mock's movable calendar day.
"""

from __future__ import annotations

from dataclasses import dataclass, field

LONGEST_BLOCK = 3600.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How many wrong codes in a row are allowed, and how long the first block lasts in seconds."""

    tries: int
    first_block: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Wrong codes since the last right one or the last block, and the blocks so far."""

    wrong: int = 0
    blocks: int = 0
    blocked_until: float = 0.0

    def seconds_blocked(self, now: float) -> float:
        """Seconds until a code is judged again; 0 when it is judged now."""
        return max(0.0, self.blocked_until - now)


def after_wrong(tally: Tally, limit: Limit, *, now: float) -> Tally:
    """The tally after one more wrong code. While blocked nothing is judged, so nothing is counted either."""
    if tally.seconds_blocked(now) > 0:
        return tally
    wrong = tally.wrong + 1
    if wrong < limit.tries:
        return Tally(wrong=wrong, blocks=tally.blocks, blocked_until=0.0)
    # Doubling stops early enough to keep the power small; the longest block caps it anyway.
    length = min(LONGEST_BLOCK, limit.first_block * 2 ** min(tally.blocks, 16))
    return Tally(wrong=0, blocks=tally.blocks + 1, blocked_until=now + length)


@dataclass(slots=True)
class Attempts:
    """The tallies of all people, in memory."""

    _tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)

    def seconds_blocked(self, person: str, method: str, *, now: float) -> float:
        """Seconds until this person may try this method again; 0 when they may try now."""
        return self._tally(person, method).seconds_blocked(now)

    def tries_left(self, person: str, method: str, limit: Limit) -> int:
        """Wrong codes that this person can still afford before the method is blocked."""
        return limit.tries - self._tally(person, method).wrong

    def wrong(self, person: str, method: str, limit: Limit, *, now: float) -> None:
        """Count one wrong code."""
        self._tallies[person, method] = after_wrong(self._tally(person, method), limit, now=now)

    def right(self, person: str, method: str) -> None:
        """A right code wipes the slate."""
        self._tallies.pop((person, method), None)

    def clear(self) -> None:
        """Forget everything, for `POST /mock/reset`."""
        self._tallies.clear()

    def _tally(self, person: str, method: str) -> Tally:
        return self._tallies.get((person, method), Tally())
