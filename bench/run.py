"""One run: its plan, what it has measured so far, and the rounds in which candidates alternate.

Alternating is what makes a ratio worth something on a machine with other work: each round meets all candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TypeVar

from bench.candidates.candidate import Candidate, Running, check
from bench.load import LoadFailed, Outcome, Shot, fire
from bench.progress import Progress
from bench.results import CPU, Absent, Row, summarise
from bench.seeding import Seeded
from bench.site import Site

SHORT_SECONDS = 2.0
WARMING_SECONDS = 1.0
_MEGABYTE = 1e6
_LARGE = 50_000  # bytes of an answer from which on their flow says something
SomeRunning = TypeVar("SomeRunning", bound=Running)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`seconds` is the length of one shot of load; up to two make the short form."""

    seconds: float
    rounds: int = 3
    only: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()

    @property
    def short(self) -> bool:
        """Whether to spare what takes minutes."""
        return self.seconds <= SHORT_SECONDS

    @property
    def many_sessions(self) -> int:
        """How many sessions "many" are."""
        return 40_000 if self.short else 1_000_000

    def shots(self, candidates: int) -> float:
        """Seconds that the rounds of so many candidates take, with their start."""
        return candidates * (self.rounds * self.seconds + WARMING_SECONDS + 2)


@dataclass(slots=True, kw_only=True)
class Run:
    """What a measure is given: where, how long, and where to put what it found."""

    site: Site
    plan: Plan
    progress: Progress
    rows: list[Row] = field(default_factory=list)
    absent: list[Absent] = field(default_factory=list)
    seeded: dict[str, Seeded] = field(default_factory=dict)

    def chosen(self, measure: str, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The candidates that were asked for and exist; the others are noted aloud."""
        chosen: list[Candidate] = []
        for candidate in candidates:
            if self.plan.candidates and candidate.name not in self.plan.candidates:
                continue
            why = candidate.absent()
            if why is None:
                chosen.append(candidate)
            else:
                self.absent.append(Absent(measure=measure, candidate=candidate.name, why=why))
                self.progress.loudly(f"{measure} is NOT measured for {candidate.name}: {why}")
        return chosen

    def started(self, measure: str, candidates: Sequence[Candidate], stack: ExitStack) -> list[Running]:
        """Start and check those of the candidates that were asked for."""
        found = []
        for candidate in self.chosen(measure, candidates):
            running = stack.enter_context(candidate.start(self.site))
            check(running)
            found.append(running)
        return found

    def alternate(
        self,
        measure: str,
        sides: Mapping[str, SomeRunning],
        one_round: Callable[[str, SomeRunning, int], Mapping[str, float]],
        *,
        notes: Mapping[str, str] | None = None,
    ) -> None:
        """Run the rounds, each side in turn, and keep the medians.

        `sides` are by the name in the table; `one_round` is given that name, who runs, and the round's number.
        """
        found: dict[str, list[Mapping[str, float]]] = {name: [] for name in sides}
        for number in range(self.plan.rounds):
            for name, running in sides.items():
                self.progress.step(f"{measure}: {name}, round {number + 1} of {self.plan.rounds}")
                found[name].append(one_round(name, running, number))
                running.settle()
        for name, rounds in found.items():
            self.keep(measure, name, *rounds, note=(notes or {}).get(name, ""))

    def keep(self, measure: str, candidate: str, *rounds: Mapping[str, float], note: str = "") -> None:
        """Keep the medians of some rounds."""
        self.rows.append(summarise(rounds, measure=measure, candidate=candidate, note=note))

    def note(self, measure: str, notes: Mapping[str, str]) -> None:
        """Add what only the rounds could tell, by candidate."""
        self.rows = [
            replace(row, note=notes.get(row.candidate, row.note)) if row.measure == measure else row
            for row in self.rows
        ]

    def shoot(self, running: Running, shot: Shot, *, warm: bool) -> dict[str, float]:
        """One shot of load at a candidate, and what it cost; a cold candidate is warmed first."""
        if warm:
            fire(shot, seconds=WARMING_SECONDS, folder=self.site.folder)
        try:
            outcome, spent = self._fired(running, shot)
        except LoadFailed as problem:
            # A server may close a kept connection at any time (RFC 9112 9.5); twice in a row is no accident.
            self.progress.loudly(f"once more: {problem}")
            outcome, spent = self._fired(running, shot)
        figures = {
            "per_second": outcome.per_second,
            "p50_ms": outcome.p50,
            "p99_ms": outcome.p99,
            CPU: spent / outcome.requests * 1e6,
            "pss_mb": running.pss() / _MEGABYTE,
        }
        if outcome.octets > _LARGE * outcome.requests:
            figures["mb_per_second"] = outcome.octets / outcome.seconds / _MEGABYTE
        return figures

    def _fired(self, running: Running, shot: Shot) -> tuple[Outcome, float]:
        before = running.cpu()
        outcome = fire(shot, seconds=self.plan.seconds, folder=self.site.folder)
        return outcome, running.cpu() - before

    def at(self, running: Running, last: str, **more: object) -> Shot:
        """The shot at a page of a candidate; `more` are fields of Shot."""
        shot = Shot(who=running.name, port=running.port, path=running.path(last), headers=running.headers)
        return replace(shot, **more)  # type: ignore[arg-type]  # checked by Shot itself
