"""One session in the index of its person, as 64 octets: what an entry holds, and how it is written and read.

A hash in Redis whose values have at most 64 octets stays one compact list (`hash-max-listpack-value`); with larger ones
each takes a table of its own, twice the room. Where entries are kept is `index`' business.
"""

from __future__ import annotations

import struct
from base64 import urlsafe_b64encode

import msgspec

from broker.adapters.sessions.sealing import SealedValues, ShortSealing

RECORDS = "inkom:session:"
# Where the record stands, its begin and end, the organisation's number, browser and system.
_FORM = struct.Struct(">32sIIIBB")
# By their place, which must not change: new words come at the end, and an unknown one is the first.
_BROWSERS = ("", "Edge", "Opera", "Samsung Internet", "Firefox", "Chrome", "Safari")
_SYSTEMS = ("", "Android", "iPhone", "iPad", "Windows", "macOS", "ChromeOS", "Linux")


class Entry(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """`place` is the record's address without its prefix; `began` and `ends` (at the latest) in seconds since 1970.

    Empty texts are unknown.
    """

    place: bytes
    began: int
    ends: int
    organisation: str
    browser: str
    system: str

    @property
    def address(self) -> str:
        """Return where the session's record stands."""
        return RECORDS + urlsafe_b64encode(self.place).decode().rstrip("=")


class SealedEntries:
    """Writes and reads entries, sealed for their person and reference."""

    def __init__(self, *, secrets: tuple[str, ...]) -> None:
        """`secrets` are newest first. Raises ValueError."""
        self._short = ShortSealing("index", secrets=secrets)
        # How the first version wrote them. A session that its person cannot see could not be ended either.
        self._former = SealedValues("index", Entry, secrets=secrets, codec=msgspec.msgpack)

    def seal(self, entry: Entry, *, person: str, reference: str) -> bytes:
        """Return the octets of an entry."""
        octets = _FORM.pack(
            entry.place,
            entry.began,
            entry.ends,
            int(entry.organisation or 0),
            _place(entry.browser, _BROWSERS),
            _place(entry.system, _SYSTEMS),
        )
        return self._short.seal(octets, token=person.encode(), address=reference)

    def open(self, sealed: object, *, person: str, reference: str) -> Entry | None:
        """Return an entry; None for one that is absent, or not sealed here for this person and reference."""
        octets = self._short.open(sealed, token=person.encode(), address=reference)
        if octets is None:
            return self._former.open(sealed, token=person.encode(), address=reference)
        if len(octets) != _FORM.size:
            return None
        place, began, ends, organisation, browser, system = _FORM.unpack(octets)
        return Entry(
            place=place,
            began=began,
            ends=ends,
            organisation=f"{organisation:010d}" if organisation else "",
            browser=_word(browser, _BROWSERS),
            system=_word(system, _SYSTEMS),
        )


def _place(word: str, words: tuple[str, ...]) -> int:
    return words.index(word) if word in words else 0


def _word(place: int, words: tuple[str, ...]) -> str:
    return words[place] if place < len(words) else ""
