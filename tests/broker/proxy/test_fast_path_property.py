"""Whatever client and backend think up, both data paths send the same bytes to either.

Requests, answers and the places where both are cut come from Hypothesis. EXCHANGES in the environment says how many are
tried (10000 takes some minutes); without it 60.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from broker.config.backend_topics import Breaker
from tests.broker.proxy.test_fast_path import ROOM, Paths, request, two_paths, with_length
from tests.broker.proxy.world import HOST, until

EXCHANGES = int(os.environ.get("EXCHANGES", "60"))
_SECONDS = 0.002  # between two parts

_VALUES = st.sampled_from([b"", b"1", b"a, b", b"x" * 3000, b"\xc3\xa9", b"\xff", b"a\tb", b"close", b"chunked"])
_ASKED = st.sampled_from(
    b"Accept X-Inkom-Role X_Inkom_Role X-Forwarded-For Forwarded TE Keep-Alive Range If-None-Match Authorization "
    b"X-Mine Trailer Proxy Expectation Upgrade-Insecure-Requests".split()
)
_SAID = st.sampled_from(
    b"Content-Type X-Inkom-Role Cache-Control Location Set-Cookie Date Server Connection Keep-Alive Trailer ETag "
    b"Alt-Svc Vary X-Mine Content-Encoding Upgrade Strict-Transport-Security".split()
)


def _lines(names: st.SearchStrategy[bytes]) -> st.SearchStrategy[list[bytes]]:
    return st.lists(st.builds(lambda name, value: name + b": " + value, names, _VALUES), max_size=4)


_BODIES = st.sampled_from([b"", b"a", b"hello", b"0\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"y" * 70_000])
_REQUESTS = st.builds(
    lambda method, lines, body, query: request(
        b"Accept: application/json",
        *lines,
        *([with_length(body)] if body or method == b"POST" else []),
        method=method,
        target=b"/kmo-portefeuille/" + query,
        body=body,
    ),
    st.sampled_from([b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"QUERY"]),
    _lines(_ASKED),
    _BODIES,
    st.sampled_from([b"", b"?a=1", b"%C3%A9", b"a/b?x=%2F"]),
)


@dataclass(frozen=True)
class Said:
    """What a backend says, in which parts, and whether it closes behind it."""

    octets: bytes
    cuts: Sequence[int]
    closes: bool

    def parts(self) -> Iterator[bytes]:
        places = sorted({cut % (len(self.octets) + 1) for cut in self.cuts} | {0, len(self.octets)})
        for begin, end in pairwise(places):
            yield self.octets[begin:end]


def _framed(kind: str, body: bytes) -> tuple[list[bytes], bytes]:
    match kind:
        case "length":
            return [with_length(body)], body
        case "chunks":
            half = len(body) // 2
            parts = [part for part in (body[:half], body[half:]) if part]
            return [b"Transfer-Encoding: chunked"], b"".join(
                b"%x\r\n%b\r\n" % (len(p), p) for p in parts
            ) + b"0\r\n\r\n"
        case "to the end":
            return [], body
        case "too short":
            return [b"Content-Length: %d" % (len(body) + 5)], body
        case "too long":
            return [b"Content-Length: %d" % len(body)], body + b"more"
        case "both":
            return [with_length(body), b"Transfer-Encoding: chunked"], body
        case _:
            return [b"Transfer-Encoding: chunked"], b"zz\r\n" + body


def _answer(
    status: bytes, early: bytes, lines: list[bytes], kind: str, body: bytes, cuts: list[int], closes: bool
) -> Said:
    if kind in {"too long", "both", "broken"}:
        body = body[:100]  # what is wrong comes in one read with the head, or after it: never by chance
    framing, sent = _framed(kind, body)
    head = b"\r\n".join([b"HTTP/1.1 " + status, *lines, *framing, b"", b""])
    closes = closes or kind in {"to the end", "too short"}
    return Said(octets=early + head + sent, cuts=cuts, closes=closes)


_ANSWERS = st.builds(
    _answer,
    st.sampled_from([b"200 OK", b"204 No", b"304 Same", b"404 Not", b"500 Oh", b"206 Part", b"599 Odd", b"101 Switch"]),
    st.sampled_from([b"", b"", b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", b"HTTP/1.1 100 Go\r\n\r\n"]),
    _lines(_SAID),
    st.sampled_from(["length", "length", "chunks", "chunks", "to the end", "too short", "too long", "both", "broken"]),
    _BODIES,
    st.lists(st.integers(min_value=0, max_value=80_000), max_size=3),
    st.booleans(),
)


class _Scripted:
    """A backend that says what it is told to as soon as a head has come, and keeps what it got."""

    def __init__(self) -> None:
        self.said = Said(octets=b"", cuts=(), closes=True)
        self.got: list[bytes] = []
        self.open = 0
        self.speaking = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while True:
                    head = await reader.readuntil(ROOM)
                    length = re.search(rb"\r\ncontent-length: ([0-9]+)\r\n", head)
                    self.got.append(head + await reader.readexactly(int(length[1]) if length else 0))
                    said, self.speaking = self.said, self.speaking + 1
                    try:
                        for part in said.parts():
                            writer.write(part)
                            await writer.drain()
                            await asyncio.sleep(_SECONDS)
                    finally:
                        self.speaking -= 1
                    if said.closes:
                        return
        finally:
            self.open -= 1
            writer.close()


async def _spoken(port: int, octets: bytes, cuts: Sequence[int]) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, port)
    got = b""
    with suppress(ConnectionError):
        for part in Said(octets=octets, cuts=cuts, closes=True).parts():
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(_SECONDS)
    with suppress(ConnectionError):
        async with asyncio.timeout(5):
            while octets := await reader.read(65536):
                got += octets
    writer.transport.abort()
    return got


def _plain(answered: bytes) -> bytes:
    """Without what no two answers have in common: references, and where chunks begin and end."""
    answered = re.sub(rb'"reference": ?"[^"]*"|[A-Z0-9]{4}-[A-Z0-9]{4}(?:-[A-Z0-9]{4})*', b"(reference)", answered)
    head, room, body = answered.partition(ROOM)
    if b"transfer-encoding: chunked" not in head:
        return answered
    joined, whole = b"", False
    while (size := re.match(rb"([0-9a-f]+)\r\n", body)) is not None and not whole:
        length = int(size[1], 16)
        joined, body = joined + body[size.end() : size.end() + length], body[size.end() + length + 2 :]
        whole = length == 0
    return head + room + joined + (b"(whole)" if whole else b"(cut)") + body


def _alike(one: bytes, other: bytes) -> bool:
    """Whether two answers are the same; of answers that were cut, one may have come farther."""
    if one == other:
        return True
    cut = not _is_whole(one) and not _is_whole(other)
    one, other = one.removesuffix(b"(cut)"), other.removesuffix(b"(cut)")
    return cut and (one.startswith(other) or other.startswith(one))


def _is_whole(answered: bytes) -> bool:
    head, room, body = answered.partition(ROOM)
    length = re.search(rb"\r\ncontent-length: ([0-9]+)\r\n", head + ROOM)
    return bool(room) and not body.endswith(b"(cut)") and (length is None or len(body) >= int(length[1]))


@settings(
    max_examples=EXCHANGES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(st.data())
def _collect(data: st.DataObject) -> None:
    _COLLECTED.append(
        (data.draw(_REQUESTS), data.draw(_ANSWERS), data.draw(st.lists(st.integers(0, 80_000), max_size=2)))
    )


_COLLECTED: list[tuple[bytes, Said, list[int]]] = []


async def test_both_paths_say_the_same_to_client_and_backend_whatever_they_say() -> None:
    _COLLECTED.clear()
    _collect()
    async with two_paths(breaker=Breaker(failures=0)) as paths:
        await _compare(paths)


def _drop_unused(paths: Paths) -> None:
    for application in paths.world.gate.applications:
        for upstream in application.upstream._upstreams:
            while upstream._idle:
                upstream._idle.pop()[0].abort()


async def _compare(paths: Paths) -> None:
    backend = _Scripted()
    paths.world.server.close()
    paths.world.backend.drop_connections()
    await until(lambda: paths.world.backend.open == 0)
    server = await asyncio.start_server(backend.serve, HOST, paths.world.backend.port)
    try:
        for octets, said, cuts in _COLLECTED:
            backend.said = said
            seen = []
            for port in (paths.slow, paths.fast):
                backend.got.clear()
                answered = await _spoken(port, octets, cuts)
                # What comes behind an answer would be taken for the next one, by any reader of HTTP/1.1.
                await until(lambda: not backend.speaking)
                await asyncio.sleep(_SECONDS)
                if said.closes:
                    # Or the next request may go out on a connection that is ending, on one path and not on the other.
                    _drop_unused(paths)
                    await until(lambda: backend.open == 0)
                seen.append((_plain(answered), [*backend.got]))
            (slow, slow_got), (fast, fast_got) = seen
            assert fast_got == slow_got, (octets[:90], said.closes, slow[:300], fast[:300])
            assert _alike(slow, fast), (octets[:400], said, slow[:600], fast[:600])
        assert len(paths.carried) > len(_COLLECTED) // 2
    finally:
        server.close()
        await until(lambda: sum(one.upstream.outstanding for one in paths.world.gate.applications) == 0)
