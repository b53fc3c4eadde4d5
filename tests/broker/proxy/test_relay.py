"""The ends of a relay that sockets reach only by chance: a side that is already going, or that can't half-close."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from broker.proxy.frames import FrameLimits
from broker.proxy.relay import Relay


class Side(asyncio.Transport):
    """A transport that only remembers; like TLS it can't end one direction alone."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.going = False
        self.aborted = False
        self.unread = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.going

    def is_reading(self) -> bool:
        return True

    def can_write_eof(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return self.unread

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def close(self) -> None:
        self.going = True

    def abort(self) -> None:
        self.going = self.aborted = True


class Between:
    """A relay and its two sides."""

    def __init__(self) -> None:
        self.client, self.backend = Side(), Side()
        self.released = 0
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.relay = Relay(
            client=self.client,
            backend=self.backend,
            ended=self.ended,
            idle=0.05,
            linger=0.01,
            frames=FrameLimits(),
            release=self.release,
        )

    def release(self) -> None:
        self.released += 1


@pytest_asyncio.fixture
async def between() -> AsyncIterator[Between]:
    yield Between()


async def test_a_backend_that_is_gone_before_the_start_ends_the_client_and_is_released_once(between: Between) -> None:
    between.backend.going = True
    between.relay.start(from_client=b"", from_backend=b"")
    between.relay.backend_lost()
    assert between.client.going
    assert between.released == 1
    assert between.ended.cancelled()


async def test_a_client_that_is_gone_before_the_start_ends_the_backend(between: Between) -> None:
    between.client.going = True
    between.relay.start(from_client=b"", from_backend=b"\x81\x01a")
    assert between.client.written == b""
    assert between.backend.going


async def test_a_close_reaches_the_side_that_is_left_and_says_it_once(between: Between) -> None:
    between.relay.start(from_client=b"", from_backend=b"")
    between.client.going = True
    between.relay.close(1008, "x")
    between.relay.close(1001, "y")
    between.relay.from_client(b"\x81\x80mask")
    assert between.client.written == b""
    assert len(between.backend.written) == 2 + 4 + 3
    await asyncio.sleep(0.03)
    assert between.backend.aborted


@pytest.mark.parametrize("unread", [0, 10])
async def test_a_side_that_does_not_read_to_the_end_is_cut(unread: int, between: Between) -> None:
    between.relay.start(from_client=b"", from_backend=b"")
    between.client.unread = unread
    between.relay.backend_lost()
    assert between.client.going
    await asyncio.sleep(0.1)
    assert between.client.aborted == bool(unread)
