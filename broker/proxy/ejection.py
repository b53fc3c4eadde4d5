"""Outlier ejection: an address that keeps failing gets no requests for a while, and for longer each time.

A state machine without I/O over the addresses of one application, known by their places (0, 1, …); `now` is in seconds
of a clock that never goes back. It judges by the traffic that there is; asking an address is the work of `checking`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EjectionRules:
    """Ejected after `failures` in a row (0: never) for `time` seconds, doubled each time up to `longest`.

    At most `share` of the addresses are out at once, but one always may be.
    """

    failures: int = 5
    time: float = 10.0
    longest: float = 300.0
    share: float = 0.5


@dataclass(slots=True)
class _Place:
    """How one address fared: failures in a row, ejections in a row, and until when it is or was out."""

    failures: int = 0
    times: int = 0
    until: float = 0.0
    out: bool = False


class Ejections:
    """Which addresses of one application are out."""

    def __init__(self, addresses: int, rules: EjectionRules) -> None:
        self._rules = rules
        self._places = [_Place() for _ in range(addresses)]
        self._out = 0
        self._most = max(1, int(addresses * rules.share))

    def is_out(self, place: int) -> bool:
        """Whether an address is out."""
        return self._places[place].out

    def succeeded(self, place: int) -> None:
        """Note that an address answered as it should."""
        self._places[place].failures = 0

    def failed(self, place: int, now: float, *, usable: Collection[int]) -> float | None:
        """Note a failure, and return for how many seconds the address is out if this put it out.

        The last of the addresses that are `usable` for other reasons is never put out.
        """
        failing = self._places[place]
        failing.failures += 1
        if failing.out or not 0 < self._rules.failures <= failing.failures or not self._may_go(place, usable):
            return None
        if now - failing.until > self._rules.longest:  # it has done well for long enough
            failing.times = 0
        seconds = min(self._rules.time * 2.0**failing.times, self._rules.longest)
        failing.times = min(failing.times + 1, 32)
        failing.failures, failing.out, failing.until = 0, True, now + seconds
        self._out += 1
        return seconds

    def returning(self, now: float) -> list[int]:
        """Let those back in whose time is over, and return them."""
        if not self._out:
            return []
        back = [number for number, place in enumerate(self._places) if place.out and now >= place.until]
        for number in back:
            self._places[number].out = False
        self._out -= len(back)
        return back

    def _may_go(self, place: int, usable: Collection[int]) -> bool:
        others = [one for one in usable if one != place and not self._places[one].out]
        return bool(others) and self._out < self._most
