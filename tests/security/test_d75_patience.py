"""Two thousand slow and idle clients at once (D75) at the running gateway: everybody else is served meanwhile.

That each slow one is cut by its own limit is tried on the edge alone, with short limits, in
`tests/broker/proxy/test_edge.py`. How many can be open at once is the operating system's decision.
"""

from __future__ import annotations

import asyncio
import resource
from itertools import cycle

from tests.security.delivery import good
from tests.security.gateway import Gateway
from tests.security.judging import assert_served

_MANY = 2000
_SPARE = 100  # descriptors for everything else in this process and the gateway's


def _allowed() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(_MANY, soft - _SPARE)


def _said(cookie: bytes) -> tuple[bytes, ...]:
    """What slow clients have said when they stop: nothing, half a head, half a body."""
    half_a_body = good(b"/admin/slow", cookie, b"Content-Length: 100") + b"x"
    return b"", good(b"/public/slow", cookie)[:-2], half_a_body


async def test_d75_thousands_of_slow_clients_keep_nobody_else_from_being_served(gateway: Gateway) -> None:
    slow = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(_allowed())]
    for (_, writer), octets in zip(slow, cycle(_said(gateway.cookie)), strict=False):
        writer.write(octets)
    for number in range(20):
        await assert_served(gateway, b"/public/beside-the-slow-%d" % number)
    for _, writer in slow:
        writer.transport.abort()
    await assert_served(gateway, b"/public/after-the-slow")
    assert all(one.target != b"/public/slow" for one in gateway.backend.requests)
