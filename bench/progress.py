"""What whoever waits sees: one line for each step, with about how long it still takes. It goes to standard error."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from time import monotonic
from typing import TextIO


@dataclass(slots=True, kw_only=True)
class Progress:
    """`planned` are the seconds that each measure is thought to take, by name, in order."""

    planned: dict[str, float]
    output: TextIO = field(default_factory=lambda: sys.stderr)
    began: float = field(default_factory=monotonic)
    _under_way: str = ""
    _since: float = 0.0

    def begin(self, measure: str) -> None:
        """A measure begins."""
        self._under_way, self._since = measure, monotonic()

    def step(self, what: str) -> None:
        """Say what is done now."""
        print(f"[{self.passed()}, about {_minutes(self.left())} left] {what}", file=self.output, flush=True)

    def loudly(self, what: str) -> None:
        """Say what must not be overlooked."""
        print(f"\n  !!! {what}\n", file=self.output, flush=True)

    def left(self) -> float:
        """Seconds that are left by the plan."""
        names = list(self.planned)
        if self._under_way not in names:
            return sum(self.planned.values())
        at = names.index(self._under_way)
        own = max(0.0, self.planned[self._under_way] - (monotonic() - self._since))
        return own + sum(self.planned[name] for name in names[at + 1 :])

    def passed(self) -> str:
        """The time since the beginning."""
        return _minutes(monotonic() - self.began)


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
