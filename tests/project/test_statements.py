"""The acceptance list has no gap: each statement has a test with its number, or a reason why it is not offered."""

from __future__ import annotations

import re

import pytest

from tests.project.places import ROOT
from tests.statements import ALL, LISTED, lines_of, numbers_of, proven_in, written


def not_offered() -> dict[str, str]:
    """The rows of the table `Not offered` in docs/conformance.md: number and reason."""
    text = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    section = text.partition("## Not offered")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| ([ABCDV]\d\d)[^|]* \| ([^|]+) \|", section, re.MULTILINE))


def test_every_statement_is_proven_or_named_as_not_offered() -> None:
    proven, absent = proven_in(ROOT / "tests"), not_offered()
    missing = [number for number in ALL if number not in proven and number not in absent]
    assert missing == []


def test_what_is_not_offered_says_why() -> None:
    assert all(len(reason.split()) >= 5 for reason in not_offered().values())


def test_no_test_carries_a_number_that_is_not_on_the_list() -> None:
    assert sorted(set(proven_in(ROOT / "tests")) - set(LISTED)) == []


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("test_a31_aliases_are_used", ("A31",)),
        ("test_a32_a33_signing_out", ("A32", "A33")),
        ("test_a35_to_a38_wrong_tokens", ("A35", "A36", "A37", "A38")),
        ("test_d38_d44_to_d46_v17_paths", ("D38", "D44", "D45", "D46", "V17")),
        ("test_nothing_of_a31", ()),
        ("test_a3_is_too_short", ()),
    ],
)
def test_a_test_names_its_statements(name: str, numbers: tuple[str, ...]) -> None:
    assert numbers_of(name) == numbers


def test_the_table_says_what_was_expected_and_seen() -> None:
    recorded = [("statement", "A31 C05: none | all"), ("seen", "none")]
    lines = [
        *lines_of("tests/x.py::test_a31_c05_some[b]", recorded, passed=True),
        *lines_of("tests/y.py::test_b01_it_is_there[now]", [], passed=False),
    ]
    assert written(lines).splitlines()[2:] == [
        "| A31 | none \\| all | none | `tests/x.py::test_a31_c05_some[b]` |",
        "| B01 | it is there (now) | **failed**: it was not so | `tests/y.py::test_b01_it_is_there[now]` |",
        "| C05 | none \\| all | none | `tests/x.py::test_a31_c05_some[b]` |",
    ]
