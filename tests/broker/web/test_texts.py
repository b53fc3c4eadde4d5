"""Every text of the gateway's pages exists in Dutch, and no Dutch text is left over from a page that is gone."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from babel.messages.pofile import read_po

import broker.web.site
from pagekit.kit import TEMPLATES as KIT_TEMPLATES
from pagekit.kit import Link, PageKit, Site
from pagekit.untranslated import messages_in_python, messages_in_templates

WEB = Path(broker.web.site.__file__).parent
NAME, FOOTER = "INKOM", "About the support measures"
PLACES = re.compile(r"%\((\w+)\)[sd]")


def test_every_text_has_its_dutch() -> None:
    site = Site(name=NAME, footer=(Link(label=FOOTER, href="/"),))
    kit = PageKit(templates=WEB / "templates", locales=WEB / "locales", site=site)
    assert kit.missing("nl", sources=(WEB,)) == ()


def test_every_dutch_text_is_used() -> None:
    used = {*messages_in_templates((WEB / "templates", KIT_TEMPLATES)), *messages_in_python((WEB,))}
    assert sorted({message.id for message in dutch_messages()} - {NAME, FOOTER} - used) == []


def test_the_dutch_has_the_same_places_to_fill() -> None:
    for message in dutch_messages():
        for text in message.dutch:
            assert set(PLACES.findall(text)) == set(PLACES.findall(message.id)), text


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """A message id (the singular one of a pair) and its texts."""

    id: str
    dutch: tuple[str, ...]


def dutch_messages() -> Iterator[Translated]:
    with (WEB / "locales" / "nl" / "messages.po").open("rb") as file:
        for message in read_po(file):
            if message.id:
                yield Translated(id=all_of(message.id)[0], dutch=all_of(message.string or ""))


def all_of(text: str | Sequence[str]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)
