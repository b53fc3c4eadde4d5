"""What the demo prints: one table of places and people, one `ready` line, and problems.

Fits 80 columns, and is plain text when the output is no terminal or NO_COLOR is set (https://no-color.org). Decides
nothing and starts nothing.
"""

import shutil
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

WIDEST = 100
BOLD, DIM, RED, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[0m"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An address worth opening."""

    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Someone of the mock's cast: the key that scripts use, the name that pages show, the story, and how it ends."""

    key: str
    name: str
    story: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    stream: TextIO
    errors: TextIO
    width: int
    colour: bool

    @classmethod
    def of(cls, stream: TextIO, errors: TextIO, environment: Mapping[str, str]) -> "Screen":
        """The screen for these streams: its width, and whether it may be coloured."""
        terminal = stream.isatty()
        width = shutil.get_terminal_size().columns if terminal else 80
        return cls(
            stream=stream,
            errors=errors,
            width=max(60, min(width, WIDEST)),
            colour=terminal and not environment.get("NO_COLOR"),
        )

    def line(self, text: str = "") -> None:
        print(text, file=self.stream, flush=True)

    def problem(self, text: str) -> None:
        """To the error stream, so that a pipe on the output does not swallow it."""
        print(self._styled(RED, "inkom demo: ") + text, file=self.errors, flush=True)

    def table(self, places: tuple[Place, ...], people: tuple[Person, ...]) -> None:
        """The one table: first where to go, then as whom."""
        rule = self._styled(DIM, "─" * self.width)
        self.line(rule)
        self.line(self._styled(BOLD, "Where"))
        first = max(len(place.title) for place in places) + 2
        for place in places:
            self.line(f"  {place.title:<{first}}{place.url}")
        self.line(rule)
        self.line(self._styled(BOLD, "Sign in as"))
        for person in people:
            self._person(person, key_width=max(len(one.key) for one in people) + 2)
        self.line(rule)

    def ready(self, url: str) -> None:
        """The line that scripts wait for; it begins with `ready`."""
        # No escape sequence before it, so that it begins with that word on a terminal too.
        self.line(f"ready  open {self._styled(BOLD, url)}    stop: Ctrl-C")

    def _person(self, person: Person, *, key_width: int) -> None:
        heading = f"  {person.key:<{key_width}}{person.outcome:<9}"
        told = textwrap.wrap(f"{person.name}: {person.story}", self.width - len(heading), break_on_hyphens=False)
        self.line(heading + told[0])
        for more in told[1:]:
            self.line(" " * len(heading) + more)

    def _styled(self, style: str, text: str) -> str:
        return f"{style}{text}{PLAIN}" if self.colour else text
