"""The whole way from a client's socket through edge and forwarder to a backend and back."""

from __future__ import annotations

import asyncio
import hashlib
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from broker.proxy.failures import BodyTooLarge, ClientGone, ForwardingFailed, UpstreamMisbehaved, UpstreamTimedOut
from broker.proxy.forward import forward
from broker.proxy.targets import application_path, check_target
from tests.broker.proxy.test_targets import TARGETS
from tests.broker.proxy.test_upstream import MISBEHAVIOUR, OK
from tests.broker.proxy.world import (
    HOST,
    Chain,
    Received,
    chain,
    parts_of,
    read_all,
    request,
    say,
    saying,
    status_of,
    until,
    upstream_to,
)


async def test_what_a_client_claims_to_be_never_reaches_the_backend() -> None:
    async with chain() as links:
        await say(
            links.port,
            request(
                b"X-Inkom-Person: root",
                b"x-inkom-name: Root",
                b"X_Inkom_Person: root",
                b"X!Inkom!Person: root",
                b"X~Inkom.Role: root",
                b"X.Inkom.Person: root",
                b"X-Forwarded-For: 6.6.6.6",
                b"Forwarded: for=6.6.6.6",
                b"Authorization: Bearer x",
                b"Cookie: a=1; __Host-inkom=secret; b=2",
                b"Accept-Encoding: br",
            ),
        )
        (received,) = links.backend.received
    assert received.headers == [
        (b"host", b"gw.example"),
        (b"cookie", b"a=1; b=2"),
        (b"accept-encoding", b"br"),
        (b"x-forwarded-for", b"192.0.2.1"),
        (b"x-forwarded-proto", b"https"),
        (b"x-forwarded-host", b"gw.example"),
        (b"x-inkom-person", b"p-1"),
        (b"x-inkom-name", b"%C3%89lo%C3%AFse"),
    ]


async def test_connection_can_not_remove_the_identity() -> None:
    async with chain() as links:
        raw = request(b"Connection: close, X-Inkom-Person, X-Forwarded-For, Host, Cookie", b"Cookie: a=1", close=False)
        await say(links.port, raw)
        (received,) = links.backend.received
    assert received.values(b"x-inkom-person") == [b"p-1"]
    assert received.values(b"x-forwarded-for") == [b"192.0.2.1"]
    assert received.values(b"host") == [b"gw.example"]
    assert received.values(b"cookie") == [b"a=1"]


async def test_what_a_backend_may_not_say_never_reaches_the_client() -> None:
    fields = b"Set-Cookie: __Host-inkom=evil\r\nSet-Cookie: a=1\r\nX-Inkom-Person: p\r\nClear-Site-Data: x\r\n"
    async with chain(saying(OK + fields + b"Content-Length: 2\r\n\r\nok")) as links:
        links.edge.state.default_headers = [(b"date", b"now")]
        status, headers, body = parts_of(await say(links.port, request()))
    assert (status, body) == (200, b"ok")
    assert headers == {
        b"date": [b"now"],
        b"set-cookie": [b"a=1"],
        b"content-length": [b"2"],
        b"cache-control": [b"no-store"],
        b"connection": [b"close"],
    }


@pytest.mark.parametrize("answer", MISBEHAVIOUR.values(), ids=MISBEHAVIOUR)
async def test_a_misbehaving_backend_becomes_502_or_a_cut_answer_never_a_whole_one(answer: bytes) -> None:
    async with chain(saying(answer)) as links:
        answered = await say(links.port, request())
        failed = await links.forwarder.failure()
        assert isinstance(failed, UpstreamMisbehaved)
        if not failed.answer_started:
            assert status_of(answered) == 502
        else:
            assert not answered.endswith(b"0\r\n\r\n")
        assert b"evil" not in answered
        assert links.upstream.unused_connections == 0


@pytest.mark.parametrize(
    ("limits", "script", "status"),
    [
        ({"first_byte": 0.05}, saying(hold=True), 504),
        ({"pool_size": 0, "wait": 0.05}, None, 503),
        ({"max_body": 2}, None, 413),
    ],
)
async def test_each_failure_has_its_status(limits: dict[str, Any], script: None, status: int) -> None:
    async with chain(script, **limits) as links:
        raw = request(b"Content-Length: 3", method=b"POST", body=b"abc")
        assert status_of(await say(links.port, raw)) == status
        assert links.backend.received == []


async def test_a_chunked_body_that_grows_too_large_is_cut() -> None:
    async with chain(max_body=4) as links:
        raw = request(b"Transfer-Encoding: chunked", method=b"POST", body=b"3\r\nabc\r\n")
        assert status_of(await say(links.port, raw, b"3\r\ndef\r\n0\r\n\r\n")) == 413
        assert isinstance(await links.forwarder.failure(), BodyTooLarge)
        assert links.backend.received == []


async def test_an_unreachable_backend_is_502() -> None:
    async with chain() as links:
        await links.upstream.aclose()
        links.upstream._port = 1
        assert status_of(await say(links.port, request())) == 502


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_without_a_body_has_none(status: int) -> None:
    async with chain() as links:
        length = b"Content-Length: 7\r\n" if status == 304 else b""
        links.backend.answer = lambda _: b"HTTP/1.1 %d X\r\n%b\r\n" % (status, length)
        answered = await say(links.port, request(close=False) + request())
        assert answered.count(b"HTTP/1.1 %d " % status) == 2
        assert links.backend.connections == 1


async def test_an_answer_to_head_has_its_length_and_no_body() -> None:
    async with chain() as links:
        answered = await say(links.port, request(method=b"HEAD", close=False) + request())
        first, _, rest = answered.partition(b"\r\n\r\n")
        assert b"content-length: 0" not in first
        assert rest.startswith(b"HTTP/1.1 200 OK")


async def test_server_sent_events_are_passed_on_one_by_one() -> None:
    turn: asyncio.Queue[bytes] = asyncio.Queue()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"Content-Type: text/event-stream\r\n\r\n")
        while event := await turn.get():
            writer.write(event)

    async with chain(script) as links:
        reader, writer = await asyncio.open_connection(HOST, links.port)
        writer.write(request())
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"content-type: text/event-stream" in head
        for number in range(3):
            event = b"data: %d\n\n" % number
            turn.put_nowait(event)
            assert event in await reader.readuntil(event + b"\r\n")
        turn.put_nowait(b"")
        assert await read_all(reader) == b"0\r\n\r\n"
        writer.close()


async def test_a_client_that_leaves_frees_the_backend() -> None:
    closed = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"\r\nhello")
        assert await reader.read() == b""
        closed.set()

    async with chain(script) as links:
        reader, writer = await asyncio.open_connection(HOST, links.port)
        writer.write(request())
        await reader.readuntil(b"hello")
        writer.transport.abort()
        async with asyncio.timeout(5):
            await closed.wait()
        failed = await links.forwarder.failure()
        assert isinstance(failed, ClientGone)
        assert failed.answer_started


async def test_a_client_that_leaves_before_the_answer_frees_the_backend() -> None:
    async with chain() as links:
        links.backend.answer = lambda _: b""
        _, writer = await asyncio.open_connection(HOST, links.port)
        writer.write(request())
        await until(lambda: len(links.backend.received) == 1)
        writer.transport.abort()
        await until(lambda: links.backend.open == 0)
        assert not (await links.forwarder.failure()).answer_started


@pytest.mark.parametrize("framing", [b"Content-Length: 100", b"Transfer-Encoding: chunked"])
async def test_half_a_body_is_never_forwarded_as_a_whole_one(framing: bytes) -> None:
    async with chain() as links:
        _, writer = await asyncio.open_connection(HOST, links.port)
        writer.write(request(framing, method=b"POST", body=b"5\r\nhello\r\n"))
        await until(lambda: b"hello" in links.backend.raw)
        writer.close()
        await until(lambda: links.backend.open == 0)
        assert links.backend.received == []
        assert not links.backend.raw.endswith(b"0\r\n\r\n")


async def test_an_answer_that_breaks_off_is_cut_for_the_client() -> None:
    async with chain(saying(OK + b"Content-Length: 100\r\n\r\nhello")) as links:
        reader, writer = await asyncio.open_connection(HOST, links.port)
        writer.write(request(close=False))
        answered = await read_all(reader)
        assert len(answered.partition(b"\r\n\r\n")[2]) < 100
        writer.close()
        assert (await links.forwarder.failure()).answer_started


async def test_an_early_answer_reaches_a_client_that_is_still_sending() -> None:
    script = saying(b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno", hold=True)
    async with chain(script) as links:
        reader, writer = await asyncio.open_connection(HOST, links.port)
        writer.write(request(b"Content-Length: 100000", method=b"POST", close=False, body=b"x" * 1000))
        answered = await reader.readuntil(b"\r\n\r\nno")
        assert status_of(answered) == 403
        writer.write(b"x" * 99_000 + request(target=b"/next", close=True))
        assert status_of(await read_all(reader)) == 403
        writer.close()


async def test_forwarding_works_for_a_server_without_the_edges_extension() -> None:
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        sent.append(message)

    async with chain(saying(OK + b"Content-Length: 9\r\n\r\nab")) as links:
        with pytest.raises(ForwardingFailed) as caught:
            await forward(
                {"type": "http", "method": "GET", "headers": []},
                receive,
                send,
                upstream=links.upstream,
                target=b"/",
                headers=[],
                own_cookies=frozenset(),
            )
    assert caught.value.answer_started
    assert sent[0]["status"] == 200


async def test_a_failing_server_interface_is_not_hidden() -> None:
    async def receive() -> dict[str, object]:
        raise RuntimeError("the server is broken")

    async def send(message: object) -> None:
        raise AssertionError("nothing may be sent")

    async with chain(saying(hold=True)) as links:
        with pytest.raises(RuntimeError, match="the server is broken"):
            await forward(
                {"type": "http", "method": "GET", "headers": []},
                receive,
                send,
                upstream=links.upstream,
                target=b"/",
                headers=[],
                own_cookies=frozenset(),
            )


async def test_a_hundred_clients_at_once_get_their_own_answers() -> None:
    def own(received: Received) -> bytes:
        body = received.target + b" " + hashlib.sha256(received.body).hexdigest().encode() + b"x" * len(received.body)
        if len(received.body) % 2:
            chunks = b"".join(
                b"%x\r\n%b\r\n" % (len(body[at : at + 999]), body[at : at + 999]) for at in range(0, len(body), 999)
            )
            return OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
        return OK + b"Content-Length: %d\r\n\r\n" % len(body) + body

    async with chain(pool_size=10, wait=30) as links:
        links.backend.answer = own

        async def client(number: int) -> None:
            raw, expected = b"", []
            for turn in range(3):
                body = b"%d-%d " % (number, turn) * (number * 37 * turn)
                target = b"/%d/%d" % (number, turn)
                raw += request(
                    b"Content-Length: %d" % len(body), method=b"POST", target=target, body=body, close=turn == 2
                )
                expected.append(target + b" " + hashlib.sha256(body).hexdigest().encode())
            answered = await say(links.port, raw, within=30)
            assert [answered.count(each) for each in expected] == [1, 1, 1]
            assert answered.count(b"HTTP/1.1 200 ") == 3
            assert sum(answered.count(b"/%d/" % other) for other in range(100) if other != number) == 0

        await asyncio.gather(*[client(number) for number in range(100)])
        assert links.backend.connections <= 10


BIG = 50 * 1024 * 1024
PART = 256 * 1024


async def test_fifty_megabytes_come_down_to_a_slow_reader_without_being_held() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"Content-Length: %d\r\n\r\n" % BIG)
        for _ in range(BIG // PART):
            writer.write(b"x" * PART)
            await writer.drain()

    async with chain(script) as links:
        tracemalloc.start()
        reader, writer = await asyncio.open_connection(HOST, links.port)
        writer.write(request())
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.2)
        got = 0
        while part := await reader.read(PART):
            got += len(part)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        writer.close()
    assert got == BIG
    assert peak < 8 * 1024 * 1024


async def test_fifty_megabytes_go_up_to_a_slow_backend_without_being_held() -> None:
    got = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal got
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.2)
        while got < BIG:
            got += len(await reader.read(PART))
        writer.write(OK + b"Content-Length: 0\r\n\r\n")

    async with chain(script) as links:
        tracemalloc.start()
        reader, writer = await asyncio.open_connection(HOST, links.port)
        writer.write(request(b"Content-Length: %d" % BIG, method=b"PUT"))
        for _ in range(BIG // PART):
            writer.write(b"x" * PART)
            await writer.drain()
        assert status_of(await read_all(reader)) == 200
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        writer.close()
    assert got == BIG
    assert peak < 8 * 1024 * 1024


def test_the_backend_gets_exactly_the_target_that_was_decided_on() -> None:
    with asyncio.Runner() as runner:
        opened = chain()
        links: Chain = runner.run(opened.__aenter__())

        @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
        @given(TARGETS)
        def holds(target: bytes) -> None:
            # Line ends make other lines of it, and spaces around it are not of it (RFC 9112 3).
            if b"\r" in target or b"\n" in target or target != target.strip(b" "):
                return
            links.backend.received.clear()
            answered = runner.run(say(links.port, request(target=target)))
            if check_target(target, host=b"gw.example") is not None:
                assert status_of(answered) == 400
                assert links.backend.received == []
                return
            assert status_of(answered) == 200
            (received,) = links.backend.received
            assert received.target == target == links.forwarder.targets[-1]
            assert application_path(received.target) == application_path(target)
            assert json.loads(parts_of(answered)[2])["target"].encode() == target

        holds()
        runner.run(opened.__aexit__(None, None, None))


async def test_a_request_has_the_time_that_its_backend_is_given() -> None:
    async with chain(saying(OK + b"Content-Length: 5\r\n\r\nab", hold=True), idle=0.05) as links:
        answered = await say(links.port, request())
        assert status_of(answered) in (0, 200)
        failed = await links.forwarder.failure()
        assert isinstance(failed, UpstreamTimedOut)
        assert failed.answer_started


async def test_a_pool_without_limits_given_has_the_usual_ones() -> None:
    async with chain() as links, upstream_to(links.backend.port) as upstream:
        assert upstream.limits.connect == 5
        assert upstream.limits.total is None


async def test_a_client_that_leaves_leaves_nothing_under_way() -> None:
    body = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"
    async with chain(saying(body, hold=True)) as links:
        reader, writer = await asyncio.open_connection(HOST, links.port)
        writer.write(request(close=False))
        await reader.readuntil(b"ab")
        assert links.upstream.outstanding == 1
        writer.close()
        await until(lambda: links.upstream.outstanding == 0)
