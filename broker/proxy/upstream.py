"""The connections to one backend: a bounded pool with keep-alive, and one exchange per request.

A connection is used again only when request and answer are wholly finished on it; everything else drops it. One silent
retry exists: a request without a body and without effect (RFC 9110 9.2.1) whose reused connection turned out to be
dead before a byte of an answer. What goes into a request and what an answer means is decided elsewhere, and so is the
choice among several addresses: `backends`.
"""

from __future__ import annotations

import asyncio
import math
import ssl as tls
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from broker.proxy.connection import UpstreamConnection
from broker.proxy.exchange import Exchange
from broker.proxy.failures import (
    BodyTooLarge,
    ClientGone,
    ConnectTimedOut,
    KeptConnectionDied,
    UpstreamBusy,
    UpstreamMisbehaved,
    UpstreamTimedOut,
    UpstreamUnreachable,
)
from broker.proxy.fields import lines_of, request_head
from broker.proxy.messages import MAX_RESPONSE_HEAD, Headers
from broker.proxy.slots import Slots

_LITTLE = 0.01  # seconds
# RFC 9110 9.2.1 and 9.2.2, less the methods that a browser doesn't send.
_REPEATED = frozenset((b"GET", b"HEAD", b"OPTIONS"))


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLimits:
    """How long (seconds) and how much (bytes) one backend may take.

    `total` None lets streams run for as long as they move. A head larger than `MAX_RESPONSE_HEAD` is never read.
    """

    connect: float = 5.0
    first_byte: float = 60.0
    idle: float = 60.0
    total: float | None = None
    wait: float = 5.0  # for a free connection
    keep: float = 4.0  # unused connections; just under the 5 s after which common servers close theirs
    pool_size: int = 64
    waiting: int = 256  # requests that may wait for a free connection
    tunnels: int = 1000
    max_body: int = 100 * 1024 * 1024
    max_response_head: int = MAX_RESPONSE_HEAD


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHead:
    """What is sent to a backend before the body; Content-Length, where present, is the body's exact length."""

    method: bytes
    target: bytes
    headers: Headers


def may_be_repeated(method: bytes, *, has_body: bool) -> bool:
    """Whether a request has neither a body nor an effect, so that it may be sent a second time."""
    return not has_body and method in _REPEATED


def has_time(ends_at: float | None) -> bool:
    """Whether a second attempt can be worth it before a request has to be over. Timers may fire a little early."""
    return ends_at is None or asyncio.get_running_loop().time() + _LITTLE < ends_at


class UpstreamResponse:
    """An answer whose body is still coming. It must be closed; to read it to its end also closes it."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        limits: TimeLimits,
        ends_at: float | None,
        sender: asyncio.Task[None] | None,
        done: Callable[[UpstreamConnection], None],
    ) -> None:
        self.status = exchange.connection.status
        self.headers = exchange.connection.headers
        self._exchange = exchange
        self._limits = limits
        self._ends_at = ends_at
        self._sender = sender
        self._done: Callable[[UpstreamConnection], None] | None = done

    def __aiter__(self) -> UpstreamResponse:
        return self

    async def __anext__(self) -> bytes:
        octets = b""
        if self._done is not None:
            remaining = _remaining(self._ends_at, self._limits.idle)
            if remaining <= 0:  # what arrived already would be read without a look at the clock
                self._exchange.connection.fail(UpstreamTimedOut("the answer took longer than it may in all"))
            octets = await self._exchange.read(idle=remaining)
        if not octets:
            await self.aclose()
            raise StopAsyncIteration
        return octets

    async def aclose(self) -> None:
        """Give the connection back, or drop it if anything of the exchange is unfinished."""
        if self._done is None:
            return
        done, self._done = self._done, None
        if self._sender is not None:
            self._sender.cancel()
        done(self._exchange.connection)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamTunnel:
    """A connection that switched protocols: its transport is paused, `early` came right after the 101."""

    headers: Headers
    transport: asyncio.Transport
    early: bytes
    release: Callable[[], None]


class Upstream:
    """The pool of connections to one backend, over plain TCP or TLS."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        limits: TimeLimits | None = None,
        ssl: tls.SSLContext | Callable[[], tls.SSLContext] | None = None,
        server_name: str | None = None,
    ) -> None:
        """`ssl` may be asked anew for each connection; the certificate must be for `server_name`, else for `host`."""
        self.limits = limits or TimeLimits()
        self._host = host
        self._port = port
        self._ssl = ssl
        self._server_name = server_name
        self._slots = Slots(self.limits.pool_size)
        self._in_use = 0
        self._waiting = 0
        self._tunnels = 0
        self._idle: deque[tuple[UpstreamConnection, float]] = deque()  # the longest unused first
        self._expiry: asyncio.TimerHandle | None = None
        self._closed = False

    async def send(self, head: RequestHead, body: AsyncIterator[bytes] | None) -> UpstreamResponse:
        """Send a request and return as soon as the head of its answer is there. Raises ForwardingFailed."""
        ends_at = self.ends_at()
        await self._take_slot(ends_at)
        try:
            try:
                return await self._once(head, body, ends_at, fresh=False)
            except KeptConnectionDied:
                return await self._once(head, None, ends_at, fresh=True)
        except BaseException:
            self._free_slot()
            raise

    async def send_once(
        self, head: RequestHead, body: AsyncIterator[bytes] | None, *, ends_at: float | None, fresh: bool = False
    ) -> UpstreamResponse:
        """Send a request without a second attempt, `fresh` over a new connection, to be over at `ends_at`.

        Raises ForwardingFailed: KeptConnectionDied, UpstreamUnreachable and ConnectTimedOut say that nothing was done.
        """
        await self._take_slot(ends_at)
        try:
            return await self._once(head, body, ends_at, fresh=fresh)
        except BaseException:
            self._free_slot()
            raise

    def ends_at(self) -> float | None:
        """When, on the clock of the event loop, a request that begins now has to be over; None for no limit."""
        return None if self.limits.total is None else asyncio.get_running_loop().time() + self.limits.total

    def alike(self, *, limits: TimeLimits) -> Upstream:
        """Return another pool to the same address."""
        return Upstream(self._host, self._port, limits=limits, ssl=self._ssl, server_name=self._server_name)

    async def open_tunnel(self, head: RequestHead) -> UpstreamTunnel | UpstreamResponse:
        """Ask to switch protocols; an answer other than 101 is an ordinary response. Raises ForwardingFailed."""
        if self._tunnels >= self.limits.tunnels:
            raise UpstreamBusy("too many tunnels to this backend")
        self._tunnels += 1
        try:
            connection = await self._connect(None)
            exchange = Exchange(connection, head.method, tunnel=True)
            connection.write(_serialise(head, chunked=False))
            connection.finish_request()
            try:
                await exchange.head(within=self.limits.first_byte)
                self.check_head(connection)
            except BaseException:
                connection.abort()
                raise
        except BaseException:
            self._release_tunnel()
            raise
        if connection.status == 101:
            return UpstreamTunnel(
                headers=connection.headers,
                transport=connection.transport,
                early=connection.early,
                release=self._release_tunnel,
            )
        return UpstreamResponse(
            exchange, limits=self.limits, ends_at=None, sender=None, done=self._drop_tunnel_connection
        )

    async def aclose(self) -> None:
        """Drop the unused connections; those in use are dropped when their exchange ends."""
        self._closed = True
        if self._expiry is not None:
            self._expiry.cancel()
        while self._idle:
            connection, _ = self._idle.pop()
            connection.abort()

    @property
    def unused_connections(self) -> int:
        """How many connections wait for a next request."""
        return len(self._idle)

    @property
    def outstanding(self) -> int:
        """How many requests and tunnels are under way here, those that wait for a connection included."""
        return self._in_use + self._waiting + self._tunnels

    async def _once(
        self, head: RequestHead, body: AsyncIterator[bytes] | None, ends_at: float | None, *, fresh: bool
    ) -> UpstreamResponse:
        kept = None if fresh else self._reuse()
        if kept is None:
            return await self._exchange(await self._connect(ends_at), head, body, ends_at)
        try:
            return await self._exchange(kept, head, body, ends_at)
        except UpstreamMisbehaved as failed:
            if kept.is_closed and not kept.answer_begun and may_be_repeated(head.method, has_body=body is not None):
                raise KeptConnectionDied(str(failed)) from failed
            raise

    async def _exchange(
        self,
        connection: UpstreamConnection,
        head: RequestHead,
        body: AsyncIterator[bytes] | None,
        ends_at: float | None,
    ) -> UpstreamResponse:
        length = next((int(value) for name, value in head.headers if name == b"content-length"), None)
        exchange = Exchange(connection, head.method)
        sender = None
        try:
            connection.write(_serialise(head, chunked=body is not None and length is None))
            if body is None:
                connection.finish_request()
            else:
                sender = asyncio.create_task(self._send_body(exchange, body, length))
                # The time to the first byte begins when the request is sent, or when an early answer is there.
                await asyncio.wait(
                    {sender, exchange.head_settled},
                    return_when=asyncio.FIRST_COMPLETED,
                    timeout=None if ends_at is None else _remaining(ends_at, math.inf),
                )
            await exchange.head(within=_remaining(ends_at, self.limits.first_byte))
            self.check_head(connection)
        except BaseException:
            if sender is not None:
                sender.cancel()
            connection.abort()
            raise
        return UpstreamResponse(exchange, limits=self.limits, ends_at=ends_at, sender=sender, done=self.give_back)

    async def _send_body(self, exchange: Exchange, body: AsyncIterator[bytes], length: int | None) -> None:
        """Send the body; whatever stops it ends the exchange, so that a part is never taken for the whole."""
        connection = exchange.connection
        sent = 0
        try:
            async for octets in body:
                if connection.is_closed:
                    return
                sent += len(octets)
                if length is not None and sent > length:
                    raise ClientGone("the body is longer than was announced")
                if sent > self.limits.max_body:
                    raise BodyTooLarge("the body is larger than this backend accepts")
                if octets:
                    connection.write(octets if length is not None else b"%x\r\n%b\r\n" % (len(octets), octets))
                    await exchange.drain(idle=self.limits.idle)
            if length is not None and sent < length:
                raise ClientGone("the body is shorter than was announced")
        except Exception as failure:  # handed to whoever reads the answer, who raises it
            connection.fail(failure)
            return
        if length is None:
            connection.write(b"0\r\n\r\n")
        connection.finish_request()

    def check_head(self, connection: UpstreamConnection) -> None:
        """Raise UpstreamMisbehaved for an answer whose head is larger than this backend may send."""
        if self.limits.max_response_head >= MAX_RESPONSE_HEAD:
            return  # the connection saw to that
        size = sum(len(name) + len(value) + 4 for name, value in connection.headers)
        if size > self.limits.max_response_head:
            raise UpstreamMisbehaved("the head of the answer is larger than this backend may send")

    async def _take_slot(self, ends_at: float | None) -> None:
        if self._waiting >= self.limits.waiting:
            raise UpstreamBusy("too many requests wait for this backend")
        self._waiting += 1
        try:
            async with asyncio.timeout(_remaining(ends_at, self.limits.wait)):
                await self._slots.wait()
        except TimeoutError:
            raise UpstreamBusy("no connection to this backend came free in time") from None
        finally:
            self._waiting -= 1
        self._in_use += 1

    def _free_slot(self) -> None:
        self._in_use -= 1
        self._slots.release()

    def _reuse(self) -> UpstreamConnection | None:
        while self._idle:
            connection, _ = self._idle.pop()
            if not connection.is_closed:
                return connection
        return None

    async def _connect(self, ends_at: float | None) -> UpstreamConnection:
        loop = asyncio.get_running_loop()
        try:
            context = self._ssl() if callable(self._ssl) else self._ssl
            async with asyncio.timeout(_remaining(ends_at, self.limits.connect)):
                _, connection = await loop.create_connection(
                    UpstreamConnection,
                    self._host,
                    self._port,
                    ssl=context,
                    server_hostname=self._server_name if context is not None else None,
                )
        except TimeoutError:
            raise ConnectTimedOut("the backend did not accept a connection in time") from None
        except OSError as error:  # ssl.SSLError is one
            why = error.verify_message if isinstance(error, tls.SSLCertVerificationError) else type(error).__name__
            raise UpstreamUnreachable(f"no connection: {why}") from error
        return connection

    def take(self) -> UpstreamConnection | None:
        """Return an unused connection at once; None when there is none, or when others wait for one."""
        if not self._idle or not self._slots.take():
            return None
        self._in_use += 1
        connection = self._reuse()
        if connection is None:
            self._free_slot()
        return connection

    async def acquire(self, *, ends_at: float | None, fresh: bool = False) -> UpstreamConnection:
        """Return a connection, a new one if there is no unused one or it must be `fresh`. Raises ForwardingFailed."""
        await self._take_slot(ends_at)
        try:
            kept = None if fresh else self._reuse()
            return kept or await self._connect(ends_at)
        except BaseException:
            self._free_slot()
            raise

    def give_back(self, connection: UpstreamConnection) -> None:
        """Keep a connection for the next request if its exchange went well to its end; else drop it."""
        if connection.is_reusable and not self._closed:
            connection.rest()
            self._idle.append((connection, connection.loop.time()))
            if self._expiry is None:
                self._expiry = connection.loop.call_later(self.limits.keep, self._expire)
        else:
            connection.abort()
        self._free_slot()

    def _expire(self) -> None:
        """Drop what has been unused for too long, and look again when the next one will have been."""
        loop = asyncio.get_running_loop()
        oldest = loop.time() - self.limits.keep
        while self._idle and self._idle[0][1] <= oldest:
            self._idle.popleft()[0].abort()
        self._expiry = loop.call_at(self._idle[0][1] + self.limits.keep, self._expire) if self._idle else None

    def _drop_tunnel_connection(self, connection: UpstreamConnection) -> None:
        connection.abort()
        self._release_tunnel()

    def _release_tunnel(self) -> None:
        self._tunnels -= 1


def _remaining(ends_at: float | None, limit: float) -> float:
    """The shorter of a limit and the time that is left in all."""
    if ends_at is None:
        return limit
    return min(limit, max(0.0, ends_at - asyncio.get_running_loop().time()))


def _serialise(head: RequestHead, *, chunked: bool) -> bytes:
    """The head as bytes. Raises ValueError if anything in it would end a line early."""
    coding = [(b"transfer-encoding", b"chunked")] if chunked else []
    return request_head(head.method, head.target, lines_of([*head.headers, *coding]))
