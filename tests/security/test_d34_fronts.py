"""D34: behind each of Debian's proxies, gateway and backend count as many requests as were sent to the gateway.

The front understands each case in its own way and says something to the gateway; a strict reader of that line says how
many requests it holds, and up to where. Gateway and backend must have counted the same: an answer for each request and
no more, and at the backend exactly those that were answered with 200, byte for byte.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from time import monotonic
from types import ModuleType

import pytest

from tests.conftest import TABLE
from tests.security.cases import accepted, fields, framing, paths
from tests.security.cases.form import COOKIE, Case, Good, head
from tests.security.fronts import FRONTS, running_front
from tests.security.gateway import Gateway
from tests.security.strict import Answer, Request, read_answers, read_requests
from tests.security.tap import Tap, Tapped, running_tap

_AT_ONCE = 150
_QUIET = 0.4  # seconds without an octet after which a client of a front has seen enough
_LONGEST = 20_000
_ABSOLUTE = re.compile(rb"^https?://[^/]*", re.IGNORECASE)
_APPLICATIONS = (b"/public/", b"/publicity/", b"/%70")


def raw_of(tables: ModuleType) -> Iterator[bytes]:
    """The octets of all cases of a module."""
    for table in vars(tables).values():
        if isinstance(table, tuple):
            yield from (case.raw for case in table if isinstance(case, Case | Good))


_TARGETS = (*paths.SENT_AS_THEY_CAME, *paths.NOT_LET_IN)
_ALL = (
    *chain.from_iterable(map(raw_of, (framing, fields, paths, accepted))),
    *(head(target=one) for _, one, _ in _TARGETS),
)
# The gateway reads over an extension without a name, and the strict reader doesn't.
RAW = tuple(raw for raw in _ALL if len(raw) < _LONGEST and b"2;=" not in raw)


async def say(port: int, octets: bytes) -> None:
    """Be one client of the front, until it closes or nothing more comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with suppress(ConnectionError, TimeoutError):
        writer.write(octets)
        await writer.drain()
        while await asyncio.wait_for(reader.read(65536), _QUIET):
            pass
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def say_all(port: int, cookie: bytes) -> None:
    """All cases, so many at once."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(raw: bytes) -> None:
        async with turns:
            await say(port, raw.replace(COOKIE, cookie))

    await asyncio.gather(*(one(raw) for raw in RAW))


async def settled(tap: Tap, *, quiet: float = 0.5, within: float = 15.0) -> None:
    """Return when nothing moves on the line any more."""
    deadline, moved, since = monotonic() + within, tap.moved, monotonic()
    while monotonic() < deadline:
        await asyncio.sleep(0.05)
        if tap.moved != moved:
            moved, since = tap.moved, monotonic()
        elif monotonic() - since > quiet:
            return
    raise AssertionError("the line does not come to rest")


def known(request: Request) -> tuple[bytes, bytes, bytes]:
    """What makes a request the same one on both sides of the gateway."""
    return request.method, _ABSOLUTE.sub(b"", request.target), request.body


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What one connection to the gateway held: requests with their answers, the first request that was not answered
    before the front went away, and answers to what a strict reader takes for no request.
    """

    answered: tuple[tuple[Request, Answer], ...]
    left: tuple[Request, ...]
    further: tuple[Answer, ...]


def counted(tapped: Tapped) -> Counted:
    """Read both directions of a connection. Raises NotHttpError for answers that are none."""
    requests = read_requests(bytes(tapped.said)).requests
    answers, rest = read_answers(bytes(tapped.answered), [one.method for one in requests])
    assert not rest.startswith(b"HTTP/1.1 200"), rest
    return Counted(
        answered=tuple(zip(requests, answers, strict=False)),
        left=requests[len(answers) :][:1],
        further=answers[len(requests) :],
    )


@pytest.mark.parametrize("front", FRONTS)
async def test_d34_behind_a_front_gateway_and_backend_count_what_was_sent(
    front: str, gateway: Gateway, record_property: Callable[[str, object], None]
) -> None:
    since = len(gateway.backend.requests)
    with running_tap(gateway.port) as tap, running_front(front, to=tap.port) as port:
        await say_all(port, gateway.cookie)
        await settled(tap)
        connections = list(tap.connections)
    arrived = Counter(known(one) for one in gateway.backend.requests[since:])
    counts = [counted(tapped) for tapped in connections]
    pairs = [pair for one in counts for pair in one.answered]
    forwarded = Counter(
        known(request)
        for request, answer in pairs
        if answer.status == 200 and known(request)[1].startswith(_APPLICATIONS)
    )
    # To what is no request for a strict reader there is one refusal, behind which the connection ends.
    for tapped, one in zip(connections, counts, strict=True):
        assert [answer.status >= 400 for answer in one.further] in ([], [True]), bytes(tapped.said)
    assert forwarded - arrived == Counter(), "answered, but not by the backend"
    # Where a front went away before the answer came, the backend may have been asked already.
    unanswered = Counter(known(request) for one in counts for request in one.left)
    assert arrived - forwarded <= unanswered, "at the backend, but never sent"
    assert sum(forwarded.values()) > 100
    refusals = sum(len(one.further) for one in counts)
    record_property(
        TABLE,
        f"behind {front}: {len(RAW)} cases, {len(connections)} connections with {len(pairs)} requests to the gateway, "
        f"{sum(arrived.values())} at the backend, {refusals} refused as no request",
    )
