"""`python -m bench`: measure, print one table, and keep the results of a whole run.

`make bench` calls it. A part of a run (`--only`, `--candidates`) is printed and kept apart, never in the
place of a whole one.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from bench import machine, report, results
from bench.candidates.candidate import CheckFailed
from bench.load import LoadFailed
from bench.measures.every import MEASURES
from bench.measures.measure import Measure
from bench.measures.throughput import EVERYBODY
from bench.needs import Missing, require
from bench.ports import NoPort
from bench.processes import OTHER_CORE, ROOT, DidNotStart, allow_many_files
from bench.progress import Progress
from bench.run import Plan, Run
from bench.seeding import NotSeeded
from bench.site import open_site
from bench.visitor import NotSignedIn

RESULTS = ROOT / "bench" / "results"
DOCUMENT = ROOT / "docs" / "performance.md"
PLOT = ROOT / "docs" / "performance.svg"
_DEFAULT_SECONDS = 5.0
_OK, _FAILED, _WRONGLY_USED, _INTERRUPTED = 0, 1, 2, 130
_EXPECTED = (CheckFailed, DidNotStart, LoadFailed, Missing, NoPort, NotSeeded, NotSignedIn, report.NoPlace)


def main(arguments: list[str] | None = None) -> int:
    """Run what was asked for. Returns 0, 1 when something could not be measured, 130 when it was interrupted."""
    chosen = _parser().parse_args(arguments)
    plan = Plan(
        seconds=chosen.seconds, rounds=chosen.rounds, only=_names(chosen.only), candidates=_names(chosen.candidates)
    )
    unknown = set(plan.only) - {one.name for one in MEASURES} | set(plan.candidates) - {one.name for one in EVERYBODY}
    if unknown:
        print(f"unknown: {', '.join(sorted(unknown))}; --list says what there is", file=sys.stderr)
        return _WRONGLY_USED
    if chosen.list:
        print(_listed())
        return _OK
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        require()
        allow_many_files()
        return _measure(plan)
    except _EXPECTED as problem:
        print(f"\n{problem}", file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        print("\nstopped; everything that was started has ended", file=sys.stderr)
        return _INTERRUPTED


def _measure(plan: Plan) -> int:
    measures = [one for one in MEASURES if not plan.only or one.name in plan.only]
    progress = Progress(planned={one.name: one.seconds(plan) for one in measures})
    described = machine.describe()
    failed: list[str] = []
    os.sched_setaffinity(0, {OTHER_CORE})
    with open_site() as site:
        run = Run(site=site, plan=plan, progress=progress)
        for measure in measures:
            progress.begin(measure.name)
            problem = _one(measure, run)
            if problem is not None:
                failed.append(problem)
    tables = report.text(measures, run.rows, run.absent, seconds=plan.seconds, rounds=plan.rounds)
    print(tables)
    whole = not plan.only and not plan.candidates and not failed
    file = RESULTS / "latest.json" if whole else RESULTS / "raw" / "partial.json"
    results.write(file, machine=described, rows=run.rows, absent=run.absent)
    if whole:
        report.publish(DOCUMENT, PLOT, tables, described, run.rows)
    print(f"written: {_shown(file)}" + (f", {_shown(DOCUMENT)}, {_shown(PLOT)}" if whole else ""))
    print(f"it took {progress.passed()} (minutes:seconds)")
    for problem in failed:
        print(f"FAILED: {problem}", file=sys.stderr)
    return _FAILED if failed else _OK


def _one(measure: Measure, run: Run) -> str | None:
    """Do one measure; a failure is kept for the end, so that the others are still measured."""
    try:
        measure.work(run)
    except _EXPECTED as problem:
        run.absent.append(results.Absent(measure=measure.name, candidate="all", why=str(problem).splitlines()[0]))
        run.progress.loudly(f"{measure.name} failed: {problem}")
        return f"{measure.name}: {problem}"
    return None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the gateway beside others.")
    parser.add_argument(
        "--seconds",
        type=_seconds,
        default=_DEFAULT_SECONDS,
        help="length of one shot of load; up to 2 is the short form",
    )
    parser.add_argument("--rounds", type=int, choices=range(1, 100), metavar="N", default=3, help="rounds (default: 3)")
    parser.add_argument("--only", default="", metavar="NAMES", help="only these measures, separated by commas")
    parser.add_argument("--candidates", default="", metavar="NAMES", help="only these candidates, separated by commas")
    parser.add_argument("--list", action="store_true", help="say which measures and candidates there are")
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 1 <= value <= 600:
        raise argparse.ArgumentTypeError("between 1 and 600")
    return value


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in (one.strip() for one in text.split(",")) if name)


def _listed() -> str:
    measures = "\n".join(f"  {one.name:20} {one.title}" for one in MEASURES)
    candidates = "\n".join(f"  {one.name:24} {one.title}" for one in EVERYBODY)
    return f"measures:\n{measures}\ncandidates:\n{candidates}"


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
