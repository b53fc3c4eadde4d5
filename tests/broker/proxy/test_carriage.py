"""What a carriage does when backend, client or clock behave as they should not: an end for all, and once.

Each case goes over both data paths, so that what is right on one is right on the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from broker.config import TimeLimits
from broker.proxy.fast import FastPath
from broker.proxy.upstream import Upstream
from tests.broker.proxy.test_fast_path import PATH, ROOM, Paths, answer, request, two_paths
from tests.broker.proxy.world import HOST, edge, say, status_of, until

JSON = b"Accept: application/json"


def outstanding(paths: Paths) -> int:
    return sum(application.upstream.outstanding for application in paths.world.gate.applications)


@pytest.mark.parametrize("body", [b"", b"hello"])
async def test_a_whole_answer_with_a_head_larger_than_the_application_allows_is_refused(body: bytes) -> None:
    async with two_paths(max_response_head=4096) as paths:
        paths.world.backend.answer = answer(b"X-Large: " + b"x" * 5000, b"Content-Length: %d" % len(body), body=body)
        slow, fast = await paths.both(request(JSON))
        assert paths.carried == [PATH]
        assert status_of(fast) == 502
        assert fast == slow
        assert outstanding(paths) == 0


async def test_a_head_that_drips_is_given_up_as_soon_as_one_that_does_not_come() -> None:
    async with two_paths(time_limits=TimeLimits(first_byte=0.3)) as paths:

        async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(ROOM)
            for octet in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Slow: " + b"x" * 200:
                writer.write(bytes((octet,)))
                await asyncio.sleep(0.05)

        async with replaced(paths, drip):
            slow, fast = await paths.both(request(JSON), within=8)
        assert paths.carried == [PATH]
        assert status_of(slow) == status_of(fast) == 504


async def test_the_time_to_the_first_byte_begins_when_the_request_is_sent() -> None:
    async with two_paths(time_limits=TimeLimits(first_byte=0.5)) as paths:
        (upstream,) = upstreams(paths)
        taken = 0
        while upstream._slots.take():
            taken += 1
        seen = asyncio.Event()

        async def after_a_moment(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(ROOM)
            seen.set()
            await asyncio.sleep(0.2)  # less than it may take
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

        async with replaced(paths, after_a_moment):
            asking = asyncio.create_task(say(paths.fast, request(JSON)))
            await until(lambda: paths.carried == [PATH])
            await asyncio.sleep(0.8)  # longer than the backend may take, and no doing of its
            for _ in range(taken):
                upstream._slots.release()
            async with asyncio.timeout(3):
                await seen.wait()
            assert status_of(await asking) == 200
        assert outstanding(paths) == 0


async def test_what_goes_wrong_while_connecting_is_answered_and_leaves_nothing_behind() -> None:
    async with two_paths() as paths:
        (upstream,) = upstreams(paths)
        paths.world.backend.drop_connections()
        await until(lambda: paths.world.backend.open == 0)

        def broken() -> None:
            raise PermissionError("the private key cannot be read")

        upstream._ssl = broken  # type: ignore[assignment]
        answered = await say(paths.fast, request(JSON))
        assert status_of(answered) == 502
        assert outstanding(paths) == 0

        def mistaken() -> None:
            raise ValueError("a mistake of ours")

        upstream._ssl = mistaken  # type: ignore[assignment]
        answered = await say(paths.fast, request(JSON))
        assert status_of(answered) in (0, 500, 502)
        assert outstanding(paths) == 0


async def test_an_answer_under_way_when_the_gateway_stops_comes_whole_and_is_the_last() -> None:
    async with (
        two_paths() as paths,
        edge(paths.world.gate, gate=paths.world.gate, fast=FastPath(paths.world.gate)) as it,
    ):
        go_on = asyncio.Event()

        async def in_two_parts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(ROOM)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
            await go_on.wait()
            writer.write(b"rest")
            await reader.read()

        async with replaced(paths, in_two_parts):
            reader, writer = await asyncio.open_connection(HOST, it.port)
            writer.write(request(JSON, close=False))
            await reader.readuntil(b"half")
            (connection,) = it.state.connections
            connection.shutdown()
            go_on.set()
            async with asyncio.timeout(5):
                assert await reader.read() == b"rest"
            writer.close()
        assert outstanding(paths) == 0


def upstreams(paths: Paths) -> list[Upstream]:
    (application,) = (one for one in paths.world.gate.applications if one.id == "kmo-portefeuille")
    return list(application.upstream._upstreams)


class replaced:  # noqa: N801  (reads as a verb)
    """Within it, something else stands where the backend was."""

    def __init__(
        self, paths: Paths, script: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
    ) -> None:
        self._paths = paths
        self._script = script
        self._running: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> None:
        backend = self._paths.world.backend
        self._paths.world.server.close()
        backend.drop_connections()
        await until(lambda: backend.open == 0)
        self._server = await asyncio.start_server(self._serve, HOST, backend.port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._script(reader, writer)
        finally:
            self._running.discard(task)
            writer.close()

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._running):
            task.cancel()
        await until(lambda: not self._running)
