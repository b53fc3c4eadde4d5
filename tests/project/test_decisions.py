"""The decision records keep up with the project."""

import re

import pytest

from tests.project.places import ROOT, declared_dependencies, read

RECORDS = tuple(sorted((ROOT / "docs/decisions").glob("*.md")))


@pytest.mark.parametrize("dependency", declared_dependencies())
def test_every_dependency_has_its_reason(dependency: str) -> None:
    assert f"`{dependency}`" in read("docs/decisions/0002-dependencies.md")


def test_no_reason_is_given_for_a_dependency_that_is_gone() -> None:
    first_cells = re.findall(r"^\| (`[^|]+`) \|", read("docs/decisions/0002-dependencies.md"), re.MULTILINE)
    explained = {name for cell in first_cells for name in re.findall(r"`([^`]+)`", cell)}

    assert explained <= set(declared_dependencies())


def test_records_are_numbered_without_gaps() -> None:
    assert [record.name[:4] for record in RECORDS] == [f"{number:04}" for number in range(1, len(RECORDS) + 1)]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_record_says_what_it_is_and_whether_it_is_in_force(record: object) -> None:
    text = (ROOT / "docs/decisions" / str(record)).read_text(encoding="utf-8")

    assert re.match(r"# \d{4} \w", text)
    assert "\nStatus: " in text
