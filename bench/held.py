"""What is held open or moved in one piece: idle connections, event streams, WebSockets, a gigabyte each way.

Plain sockets on uvloop; not wrk, which knows none of these. It runs in our own process, on the core of the load.
"""

from __future__ import annotations

import asyncio
import base64
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from time import monotonic

import uvloop

from bench.load import LoadFailed

_AT_ONCE = 1000
_PATIENCE = 60.0
_PIECE = 256 * 1024
_LOOK_EVERY = 32 * 1024 * 1024
_MESSAGE = b"x" * 64


def request(path: str, headers: Mapping[str, str], *, method: str = "GET") -> bytes:
    """The bytes of one request."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def hold(port: int, count: int, *, first: bytes, wanted: bytes, look: Callable[[], float]) -> tuple[float, int]:
    """Open connections, send `first` on each and wait for `wanted`; return what `look` sees then, and how many hold.

    One that is refused does not hold, nor does one that was closed by the time of the look.
    """
    return uvloop.run(_hold(port, count, first, wanted, look))


async def _hold(port: int, count: int, first: bytes, wanted: bytes, look: Callable[[], float]) -> tuple[float, int]:
    loop, places = asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE)
    held: list[_Held] = []

    async def one() -> None:
        async with places:
            _, protocol = await loop.create_connection(lambda: _Held(first, wanted), "127.0.0.1", port)
            held.append(protocol)
            await protocol.known

    try:
        async with asyncio.timeout(_PATIENCE), asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(one())
        return look(), sum(protocol.holds for protocol in held)
    except* (OSError, TimeoutError) as problems:
        raise LoadFailed(f"not all of {count} connections were taken: {problems.exceptions[0]!r}") from None
    finally:
        for protocol in held:
            protocol.close()


class _Held(asyncio.Protocol):
    """One connection that waits for something and then for nothing. `known` is set when it is there, or never will."""

    def __init__(self, first: bytes, wanted: bytes) -> None:
        self.known: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.holds = False
        self._first, self._wanted, self._seen = first, wanted, b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # what clients get
        self._transport = transport
        if self._first:
            transport.write(self._first)
        if not self._wanted:
            self._settle(holds=True)

    def data_received(self, data: bytes) -> None:
        self._seen += data
        if self._wanted in self._seen:
            self._settle(holds=True)
        elif b"\r\n" in self._seen and not self._seen.startswith(b"HTTP/1.1 200"):
            self._settle(holds=False)

    def connection_lost(self, exc: Exception | None) -> None:
        self._settle(holds=False)

    def close(self) -> None:
        self._transport.abort()

    def _settle(self, *, holds: bool) -> None:
        self.holds = holds
        if not self.known.done():
            self.known.set_result(None)


def talk(port: int, path: str, headers: Mapping[str, str], *, connections: int, seconds: float) -> tuple[int, float]:
    """Exchange WebSocket messages as fast as they come back; return how many, and in how many seconds."""
    return uvloop.run(_talk(port, path, headers, connections, seconds))


async def _talk(
    port: int, path: str, headers: Mapping[str, str], connections: int, seconds: float
) -> tuple[int, float]:
    async with _sockets(port, path, headers, connections) as sockets:
        began = monotonic()
        for one in sockets:
            one.send()
        await asyncio.sleep(seconds)
        count, passed = sum(one.count for one in sockets), monotonic() - began
        if any(one.lost for one in sockets):
            raise LoadFailed("a WebSocket was closed while messages went through it")
    return count, passed


@asynccontextmanager
async def _sockets(port: int, path: str, headers: Mapping[str, str], count: int) -> AsyncIterator[list[_Socket]]:
    loop = asyncio.get_running_loop()
    upgrade = {
        **headers,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode("ascii"),
    }
    head = request(path, upgrade)
    sockets: list[_Socket] = []
    try:
        for _ in range(count):
            _, one = await loop.create_connection(lambda: _Socket(head), "127.0.0.1", port)
            sockets.append(one)
            async with asyncio.timeout(_PATIENCE):
                await one.open
        yield sockets
    finally:
        for one in sockets:
            one.close()


class _Socket(asyncio.Protocol):
    """One WebSocket that sends the next message when the last one came back (RFC 6455 5.2; ours are masked)."""

    def __init__(self, head: bytes) -> None:
        mask = os.urandom(4)
        masked = bytes(octet ^ mask[at % 4] for at, octet in enumerate(_MESSAGE))
        self._frame = bytes((0x82, 0x80 | len(_MESSAGE))) + mask + masked
        self._echo = bytes((0x82, len(_MESSAGE))) + _MESSAGE
        self._head, self._seen = head, b""
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.count = 0
        self.lost = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # what clients get
        self._transport = transport
        transport.write(self._head)

    def data_received(self, data: bytes) -> None:
        self._seen += data
        if not self.open.done():
            head, found, rest = self._seen.partition(b"\r\n\r\n")
            if not found:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.open.set_exception(LoadFailed(f"no WebSocket: {head[:200]!r}"))
                return
            self._seen = rest
            self.open.set_result(None)
        while self._seen.startswith(self._echo):
            self._seen = self._seen[len(self._echo) :]
            self.count += 1
            self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if not self.open.done():
            self.open.set_exception(LoadFailed("no WebSocket: the connection was closed"))

    def send(self) -> None:
        self._transport.write(self._frame)

    def close(self) -> None:
        self._transport.abort()


def fetch(port: int, head: bytes, size: int, *, look: Callable[[], float]) -> float:
    """Read an answer of that size; return the most that `look` saw meanwhile. Raises LoadFailed."""
    most, read, shown = look(), 0, 0
    buffer = memoryview(bytearray(_PIECE))
    with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as line:
        line.sendall(head)
        begin = line.recv(65536)
        while b"\r\n\r\n" not in begin:
            begin += line.recv(65536) or _broken("the answer has no head")
        if not begin.startswith(b"HTTP/1.1 200"):
            raise LoadFailed(f"no download: {begin[:200]!r}")
        read = len(begin.partition(b"\r\n\r\n")[2])
        while read < size:
            got = line.recv_into(buffer)
            if not got:
                _broken(f"the answer broke off after {read} bytes")
            read += got
            if read - shown >= _LOOK_EVERY:
                most, shown = max(most, look()), read
    return max(most, look())


def post(port: int, head: bytes, size: int, *, look: Callable[[], float]) -> float:
    """Send a body of that size; return the most that `look` saw meanwhile. Raises LoadFailed."""
    most, piece = look(), b"x" * _PIECE
    with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as line:
        line.sendall(head)
        for at in range(0, size, _PIECE):
            line.sendall(piece[: min(_PIECE, size - at)])
            if at % _LOOK_EVERY == 0:
                most = max(most, look())
        answer = line.recv(65536)
    if not answer.startswith(b"HTTP/1.1 200"):
        raise LoadFailed(f"no upload: {answer[:200]!r}")
    return max(most, look())


def _broken(what: str) -> bytes:
    raise LoadFailed(what)
