"""One request of an HTTP/2 connection and its answer, as ASGI: what an application receives and sends.

Bodies move as fast as the other side takes them, both ways. An answer that breaks off is reset, never completed. Frames
and their limits are the business of `http2`.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Protocol

from starlette.types import ASGIApp, Message, Scope

from broker.proxy.messages import Headers

_log = logging.getLogger("inkom.http2")
# RFC 9113, section 8.2.2: a connection has its own words in HTTP/2.
_OF_CONNECTIONS = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"))


class Frames(Protocol):
    """What a stream needs of its connection. None of it raises for a stream or a connection that has ended."""

    def head(self, stream: int, headers: Headers) -> None:
        """Send a head."""

    async def body(self, stream: int, octets: bytes, *, end: bool) -> bool:
        """Send a part of a body when there is room for it; False when nobody is there to take it."""

    def used(self, stream: int, size: int) -> None:
        """So many bytes of the request's body were used, and as many more may come."""

    def cut(self, stream: int) -> None:
        """Break the answer off, so that no client takes the part for the whole."""

    def finished(self, stream: int) -> None:
        """The application is done with the request."""

    def default_headers(self) -> Headers:
        """What every answer has, unless the application says it."""


class Http2Stream:
    """One request. `number` is the stream's."""

    def __init__(self, number: int, frames: Frames, *, method: bytes, expects: bool, whole: bool) -> None:
        self.number = number
        self._frames = frames
        self._is_head = method == b"HEAD"
        self._expects = expects
        self._parts: list[bytes] = []
        self.is_whole = whole  # nothing of the request is to come
        self.is_gone = False  # nobody waits for the answer
        self._told_whole = False
        self._news = asyncio.Event()
        self._started = False
        self._complete = False
        self._bodiless = False
        self._left: int | None = None  # bytes of the answer that were promised and not sent
        self.arrived = 0

    @property
    def is_waiting_for_client(self) -> bool:
        """Whether the application could use more of the body, and there is none."""
        return not self.is_whole and not self._parts and not self._complete

    # From the connection

    def receive_body(self, octets: bytes, size: int) -> None:
        """Take a part of the body; `size` counts the padding too."""
        self.arrived += size
        if self._complete or self.is_gone:
            self._frames.used(self.number, size)
            return
        self._frames.used(self.number, size - len(octets))
        self._parts.append(octets)
        self._news.set()

    def end_body(self) -> None:
        """The body has come whole."""
        self.is_whole = True
        self._news.set()

    def leave(self) -> None:
        """The client is gone, or wants no answer any more."""
        self.is_gone = True
        self._news.set()

    def abort(self) -> None:
        """Break off in the middle of an answer."""
        self.leave()
        self._frames.cut(self.number)

    # ASGI

    async def run(self, app: ASGIApp, scope: Scope) -> None:
        """Let the application answer; if it does not, or not whole, say so."""
        try:
            await app(scope, self.receive, self.send)
            if not self._complete and not self.is_gone:
                await self._fail()
        except Exception:
            _log.exception("Exception in ASGI application")
            if not self._complete and not self.is_gone:
                await self._fail()
        finally:
            if not self._complete and not self.is_gone:
                self.abort()
            self._frames.used(self.number, sum(map(len, self._parts)))
            self._frames.finished(self.number)

    async def receive(self) -> Message:
        """Return the next part of the body, or that the client is gone."""
        if self._expects:
            self._expects = False
            self._frames.head(self.number, [(b":status", b"100")])
        while not (self.is_gone or self._complete or self._parts or (self.is_whole and not self._told_whole)):
            self._news.clear()
            await self._news.wait()
        if self.is_gone or self._complete:
            return {"type": "http.disconnect"}
        body = b"".join(self._parts)
        self._parts.clear()
        self._frames.used(self.number, len(body))
        self._told_whole = self.is_whole
        return {"type": "http.request", "body": body, "more_body": not self.is_whole}

    async def send(self, message: Message) -> None:
        """Send the head or a part of the answer."""
        if self.is_gone:
            return
        if message["type"] == "http.response.start" and not self._started:
            self._start(message["status"], list(message.get("headers", [])))
        elif message["type"] == "http.response.body" and self._started and not self._complete:
            await self._send_body(message.get("body", b""), end=not message.get("more_body", False))
        else:
            raise RuntimeError(f"{message['type']} is not what comes next in an answer")

    def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        named = [(name.lower(), value) for name, value in headers]
        names = {name for name, _ in named}
        has_body = not self._is_head and status not in (204, 304)
        for name, value in named:
            if name == b"content-length" and has_body:
                self._left = int(value)
        self._bodiless = not has_body
        self._started = True
        kept = [field for field in named if field[0] not in _OF_CONNECTIONS]
        defaults = [field for field in self._frames.default_headers() if field[0] not in names]
        self._frames.head(self.number, [(b":status", b"%d" % status), *defaults, *kept])

    async def _send_body(self, octets: bytes, *, end: bool) -> None:
        if self._bodiless:
            octets = b""
        if self._left is not None:
            self._left -= len(octets)
            if self._left < 0 or (end and self._left > 0):
                self.abort()
                raise RuntimeError("the answer's body has another length than was said")
        if not await self._frames.body(self.number, octets, end=end):
            self.leave()
            return
        self._complete = end
        self._news.set()

    async def _fail(self) -> None:
        if self._started:
            self.abort()
            return
        text = b"Internal Server Error"
        headers: list[tuple[bytes, bytes]] = [(b"content-type", b"text/plain; charset=utf-8")]
        self._start(500, [*headers, (b"content-length", b"%d" % len(text))])
        await self._send_body(text, end=True)


def scope_of(stream: Http2Stream, **more: Any) -> Scope:
    """An ordinary HTTP scope with what the gateway's own application finds besides plain ASGI."""
    target: bytes = more.pop("target")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "2",
        "root_path": "",
        "extensions": {"inkom.target": target, "inkom.abort": stream.abort},
        **more,
    }
