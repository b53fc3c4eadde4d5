"""One word for one thing: the code keeps to docs/glossary.md, and to the list of words that say nothing."""

import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.project.places import PACKAGES, ROOT, modules, read

OURS = (*PACKAGES, "bench")
SAYS_NOTHING = frozenset({"manager", "helper", "helpers", "util", "utils", "base", "handler", "data", "info"})
# Names that others chose: asyncio.Protocol, uvicorn's protocol, python-multipart's callbacks, aiosmtpd's questions.
OF_LIBRARIES = frozenset({"data_received", "on_part_data", "handle_data"})


def _avoided_words() -> tuple[str, ...]:
    rows = [line.split("|") for line in read("docs/glossary.md").splitlines() if line.startswith("| ")]
    return tuple(word.strip() for row in rows[1:] for word in row[4].split(",") if word.strip())


@cache
def _names(path: Path) -> frozenset[str]:
    """All names in a file; each word of the glossary looks for itself in all files."""
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
    return frozenset(_snake(token.string) for token in tokens if token.type == tokenize.NAME)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _definitions(path: Path) -> Iterator[str]:
    for kind, name in re.findall(r"^\s*(class|def|async def) (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
        if kind:
            yield _snake(name)


def test_the_glossary_lists_words_to_avoid() -> None:
    assert "tenant" in _avoided_words()
    assert len(_avoided_words()) > 10


@pytest.mark.parametrize("word", _avoided_words())
def test_the_broker_says_the_word_of_the_glossary(word: str) -> None:
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in modules("broker")
        for name in _names(path)
        if f"_{word}_" in f"_{name}_"
    }

    assert not found


def test_no_module_is_named_by_a_word_that_says_nothing() -> None:
    found = {str(path.relative_to(ROOT)) for path in modules(*OURS) if SAYS_NOTHING & set(path.stem.split("_"))}

    assert not found


def test_nothing_is_defined_by_a_word_that_says_nothing() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in modules(*OURS)
        for name in _definitions(path)
        if name not in OF_LIBRARIES and SAYS_NOTHING & set(name.strip("_").split("_"))
    }

    assert not found


def test_every_module_opens_by_saying_what_it_is_for() -> None:
    silent = {
        str(path.relative_to(ROOT))
        for path in modules(*OURS)
        if path.read_text(encoding="utf-8").strip() and not path.read_text(encoding="utf-8").startswith('"""')
    }

    assert not silent
