"""The health of one address by the checks that it passed and failed: no single check changes it unless configured so.

A state machine without I/O. Who asks, and when, is in `checking`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRules:
    """Ask for `path` every `interval` seconds; an answer within `time_limit` seconds with one of `statuses` passes.

    So many checks in a row change the opinion. `host` is the Host field that backends see in traffic, `proto` likewise.
    """

    path: bytes
    host: bytes
    proto: bytes = b"https"
    interval: float = 5.0
    time_limit: float = 2.0
    statuses: range = range(200, 300)
    healthy_after: int = 2
    unhealthy_after: int = 3


class Health:
    """What is thought of one address. Before anything is known it counts as healthy, or nobody could be served."""

    def __init__(self, rules: HealthRules) -> None:
        self.healthy = True
        self._rules = rules
        self._against = 0

    def checked(self, *, passed: bool) -> bool:
        """Note a check, and return whether the opinion changed by it."""
        if passed is self.healthy:
            self._against = 0
            return False
        self._against += 1
        if self._against < (self._rules.healthy_after if passed else self._rules.unhealthy_after):
            return False
        self.healthy, self._against = passed, 0
        return True
