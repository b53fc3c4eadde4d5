"""An edge with its entrance in front, on a free port, and clients that speak PROXY headers and TLS to it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from broker.proxy.crowd import Crowd
from broker.proxy.cycle import EdgeSettings
from broker.proxy.edge import server_config
from broker.proxy.entrance import EntranceProtocol, EntranceSettings
from tests.broker.proxy.world import HOST, answer, until

LOOPBACK = (ip_network("127.0.0.0/8"),)


@dataclass
class Arriving:
    """A running entrance."""

    crowd: Crowd
    port: int = 0
    state: ServerState = field(default_factory=ServerState)


@asynccontextmanager
async def arriving(
    app: ASGIApp,
    entrance: EntranceSettings,
    *,
    settings: EdgeSettings | None = None,
    gate: object = None,
) -> AsyncIterator[Arriving]:
    """Run it alone, without uvicorn's server around it."""
    config = server_config(app, host=HOST, port=0, http=EntranceProtocol, log_config=None)
    running = Arriving(entrance.crowd)
    state = {"entrance": entrance, "edge": settings, "gate": gate}

    def protocol() -> EntranceProtocol:
        return EntranceProtocol(config, running.state, state)

    server = await asyncio.get_running_loop().create_server(protocol, HOST, 0)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
        # Every place in the crowd is given back, however the connection ended.
        for connection in list(running.state.connections):
            connection.shutdown()
        await until(lambda: running.crowd.present == 0)
    finally:
        server.close()
        for task in list(running.state.tasks):
            task.cancel()
        await until(lambda: not running.state.tasks)


async def whose(scope: Scope, receive: Receive, send: Send) -> None:
    """The application that answers with the address of its client and the scheme."""
    host, port = scope["client"]
    await answer(send, 200, f"{scope['scheme']} {host} {port}".encode())


class TlsClient:
    """A client that shakes hands in memory, so that a test decides which bytes travel together."""

    def __init__(self, context: ssl.SSLContext, name: str = "localhost") -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_hostname=name)

    async def connect(self, port: int, *, before: bytes = b"", step: int = 1 << 16) -> None:
        """Connect, send these bytes and the first of the handshake in parts of this size, and shake hands."""
        self.reader, self.writer = await asyncio.open_connection(HOST, port)
        link: socket.socket = self.writer.get_extra_info("socket")
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await self._shake_hands(before, step)
        except (OSError, ssl.SSLError):
            self.writer.close()
            raise

    async def _shake_hands(self, before: bytes, step: int) -> None:
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._send(before, step)
                before = b""
                if not await self._receive():
                    raise ConnectionResetError("closed during the handshake") from None
                continue
            break
        await self._send(before, step)

    async def ask(self, octets: bytes) -> bytes:
        """Send, and return all that comes back until the other side closes."""
        self.tls.write(octets)
        await self._send()
        got = b""
        while True:
            try:
                part = self.tls.read(1 << 16)
            except ssl.SSLWantReadError:
                if not await self._receive():
                    return got
                continue
            except ssl.SSLZeroReturnError:
                return got
            if not part:
                return got
            got += part

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()

    async def _send(self, before: bytes = b"", step: int = 1 << 16) -> None:
        octets = before + self._out.read()
        for at in range(0, len(octets), step):
            self.writer.write(octets[at : at + step])
            await self.writer.drain()
            await asyncio.sleep(0)

    async def _receive(self) -> bool:
        async with asyncio.timeout(5):
            octets = await self.reader.read(1 << 16)
        self._in.write(octets)
        return bool(octets)
