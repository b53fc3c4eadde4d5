"""The statements of the acceptance list that tests prove, by number, and the table that a run writes of them.

A test names its statements at the start of its name (`test_a31_…`, `test_a35_to_a40_…`, `test_a32_a33_…`), and may
record in its own words what was expected and what was seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

STATEMENT = "statement"
SEEN = "seen"
# What must be proven: parts A to C whole, of part D what concerns framing and paths, of part V what concerns the proxy.
_PARTS = {"A": range(1, 71), "B": range(1, 35), "C": range(1, 58), "D": range(18, 49), "V": range(14, 32)}
ALL = tuple(f"{part}{number:02}" for part, numbers in _PARTS.items() for number in numbers)
# The whole list: what else is proven is counted too.
_LAST = {"A": 70, "B": 34, "C": 59, "D": 90, "V": 32}
LISTED = tuple(f"{part}{number:02}" for part, last in _LAST.items() for number in range(1, last + 1))
_NAMED = re.compile(r"test((?:_(?:[abcdv]\d\d|to(?=_[abcdv]\d\d)))+)_")
_NUMBER = re.compile(r"\b[ABCDV]\d\d\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of the table: a statement, what was expected, and what was seen by a test that passed or not."""

    number: str
    expected: str
    seen: str
    passed: bool
    test: str


def numbers_of(name: str) -> tuple[str, ...]:
    """The statements that a test's name begins with."""
    found = _NAMED.match(name)
    if found is None:
        return ()
    numbers: list[str] = []
    words = found[1].strip("_").upper().split("_")
    for at, word in enumerate(words):
        if word == "TO":
            first, last = int(words[at - 1][1:]), int(words[at + 1][1:])
            numbers += [f"{words[at - 1][0]}{number:02}" for number in range(first + 1, last)]
        else:
            numbers.append(word)
    return tuple(numbers)


def lines_of(test: str, recorded: Iterable[tuple[str, object]], *, passed: bool) -> Iterator[Line]:
    """The rows that one test adds. `test` is its node id."""
    name = test.rpartition("::")[2]
    noted = {key: str(value) for key, value in recorded}
    numbers, _, expected = noted.get(STATEMENT, "").partition(":")
    plain, _, parameter = name.partition("[")
    for number in _NUMBER.findall(numbers) or numbers_of(plain):
        yield Line(
            number=number,
            expected=expected.strip() or _sentence(plain) + (f" ({parameter.rstrip(']')})" if parameter else ""),
            seen=noted.get(SEEN, "so it was" if passed else "it was not so"),
            passed=passed,
            test=test,
        )


def written(lines: Iterable[Line]) -> str:
    """The table in Markdown, in the order of the statements."""
    rows = sorted(lines, key=lambda line: (line.number, line.test))
    text = ["| statement | expected | seen | test |", "|---|---|---|---|"]
    text += [
        f"| {one.number} | {_cell(one.expected)} | {'' if one.passed else '**failed**: '}{_cell(one.seen)} "
        f"| `{_cell(one.test)}` |"
        for one in rows
    ]
    return "\n".join(text) + "\n"


def proven_in(folder: Path) -> dict[str, set[str]]:
    """Which files below a folder have tests for which statements, as the names of the tests say."""
    found: dict[str, set[str]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        if "node_modules" in path.parts:
            continue
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r"^\s*(?:async )?def (test_\w+)", text, re.MULTILINE):
            for number in numbers_of(name):
                found.setdefault(number, set()).add(path.relative_to(folder).as_posix())
    return found


def _sentence(name: str) -> str:
    found = _NAMED.match(name)
    return name[len(found[0]) if found else 0 :].replace("_", " ")


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
