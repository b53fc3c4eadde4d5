"""A small HTTP server whose every answer a test decides, down to its bytes: for shapes that no decent server gives."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """`raw` replaces the whole answer; `hold` waits for an event that may never come before answering."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    body: bytes = b"{}"
    raw: bytes | None = None
    hold: asyncio.Event | None = None


Answering = Callable[[Request], "Reply | Awaitable[Reply]"]


class SmallServer:
    """Answers by path; every request is kept in `requests`."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.origin = ""
        self._answers: dict[str, Answering] = {}
        self._serving: set[asyncio.Task[None]] = set()

    def on(self, path: str, answer: Reply | Answering) -> None:
        self._answers[path] = (lambda _: answer) if isinstance(answer, Reply) else answer

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]

    def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving.add(asyncio.create_task(self._serve(reader, writer)))

    async def stop(self) -> None:
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await _read(reader)) is not None:
                self.requests.append(request)
                await self._reply(request, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _reply(self, request: Request, writer: asyncio.StreamWriter) -> None:
        answering = self._answers.get(request.path, _unknown)
        answer = answering(request)
        reply = answer if isinstance(answer, Reply) else await answer
        if reply.hold is not None:
            await reply.hold.wait()
        if reply.raw is not None:
            writer.write(reply.raw)
            await writer.drain()
            raise ConnectionError("a raw answer ends the connection")
        head = f"HTTP/1.1 {reply.status} Whatever\r\n"
        fields = {"Content-Length": str(len(reply.body)), **reply.headers}
        head += "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(head.encode("latin-1") + b"\r\n" + reply.body)
        await writer.drain()


def _unknown(request: Request) -> Reply:
    return Reply(status=404)


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method=method, path=path, headers=headers, body=body)


@asynccontextmanager
async def small_server(tls: ssl.SSLContext | None = None) -> AsyncIterator[SmallServer]:
    """Run a server on a free port for the length of a block."""
    small = SmallServer()
    server = await asyncio.start_server(small.serve, "127.0.0.1", 0, ssl=tls)
    scheme = "https" if tls else "http"
    small.origin = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield small
    finally:
        server.close()
        await small.stop()
