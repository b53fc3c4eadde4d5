"""One admitted request below ASGI: its bytes go from the client's connection to the backend's, the answer's back.

It stands where uvicorn's cycle stands for other requests, and owns the backend's connection for one exchange. What it
sends and passes on is what `forward` would: the same fields, the same framing. Everything that is out of the ordinary
before an answer has begun (no connection, a backend that misbehaves) it hands back to the edge, to be answered in ASGI.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from broker.proxy.connection import UpstreamConnection
from broker.proxy.failures import (
    ConnectTimedOut,
    ForwardingFailed,
    KeptConnectionDied,
    UpstreamMisbehaved,
    UpstreamTimedOut,
    UpstreamUnreachable,
)
from broker.proxy.messages import CookieNames, response_headers
from broker.proxy.passes import Pass
from broker.proxy.upstream import Upstream, has_time, may_be_repeated

if TYPE_CHECKING:
    from broker.proxy.edge import EdgeProtocol

_NO_BODY = frozenset((204, 304))  # RFC 9110 6.4.1
_log = logging.getLogger("inkom.gate")
_WAITING = 64 * 1024  # bytes of a body that may wait for a connection to the backend


class BelowAsgi(ABC):
    """What stands in the place of uvicorn's cycle for a request that does not pass through ASGI.

    The attributes are those that the edge asks of every request under way, whoever answers it.
    """

    response_started = False
    response_complete = False
    disconnected = False
    waiting_for_100_continue = False
    closes = False
    more_body = True
    body = b""  # nothing waits here for the application to read it

    def __init__(self, edge: EdgeProtocol, *, method: bytes, keep_alive: bool) -> None:
        self.edge = edge
        self.method = method
        self.target = edge.url
        self.fields = edge.headers
        self.keep_alive = keep_alive

    @abstractmethod
    def begin(self) -> None:
        """Do what is to be done about the request, whose head is there."""

    @abstractmethod
    def feed(self, octets: bytes) -> None:
        """Take a part of the body in."""

    def end_of_body(self) -> None:
        """The request has arrived whole."""
        self.more_body = False

    def may_read(self) -> None:  # noqa: B027  # not everybody has something to write
        """The client takes bytes again."""

    def leave(self) -> None:
        """The client is gone, or what it sends is worth nothing."""
        self.disconnected = True


class Carriage(BelowAsgi):
    """Carries one request, whose decision stands, and its answer."""

    # Whoever watches it (`fast`) notes here what it saw. Seconds on the clock of the event loop.
    seen_steps = 0
    next_look = 0.0
    is_being_looked_at = False

    steps = 0  # grows whenever anything moves
    _connection: UpstreamConnection | None = None
    _connecting: asyncio.Task[None] | None = None
    _upstream: Upstream | None = None
    _ends_at: float | None = None
    _early_size = 0
    _sent_body = False
    _is_second = False
    _chunked = False

    def __init__(
        self,
        edge: EdgeProtocol,
        granted: Pass,
        *,
        method: bytes,
        head: bytes,
        keep_alive: bool,
        own_cookies: CookieNames,
        over: Callable[[Carriage], None],
        failed: Callable[[Carriage, ForwardingFailed], None],
    ) -> None:
        """`head` is the whole head that the backend gets.

        `over` is called once, when nothing moves any more, and then `failed`, if there was no whole answer.
        """
        super().__init__(edge, method=method, keep_alive=keep_alive)
        self.granted = granted
        self.since = self.moved = edge.loop.time()
        self._head = head
        self._backends = granted.application.upstream
        self._rewriting = granted.application.rewriting
        self._own_cookies = own_cookies
        self._over: Callable[[Carriage], None] | None = over
        self._failed = failed
        self._early: list[bytes] = []  # parts of the body that came before the connection

    # Towards the backend

    def begin(self) -> None:
        """Send the request on, over a kept connection at once or over a new one when it is there."""
        try:
            upstream = self._backends.choose(self.since)
        except ForwardingFailed as failure:
            self._fail(failure)
            return
        self._ends_at = upstream.ends_at()
        connection = upstream.take()
        if connection is None:
            self._connecting = asyncio.ensure_future(self._connect(upstream, fresh=False))
        else:
            self._send(upstream, connection)

    def feed(self, octets: bytes) -> None:
        """Take a part of the body in; the client is held back while the backend is slower."""
        self.steps += 1
        self._sent_body = True
        connection = self._connection
        if connection is None:
            self._early.append(octets)
            self._early_size += len(octets)
            if self._early_size > _WAITING:
                self.edge.flow.pause_reading()
            return
        connection.write(octets)
        if not connection.is_writable:
            self.edge.flow.pause_reading()

    def end_of_body(self) -> None:
        """The request has arrived whole."""
        super().end_of_body()
        if self._connection is not None:
            self._connection.finish_request()

    async def _connect(self, upstream: Upstream, *, fresh: bool) -> None:
        try:
            connection = await upstream.acquire(ends_at=self._ends_at, fresh=fresh)
        except ForwardingFailed as failure:
            self._connecting = None
            self._backends.failed(upstream, failure)
            self._try_elsewhere(upstream, failure)
        except asyncio.CancelledError:
            self._backends.abandoned(upstream)
            raise
        except Exception:
            # A mistake of ours, which leaves no client waiting for ever.
            _log.exception("a connection to a backend could not be opened")
            self._connecting = None
            self._backends.abandoned(upstream)
            self._fail(UpstreamUnreachable("no connection could be opened"))
        else:
            self._connecting = None
            self._send(upstream, connection)

    def _send(self, upstream: Upstream, connection: UpstreamConnection) -> None:
        self._upstream, self._connection = upstream, connection
        self.steps += 1  # the time to the first byte begins now
        connection.begin(self.method, self)
        connection.write(b"".join((self._head, *self._early)) if self._early else self._head)
        self._early.clear()
        if not self.more_body:
            connection.finish_request()
        elif connection.is_writable:
            self.edge.flow.resume_reading()

    def _try_elsewhere(self, first: Upstream, failure: ForwardingFailed) -> None:
        """Send the request once more if the first address did nothing with it and it is safe; else give up."""
        died = isinstance(failure, KeptConnectionDied)
        again = died or isinstance(failure, UpstreamUnreachable | ConnectTimedOut)
        safe = self._may_be_repeated and not self.more_body and has_time(self._ends_at)
        if not again or self._is_second or not safe:
            self._fail(failure)
            return
        second = self._backends.another(first) or (first if died else None)
        if second is None:
            self._fail(failure)
            return
        self._is_second = True
        self._connecting = asyncio.ensure_future(self._connect(second, fresh=True))

    @property
    def _may_be_repeated(self) -> bool:
        return may_be_repeated(self.method, has_body=self._sent_body)

    # The backend's connection says

    def progressed(self) -> None:
        """Pass on what has arrived of the answer."""
        connection = self._connection
        if connection is None or self.disconnected:
            return
        if connection.failure is not None:
            self._broken(connection, connection.failure)
            return
        if not connection.head_arrived:
            return  # no step: a head that drips has no more time than one that does not come
        self.steps += 1
        if self.edge.flow.write_paused and self.response_started:
            # The client is slower than the backend: what has arrived stays, and nothing more is read.
            return
        if not self.response_started:
            try:
                head = self._answer_head(connection)
            except ForwardingFailed as failure:
                self._broken(connection, failure)
                return
            self._write(head, connection)
        else:
            self._write(b"", connection)

    def may_write(self) -> None:
        """The backend takes bytes again."""
        self.steps += 1
        if self.more_body and self._connection is not None:
            self.edge.flow.resume_reading()

    def _write(self, head: bytes, connection: UpstreamConnection) -> None:
        octets = connection.take()
        complete = connection.is_complete
        if self._chunked:
            octets = b"%x\r\n%b\r\n" % (len(octets), octets) if octets else b""
            if complete:
                octets += b"0\r\n\r\n"
        self.edge.transport.write(head + octets if head else octets)
        if complete:
            self._finish(connection)

    def _answer_head(self, connection: UpstreamConnection) -> bytes:
        """The head of the answer as the client gets it, in the order in which uvicorn writes it."""
        upstream, status = self._chosen, connection.status
        upstream.check_head(connection)
        connection.take_head()
        self.response_started = True
        self._backends.answered(upstream, status)
        theirs = connection.headers if self._rewriting is None else self._rewriting.response(connection.headers)
        fields = response_headers(theirs, own_cookies=self._own_cookies)
        if bodiless := status in _NO_BODY:
            # RFC 9110 8.6: no length with 204; with 304 it is another body's, which servers stumble over.
            fields = [field for field in fields if field[0] != b"content-length"]
        lines = [b"%b: %b\r\n" % field for field in fields]
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        if not connection.has_length and not bodiless and self.method != b"HEAD":
            self._chunked = True
            lines.append(b"transfer-encoding: chunked\r\n")
        return b"".join([STATUS_LINE[status], *self.edge.defaults_beside(fields), *lines, b"\r\n"])

    def _finish(self, connection: UpstreamConnection) -> None:
        self._connection = None
        self._chosen.give_back(connection)
        self.response_complete = True
        self.closes, self.keep_alive = not self.keep_alive, True
        self._end()
        self.edge.on_response_complete()

    def _broken(self, connection: UpstreamConnection, cause: Exception) -> None:
        """The exchange failed: once more where that is safe, else an answer of ours, or a cut."""
        failure = cause if isinstance(cause, ForwardingFailed) else UpstreamMisbehaved(str(cause))
        if self.response_started:
            self._drop()
            self._fail(failure)
            return
        unread = connection.was_used_before and connection.is_closed and not connection.answer_begun
        if unread and isinstance(failure, UpstreamMisbehaved) and self._may_be_repeated:
            failure = KeptConnectionDied(str(failure))
        upstream = self._chosen
        self._drop()
        self._backends.failed(upstream, failure)
        self._try_elsewhere(upstream, failure)

    def _fail(self, failure: ForwardingFailed) -> None:
        if self.disconnected:
            return
        failure.answer_started = self.response_started
        self._end()
        self._failed(self, failure)

    # The client's connection says

    def may_read(self) -> None:
        """The client takes bytes again."""
        self.progressed()

    def leave(self) -> None:
        """The client is gone, or what it sends is worth nothing: the backend's connection goes too."""
        super().leave()
        if self._connecting is not None:
            self._connecting.cancel()
        elif self._connection is not None and not self.response_started:
            self._backends.abandoned(self._chosen)
        self._drop()
        self._end()

    def cut(self) -> None:
        """End the request where it is: nobody may take a part of an answer for the whole."""
        self.leave()
        self.edge.transport.abort()

    # Time

    def has_waited(self, unmoved: float, now: float) -> bool:
        """Whether the backend has kept us waiting for longer than it may, in seconds; the client has other limits."""
        connection = self._connection
        if connection is None:
            return False  # connecting has a limit of its own
        if self._ends_at is not None and now >= self._ends_at:
            return True
        limits = self._backends.limits
        if self.response_started:
            return not self.edge.flow.write_paused and unmoved > limits.idle
        if self.more_body:
            return not connection.is_writable and unmoved > limits.idle
        return unmoved > limits.first_byte

    def time_out(self) -> None:
        """Nothing has moved for too long, or everything has taken too long."""
        if self._connection is not None:
            began = self.response_started
            where = "stopped in the middle of its answer" if began else "did not begin to answer in time"
            self._connection.fail(UpstreamTimedOut(f"the backend {where}"))

    @property
    def _chosen(self) -> Upstream:
        if self._upstream is None:
            raise AssertionError("a connection belongs to an address")
        return self._upstream

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()
            self._chosen.give_back(connection)

    def _end(self) -> None:
        over, self._over = self._over, None
        if over is not None:
            over(self)
