"""A circuit breaker: after so many failures in a row an application answers at once that it cannot be reached.

A state machine without I/O: `now` is in seconds of a clock that never goes back. What counts as a failure is decided in
`backends`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRules:
    """The circuit opens after `failures` in a row (0: never); after `pause` seconds one request is let through."""

    failures: int = 10
    pause: float = 5.0


class Circuit(Enum):
    """Closed lets requests through, open none, half-open one at a time, on trial."""

    CLOSED = "closed"
    HALF_OPEN = "half-open"
    OPEN = "open"


class Breaker:
    """The circuit of one application."""

    def __init__(self, rules: BreakerRules) -> None:
        self.state = Circuit.CLOSED
        self._rules = rules
        self._failures = 0
        self._passable_from = 0.0

    def admit(self, now: float) -> bool:
        """Whether a request may go. Whoever is let through an open circuit is its trial, whose end must be noted.

        A trial that takes longer than a pause makes way for the next: it may hang in a backend that is back by now.
        """
        if self.state is Circuit.CLOSED:
            return True
        if now < self._passable_from:
            return False
        self.state = Circuit.HALF_OPEN
        self._passable_from = now + self._rules.pause
        return True

    def succeeded(self) -> None:
        """Note that the application answered."""
        self.state = Circuit.CLOSED
        self._failures = 0

    def failed(self, now: float) -> None:
        """Note that it did not answer. What began before the circuit opened doesn't keep it open for longer."""
        self._failures += 1
        worn_out = 0 < self._rules.failures <= self._failures
        if self.state is Circuit.HALF_OPEN or (self.state is Circuit.CLOSED and worn_out):
            self.state = Circuit.OPEN
            self._passable_from = now + self._rules.pause

    def abandoned(self, now: float) -> None:
        """Note that a request ended without telling anything of the backend: the next one may be the trial."""
        if self.state is Circuit.HALF_OPEN:
            self._passable_from = now

    def remaining(self, now: float) -> float:
        """In how many seconds a request may be let through."""
        return 0.0 if self.state is Circuit.CLOSED else max(0.0, self._passable_from - now)
