"""`inkom check`: the configuration and the policies, without starting anything; every problem is printed."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from broker import config
from broker.adapters import policy_files
from broker.adapters.clock import SystemClock
from broker.commands.shown_certificates import shown_certificates
from broker.commands.terminal import Paint, add_config_option, as_json, count, problem_lines, problem_objects
from broker.documents import Document, Problem


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_config_option(parser)
    parser.add_argument("--schema", action="store_true", help="print the JSON Schema of the configuration, and stop")
    parser.add_argument("--json", action="store_true", help="print the problems for a program to read")


def run(arguments: argparse.Namespace) -> int:
    """Print what is wrong (1), or that all is in order (0)."""
    if arguments.schema:
        print(as_json(config.schema()))
        return 0
    problems, summary = _check(arguments.config)
    if arguments.json:
        print(as_json({"problems": problem_objects(problems)}))
        return 1 if problems else 0
    paint = Paint.of(sys.stdout, os.environ)
    for line in problem_lines(problems, paint):
        print(line)
    print(paint.bad(count(len(problems), "problem")) if problems else f"{paint.good('in order:')} {summary}")
    return 1 if problems else 0


def _check(path: Path) -> tuple[list[Problem], str]:
    try:
        settings, _ = config.load(path)
    except config.ConfigurationInvalid as invalid:
        # What the applications are is not known then, so of the policies only the form and the tests can be checked.
        folder = path.parent / "policies"
        return invalid.problems + (_policies(folder, None)[0] if folder.is_dir() else []), ""
    problems, files = _policies(path.parent / settings.policies, tuple(settings.applications))
    problems = [*_expired(settings, path), *problems]
    tests = sum(len(file.results) for file in files)
    parts = [
        count(len(settings.applications), "application"),
        f"{len(files)} {'policy' if len(files) == 1 else 'policies'}",
        count(tests, "test"),
    ]
    return problems, f"{path} with {', '.join(parts)}"


def _expired(settings: config.Settings, path: Path) -> list[Problem]:
    """An expired certificate does not keep the gateway from starting: browsers refuse it, not we. Told it must be."""
    found = Document.read(path)
    for one in shown_certificates(settings, near=path.parent, now=SystemClock().now()):
        if one.days is None:
            found.wrong_at(f"{one.place}.certificate", f"expired on {one.expires:%Y-%m-%d}; put a new one in its place")
    return found.problems


def _policies(
    folder: Path, applications: tuple[str, ...] | None
) -> tuple[list[Problem], tuple[policy_files.PolicyFile, ...]]:
    files, problems = policy_files.gather(folder, applications=applications)
    return [*problems, *policy_files.failures(files)], files
