"""One request and its answer at the edge: uvicorn's cycle, with the cases that it doesn't treat.

It corrects how an answer is framed and when its connection may be used again; the connection itself is closed by the
edge. It also holds the settings of the edge.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from broker.proxy.messages import MessageLimits

if TYPE_CHECKING:
    from broker.proxy.edge import EdgeProtocol


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeSettings:
    """Which hosts are served, and limits of size (bytes) and time (seconds) for each client connection."""

    hosts: frozenset[bytes] | None = None
    messages: MessageLimits = field(default_factory=MessageLimits)
    head_time: float = 10.0  # for a whole head, however slowly it drips
    body_time: float = 20.0  # in which a body must bring `body_floor` bytes
    body_floor: int = 512
    reader_time: float = 60.0  # in which a client must take something of what waits for it
    linger: float = 2.0  # for the client to read the last answer before the connection closes
    swallow: int = 256 * 1024  # of a body that nobody wants any more
    pipelined: int = 8  # requests that may wait behind the one under way
    requests: int = 1000  # on one connection


class EdgeCycle(RequestResponseCycle):
    """One request and its answer."""

    closes = False
    ends_with_connection = False

    @classmethod
    def of(cls, edge: EdgeProtocol, *, keep_alive: bool) -> EdgeCycle:
        """The cycle for the request that the edge has just read the head of."""
        return cls(
            scope=edge.scope,
            transport=edge.transport,
            flow=edge.flow,
            logger=edge.logger,
            access_logger=edge.access_logger,
            access_log=edge.access_log,
            default_headers=edge.server_state.default_headers,
            message_event=asyncio.Event(),
            # RFC 9110 10.1.1: an expectation in HTTP/1.0 is ignored.
            expect_100_continue=edge.expect_100_continue and edge.scope["http_version"] == "1.1",
            keep_alive=keep_alive,
            on_response=edge.on_response_complete,
        )

    def extensions(self, target: bytes) -> dict[str, Any]:
        """What the gateway's own application finds besides plain ASGI."""
        abort: Callable[[], None] = self.abort
        return {"inkom.target": target, "inkom.abort": abort}

    def leave(self) -> None:
        """The client is gone, or what it sends is worth nothing: whoever waits for it learns so."""
        self.disconnected = True
        self.message_event.set()

    def abort(self) -> None:
        """Cut the connection in the middle of an answer, so that no client takes the part for the whole."""
        self.leave()
        self.transport.abort()

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "http.response.start" and not self.response_started:
            self._frame(message["status"], list(message.get("headers", [])))
            await super().send(message)
            # The edge closes, not uvicorn: with unread bytes at hand a plain close could cost the client this answer.
            self.closes, self.keep_alive = not self.keep_alive, True
            return
        if message["type"] == "http.response.body" and self.ends_with_connection:
            self.expected_content_length = len(message.get("body", b""))
        await super().send(message)

    def _frame(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        names = {name.lower() for name, _ in headers}
        self.default_headers = [field for field in self.default_headers if field[0].lower() not in names]
        if self.waiting_for_100_continue:
            # RFC 9110 10.1.1: the client may or may not send the body now; what comes next could be either.
            self.keep_alive = False
        has_body = self.scope["method"] != "HEAD" and status not in (204, 304)
        if has_body and self.scope["http_version"] == "1.0" and b"content-length" not in names:
            # RFC 9112 6.1: HTTP/1.0 knows no chunks; the end of the connection is the end of the answer.
            self.ends_with_connection = True
            self.chunked_encoding = False
