"""The edge on raw sockets: what is refused, what is answered in which order, and what is cut when."""

from __future__ import annotations

import asyncio
import inspect
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from broker.proxy.cycle import EdgeSettings
from broker.proxy.edge import EdgeProtocol, server_config
from broker.proxy.messages import MessageLimits
from broker.proxy.tunnel import TunnelProtocol
from tests.broker.proxy.world import (
    HOST,
    Chain,
    answer,
    chain,
    edge,
    parts_of,
    read_all,
    request,
    say,
    status_of,
    until,
)


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Chain]:
    async with chain() as links:
        yield links


def test_uvicorn_still_has_what_the_edge_relies_on() -> None:
    assert uvicorn.__version__.startswith("0.54.")
    methods = "data_received on_message_begin on_url on_header on_headers_complete on_body on_message_complete"
    assert all(callable(getattr(HttpToolsProtocol, name)) for name in methods.split())
    more = "_start_asgi_task on_response_complete handle_websocket_upgrade shutdown"
    assert all(callable(getattr(HttpToolsProtocol, name)) for name in more.split())
    source = inspect.getsource(HttpToolsProtocol)
    for attribute in ["pipeline", "flow", "cycle", "tasks", "connections", "expect_100_continue", "url", "headers"]:
        assert f"self.{attribute}" in source
    parameters = list(inspect.signature(RequestResponseCycle).parameters)
    assert parameters == [
        "scope",
        "transport",
        "flow",
        "logger",
        "access_logger",
        "access_log",
        "default_headers",
        "message_event",
        "expect_100_continue",
        "keep_alive",
        "on_response",
    ]
    for attribute in ["more_body", "response_complete", "disconnected", "expected_content_length", "chunked_encoding"]:
        assert f"self.{attribute}" in inspect.getsource(RequestResponseCycle)


def test_the_server_trusts_nothing_that_a_client_forwards() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, 200, b"")

    config = server_config(app, host=HOST, port=0)
    config.load()
    assert config.http_protocol_class is EdgeProtocol
    assert config.ws_protocol_class is TunnelProtocol
    assert not config.proxy_headers
    assert not config.server_header


CHUNKED = b"POST / HTTP/1.1\r\nHost: gw.example\r\nTransfer-Encoding: chunked\r\n\r\n"
NEXT = b"GET /smuggled HTTP/1.1\r\nHost: gw.example\r\nConnection: close\r\n\r\n"
BAD_HEADS = {
    "CL and TE": (request(b"Content-Length: 4", b"Transfer-Encoding: chunked", method=b"POST"), 400),
    "TE and CL": (request(b"Transfer-Encoding: chunked", b"Content-Length: 4", method=b"POST"), 400),
    "two equal CL": (request(b"Content-Length: 4", b"Content-Length: 4", method=b"POST", body=b"abcd"), 400),
    "two CL": (request(b"Content-Length: 4", b"Content-Length: 5", method=b"POST", body=b"abcde"), 400),
    **{f"CL {bad!r}": (request(b"Content-Length: " + bad, method=b"POST", body=b"abcde"), 400)
       for bad in [b"5, 6", b"5, 5", b"+5", b"-1", b"-0", b"1_0", b"0x5", b"0o5", b"5 0", b"",
                   b"18446744073709551616"]},
    **{f"TE {bad!r}": (request(b"Transfer-Encoding: " + bad, method=b"POST", body=b"0\r\n\r\n"), 400)
       for bad in [b"chunked, identity", b"chunked, chunked", b"chunked,", b"\x0bchunked",
                   b"chunked\x0c", b"chunked\x00", b"\r\n chunked"]},
    **{f"TE {bad!r}": (request(b"Transfer-Encoding: " + bad, method=b"POST", body=b"0\r\n\r\n"), 501)
       for bad in [b"gzip, chunked", b"xchunked", b"chunked;a=b", b"identity"]},
    "two TE": (request(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", method=b"POST"), 400),
    "TE with a space before the colon": (request(b"Transfer-Encoding : chunked", method=b"POST"), 400),
    "TE in HTTP/1.0": (b"POST / HTTP/1.0\r\nHost: gw.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "bare LF": (b"GET / HTTP/1.1\nHost: gw.example\n\n", 400),
    "bare LF after a field": (b"GET / HTTP/1.1\r\nHost: gw.example\n\r\n", 400),
    "bare CR": (request(b"X: a\rb"), 400),
    "obs-fold": (request(b"X: a\r\n b"), 400),
    "space before a colon": (request(b"X : a"), 400),
    "empty name": (request(b": a"), 400),
    "bracket in a name": (request(b"X[: a"), 400),
    "non-ASCII name": (request(b"X\xc3\xa9: a"), 400),
    "no colon": (request(b"X"), 400),
    "NUL in a value": (request(b"X: a\0b"), 400),
    "control character in a value": (request(b"X: a\x01b"), 400),
    "space before the first field": (b"GET / HTTP/1.1\r\n Host: gw.example\r\n\r\n", 400),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "no Host in HTTP/1.0": (b"GET / HTTP/1.0\r\n\r\n", 400),
    "two Hosts": (request(b"Host: gw.example"), 400),
    **{f"Host {bad!r}": (b"GET / HTTP/1.1\r\nHost: " + bad + b"\r\n\r\n", 400)
       for bad in [b"a, b", b"u@gw.example", b"gw.example?", b"gw.example/x", b"gw.example:99999", b"gw.example:x",
                   b""]},
    "absolute-form of another host": (request(target=b"http://evil.example/"), 400),
    "* with GET": (request(target=b"*"), 400),
    "* with OPTIONS": (request(target=b"*", method=b"OPTIONS"), 400),
    "CONNECT": (b"CONNECT gw.example:443 HTTP/1.1\r\nHost: gw.example\r\n\r\n", 501),
    "TRACE": (request(method=b"TRACE"), 501),
    "RTSP": (b"DESCRIBE / RTSP/1.0\r\nHost: gw.example\r\n\r\n", 501),
    "lower-case method": (request(method=b"get"), 400),
    "long method": (request(method=b"G" * 100_000), 400),
    "HTTP/0.9 without a version": (b"GET /\r\n\r\n", 505),
    "HTTP/0.9": (b"GET / HTTP/0.9\r\nHost: gw.example\r\n\r\n", 505),
    "HTTP/2.0": (b"GET / HTTP/2.0\r\nHost: gw.example\r\n\r\n", 505),
    "HTTP/9.9": (b"GET / HTTP/9.9\r\nHost: gw.example\r\n\r\n", 400),
    "HTTP/01.01": (b"GET / HTTP/01.01\r\nHost: gw.example\r\n\r\n", 400),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "fragment": (request(target=b"/a#b"), 400),
    "8-bit target": (request(target=b"/\xe9"), 400),
    "control character in the target": (request(target=b"/\x01"), 400),
    "dot segments": (request(target=b"/public/../admin"), 400),
    "long target": (request(target=b"/" + b"a" * 9000), 414),
    "101 fields": (request(*[b"X: 1"] * 100), 431),
    "10 000 fields": (request(*[b"X: 1"] * 10_000), 431),
    "large fields": (request(b"X: " + b"1" * 33_000), 431),
    "very large field": (request(b"X: " + b"1" * 500_000), 431),
    "large cookies": (request(b"Cookie: a=" + b"1" * 17_000), 431),
    "unknown expectation": (request(b"Expect: tea", b"Content-Length: 1", method=b"POST", body=b"x"), 417),
    "POST that wants a WebSocket": (
        request(b"Upgrade: websocket", b"Connection: Upgrade", method=b"POST", close=False) + b"x", 400),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "status"), BAD_HEADS.values(), ids=BAD_HEADS)
async def test_a_bad_head_is_refused_and_nothing_after_it_is_read(raw: bytes, status: int, running: Chain) -> None:
    running.edge.state.default_headers = [(b"date", b"now")]
    answered = await say(running.port, raw, NEXT)
    assert answered == b"" or status_of(answered) == status
    assert answered != b"" or len(raw) > 200_000, "only a flood may be cut without an answer"
    assert answered.count(b"HTTP/1.1 ") <= 1
    assert running.backend.raw == b""
    assert running.forwarder.targets == []


BAD_CHUNKS = [
    b"+2\r\nab\r\n0\r\n\r\n",
    b"-1\r\nab\r\n0\r\n\r\n",
    b"0x2\r\nab\r\n0\r\n\r\n",
    b"1_0\r\nab\r\n0\r\n\r\n",
    b" 2\r\nab\r\n0\r\n\r\n",
    b"2 \r\nab\r\n0\r\n\r\n",
    b"10000000000000000\r\nab",
    b"2;\r\nab\r\n0\r\n\r\n",
    b"2;a[]=\r\nab\r\n0\r\n\r\n",
    b"2;a\nb\r\nab\r\n0\r\n\r\n",
    b"2;a\rb\r\nab\r\n0\r\n\r\n",
    b"2;" + b"a" * 65536 + b"\r\nab\r\n0\r\n\r\n",
    b"2\r\nab0\r\n\r\n",
    b"2\r\nabc\r\n0\r\n\r\n",
    b"2\nab\n0\n\n",
    b"0\r\nX: a\r\n b\r\n\r\n",
    b"0\r\n" + b"X: a\r\n" * 20_000 + b"\r\n",
    b"0\r\nX\r\n\r\n",
]


@pytest.mark.parametrize("body", BAD_CHUNKS, ids=lambda body: repr(body[:20]))
async def test_a_bad_chunk_ends_the_request_and_no_backend_takes_its_half_for_the_whole(
    body: bytes, running: Chain
) -> None:
    answered = await say(running.port, CHUNKED + body + NEXT)
    assert status_of(answered) == 400
    assert answered.count(b"HTTP/1.1 ") == 1
    await until(lambda: running.backend.open == 0)
    assert running.backend.received == []


async def test_a_bad_chunk_later_on_ends_the_request_too(running: Chain) -> None:
    answered = await say(running.port, CHUNKED + b"3\r\nabc\r\n", b"zz\r\n")
    assert status_of(answered) == 400
    await until(lambda: running.backend.open == 0)
    assert running.backend.received == []


async def test_good_chunks_and_their_trailers_arrive_without_the_trailers(running: Chain) -> None:
    raw = CHUNKED + b"2;x=y\r\nab\r\n1\r\nc\r\n0\r\nX-User: root\r\nAuthorization: x\r\nHost: evil\r\n\r\n"
    answered = await say(running.port, raw + NEXT)
    assert answered.count(b"HTTP/1.1 200 ") == 2
    first, second = running.backend.received
    assert (first.body, second.target) == (b"abc", b"/smuggled")
    assert [value for name, value in first.headers if name == b"host"] == [b"gw.example"]
    assert not {b"x-user", b"authorization"} & {name for name, _ in first.headers + second.headers}


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"OPTIONS", b"DELETE"])
async def test_a_body_where_none_is_expected_does_not_become_a_request(method: bytes, running: Chain) -> None:
    body = b"GET /inner HTTP/1.1\r\nHost: gw.example\r\n\r\n"
    first = request(b"Content-Length: %d" % len(body), method=method, body=body, close=False)
    answered = await say(running.port, first + NEXT)
    assert answered.count(b"HTTP/1.1 200 ") == 2
    assert [got.target for got in running.backend.received] == [b"/", b"/smuggled"]
    assert running.backend.received[0].body == body


async def test_underscore_names_are_no_framing(running: Chain) -> None:
    answered = await say(running.port, request(b"Transfer_Encoding: chunked", b"Content_Length: 5", close=False) + NEXT)
    assert answered.count(b"HTTP/1.1 200 ") == 2


@pytest.mark.parametrize(
    "target", [b"/a%20b?c=//..", b"http://GW.example./a%20b?c=//..", b"http://gw.example:80/a%20b?c=//.."]
)
async def test_the_backend_gets_the_bytes_that_the_application_saw(target: bytes, running: Chain) -> None:
    assert status_of(await say(running.port, request(target=target))) == 200
    assert running.forwarder.targets == [target]
    assert running.backend.received[0].target == b"/a%20b?c=//.."


async def test_pipelined_requests_are_answered_in_order(running: Chain) -> None:
    raw = b"".join(request(target=b"/%d" % number, close=False) for number in range(5)) + NEXT
    answered = await say(running.port, raw)
    targets = [got.target for got in running.backend.received]
    assert targets == [b"/0", b"/1", b"/2", b"/3", b"/4", b"/smuggled"]
    positions = [answered.index(b'"target": "%b"' % target) for target in targets]
    assert positions == sorted(positions)


async def test_more_pipelined_requests_than_allowed_close_the_connection_after_the_allowed_ones(running: Chain) -> None:
    raw = b"".join(request(target=b"/%d" % number, close=False) for number in range(500))
    answered = await say(running.port, raw)
    assert 1 <= answered.count(b"HTTP/1.1 200 ") <= 10
    assert answered.count(b"connection: close") == 1
    assert len(running.backend.received) == answered.count(b"HTTP/1.1 200 ")


async def test_a_bad_request_behind_a_good_one_does_not_take_its_answer() -> None:
    release = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await release.wait()
        await answer(send, 200, b"good")

    async with edge(app) as running:
        reader, writer = await asyncio.open_connection(HOST, running.port)
        writer.write(request(close=False) + b"GET / HTTP/9.9\r\n\r\n" + NEXT)
        await until(lambda: bool(running.state.tasks))
        await asyncio.sleep(0.02)
        release.set()
        answered = await read_all(reader)
        writer.close()
    assert answered.startswith(b"HTTP/1.1 200 ")
    assert answered.index(b"good") < answered.index(b"HTTP/1.1 400 ")
    assert answered.count(b"HTTP/1.1 ") == 2


async def test_a_bad_body_behind_a_running_request_is_refused_in_its_turn() -> None:
    release = asyncio.Event()
    started: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        started.append(scope["path"])
        await release.wait()
        await answer(send, 200, b"good")

    async with edge(app) as running:
        reader, writer = await asyncio.open_connection(HOST, running.port)
        writer.write(request(target=b"/first", close=False) + CHUNKED + b"zz\r\n")
        await until(lambda: bool(started))
        release.set()
        answered = await read_all(reader)
        writer.close()
    assert started == ["/first"]
    assert answered.index(b"good") < answered.index(b"HTTP/1.1 400 ")


async def test_a_bad_body_after_the_answer_began_cuts_the_connection(running: Chain) -> None:
    began = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"part", "more_body": True})
        began.set()
        while (await receive())["type"] != "http.disconnect":
            pass

    async with edge(app) as alone:
        reader, writer = await asyncio.open_connection(HOST, alone.port)
        writer.write(CHUNKED + b"1\r\na\r\n")
        await began.wait()
        writer.write(b"zz\r\n")
        answered = await read_all(reader)
        writer.close()
    assert answered.count(b"HTTP/1.1") <= 1
    assert not answered.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@pytest.mark.parametrize("upgrade", [b"h2c", b"TLS/1.2", b"websocket, h2c"])
async def test_other_upgrades_are_ignored(upgrade: bytes, version: bytes, running: Chain) -> None:
    first = b"GET /a HTTP/%b\r\nHost: gw.example\r\n" % version
    offer = b"Connection: keep-alive, Upgrade, HTTP2-Settings\r\nUpgrade: %b\r\nHTTP2-Settings: x\r\n\r\n" % upgrade
    answered = await say(running.port, first + offer + (NEXT if version == b"1.1" else b""))
    assert b" 101 " not in answered
    assert answered.count(b"HTTP/1.1 200 ") == (2 if version == b"1.1" else 1)
    assert not {b"upgrade", b"http2-settings", b"connection"} & {
        name for name, _ in running.backend.received[0].headers
    }


async def test_an_ignored_upgrade_keeps_its_body_a_body(running: Chain) -> None:
    first = request(b"Upgrade: h2c", b"Connection: Upgrade", b"Content-Length: 3", method=b"POST", close=False)
    answered = await say(running.port, first + b"abc", NEXT)
    assert answered.count(b"HTTP/1.1 200 ") == 2
    assert running.backend.received[0].body == b"abc"


async def test_an_upgrade_without_the_connection_option_is_ignored(running: Chain) -> None:
    assert status_of(await say(running.port, request(b"Upgrade: websocket"))) == 200


async def test_a_websocket_behind_another_request_is_refused(running: Chain) -> None:
    upgrade = request(b"Upgrade: websocket", b"Connection: Upgrade", close=False)
    answered = await say(running.port, request(close=False) + upgrade)
    assert answered.startswith(b"HTTP/1.1 200 ")
    assert answered.count(b"HTTP/1.1 400 ") == 1


async def test_a_client_that_asks_gets_100_and_then_the_answer(running: Chain) -> None:
    reader, writer = await asyncio.open_connection(HOST, running.port)
    writer.write(request(b"Expect: 100-continue", b"Content-Length: 3", method=b"PUT"))
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"abc")
    assert status_of(await read_all(reader)) == 200
    writer.close()
    assert running.backend.received[0].body == b"abc"
    assert running.backend.received[0].values(b"expect") == []


async def test_a_client_that_asks_and_is_refused_must_not_reuse_the_connection() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, 403, b"no")

    async with edge(app) as running:
        raw = request(b"Expect: 100-continue", b"Content-Length: 3", method=b"PUT", close=False)
        status, headers, _ = parts_of(await say(running.port, raw))
    assert (status, headers[b"connection"]) == (403, [b"close"])


async def test_http_1_0_ignores_expectations_and_gets_no_chunks() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["http_version"] == "1.0"
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"Date", b"then")]})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await send({"type": "http.response.body", "body": b"b", "more_body": False})

    async with edge(app) as running:
        running.state.default_headers = [(b"date", b"now")]
        raw = b"POST / HTTP/1.0\r\nHost: gw.example\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx"
        status, headers, body = parts_of(await say(running.port, raw))
    assert (status, body) == (200, b"ab")
    assert headers == {b"date": [b"then"], b"connection": [b"close"]}


async def early(scope: Scope, receive: Receive, send: Send) -> None:
    await answer(send, 401, b"sign in")


async def test_a_body_that_nobody_wants_is_read_and_the_next_request_is_not_poisoned() -> None:
    async with edge(early, keep_alive=0.2) as running:
        raw = request(b"Content-Length: 100000", method=b"POST", close=False)
        answered = await say(running.port, raw, b"x" * 50_000, b"GET / HTTP/1.1\r\n\r\n" + b"x" * 49_982, NEXT)
        assert answered.count(b"HTTP/1.1 401 ") == 2
        again = await say(running.port, raw, b"x" * 100_000)
    assert again.count(b"HTTP/1.1 401 ") == 1, "an unused connection is closed"


async def test_a_large_body_that_nobody_wants_is_cut() -> None:
    async with edge(early, settings=EdgeSettings(swallow=50_000)) as running:
        reader, writer = await asyncio.open_connection(HOST, running.port)
        writer.write(request(b"Content-Length: 100000000", method=b"POST", close=False))
        assert status_of(await reader.readuntil(b"sign in")) == 401
        with pytest.raises(ConnectionError):
            await flood(writer)
        writer.close()


async def flood(writer: asyncio.StreamWriter) -> None:
    for _ in range(10_000):
        writer.write(b"x" * 65536)
        await writer.drain()
        await asyncio.sleep(0)


async def test_an_answer_that_closes_survives_what_is_sent_behind_the_last_request(running: Chain) -> None:
    client = socket.create_connection((HOST, running.port))
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(client, request())
    await until(lambda: len(running.backend.received) == 1)
    for _ in range(5):
        await asyncio.sleep(0.02)
        await loop.sock_sendall(client, b"GET / HTTP/1.1\r\n")
    got = b""
    while data := await loop.sock_recv(client, 65536):
        got += data
    client.close()
    assert status_of(got) == 200
    assert len(running.backend.received) == 1


async def test_an_answer_that_closes_survives_the_unread_body() -> None:
    async with edge(early) as running:
        raw = request(b"Content-Length: 200000", method=b"POST")
        assert b"sign in" in await say(running.port, raw + b"x" * 100_000)


async def test_a_broken_body_after_its_answer_gets_no_second_answer() -> None:
    async with edge(early) as running:
        reader, writer = await asyncio.open_connection(HOST, running.port)
        writer.write(CHUNKED + b"1\r\na\r\n")
        first = await reader.readuntil(b"sign in")
        writer.write(b"zz\r\n")
        assert (first + await read_all(reader)).count(b"HTTP/1.1") == 1
        writer.close()


QUICK = EdgeSettings(head_time=0.15, body_time=0.15, body_floor=10, reader_time=0.3, linger=0.2)


async def test_a_head_that_drips_is_cut_and_others_are_served() -> None:
    async with edge(early, settings=QUICK) as running:
        reader, writer = await asyncio.open_connection(HOST, running.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: gw.ex")
        dripping = asyncio.create_task(drip(writer))
        assert status_of(await say(running.port, request())) == 401
        assert status_of(await read_all(reader)) == 408
        dripping.cancel()
        writer.close()


async def drip(writer: asyncio.StreamWriter) -> None:
    while not writer.is_closing():
        writer.write(b"a")
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("said", [b"", b"\r\n"])
async def test_a_connection_that_says_nothing_is_closed(said: bytes) -> None:
    async with edge(early, settings=QUICK) as running:
        assert await say(running.port, said) == b""


async def test_a_half_head_behind_a_slow_request_waits_for_its_answer() -> None:
    release = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await release.wait()
        await answer(send, 200, b"good")

    async with edge(app, settings=QUICK) as running:
        reader, writer = await asyncio.open_connection(HOST, running.port)
        writer.write(request(close=False) + b"GET / HT")
        await asyncio.sleep(0.3)
        release.set()
        answered = await read_all(reader)
        writer.close()
    assert answered.index(b"good") < answered.index(b"HTTP/1.1 408 ")


async def test_a_half_head_after_an_answer_has_its_own_time() -> None:
    async with edge(early, settings=QUICK, keep_alive=60) as running:
        reader, writer = await asyncio.open_connection(HOST, running.port)
        writer.write(request(close=False) + b"GET / HT")
        assert b"HTTP/1.1 408 " in await read_all(reader)
        writer.close()


async def test_a_body_that_drips_is_cut_and_never_reaches_the_backend_whole(running: Chain) -> None:
    async with edge(running.forwarder, settings=QUICK) as quick:
        reader, writer = await asyncio.open_connection(HOST, quick.port)
        writer.write(request(b"Content-Length: 100000", method=b"POST", close=False))
        dripping = asyncio.create_task(drip(writer))
        assert status_of(await read_all(reader)) == 408
        dripping.cancel()
        writer.close()
    await until(lambda: running.backend.open == 0)
    assert running.backend.received == []


async def test_a_body_that_moves_is_not_cut(running: Chain) -> None:
    async with edge(running.forwarder, settings=QUICK) as quick:
        reader, writer = await asyncio.open_connection(HOST, quick.port)
        writer.write(request(b"Content-Length: 600", method=b"POST"))
        for _ in range(6):
            await asyncio.sleep(0.06)
            writer.write(b"x" * 100)
        assert status_of(await read_all(reader)) == 200
        writer.close()


async def test_a_body_that_the_application_does_not_take_is_not_the_clients_fault() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.5)
        while (await receive()).get("more_body"):
            pass
        await answer(send, 200, b"good")

    async with edge(app, settings=QUICK) as running:
        raw = request(b"Content-Length: 300000", method=b"POST", body=b"x" * 300_000)
        assert status_of(await say(running.port, raw)) == 200


async def test_a_client_that_does_not_read_is_cut() -> None:
    gone = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        watching = asyncio.create_task(receive_all(receive, gone))
        while not gone.is_set():
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
            await asyncio.sleep(0)
        await watching

    async with edge(app, settings=QUICK) as running:
        slow = socket.create_connection((HOST, running.port))
        slow.sendall(request())
        async with asyncio.timeout(5):
            await gone.wait()
        slow.close()


async def receive_all(receive: Receive, gone: asyncio.Event) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    gone.set()


async def test_a_client_that_never_reads_its_last_answer_is_cut() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, 200, b"x" * 8_000_000)

    async with edge(app, settings=QUICK) as running:
        slow = socket.create_connection((HOST, running.port))
        slow.sendall(request())
        await until(lambda: len(running.state.connections) == 1)
        await until(lambda: not running.state.connections)
        slow.close()


async def test_the_pipeline_learns_that_its_client_is_gone() -> None:
    gone = asyncio.Event()
    started: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        started.append(scope["path"])
        await receive_all(receive, gone)

    async with edge(app) as running:
        _, writer = await asyncio.open_connection(HOST, running.port)
        writer.write(request(close=False) + request(target=b"/b", close=False))
        await until(lambda: bool(started))
        writer.transport.abort()
        async with asyncio.timeout(5):
            await gone.wait()
    assert started == ["/"]


async def test_the_edge_serves_only_the_hosts_that_it_is_given() -> None:
    settings = EdgeSettings(hosts=frozenset((b"gw.example",)), messages=MessageLimits(fields=3))
    async with edge(early, settings=settings) as running:
        assert status_of(await say(running.port, request())) == 401
        assert status_of(await say(running.port, request(b"A: 1", b"B: 2"))) == 431
        raw = b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
        assert status_of(await say(running.port, raw)) == 421


async def test_a_check_that_fails_lets_nothing_through_and_is_told(
    running: Chain, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("broker.proxy.edge.check_request", broken)
    assert status_of(await say(running.port, request())) == 400
    assert running.backend.raw == b""
    assert "could not be checked" in caplog.text


async def test_a_stop_ends_resting_connections_and_lets_running_requests_finish() -> None:
    release, started = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        started.set()
        await release.wait()
        await answer(send, 200, b"good")

    listening = socket.create_server((HOST, 0))
    config = server_config(app, host=HOST, port=0, log_config=None, lifespan="off", timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    await until(lambda: server.started)
    port = listening.getsockname()[1]
    resting, resting_writer = await asyncio.open_connection(HOST, port)
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(request(close=False))
    await started.wait()
    server.should_exit = True
    assert await read_all(resting) == b""
    release.set()
    status, headers, body = parts_of(await read_all(reader))
    assert (status, headers[b"connection"], body) == (200, [b"close"], b"good")
    assert b"server" not in headers
    await serving
    writer.close()
    resting_writer.close()
