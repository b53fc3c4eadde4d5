"""`inkom policy test`: the tests that stand in the policy files, judged without a server."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from broker.adapters.policy_files import PolicyFile, Result, gather
from broker.commands.terminal import Paint, as_json, count, problem_lines, problem_objects, wrapped
from broker.domain.cases import Verdict
from broker.domain.explain import because


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "path",
        nargs="?",
        type=Path,
        default=Path("policies"),
        metavar="FOLDER",
        help="a folder of policy files, or one file (default: policies)",
    )
    parser.add_argument("--failed", action="store_true", help="print only what failed")
    parser.add_argument("--json", action="store_true", help="print the results for a program to read")


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each case; 1 when one failed or a file is not in order."""
    files, problems = gather(arguments.path)
    results = [(file, result) for file in files for result in file.results]
    failed = [result for _, result in results if not result.verdict.passed]
    if arguments.json:
        cases = [_case(file, result) for file, result in results]
        passed = len(results) - len(failed)
        print(as_json({"passed": passed, "failed": len(failed), "problems": problem_objects(problems), "cases": cases}))
        return 1 if failed or problems else 0
    paint = Paint.of(sys.stdout, os.environ)
    for file in files:
        for line in _file(file, paint, only_failed=arguments.failed):
            print(line)
    for line in problem_lines(problems, paint):
        print(line)
    print(_summary(len(results) - len(failed), len(failed), len(problems), paint))
    return 1 if failed or problems else 0


def _file(file: PolicyFile, paint: Paint, *, only_failed: bool) -> Iterator[str]:
    yield f"{paint.strong(file.file)} {paint.faint(f'policy {file.policy.id}, version {file.policy.version}')}"
    for result in file.results:
        if not result.verdict.passed:
            yield from _failed(file, result, paint)
        elif not only_failed:
            yield f"  {paint.good('PASS')}  {wrapped(result.verdict.case.name, indent=8, used=8)}"
    yield ""


def _failed(file: PolicyFile, result: Result, paint: Paint) -> Iterator[str]:
    verdict = result.verdict
    yield f"  {paint.bad('FAIL')}  {wrapped(verdict.case.name, indent=8, used=8)}"
    yield paint.faint(f"        {file.file}:{result.line}, judged on {verdict.case.day}")
    for difference in verdict.differences:
        yield wrapped(difference, indent=8)
    yield from _steps(verdict, paint)


def _steps(verdict: Verdict, paint: Paint) -> Iterator[str]:
    """Yield a line for each step of a case that failed."""
    for step in verdict.decision.steps:
        sentence = wrapped(f"{step.clause}: {because(step, verdict.case.facts)}", indent=12, used=10)
        yield f"        {paint.mark(holds=step.finding.holds)} {sentence}"


def _summary(passed: int, failed: int, problems: int, paint: Paint) -> str:
    parts = [paint.good(f"{passed} passed") if passed else "0 passed"]
    parts.append(paint.bad(f"{failed} failed") if failed else "0 failed")
    if problems:
        parts.append(paint.bad(count(problems, "problem")))
    return ", ".join(parts)


def _case(file: PolicyFile, result: Result) -> dict[str, Any]:
    verdict = result.verdict
    expected, decision = verdict.case.expected, verdict.decision
    return {
        "file": file.file,
        "line": result.line,
        "policy": file.policy.id,
        "name": verdict.case.name,
        "passed": verdict.passed,
        "day": verdict.case.day.isoformat(),
        "expected": {"allowed": expected.allowed, "reason": expected.reason},
        "got": {"allowed": decision.allowed, "reason": decision.reason, "cause": decision.cause.value},
        "differences": list(verdict.differences),
    }
