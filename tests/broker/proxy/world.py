"""The surroundings of the data path in a test: an edge on a free port, backends, and clients that speak raw bytes.

Everything runs in the test's own event loop and listens on port 0 of the loopback address.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httptools
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from broker.proxy.cycle import EdgeSettings
from broker.proxy.edge import EdgeProtocol, server_config
from broker.proxy.failures import ForwardingFailed
from broker.proxy.fast import FastPath
from broker.proxy.forward import forward
from broker.proxy.messages import ForwardedFor, Headers, request_headers
from broker.proxy.rewriting import Rewriting
from broker.proxy.tunnel import TunnelLimits
from broker.proxy.upstream import TimeLimits, Upstream

HOST = "127.0.0.1"
IDENTITY: Headers = [(b"x-inkom-person", b"p-1"), (b"x-inkom-name", b"%C3%89lo%C3%AFse")]
PEER = ForwardedFor(client=b"192.0.2.1", proto=b"https", host=b"gw.example")
OWN_COOKIES = frozenset((b"__Host-inkom",))

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def until(condition: Callable[[], bool], *, within: float = 5.0) -> None:
    """Wait for something to become true, and fail if it doesn't."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110  (what is waited for happens in a socket, not in our code)
            await asyncio.sleep(0.005)


@asynccontextmanager
async def edge(
    app: ASGIApp,
    *,
    settings: EdgeSettings | None = None,
    gate: object = None,
    fast: FastPath | None = None,
    tunnel: TunnelLimits | None = None,
    keep_alive: float = 5,
) -> AsyncIterator[Edge]:
    """Run the edge alone, without uvicorn's server around it: it starts and stops at once."""
    config = server_config(app, host=HOST, port=0, log_config=None, timeout_keep_alive=keep_alive)
    running = Edge()
    state = {"edge": settings, "gate": gate, "fast": fast, "tunnel": tunnel}

    def protocol() -> EdgeProtocol:
        return EdgeProtocol(config, running.state, state)

    server = await asyncio.get_running_loop().create_server(protocol, HOST, 0)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        server.close()
        for connection in list(running.state.connections):
            connection.transport.abort() if isinstance(connection, EdgeProtocol) else connection.shutdown()
        for task in list(running.state.tasks):
            task.cancel()
        await until(lambda: not running.state.tasks and not running.state.connections)


@dataclass
class Edge:
    """A running edge."""

    port: int = 0
    state: ServerState = field(default_factory=ServerState)


@dataclass(frozen=True, kw_only=True)
class Received:
    """One request as a backend got it."""

    method: str
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def values(self, name: bytes) -> list[bytes]:
        return [value for found, value in self.headers if found == name]


class Backend:
    """A backend that keeps connections open, remembers what it got, and answers with a JSON echo of it."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.connections = 0
        self.open = 0
        self.raw = b""
        self.port = 0
        self.answer: Callable[[Received], bytes] = echo
        self._writers: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self._writers.add(writer)
        parsed = _Requests(self.received)
        try:
            while data := await reader.read(65536):
                self.raw = (self.raw + data)[-200_000:]
                for received in parsed.feed(data):
                    writer.write(self.answer(received))
                    await writer.drain()
        except ConnectionError:
            pass
        finally:
            self.open -= 1
            writer.close()

    def drop_connections(self) -> None:
        for writer in self._writers:
            writer.close()


class _Requests:
    def __init__(self, into: list[Received]) -> None:
        self._all = into
        self._new: list[Received] = []
        self._parser = httptools.HttpRequestParser(self)

    def feed(self, data: bytes) -> list[Received]:
        self._new = []
        self._parser.feed_data(data)
        return self._new

    def on_message_begin(self) -> None:
        self._target, self._body = b"", bytearray()
        self._headers: Headers = []

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        received = Received(
            method=self._parser.get_method().decode(),
            target=self._target,
            headers=self._headers,
            body=bytes(self._body),
        )
        self._new.append(received)
        self._all.append(received)


def echo(received: Received) -> bytes:
    """The answer that tells what arrived."""
    body = json.dumps(
        {
            "method": received.method,
            "target": received.target.decode("latin-1"),
            "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in received.headers],
            "length": len(received.body),
        }
    ).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    return head if received.method == "HEAD" else head + body


@asynccontextmanager
async def backend(context: ssl.SSLContext | None = None) -> AsyncIterator[Backend]:
    """Run an echoing backend, over TLS with a context."""
    running = Backend()
    server = await asyncio.start_server(running.serve, HOST, 0, ssl=context)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        server.close()
        running.drop_connections()
        await until(lambda: running.open == 0)


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[int]:
    """Run a backend that does exactly what the script says, on each connection."""
    open_scripts: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_scripts.add(task)
        try:
            # Cancelled only at the end of the test; asyncio's streams would report that as an error.
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await script(reader, writer)
        finally:
            open_scripts.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        pending = list(open_scripts)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


def saying(*parts: bytes, hold: bool = False) -> Script:
    """The script that reads one request head, says the parts, and then closes or holds the connection."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        if hold:
            await reader.read()

    return script


@asynccontextmanager
async def upstream_to(port: int, **limits: Any) -> AsyncIterator[Upstream]:
    """A pool for the backend on this port."""
    upstream = Upstream(HOST, port, limits=TimeLimits(**limits))
    try:
        yield upstream
    finally:
        await upstream.aclose()


class Forwarder:
    """The smallest gate: everything is forwarded, failures are told in plain text and remembered."""

    def __init__(self, upstream: Upstream, rewriting: Rewriting | None = None) -> None:
        self._upstream = upstream
        self._rewriting = rewriting
        self.failures: list[ForwardingFailed] = []
        self.targets: list[bytes] = []

    async def failure(self) -> ForwardingFailed:
        """The one failure there was, as soon as it is known."""
        await until(lambda: bool(self.failures))
        (failed,) = self.failures
        return failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        target = scope["extensions"]["inkom.target"]
        self.targets.append(target)
        headers = request_headers(scope["headers"], identity=IDENTITY, peer=PEER, dropped_cookies=OWN_COOKIES)
        try:
            await forward(
                scope,
                receive,
                send,
                upstream=self._upstream,
                target=target,
                headers=headers,
                own_cookies=OWN_COOKIES,
                rewriting=self._rewriting,
            )
        except ForwardingFailed as failed:
            self.failures.append(failed)
            if not failed.answer_started:
                await answer(send, failed.status, type(failed).__name__.encode())


async def answer(send: Send, status: int, body: bytes) -> None:
    """Send a whole answer."""
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def chain(
    script: Script | None = None, *, rewriting: Rewriting | None = None, **limits: Any
) -> AsyncIterator[Chain]:
    """Edge, forwarder and backend in a row."""
    async with backend() as echoing:
        opened = scripted(script) if script is not None else None
        port = await opened.__aenter__() if opened is not None else echoing.port
        try:
            async with upstream_to(port, **limits) as upstream:
                forwarder = Forwarder(upstream, rewriting)
                async with edge(forwarder) as running:
                    yield Chain(running.port, forwarder, echoing, upstream, running)
        finally:
            if opened is not None:
                await opened.__aexit__(None, None, None)


@dataclass
class Chain:
    """Edge, forwarder and backend in a row."""

    port: int
    forwarder: Forwarder
    backend: Backend
    upstream: Upstream
    edge: Edge


async def say(port: int, *parts: bytes, within: float = 5.0) -> bytes:
    """Send bytes to a port and return all that comes back until the other side closes."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        with suppress(ConnectionError):
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0)
        async with asyncio.timeout(within):
            return await read_all(reader)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def read_all(reader: asyncio.StreamReader) -> bytes:
    """Everything up to the end of the connection, even if that is a reset."""
    got = b""
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            got += data
    return got


def request(
    *lines: bytes, method: bytes = b"GET", target: bytes = b"/", body: bytes = b"", close: bool = True
) -> bytes:
    """A request with a good Host; the lines are further header lines."""
    last = [b"Connection: close"] if close else []
    return b"\r\n".join([method + b" " + target + b" HTTP/1.1", b"Host: gw.example", *lines, *last, b"", body])


def status_of(answered: bytes) -> int:
    """The status of a raw answer; 0 if there was none."""
    return int(answered.split(b" ", 2)[1]) if answered.startswith(b"HTTP/1.1 ") else 0


def parts_of(answered: bytes) -> tuple[int, dict[bytes, list[bytes]], bytes]:
    """Status, fields and body of one raw answer, chunks joined."""
    head, _, body = answered.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    headers: dict[bytes, list[bytes]] = {}
    for line in lines:
        name, _, value = line.partition(b": ")
        headers.setdefault(name.lower(), []).append(value)
    if headers.get(b"transfer-encoding") == [b"chunked"]:
        body = _joined(body)
    return int(first.split(b" ")[1]), headers, body


def _joined(chunked: bytes) -> bytes:
    whole = b""
    while chunked:
        size, _, chunked = chunked.partition(b"\r\n")
        length = int(size, 16)
        whole += chunked[:length]
        chunked = chunked[length + 2 :]
        if length == 0:
            assert chunked == b""
            return whole
    raise AssertionError("the chunked body was cut")
