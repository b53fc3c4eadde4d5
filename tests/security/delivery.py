"""How a client's octets get to the gateway: in one piece, byte by byte, split, behind and before other requests.

What comes back is read until the gateway closes. Nothing is judged here.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from tests.security.cases.form import COOKIE, HOST

_PAUSE = 0.002  # seconds between two pieces: long enough to be read as two, and no matter if it is not
_PATIENCE = 20.0
_SMALL = 300  # octets that are sent one by one; of longer cases, so many at the beginning and at the end
_MOST = 100  # places in something long: each is a connection of its own
# At how many places each case is split; PLACES in the environment says another number, and 0 all of them.
_PLACES = int(os.environ.get("PLACES", "5"))
# Where parsers change their state: within line ends, around colons and spaces, before digits of lengths and chunks.
_INTERESTING = re.compile(rb"\r(?=\n)|\n|:|\x00|(?<=[0-9a-f])(?=\r)|;|%(?=[0-9a-fA-F])|(?<=//)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One way to send a case: the pieces, and the targets of the good requests among them that are answered."""

    way: str
    pieces: tuple[bytes, ...]
    good_before: tuple[bytes, ...] = ()
    pause: float = _PAUSE


def good(target: bytes, cookie: bytes, *lines: bytes) -> bytes:
    """A good request of somebody who is signed in; the connection stays open behind it unless a line says otherwise."""
    return b"\r\n".join([b"GET " + target + b" HTTP/1.1", HOST, b"Cookie: " + cookie, *lines, b"", b""])


def deliveries(case: bytes, cookie: bytes, *, places: int = _PLACES) -> Iterator[Delivery]:
    """All the ways to send a case with this cookie, split at so many `places` (0: at all, up to a hundred)."""
    raw = case.replace(COOKIE, cookie)
    yield Delivery(way="in one piece", pieces=(raw,))
    yield Delivery(way="byte by byte", pieces=tuple(_byte_by_byte(raw, cookie)), pause=0)
    for at in _chosen(places_of(raw), places):
        yield Delivery(way=f"split at {at}", pieces=(raw[:at], raw[at:]))
    before = b"/public/before"
    yield Delivery(way="behind a good one", pieces=(good(before, cookie) + raw,), good_before=(before,))
    yield Delivery(way="behind a good one, later", pieces=(good(before, cookie), raw), good_before=(before,))
    yield Delivery(way="before a good one", pieces=(raw + good(b"/public/after", cookie),))


def places_of(raw: bytes) -> list[int]:
    """Where to split."""
    found = {match.end() for match in _INTERESTING.finditer(raw)} | {1, len(raw) // 2, len(raw) - 1}
    return sorted(at for at in found if 0 < at < len(raw))


async def send(port: int, delivery: Delivery) -> bytes:
    """Send a delivery and return all that comes back until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    came = asyncio.create_task(_all(reader))
    try:
        with suppress(ConnectionError):
            for piece in delivery.pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(delivery.pause)
        async with asyncio.timeout(_PATIENCE):
            return await came
    finally:
        came.cancel()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def _all(reader: asyncio.StreamReader) -> bytes:
    came = b""
    with suppress(ConnectionError):
        while octets := await reader.read(65536):
            came += octets
    return came


def _byte_by_byte(raw: bytes, cookie: bytes) -> Iterator[bytes]:
    """Every octet alone, but cookies and the middle of something long in one piece."""
    for number, part in enumerate(raw.split(cookie)):
        if number > 0:
            yield cookie
        yield from (part[at : at + 1] for at in range(min(_SMALL, len(part))))
        if len(part) > 2 * _SMALL:
            yield part[_SMALL:-_SMALL]
        yield from (part[at : at + 1] for at in range(max(_SMALL, len(part) - _SMALL), len(part)))


def _chosen(places: list[int], most: int) -> list[int]:
    """So many of the places, spread over them all."""
    most = most or _MOST
    if len(places) <= most:
        return places
    step = len(places) / most
    return [places[int(at * step)] for at in range(most)]
