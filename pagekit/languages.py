"""Which language a page is in, and the translations, read from .po files when the program starts.

Message ids are English sentences, so English needs no file. There are no compiled .mo files to forget.
This module reads catalogues; it does not find which messages lack a translation (see untranslated.py).
"""

from collections.abc import Iterator
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES: tuple[str, ...] = ("nl", "en")
SOURCE_LANGUAGE = "en"


def message(text: str) -> str:
    """Mark a message id that stands in Python code, so that extraction finds it. Returns it unchanged."""
    return text


def choose_language(*, chosen: str | None, remembered: str | None, accept_language: str | None) -> str:
    """What the visitor just clicked, else what a cookie remembers, else what the browser asks, else Dutch."""
    for wish in (chosen, remembered, *_accepted(accept_language or "")):
        if wish in LANGUAGES:
            return wish
    return LANGUAGES[0]


def _accepted(header: str) -> Iterator[str]:
    """Primary language subtags of an Accept-Language header, best first (RFC 9110 section 12.5.4)."""
    weighted: list[tuple[float, str]] = []
    for part in header.split(",")[:20]:  # a browser sends a handful; the rest is noise
        tag, _, parameter = part.strip().partition(";")
        weight = _weight(parameter.strip())
        if weight > 0:
            weighted.append((weight, tag.strip().lower().partition("-")[0]))
    weighted.sort(key=lambda pair: pair[0], reverse=True)  # stable: equal weights keep the header's order
    return (tag for _, tag in weighted)


def _weight(parameter: str) -> float:
    """RFC 9110 section 12.4.2: `q=0.8`; absent means 1. What is not a weight counts as 0: we don't guess."""
    if not parameter:
        return 1.0
    name, _, value = parameter.partition("=")
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if name.strip().lower() == "q" and 0.0 <= weight <= 1.0 else 0.0


def read_catalogues(folders: tuple[Path, ...], language: str) -> tuple[Catalog, ...]:
    """The `<folder>/<language>/messages.po` that exist, the first folder's words winning over the next one's."""
    paths = (folder / language / "messages.po" for folder in folders)
    return tuple(_read_po(path, language) for path in paths if path.is_file())


@cache
def _read_po(path: Path, language: str) -> Catalog:
    """Once for each file while the program runs: several sites share the kit's own texts."""
    with path.open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


class _Spoken(GNUTranslations):
    """gettext keeps its catalogue's header under the empty id; on a page, nothing stays nothing."""

    def gettext(self, message: str) -> str:
        return super().gettext(message) if message else ""


@cache
def _compiled(catalogue: Catalog) -> bytes:
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    return compiled.getvalue()


def translations(catalogues: tuple[Catalog, ...]) -> NullTranslations:
    """One gettext object over all catalogues; fuzzy entries do not count as translated."""
    chain = NullTranslations()
    for catalogue in reversed(catalogues):
        link = _Spoken(BytesIO(_compiled(catalogue)))
        link.add_fallback(chain)
        chain = link
    return chain
