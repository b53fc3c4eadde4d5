"""What the documents promise is there: paths, links, commands, configuration keys."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import pytest

from broker.config import Settings
from tests.project.places import ROOT, read

DOCUMENTS = (
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
)


def _table_paths() -> Iterator[str]:
    table = read("CONTRIBUTING.md").partition("## Where is")[2].partition("\n## ")[0]
    for row in re.findall(r"^\| .+? \| (.+) \|$", table, re.MULTILINE):
        yield from re.findall(r"`([^`]+)`", row)


def _links() -> Iterator[tuple[Path, str]]:
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
            if not target.startswith(("http://", "https://", "#", "mailto:")):
                yield document, target.partition("#")[0]


def _keys(topic: type[msgspec.Struct], above: str = "") -> Iterator[str]:
    for field in msgspec.structs.fields(topic):
        path = f"{above}{field.encode_name}"
        inner = _struct_in(field.type)
        if inner is None:
            yield path
        elif get_origin(field.type) is dict:
            yield from _keys(inner, f"{path}.<id>.")
        else:
            yield from _keys(inner, f"{path}.")


def _struct_in(kind: Any) -> type[msgspec.Struct] | None:
    candidates = (kind, *get_args(kind))
    return next((one for one in candidates if isinstance(one, type) and issubclass(one, msgspec.Struct)), None)


@pytest.mark.parametrize("path", sorted(set(_table_paths())))
def test_each_path_of_the_where_is_table_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_where_is_table_is_not_empty() -> None:
    assert len(tuple(_table_paths())) > 10


@pytest.mark.parametrize(
    ("document", "target"), [pytest.param(*link, id=f"{link[0].name}:{link[1]}") for link in _links()]
)
def test_each_link_between_documents_leads_somewhere(document: Path, target: str) -> None:
    assert (document.parent / target).exists()


@pytest.mark.parametrize("key", tuple(_keys(Settings)))
def test_each_configuration_key_is_documented(key: str) -> None:
    described = read("docs/operators/running.md")
    key = key.replace("providers.<id>.", "acm.")  # "and all keys of `acm`", as the table says
    last = key.rpartition(".")[2]

    assert f"`{key}`" in described or f"`.{last}`" in described


def test_the_first_screen_of_the_readme_shows_the_two_commands() -> None:
    first_screen = "\n".join(read("README.md").splitlines()[:25])

    assert "make demo" in first_screen
    assert "make test" in first_screen


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_documents_fit_a_screen_and_end_in_one_line_break(document: Path) -> None:
    text = document.read_text(encoding="utf-8")

    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "\t" not in text


def test_the_licence_is_the_whole_text() -> None:
    licence = read("LICENSE")

    assert licence.startswith("EUROPEAN UNION PUBLIC LICENCE v. 1.2\n")
    assert "15.Applicable Law" in licence
    assert "LiLiQ-R" in licence


def test_the_changelog_has_a_heading_for_operators() -> None:
    changelog = read("CHANGELOG.md")

    assert "## [Unreleased]" in changelog
    assert "### For operators" in changelog
