"""A bad line between gateway and provider: it delays answers, cuts them in the middle, and sends them twice.

Only what the gateway asks of the provider suffers (its `User-Agent` says so); browsers and registers are left alone.
Every request has a connection of its own towards the provider, kept open towards the gateway, as a careless proxy does.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum

_MOST = 1024 * 1024
_DELAY_SECONDS = 0.1


class Trouble(Enum):
    """What happens to an answer."""

    NONE = "none"
    DELAY = "delay"
    CUT = "cut"
    REPEAT = "repeat"


@dataclass
class BadLine:
    """`troubles` happen to the gateway's answers in turn, over and over; `happened` counts them, `heard` keeps them."""

    provider_port: int
    troubles: Sequence[Trouble] = (Trouble.NONE,)
    happened: dict[Trouble, int] = field(default_factory=lambda: dict.fromkeys(Trouble, 0))
    heard: list[bytes] = field(default_factory=list)
    _turn: int = 0

    def suffer(self, *troubles: Trouble) -> None:
        """From now on these happen, in this order."""
        self.troubles, self._turn = troubles, 0
        self.happened = dict.fromkeys(Trouble, 0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on one connection's requests, one after the other."""
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while request := await _message(reader):
                answer = await self._ask(request)
                if not await self._pass_on(request, answer, writer):
                    break
        writer.close()

    async def _ask(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.provider_port, limit=_MOST)
        writer.write(request)
        await writer.drain()
        answer = await _message(reader)
        writer.close()
        return answer

    async def _pass_on(self, request: bytes, answer: bytes, writer: asyncio.StreamWriter) -> bool:
        head = request.partition(b"\r\n\r\n")[0].lower().split(b"\r\n")
        if b"user-agent: inkom" not in head or b" /op/" not in head[0]:
            writer.write(answer)
            await writer.drain()
            return True
        trouble = self._next()
        self.happened[trouble] += 1
        self.heard.append(answer)
        if trouble is Trouble.DELAY:
            await asyncio.sleep(_DELAY_SECONDS)
        writer.write(answer[: len(answer) // 2] if trouble is Trouble.CUT else answer)
        if trouble is Trouble.REPEAT:
            writer.write(answer)
        await writer.drain()
        return trouble is not Trouble.CUT

    def _next(self) -> Trouble:
        trouble = self.troubles[self._turn % len(self.troubles)]
        self._turn += 1
        return trouble


async def _message(reader: asyncio.StreamReader) -> bytes:
    """One whole HTTP message; nothing when the other side has ended."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    fields = [line.partition(b":") for line in head.lower().split(b"\r\n")[1:]]
    values = {name.strip(): value.strip() for name, _, value in fields}
    if values.get(b"transfer-encoding") == b"chunked":
        return head + await _chunks(reader)
    return head + await reader.readexactly(int(values.get(b"content-length", b"0")))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while True:
        size = await reader.readuntil(b"\r\n")
        chunk = await reader.readexactly(int(size, 16) + 2)
        body += size + chunk
        if int(size, 16) == 0:
            return body


@contextmanager
def bad_line(port: int, *, provider_port: int) -> Iterator[BadLine]:
    """Listen on `port` and pass everything on, for the length of a block."""
    line, started, loop = BadLine(provider_port=provider_port), threading.Event(), asyncio.new_event_loop()

    async def listen() -> None:
        server = await asyncio.start_server(line.serve, "127.0.0.1", port, limit=_MOST)
        started.set()
        async with server:
            with suppress(asyncio.CancelledError):
                await server.serve_forever()

    listening = loop.create_task(listen())
    thread = threading.Thread(target=lambda: loop.run_until_complete(listening), daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield line
    finally:
        loop.call_soon_threadsafe(listening.cancel)
        thread.join(10)
        loop.close()
