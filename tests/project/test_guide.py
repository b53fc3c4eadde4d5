"""docs/coverage-of-the-guide.md: each sentence of the guide has a test, and that test is there."""

import re

import pytest

from tests.project.places import ROOT, read

ROWS = tuple(
    re.findall(r"^\| (?!the guide says|---)(.+) \| (.+) \|$", read("docs/coverage-of-the-guide.md"), re.MULTILINE)
)
NAMED = tuple(sorted({name for _, shown in ROWS for name in re.findall(r"`([^`]+)`", shown)}))
SENTENCES_AND_LABELS = 68  # of the guide's slides, counted by hand


def test_no_sentence_of_the_guide_is_left_out() -> None:
    assert len(ROWS) == len({sentence for sentence, _ in ROWS}) == SENTENCES_AND_LABELS


@pytest.mark.parametrize(("sentence", "shown"), ROWS)
def test_each_sentence_names_the_test_that_shows_it(sentence: str, shown: str) -> None:
    assert re.findall(r"`tests/[^`]+::test_\w+`", shown), sentence


@pytest.mark.parametrize("name", NAMED)
def test_each_test_that_is_named_is_there(name: str) -> None:
    path, _, function = name.partition("::")

    assert re.search(rf"^(async )?def {function}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
