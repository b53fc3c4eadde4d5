"""How answers look on a terminal: colour where it is wanted, lines of 80 columns, and the errors of wrong use.

Colour is for people only: never into a file or a pipe, and not when NO_COLOR is set (no-color.org).
"""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from broker.documents import Problem

COLUMNS = 80


class Misuse(Exception):
    """The command was used wrongly: exit code 2, and the message says how it is meant."""


class Stream(Protocol):
    """Where an answer goes."""

    def isatty(self) -> bool:
        """Whether a person reads it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paint:
    """Colours words, or leaves them alone."""

    colours: bool

    @classmethod
    def of(cls, stream: Stream, environment: Mapping[str, str]) -> Paint:
        """Colour for a terminal that can show it, unless the environment asks for none."""
        plain = environment.get("NO_COLOR") or environment.get("TERM") == "dumb"
        return cls(colours=stream.isatty() and not plain)

    def good(self, text: str) -> str:
        """What is right."""
        return self._in("32", text)

    def bad(self, text: str) -> str:
        """What is wrong."""
        return self._in("31", text)

    def strong(self, text: str) -> str:
        """What to read first."""
        return self._in("1", text)

    def faint(self, text: str) -> str:
        """What may be skipped."""
        return self._in("2", text)

    def mark(self, *, holds: bool) -> str:
        """A tick or a cross."""
        return self.good("✓") if holds else self.bad("✗")

    def _in(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colours else text


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """Declare `--config`, which several verbs have."""
    parser.add_argument(
        "--config",
        type=Path,
        default=Path("inkom.yaml"),
        metavar="FILE",
        help="the configuration (default: inkom.yaml)",
    )


def wrapped(text: str, *, indent: int, used: int | None = None) -> str:
    """Return the text in lines of 80 columns, all but the first indented; `used` columns of the first are taken."""
    lines = textwrap.wrap(
        text,
        width=COLUMNS,
        initial_indent=" " * (indent if used is None else used),
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
    return "\n".join(lines).lstrip() if used is not None else "\n".join(lines)


def problem_lines(problems: tuple[Problem, ...] | list[Problem], paint: Paint) -> list[str]:
    """Return each problem as `file:line: what`, as editors read it."""
    return [f"{paint.strong(f'{one.file}:{one.line}:')} {one.message}" for one in problems]


def problem_objects(problems: tuple[Problem, ...] | list[Problem]) -> list[dict[str, Any]]:
    """Return each problem for a program to read."""
    return [{"file": one.file, "line": one.line, "message": one.message} for one in problems]


def as_json(value: object) -> str:
    """Return a value as JSON that people can read too."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def count(number: int, noun: str) -> str:
    """Return `1 problem`, `2 problems`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
