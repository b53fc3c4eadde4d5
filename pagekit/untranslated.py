"""Finds the messages that pages and Python sources use and a language does not have. Used by tests, not by requests."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from jinja2.ext import babel_extract

TEMPLATE_FUNCTIONS = ("_", "gettext", "ngettext")
# `message("…")` marks an id in Python; `kit.text("…")` uses one.
PYTHON_FUNCTIONS = {"message": None, "text": None}


def messages_in_templates(folders: Iterable[Path]) -> Iterator[str]:
    for folder in folders:
        for path in sorted(folder.rglob("*.html")):
            with path.open("rb") as file:
                for _, _, found, _ in babel_extract(
                    file, TEMPLATE_FUNCTIONS, (), {"silent": "false", "trimmed": "true"}
                ):
                    yield from _singular(found)


def messages_in_python(sources: Iterable[Path]) -> Iterator[str]:
    for source in sources:
        for path in sorted(source.rglob("*.py")) if source.is_dir() else (source,):
            with path.open("rb") as file:
                for _, found, _, _ in extract("python", file, keywords=PYTHON_FUNCTIONS):
                    yield from _singular(found)


def _singular(found: str | tuple[str | None, ...] | None) -> Iterator[str]:
    """The id under which a message stands in a catalogue: of a plural pair, the first."""
    first = found[0] if isinstance(found, tuple) else found
    if first:
        yield first


def is_translated(text: str, catalogues: Iterable[Catalog]) -> bool:
    for catalogue in catalogues:
        entry = catalogue.get(text)
        if (
            entry is not None
            and not entry.fuzzy
            and entry.string
            and all((entry.string,) if isinstance(entry.string, str) else entry.string)
        ):
            return True
    return False
