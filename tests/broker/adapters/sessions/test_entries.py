"""What the index keeps of one session: small enough for Redis to keep it in one piece, and read as it was written."""

from __future__ import annotations

import msgspec
import pytest

from broker.adapters.sessions.entries import Entry, SealedEntries
from broker.adapters.sessions.sealing import SealedValues, ShortSealing
from broker.domain.browsers import _NAMES, _SYSTEMS

SECRET = "n" * 32
ENTRIES = SealedEntries(secrets=(SECRET,))
ENTRY = Entry(
    place=bytes(range(32)), began=1_795_000_000, ends=1_795_036_000, organisation="0201310765",
    browser="Samsung Internet", system="Android",
)  # fmt: skip


def written(entry: Entry) -> bytes:
    return ENTRIES.seal(entry, person="person", reference="one")


def read(sealed: bytes) -> Entry | None:
    return ENTRIES.open(sealed, person="person", reference="one")


@pytest.mark.parametrize("browser", ["", *(ours for _, ours in _NAMES)])
@pytest.mark.parametrize("system", ["", *(ours for _, ours in _SYSTEMS)])
@pytest.mark.parametrize("organisation", ["", "0201310765", "1999999943"])
def test_an_entry_comes_back_as_it_was_and_has_64_octets(browser: str, system: str, organisation: str) -> None:
    entry = msgspec.structs.replace(ENTRY, browser=browser, system=system, organisation=organisation)
    sealed = written(entry)
    assert len(sealed) == 64
    assert read(sealed) == entry


def test_an_entry_of_another_person_or_session_is_nothing() -> None:
    assert ENTRIES.open(written(ENTRY), person="person", reference="two") is None
    assert ENTRIES.open(written(ENTRY), person="somebody", reference="one") is None


def test_an_entry_as_the_first_version_wrote_it_is_still_read() -> None:
    former = SealedValues("index", Entry, secrets=(SECRET,), codec=msgspec.msgpack)
    assert read(former.seal(ENTRY, token=b"person", address="one")) == ENTRY


def test_an_entry_of_a_later_version_is_nothing_and_a_later_word_is_unknown() -> None:
    short = ShortSealing("index", secrets=(SECRET,))
    octets = short.open(written(ENTRY), token=b"person", address="one")
    assert octets is not None
    assert read(short.seal(octets + b"more", token=b"person", address="one")) is None
    later = read(short.seal(octets[:-2] + b"\xff\xff", token=b"person", address="one"))
    assert later == msgspec.structs.replace(ENTRY, browser="", system="")
