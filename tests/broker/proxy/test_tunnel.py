"""WebSocket tunnels between a real client, the edge, and real or scripted backends."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from broker.proxy.edge import EdgeProtocol, server_config
from broker.proxy.frames import FrameLimits
from broker.proxy.messages import request_headers
from broker.proxy.rewriting import Addresses, FieldRules, Rewriting
from broker.proxy.tunnel import TunnelGranted, TunnelLimits, TunnelProtocol, TunnelRefused, UpgradeRequest
from broker.proxy.upstream import TimeLimits, Upstream
from tests.broker.proxy.world import (
    HOST,
    IDENTITY,
    OWN_COOKIES,
    PEER,
    answer,
    edge,
    parts_of,
    read_all,
    say,
    saying,
    scripted,
    status_of,
    until,
)

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = base64.b64encode(hashlib.sha1(KEY + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", usedforsecurity=False).digest())
SWITCH = b"HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " + ACCEPT + b"\r\n\r\n"
FIELDS = {
    b"Connection": b"keep-alive, Upgrade",
    b"Upgrade": b"websocket",
    b"Sec-WebSocket-Key": KEY,
    b"Sec-WebSocket-Version": b"13",
}


def handshake(*, method: bytes = b"GET", target: bytes = b"/chat", **changes: bytes | None) -> bytes:
    fields = dict(FIELDS)
    for name, value in changes.items():
        key = name.replace("_", "-").encode()
        if value is None:
            fields.pop(key)
        else:
            fields[key] = value
    lines = [b"%b: %b" % pair for pair in fields.items()]
    return b"\r\n".join([method + b" " + target + b" HTTP/1.1", b"Host: gw.example", *lines, b"", b""])


@dataclass
class Gate:
    """A gate that lets everybody in until it is told otherwise."""

    upstream: Upstream
    refuse: TunnelRefused | None = None
    delay: asyncio.Event | None = None
    error: Exception | None = None
    asked: list[UpgradeRequest] = field(default_factory=list)
    ends: list[asyncio.Future[str]] = field(default_factory=list)
    rewriting: Rewriting | None = None

    async def admit_tunnel(self, request: UpgradeRequest) -> TunnelGranted | TunnelRefused:
        self.asked.append(request)
        if self.delay is not None:
            await self.delay.wait()
        if self.error is not None:
            raise self.error
        if self.refuse is not None:
            return self.refuse
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.ends.append(ended)
        headers = request_headers(request.headers, identity=IDENTITY, peer=PEER, dropped_cookies=OWN_COOKIES)
        return TunnelGranted(
            upstream=self.upstream, headers=headers, ended=ended, own_cookies=OWN_COOKIES, rewriting=self.rewriting
        )


async def no_app(scope: Scope, receive: Receive, send: Send) -> None:
    await answer(send, 200, b"plain")


@dataclass
class Passage:
    port: int
    gate: Gate
    state: Any

    def connect(self, **options: Any) -> connect:
        return connect(f"ws://{HOST}:{self.port}/chat?a=%20b", proxy=None, **options)


@asynccontextmanager
async def passage(port: int, limits: TunnelLimits | None = None, **more: Any) -> AsyncIterator[Passage]:
    gate = Gate(Upstream(HOST, port, limits=TimeLimits(**more)))
    async with edge(no_app, gate=gate, tunnel=limits) as running:
        yield Passage(running.port, gate, running.state)
        await until(lambda: True)


Speaker = Callable[[ServerConnection], Awaitable[None]]


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


@asynccontextmanager
async def speaking(speaker: Speaker = echo, **options: Any) -> AsyncIterator[int]:
    async with serve(speaker, HOST, 0, **options) as server:
        yield next(iter(server.sockets)).getsockname()[1]


async def test_messages_pass_both_ways_with_the_identity_and_without_the_clients_claims() -> None:
    seen: list[ServerConnection] = []

    async def speaker(connection: ServerConnection) -> None:
        seen.append(connection)
        await echo(connection)

    headers = {"X-Inkom-Person": "root", "Cookie": "__Host-inkom=secret; a=1", "Origin": "https://gw.example"}
    async with speaking(speaker, subprotocols=[Subprotocol("chat")]) as port, passage(port) as way:
        options: dict[str, Any] = {"subprotocols": ["chat", "other"], "additional_headers": headers}
        async with way.connect(**options) as client:
            assert client.subprotocol == "chat"
            assert "permessage-deflate" in str(client.response and client.response.headers)
            messages: list[str | bytes] = ["hello", b"\x00\xff", "x" * 200_000]
            for message in messages:
                await client.send(message)
                assert await client.recv() == message
            await (await client.ping())
        (asked,) = way.gate.asked
    assert (asked.target, asked.client, asked.secure) == (b"/chat?a=%20b", HOST, False)
    request = seen[0].request
    assert request is not None
    assert request.path == "/chat?a=%20b"
    assert request.headers.get_all("X-Inkom-Person") == ["p-1"]
    assert request.headers.get_all("Cookie") == ["a=1"]
    assert request.headers["Origin"] == "https://gw.example"
    assert seen[0].close_code == 1000, "the client's close went through"
    assert way.gate.ends[0].cancelled()


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (handshake(method=b"POST"), 400),
        (handshake(Content_Length=b"3"), 400),
        (handshake(Sec_WebSocket_Version=b"8"), 426),
        (handshake(Sec_WebSocket_Version=None), 426),
        (handshake(Sec_WebSocket_Key=None), 400),
        (handshake(Sec_WebSocket_Key=b"short"), 400),
        (handshake(Sec_WebSocket_Key=b"c2hvcnQ="), 400),
        (handshake(target=b"/a/../b"), 400),
        (handshake(Connection=b"keep-alive"), 200),
    ],
)
async def test_a_bad_handshake_is_refused_before_anybody_is_asked(raw: bytes, status: int) -> None:
    async with speaking() as port, passage(port) as way:
        reader, writer = await asyncio.open_connection(HOST, way.port)
        writer.write(raw)
        answered = await reader.readuntil(b"\r\n\r\n")
        assert status_of(answered) == status
        if status == 426:
            assert b"sec-websocket-version: 13" in answered
        if status != 200:
            await read_all(reader)
        writer.close()
        assert way.gate.asked == []


@pytest.mark.parametrize("octets", [b"nonsense\r\n\r\n", handshake(target=b"//"), handshake(Upgrade=b"other")])
async def test_the_protocol_checks_for_itself(octets: bytes) -> None:
    async with speaking() as port:
        gate = Gate(Upstream(HOST, port))
        config = server_config(no_app, host=HOST, port=0, log_config=None)
        state = uvicorn.server.ServerState()
        server = await asyncio.get_running_loop().create_server(
            lambda: TunnelProtocol(config, state, {"gate": gate}), HOST, 0
        )
        assert status_of(await say(server.sockets[0].getsockname()[1], octets)) == 400
        server.close()
        await until(lambda: not state.connections)


async def test_a_refusal_of_the_gate_is_sent_and_the_backend_not_asked() -> None:
    contacted = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        contacted.set()

    async with scripted(script) as port, passage(port) as way:
        way.gate.refuse = TunnelRefused(
            status=403, headers=[(b"x-why", b"origin"), (b"content-length", b"9")], body=b"no"
        )
        status, headers, body = parts_of(await say(way.port, handshake()))
        assert (status, headers[b"x-why"], headers[b"content-length"], body) == (403, [b"origin"], [b"2"], b"no")
    assert not contacted.is_set()


@pytest.mark.parametrize(
    ("answered", "status", "body"),
    [
        (b"HTTP/1.1 404 No\r\nContent-Length: 2\r\nSet-Cookie: __Host-inkom=x\r\n\r\nno", 404, b"no"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, b"ok"),
        (b"HTTP/1.1 299 Odd\r\nContent-Length: 0\r\n\r\n", 299, b""),
        (b"nonsense", 502, b"The application can't be reached"),
        (b"", 502, b"The application can't be reached"),
        (b"HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 502, b"The application can't be reached"),
        (
            b"HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n",
            502,
            b"The application can't be reached",
        ),
    ],
)
async def test_an_answer_other_than_a_switch_is_relayed_and_leaves_no_tunnel(
    answered: bytes, status: int, body: bytes
) -> None:
    async with scripted(saying(answered)) as port, passage(port, tunnels=1) as way:
        for _ in range(2):
            got, headers, content = parts_of(await say(way.port, handshake()))
            assert (got, content, headers[b"connection"]) == (status, body, [b"close"])
            assert b"set-cookie" not in headers
        await until(lambda: not way.state.connections)


async def test_a_relayed_answer_that_breaks_off_is_cut() -> None:
    async with scripted(saying(b"HTTP/1.1 404 No\r\nContent-Length: 9\r\n\r\nno")) as port, passage(port) as way:
        answered = await say(way.port, handshake())
        assert len(answered.partition(b"\r\n\r\n")[2]) < 9


async def test_a_relayed_answer_ends_with_the_right_too() -> None:
    async with scripted(saying(b"HTTP/1.1 200 OK\r\n\r\nsome", hold=True)) as port, passage(port) as way:
        reader, writer = await asyncio.open_connection(HOST, way.port)
        writer.write(handshake())
        await reader.readuntil(b"some")
        way.gate.ends[0].set_result("session ended")
        await read_all(reader)
        writer.close()
        await until(lambda: not way.state.connections)


async def test_a_relayed_answer_that_nobody_reads_is_cut() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async with scripted(script) as port, passage(port, TunnelLimits(idle=0.2)) as way:
        slow = socket.create_connection((HOST, way.port))
        slow.sendall(handshake())
        await until(lambda: len(way.state.connections) == 1)
        await until(lambda: not way.state.connections)
        slow.close()


async def test_bytes_that_come_early_are_not_lost() -> None:
    got = asyncio.Event()
    ping = b"\x89\x80mask"

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(SWITCH + b"\x81\x02hi")
        assert await reader.readexactly(12) == ping * 2
        got.set()
        await reader.read()

    async with scripted(script) as port, passage(port) as way:
        way.gate.delay = asyncio.Event()
        reader, writer = await asyncio.open_connection(HOST, way.port)
        writer.write(handshake() + ping)
        await until(lambda: bool(way.gate.asked))
        writer.write(ping)
        await asyncio.sleep(0.02)
        way.gate.delay.set()
        head = await reader.readuntil(b"\r\n\r\n")
        assert status_of(head) == 101
        assert await reader.readexactly(4) == b"\x81\x02hi"
        await got.wait()
        writer.close()


async def test_a_large_early_part_reaches_the_tunnel_in_order() -> None:
    payload = bytes(range(250)) * 80
    sent = b"\x82\xfe" + len(payload).to_bytes(2) + b"\0\0\0\0" + payload

    async with speaking() as port, passage(port) as way:
        reader, writer = await asyncio.open_connection(HOST, way.port)
        writer.write(handshake() + sent)
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(4 + len(payload)) == b"\x82\x7e" + len(payload).to_bytes(2) + payload
        writer.close()


async def test_too_much_before_the_tunnel_is_open_is_cut() -> None:
    async with speaking() as port, passage(port) as way:
        way.gate.delay = asyncio.Event()
        assert await say(way.port, handshake(), b"x" * 200_000) == b""


async def test_the_end_of_the_right_closes_both_sides_with_1008() -> None:
    closed: list[int | None] = []

    async def speaker(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            await echo(connection)
        closed.append(connection.close_code)

    async with speaking(speaker) as port, passage(port) as way, way.connect() as client:
        await client.send("a")
        await client.recv()
        way.gate.ends[0].set_result("session ended")
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert (client.close_code, client.close_reason) == (1008, "session ended")
        await until(lambda: closed == [1008])
        await until(lambda: not way.state.connections)


@pytest.mark.parametrize("how", ["cancelled", "failed"])
async def test_a_right_that_is_in_doubt_ends_too(how: str) -> None:
    async with speaking() as port, passage(port) as way, way.connect() as client:
        ended = way.gate.ends[0]
        if how == "failed":
            ended.set_exception(RuntimeError("the store is gone"))
        else:
            ended.cancel()
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert client.close_code == 1008


async def test_a_right_that_ends_in_the_middle_of_a_frame_cuts_the_connection() -> None:
    received: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(SWITCH + b"\x82\x0ahalf")
        received.append(await read_all(reader))

    async with scripted(script) as port, passage(port) as way:
        reader, writer = await asyncio.open_connection(HOST, way.port)
        writer.write(handshake())
        await reader.readuntil(b"half")
        way.gate.ends[0].set_result("session ended")
        assert await read_all(reader) == b""
        writer.close()
        await until(lambda: bool(received))
        assert received[0][:2] == b"\x88\x8f", "the other direction was at a boundary"


@pytest.mark.parametrize(
    ("messages", "code"), [(["x" * 2000], 1009), ([["a", "b", "c", "d"]], 1008), ([b"y" * 900, "z" * 900], 0)]
)
async def test_large_messages_and_floods_of_fragments_are_capped(messages: list[Any], code: int) -> None:
    limits = TunnelLimits(frames=FrameLimits(message=1000, fragments=3))
    async with speaking() as port, passage(port, limits) as way, way.connect(compression=None) as client:
        for message in messages:
            await client.send(message)
        if code:
            with pytest.raises(ConnectionClosed):
                await client.recv()
            assert client.close_code == code
        else:
            assert [await client.recv() for _ in messages] == messages


async def test_a_tunnel_in_which_nothing_moves_is_closed_and_one_that_moves_is_not() -> None:
    async with speaking() as port, passage(port, TunnelLimits(idle=0.3)) as way, way.connect() as client:
        for _ in range(5):
            await asyncio.sleep(0.1)
            await client.send("still here")
            await client.recv()
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert client.close_code == 1001


async def test_a_peer_that_ignores_the_close_is_cut() -> None:
    async with scripted(saying(SWITCH, hold=True)) as port, passage(port, TunnelLimits(idle=0.1, linger=0.1)) as way:
        slow = socket.create_connection((HOST, way.port))
        slow.sendall(handshake())
        await until(lambda: len(way.state.connections) == 1)
        await until(lambda: not way.state.connections)
        slow.close()


async def test_the_backend_ending_ends_the_client_and_frees_the_place() -> None:
    async with scripted(saying(SWITCH + b"\x81\x02hi")) as port, passage(port, tunnels=1) as way:
        for _ in range(3):
            answered = await say(way.port, handshake())
            assert answered.startswith(b"HTTP/1.1 101 ")
            assert answered.endswith(b"\x81\x02hi")
            await until(lambda: way.gate.upstream._tunnels == 0)


async def test_the_client_ending_ends_the_backend() -> None:
    closed = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(SWITCH)
        await read_all(reader)
        closed.set()

    async with scripted(script) as port, passage(port) as way:
        reader, writer = await asyncio.open_connection(HOST, way.port)
        writer.write(handshake())
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()
        async with asyncio.timeout(5):
            await closed.wait()
        await until(lambda: way.gate.upstream._tunnels == 0)


async def test_a_client_that_leaves_while_the_gate_thinks_opens_nothing() -> None:
    async with speaking() as port, passage(port) as way:
        way.gate.delay = asyncio.Event()
        _, writer = await asyncio.open_connection(HOST, way.port)
        writer.write(handshake())
        await until(lambda: bool(way.gate.asked))
        writer.transport.abort()
        await until(lambda: not way.state.tasks and not way.state.connections)
        assert way.gate.upstream._tunnels == 0


async def test_a_gate_that_fails_lets_nobody_in(caplog: pytest.LogCaptureFixture) -> None:
    async with speaking() as port, passage(port) as way:
        way.gate.error = RuntimeError("a bug")
        with caplog.at_level(logging.ERROR):
            assert status_of(await say(way.port, handshake())) == 500
        assert "could not be opened" in caplog.text


async def test_a_full_backend_refuses_with_503() -> None:
    async with speaking() as port, passage(port, tunnels=0) as way:
        with pytest.raises(InvalidStatus) as caught:
            async with way.connect():
                pass
        assert caught.value.response.status_code == 503


async def test_a_slow_reader_slows_the_sender_in_both_directions() -> None:
    size, count = 512 * 1024, 96
    reading = asyncio.Event()

    async def slow_speaker(connection: ServerConnection) -> None:
        await reading.wait()
        for _ in range(count):
            await connection.recv()
        for _ in range(count):
            await connection.send(b"y" * size)

    async with (
        speaking(slow_speaker, compression=None) as port,
        passage(port) as way,
        way.connect(compression=None) as client,
    ):
        sent = 0

        async def flood() -> None:
            nonlocal sent
            for _ in range(count):
                await client.send(b"x" * size)
                sent += 1

        flooding = asyncio.create_task(flood())
        await asyncio.sleep(0.3)
        had_to_wait = sent < count
        reading.set()
        await flooding
        await asyncio.sleep(0.2)
        for _ in range(count):
            assert len(await client.recv()) == size
    assert had_to_wait


async def test_a_client_that_never_reads_what_its_backend_left_is_cut() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(SWITCH)
        payload = b"x" * 60_000
        for _ in range(400):
            writer.write(b"\x82\x7e" + len(payload).to_bytes(2) + payload)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await writer.drain()
        writer.transport.abort()

    async with scripted(script) as port, passage(port, TunnelLimits(idle=0.5)) as way:
        slow = socket.create_connection((HOST, way.port))
        slow.sendall(handshake())
        await until(lambda: len(way.state.connections) == 1)
        await until(lambda: not way.state.connections)
        slow.close()


async def test_a_right_that_ends_in_the_middle_of_a_clients_frame_cuts_the_backend() -> None:
    received: list[bytes] = []
    half = b"\x82\x8amaskhalf"

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(SWITCH)
        received.append(await reader.readexactly(len(half)))
        received.append(await read_all(reader))

    async with scripted(script) as port, passage(port) as way, asyncio.timeout(5):
        reader, writer = await asyncio.open_connection(HOST, way.port)
        writer.write(handshake())
        await reader.readuntil(b"\r\n\r\n")
        writer.write(half)
        await until(lambda: len(received) == 1)
        way.gate.ends[0].set_result("session ended")
        assert await read_all(reader) == b"\x88\x0f\x03\xf0session ended"
        writer.close()
        await until(lambda: received[1:] == [b""])


async def drained(client: ClientConnection) -> None:
    async for _ in client:
        pass


async def test_a_stop_of_the_server_closes_tunnels_with_1001_and_openings_too() -> None:
    async with speaking() as port:
        gate = Gate(Upstream(HOST, port))

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "lifespan":
                await receive()
                scope["state"]["gate"] = gate
                await send({"type": "lifespan.startup.complete"})
                await receive()
                await send({"type": "lifespan.shutdown.complete"})

        listening = socket.create_server((HOST, 0))
        server = uvicorn.Server(
            server_config(app, host=HOST, port=0, log_config=None, lifespan="on", timeout_graceful_shutdown=5)
        )
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        await until(lambda: server.started)
        open_port = listening.getsockname()[1]
        async with connect(f"ws://{HOST}:{open_port}/", proxy=None) as client:
            await client.send("a")
            assert await client.recv() == "a"
            gate.delay = asyncio.Event()
            opening = asyncio.create_task(say(open_port, handshake()))
            await until(lambda: len(gate.asked) == 2)
            server.should_exit = True
            await drained(client)
            assert client.close_code == 1001
        assert await opening == b""
        async with asyncio.timeout(5):
            await serving


async def test_the_edge_hands_over_only_to_a_stream_protocol() -> None:
    assert issubclass(TunnelProtocol, asyncio.Protocol)
    assert issubclass(EdgeProtocol, asyncio.Protocol)


async def test_a_tunnel_and_a_refused_one_are_rewritten_as_requests_are() -> None:
    inner = Addresses("chat", public_url="https://gw.example", origins=["http://b"], strip=True, prefix="/inner")
    rewriting = Rewriting(inner, FieldRules(replaced=((b"x-frame-options", b"DENY"),)))
    seen: list[str] = []

    async def speaker(connection: ServerConnection) -> None:
        seen.append(connection.request.path if connection.request else "")
        await echo(connection)

    async with speaking(speaker) as port, passage(port) as way:
        way.gate.rewriting = rewriting
        async with connect(f"ws://{HOST}:{way.port}/chat/x?a", proxy=None) as client:
            await client.send("hello")
            assert await client.recv() == "hello"
            assert client.response is not None
            assert client.response.headers["x-frame-options"] == "DENY"
    assert seen == ["/inner/x?a"]
    moved = b"HTTP/1.1 302 F\r\nLocation: /inner/y\r\nContent-Length: 0\r\n\r\n"
    async with scripted(saying(moved)) as port, passage(port) as way:
        way.gate.rewriting = rewriting
        status, headers, _ = parts_of(await say(way.port, handshake(target=b"/chat/x")))
        assert (status, headers[b"location"]) == (302, [b"/chat/y"])
