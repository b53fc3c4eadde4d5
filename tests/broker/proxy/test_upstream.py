"""The pool and the rules for what a backend may answer, against backends that do as they are told."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator

import pytest

from broker.proxy.failures import (
    BodyTooLarge,
    ClientGone,
    KeptConnectionDied,
    UpstreamBusy,
    UpstreamMisbehaved,
    UpstreamTimedOut,
    UpstreamUnreachable,
)
from broker.proxy.upstream import RequestHead, Upstream, UpstreamResponse
from tests.broker.proxy.world import HOST, Received, backend, saying, scripted, until, upstream_to

GET = RequestHead(method=b"GET", target=b"/", headers=[(b"host", b"b")])
HEAD = RequestHead(method=b"HEAD", target=b"/", headers=[(b"host", b"b")])
POST = RequestHead(method=b"POST", target=b"/", headers=[(b"host", b"b")])


async def body_of(response: UpstreamResponse) -> bytes:
    return b"".join([part async for part in response])


async def skip(response: UpstreamResponse) -> None:
    async for _ in response:
        pass


async def ask(upstream: Upstream, head: RequestHead = GET) -> tuple[int, bytes]:
    response = await upstream.send(head, None)
    try:
        return response.status, await body_of(response)
    finally:
        await response.aclose()


async def parts(*octets: bytes) -> AsyncIterator[bytes]:
    for part in octets:
        yield part


OK = b"HTTP/1.1 200 OK\r\n"
MISBEHAVIOUR = {
    "CL and TE": OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two CL": OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "two equal CL": OK + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "list of CL": OK + b"Content-Length: 3, 3\r\n\r\nabc",
    "other coding": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "bad chunk": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "bad chunk later": OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\nzz\r\n",
    "long chunk extension": OK + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * 200_000 + b"\r\na\r\n0\r\n\r\n",
    "flood of trailers": OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"x: y\r\n" * 40_000 + b"\r\n",
    "short body": OK + b"Content-Length: 5\r\n\r\nab",
    "no last chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
    "nothing": b"",
    "half a head": OK + b"Content-Le",
    "not HTTP": b"SSH-2.0-OpenSSH\r\n",
    "HTTP/2": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "odd status": b"HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n",
    "flood of interim answers": b"HTTP/1.1 100 Continue\r\n\r\n" * 1000 + OK + b"Content-Length: 0\r\n\r\n",
    "interim answer with a body": b"HTTP/1.1 103 X\r\nContent-Length: 3\r\n\r\nabc" + OK + b"\r\n",
    "large head": OK + b"X: " + b"a" * 70_000 + b"\r\nContent-Length: 0\r\n\r\n",
    "endless head": OK + b"X: a\r\n" * 40_000,
    "bare LF": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "obs-fold": OK + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "control character": OK + b"X: a\x01\r\nContent-Length: 0\r\n\r\n",
    "two answers": OK + b"Content-Length: 0\r\n\r\n" + OK + b"Content-Length: 4\r\n\r\nevil",
    "answer and garbage": OK + b"Content-Length: 0\r\n\r\ngarbage",
    "204 with a body": b"HTTP/1.1 204 No\r\nContent-Length: 4\r\n\r\nevil",
    "switch that nobody asked for": b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
}


@pytest.mark.parametrize("answer", MISBEHAVIOUR.values(), ids=MISBEHAVIOUR)
async def test_a_backend_that_breaks_the_rules_loses_its_connection(answer: bytes) -> None:
    async with scripted(saying(answer)) as port, upstream_to(port) as upstream:
        with pytest.raises(UpstreamMisbehaved) as caught:
            await ask(upstream)
        assert caught.value.status == 502
        assert upstream.unused_connections == 0


@pytest.mark.parametrize(
    ("head", "answer", "status", "body"),
    [
        (GET, OK + b"Content-Length: 3\r\n\r\nabc", 200, b"abc"),
        (GET, OK + b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nX: trailer\r\n\r\n", 200, b"abc"),
        (
            GET,
            b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 E\r\nLink: x\r\n\r\n" + OK + b"Content-Length: 1\r\n\r\na",
            200,
            b"a",
        ),
        (GET, b"HTTP/1.1 204 No\r\n\r\n", 204, b""),
        (GET, b"HTTP/1.1 304 Not\r\nContent-Length: 7\r\n\r\n", 304, b""),
        (HEAD, OK + b"Content-Length: 7\r\n\r\n", 200, b""),
        (HEAD, OK + b"Content-Length: 0\r\n\r\n", 200, b""),
        (GET, OK + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x00", 200, b"\x1f\x8b\x00"),
    ],
)
async def test_a_good_answer_is_read_and_its_connection_used_again(
    head: RequestHead, answer: bytes, status: int, body: bytes
) -> None:
    async with backend() as server, upstream_to(server.port) as upstream:
        server.answer = lambda _: answer
        for _ in range(3):
            assert await ask(upstream, head) == (status, body)
        assert server.connections == 1
        assert upstream.unused_connections == 1


@pytest.mark.parametrize(
    ("head", "answer", "body"),
    [
        (GET, OK + b"\r\nabc", b"abc"),
        (GET, b"HTTP/1.0 200 OK\r\n\r\nabc", b"abc"),
        (GET, b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
        (GET, OK + b"Connection: close\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
        (HEAD, OK + b"\r\n", b""),
        (HEAD, OK + b"Content-Length: 3\r\n\r\nabc", b""),
        (HEAD, OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", b""),
        (HEAD, OK + b"Content-Length: 7\r\n\r\nGET", b""),
    ],
)
async def test_a_connection_that_can_not_be_trusted_again_is_dropped(
    head: RequestHead, answer: bytes, body: bytes
) -> None:
    async with scripted(saying(answer)) as port, upstream_to(port) as upstream:
        for _ in range(2):
            assert await ask(upstream, head) == (200, body)
            assert upstream.unused_connections == 0


async def test_an_answer_in_small_pieces_is_one_answer() -> None:
    raw = OK + b"Content-Length: 3\r\n\r\nabc"
    script = saying(*[raw[at : at + 1] for at in range(len(raw))])
    async with scripted(script) as port, upstream_to(port) as upstream:
        assert await ask(upstream) == (200, b"abc")


async def test_bytes_that_nobody_asked_for_end_a_resting_connection() -> None:
    more = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"Content-Length: 0\r\n\r\n")
        if not more.is_set():
            await more.wait()
            writer.write(OK + b"Content-Length: 4\r\n\r\nevil")
        await reader.read()

    async with scripted(script) as port, upstream_to(port) as upstream:
        assert await ask(upstream) == (200, b"")
        assert upstream.unused_connections == 1
        more.set()
        await asyncio.sleep(0.05)
        assert await ask(upstream) == (200, b""), "the answer of a new connection, not the planted one"


async def test_bytes_between_the_end_of_an_answer_and_its_reading_cost_the_connection() -> None:
    async with backend() as server, upstream_to(server.port) as upstream:
        server.answer = lambda _: OK + b"Content-Length: 1\r\n\r\na"
        response = await upstream.send(GET, None)
        for writer in server._writers:
            writer.write(b"HTTP/1.1 200 OK\r\n")
        await asyncio.sleep(0.05)
        assert await body_of(response) == b"a"
        assert upstream.unused_connections == 0


@pytest.mark.parametrize(
    ("head", "retried"),
    [(GET, True), (HEAD, True), (POST, False), (RequestHead(method=b"DELETE", target=b"/", headers=[]), False)],
)
async def test_only_a_request_without_effect_is_repeated_when_its_old_connection_is_dead(
    head: RequestHead, retried: bool
) -> None:
    seen: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK + b"Content-Length: 0\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")

    async with scripted(script) as port, upstream_to(port) as upstream:
        await ask(upstream)
        if retried:
            assert await ask(upstream, head) == (200, b"")
        else:
            with pytest.raises(UpstreamMisbehaved):
                await ask(upstream, head)
    assert len(seen) == (2 if retried else 1)


async def test_a_request_with_a_body_is_never_repeated() -> None:
    async with backend() as server, upstream_to(server.port) as upstream:
        await ask(upstream)
        server.answer = lambda _: b"bad"
        with pytest.raises(UpstreamMisbehaved):
            await upstream.send(GET, parts(b"a"))
        assert len(server.received) == 2


async def test_a_first_connection_is_not_tried_twice() -> None:
    count = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        await reader.readuntil(b"\r\n\r\n")

    async with scripted(script) as port, upstream_to(port) as upstream:
        with pytest.raises(UpstreamMisbehaved):
            await ask(upstream)
    assert count == 1


async def test_a_connection_that_died_at_rest_is_not_chosen() -> None:
    async with backend() as server, upstream_to(server.port) as upstream:
        await ask(upstream)
        server.drop_connections()
        await until(lambda: server.open == 0)
        await asyncio.sleep(0.02)
        assert (await ask(upstream, POST))[0] == 200
        assert server.connections == 2


async def test_an_unread_answer_costs_the_connection() -> None:
    async with backend() as server, upstream_to(server.port) as upstream:
        server.answer = lambda _: OK + b"Content-Length: 3\r\n\r\nabc"
        response = await upstream.send(GET, None)
        await response.aclose()
        await response.aclose()
        assert upstream.unused_connections == 0
        assert [part async for part in response] == []
        assert await ask(upstream) == (200, b"abc")


async def test_bodies_go_out_by_length_or_in_chunks() -> None:
    async with backend() as server, upstream_to(server.port) as upstream:
        by_length = RequestHead(method=b"POST", target=b"/", headers=[(b"host", b"b"), (b"content-length", b"4")])
        for head in [by_length, POST]:
            response = await upstream.send(head, parts(b"ab", b"", b"cd"))
            await body_of(response)
        assert [got.body for got in server.received] == [b"abcd", b"abcd"]
        assert server.received[1].values(b"transfer-encoding") == [b"chunked"]
        assert server.connections == 1


@pytest.mark.parametrize("octets", [(b"abc",), (b"abcde",)])
async def test_a_body_of_another_length_than_announced_is_never_whole(octets: tuple[bytes, ...]) -> None:
    head = RequestHead(method=b"POST", target=b"/", headers=[(b"host", b"b"), (b"content-length", b"4")])
    async with backend() as server, upstream_to(server.port) as upstream:
        with pytest.raises(ClientGone):
            await upstream.send(head, parts(*octets))
        await until(lambda: server.open == 0)
        assert server.received == []


async def test_a_body_that_grows_too_large_is_cut() -> None:
    async with backend() as server, upstream_to(server.port, max_body=3) as upstream:
        with pytest.raises(BodyTooLarge):
            await upstream.send(POST, parts(b"ab", b"cd"))
        await until(lambda: server.open == 0)
        assert server.received == []


async def test_an_early_answer_is_read_while_the_body_is_still_to_come() -> None:
    never = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"a"
        await never.wait()

    script = saying(b"HTTP/1.1 413 Too\r\nContent-Length: 2\r\n\r\nno", hold=True)
    async with scripted(script) as port, upstream_to(port) as upstream:
        response = await upstream.send(POST, endless())
        assert (response.status, await body_of(response)) == (413, b"no")
        assert upstream.unused_connections == 0


async def test_no_connection_is_unreachable() -> None:
    async with backend() as server:
        port = server.port
    async with upstream_to(port) as upstream:
        with pytest.raises(UpstreamUnreachable):
            await ask(upstream)
        with pytest.raises(UpstreamUnreachable):
            await upstream.open_tunnel(GET)


async def test_a_backend_that_speaks_no_tls_is_unreachable_over_tls() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"I speak no TLS\r\n")
        await reader.read()

    async with scripted(script) as port:
        with pytest.raises(UpstreamUnreachable):
            await ask(Upstream(HOST, port, ssl=ssl.create_default_context()))


async def test_a_connection_that_is_never_accepted_times_out() -> None:
    listening = socket.create_server((HOST, 0), backlog=0)
    filling = [socket.socket() for _ in range(3)]
    for filler in filling:
        filler.setblocking(False)
        filler.connect_ex(listening.getsockname())
    async with upstream_to(listening.getsockname()[1], connect=0.05) as upstream:
        with pytest.raises(UpstreamTimedOut):
            await ask(upstream)
    for each in [listening, *filling]:
        each.close()


async def test_a_backend_that_does_not_begin_to_answer_times_out() -> None:
    async with scripted(saying(hold=True)) as port, upstream_to(port, first_byte=0.05) as upstream:
        with pytest.raises(UpstreamTimedOut) as caught:
            await ask(upstream)
        assert caught.value.status == 504
        with pytest.raises(UpstreamTimedOut):
            await upstream.open_tunnel(GET)


async def test_a_backend_that_stops_in_its_answer_times_out() -> None:
    script = saying(OK + b"Content-Length: 5\r\n\r\nab", hold=True)
    async with scripted(script) as port, upstream_to(port, idle=0.05) as upstream:
        response = await upstream.send(GET, None)
        assert await anext(response) == b"ab"
        with pytest.raises(UpstreamTimedOut):
            await anext(response)
        await response.aclose()


async def test_an_answer_may_not_take_longer_than_the_total() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"Content-Length: 5000\r\n\r\n")
        while True:
            writer.write(b"a")
            await asyncio.sleep(0.02)

    async with scripted(script) as port, upstream_to(port, total=0.15) as upstream:
        response = await upstream.send(GET, None)
        with pytest.raises(UpstreamTimedOut):
            await body_of(response)
        await response.aclose()
        again = await upstream.send(POST, parts(b"a"))
        await again.aclose()


async def test_a_backend_that_does_not_read_the_body_times_out() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65536

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async with scripted(script) as port, upstream_to(port, idle=0.1, max_body=10**10) as upstream:
        with pytest.raises(UpstreamTimedOut):
            await upstream.send(POST, endless())


async def test_the_pool_is_bounded_and_waiting_for_it_too() -> None:
    limits = {"pool_size": 1, "waiting": 1, "wait": 0.1}
    async with scripted(saying(hold=True)) as port, upstream_to(port, **limits) as upstream:
        holding = asyncio.create_task(ask(upstream))
        await asyncio.sleep(0.02)
        waiting = asyncio.create_task(ask(upstream))
        await asyncio.sleep(0.02)
        with pytest.raises(UpstreamBusy) as caught:
            await ask(upstream)
        assert caught.value.status == 503
        with pytest.raises(UpstreamBusy):
            await waiting
        holding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await holding


async def test_a_cancelled_request_frees_its_place_and_drops_its_connection() -> None:
    async with backend() as server, upstream_to(server.port, pool_size=1) as upstream:
        server.answer = lambda _: b""
        asking = asyncio.create_task(ask(upstream))
        await until(lambda: len(server.received) == 1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await until(lambda: server.open == 0)
        server.answer = lambda _: OK + b"Content-Length: 0\r\n\r\n"
        assert await ask(upstream) == (200, b"")


async def test_unused_connections_are_closed_after_a_while_and_at_the_end() -> None:
    async with backend() as server, upstream_to(server.port, keep=0.05) as upstream:
        await ask(upstream)
        assert upstream.unused_connections == 1
        await until(lambda: upstream.unused_connections == 0)
        await until(lambda: server.open == 0)
        await ask(upstream)
        response = await upstream.send(GET, None)
        await upstream.aclose()
        await body_of(response)
        assert upstream.unused_connections == 0


async def test_tunnels_are_bounded() -> None:
    async with backend() as server, upstream_to(server.port, tunnels=0) as upstream:
        with pytest.raises(UpstreamBusy):
            await upstream.open_tunnel(GET)
        assert server.connections == 0


async def test_a_refused_tunnel_is_an_ordinary_answer() -> None:
    async with backend() as server, upstream_to(server.port, tunnels=1) as upstream:
        for _ in range(2):
            answer = await upstream.open_tunnel(GET)
            assert isinstance(answer, UpstreamResponse)
            assert answer.status == 200
            assert await body_of(answer)
        await until(lambda: server.open == 0)


@pytest.mark.parametrize(
    "head",
    [
        RequestHead(method=b"GET", target=b"/ HTTP/1.1\r\nX: y", headers=[]),
        RequestHead(method=b"GET", target=b"/ x", headers=[]),
        RequestHead(method=b"GET", target=b"/", headers=[(b"x", b"a\nb")]),
        RequestHead(method=b"GET", target=b"/", headers=[(b"x\r", b"a")]),
        RequestHead(method=b"GET", target=b"/", headers=[(b"x", b"\0")]),
    ],
)
async def test_a_head_that_would_break_is_never_sent(head: RequestHead) -> None:
    async with backend() as server, upstream_to(server.port) as upstream:
        with pytest.raises(ValueError, match="end early"):
            await upstream.send(head, None)
        assert server.received == []


async def test_a_hundred_requests_at_once_get_their_own_answers() -> None:
    def numbered(received: Received) -> bytes:
        size = int(received.target[1:])
        return OK + b"Content-Length: %d\r\n\r\n" % size + received.target[-1:] * size

    async with backend() as server, upstream_to(server.port, pool_size=8, wait=30) as upstream:
        server.answer = numbered

        async def one(number: int) -> None:
            size = number * 997
            head = RequestHead(method=b"POST", target=b"/%d" % size, headers=[(b"host", b"b")])
            body = parts(*[b"%d" % number] * number) if number % 3 else None
            response = await upstream.send(head, body)
            assert await body_of(response) == (b"%d" % size)[-1:] * size

        await asyncio.gather(*[one(number) for number in range(100)])
        assert server.connections <= 8
        bodies = sorted(got.body for got in server.received)
        assert bodies == sorted(b"%d" % number * number if number % 3 else b"" for number in range(100))


async def test_an_upload_may_take_longer_than_the_first_byte_where_there_is_a_total() -> None:
    async def slow() -> AsyncIterator[bytes]:
        for _ in range(7):
            await asyncio.sleep(0.1)
            yield b"x"

    async with backend() as server, upstream_to(server.port, first_byte=0.3, total=30) as upstream:
        server.answer = lambda _: OK + b"Content-Length: 0\r\n\r\n"
        response = await upstream.send(POST, slow())
        await response.aclose()
        assert server.received[0].body == b"xxxxxxx"


async def test_the_total_ends_an_upload_too() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0.01)
            yield b"x"

    async with scripted(saying(hold=True)) as port, upstream_to(port, total=0.1) as upstream:
        with pytest.raises(UpstreamTimedOut):
            await upstream.send(POST, endless())


async def test_the_total_ends_an_answer_that_never_pauses() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"Content-Length: 1000000000000\r\n\r\n")
        while True:
            writer.write(b"a" * 65536)
            await writer.drain()

    async with scripted(script) as port, upstream_to(port, total=0.1) as upstream:
        response = await upstream.send(GET, None)
        with pytest.raises(UpstreamTimedOut):
            await skip(response)
        await response.aclose()
        assert upstream.outstanding == 0


async def test_the_total_counts_the_wait_for_a_connection() -> None:
    async with scripted(saying(hold=True)) as port, upstream_to(port, total=0.1, pool_size=1, wait=60) as upstream:
        holding = asyncio.create_task(upstream.send_once(GET, None, ends_at=None))
        await until(lambda: upstream.outstanding == 1)
        with pytest.raises(UpstreamBusy):
            await ask(upstream)
        holding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await holding
        assert upstream.outstanding == 0


@pytest.mark.parametrize(("size", "status"), [(900, 200), (1100, 0)])
async def test_the_head_of_an_answer_is_limited(size: int, status: int) -> None:
    async with backend() as server, upstream_to(server.port, max_response_head=1000) as upstream:
        server.answer = lambda _: OK + b"Content-Length: 0\r\nX: " + b"a" * size + b"\r\n\r\n"
        if status:
            assert await ask(upstream) == (status, b"")
        else:
            with pytest.raises(UpstreamMisbehaved, match="larger"):
                await ask(upstream)
            with pytest.raises(UpstreamMisbehaved, match="larger"):
                await upstream.open_tunnel(GET)
        assert upstream.outstanding == 0


async def test_what_is_under_way_is_counted_until_it_ends() -> None:
    async with backend() as server, upstream_to(server.port, pool_size=1) as upstream:
        first = await upstream.send(GET, None)
        second = asyncio.create_task(upstream.send(GET, None))
        tunnel = await upstream.open_tunnel(GET)
        await until(lambda: upstream.outstanding == 3)
        assert isinstance(tunnel, UpstreamResponse)
        await tunnel.aclose()
        await body_of(first)
        await (await second).aclose()
        assert upstream.outstanding == 0


async def test_a_single_attempt_says_that_a_kept_connection_died_and_is_not_made_twice() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"Content-Length: 0\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")

    async with scripted(script) as port, upstream_to(port) as upstream:
        assert await ask(upstream) == (200, b"")
        with pytest.raises(KeptConnectionDied):
            await upstream.send_once(GET, None, ends_at=None)
        assert await ask(upstream) == (200, b"")
        with pytest.raises(UpstreamMisbehaved) as caught:
            await upstream.send_once(POST, None, ends_at=None)
        assert type(caught.value) is UpstreamMisbehaved
        assert upstream.outstanding == 0
