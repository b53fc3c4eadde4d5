"""One connection to a backend: one request and one answer at a time, by the rules of RFC 9112 section 6.

It parses answers strictly, holds at most a small part of a body, and knows when it is fit for another request. Whoever
has the exchange is called at every step, and takes what has arrived. It does not open itself, choose a backend, retry
or keep time.
"""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

import httptools

from broker.proxy.failures import UpstreamMisbehaved
from broker.proxy.fields import values_of
from broker.proxy.messages import MAX_RESPONSE_HEAD, Headers, check_response, look_at

HIGH_WATER = 64 * 1024
_MAX_INTERIM_ANSWERS = 16
_CHUNK_FRAMING = 32  # bytes that one chunk may spend on its size and line ends before they count as padding
_NO_CONTENT = frozenset((204, 304))  # RFC 9110 6.4.1


class _StopParsingError(Exception):
    """Raised in a parser callback after the exchange was failed, so that no further byte is read."""


class Owner(Protocol):
    """Whoever has the exchange that is going on."""

    def progressed(self) -> None:
        """Something arrived, or the exchange ended: look at it. Called once for all that came together."""

    def may_write(self) -> None:
        """The backend takes bytes of the request again."""


class _Nobody:
    """Owns a connection that waits for its next request."""

    def progressed(self) -> None:
        pass

    def may_write(self) -> None:
        pass


class _Exchange:
    """What is known about the request under way and its answer."""

    request_sent = False
    answer_begun = False
    head_taken = False
    status = 0
    interim = False
    interim_answers = 0
    has_length = False
    until_close = False
    keep_alive = False
    complete = False
    parsed_to_end = False
    dirty = False
    buffered = 0
    unaccounted = 0  # bytes that were neither head nor body: chunk extensions, trailers, padding
    tail = b""
    early = b""
    failure: Exception | None = None

    def __init__(self, method: bytes, *, tunnel: bool) -> None:
        self.method = method
        self.tunnel = tunnel
        self.fields: Headers = []
        self.headers: Headers = []
        self.chunks: list[bytes] = []


_NOBODY = _Nobody()


class UpstreamConnection(asyncio.Protocol):
    """A connection and the exchange that is going on over it."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._lost = False
        self._reading = True
        self._writable = True
        self._busy = False
        self.was_used_before = False
        self._owner: Owner = _NOBODY
        self._exchange = _Exchange(b"", tunnel=False)
        self._parser = httptools.HttpResponseParser(self)

    # The exchange, as its owner sees it

    def begin(self, method: bytes, owner: Owner, *, tunnel: bool = False) -> None:
        """Make ready for the answer to a request with this method."""
        if not self._exchange.parsed_to_end:
            # The old parser may still expect a body that the last answer only announced.
            self._parser = httptools.HttpResponseParser(self)
        self._exchange = _Exchange(method, tunnel=tunnel)
        self._owner = owner
        self._busy = True

    def write(self, octets: bytes) -> None:
        """Send bytes of the request; a lost connection is noticed by whoever reads the answer."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(octets)

    def finish_request(self) -> None:
        """Say that every byte of the request was handed over."""
        self._exchange.request_sent = True

    def fail(self, failure: Exception) -> None:
        """End the exchange with this failure, unless its answer is complete, and drop the connection."""
        if not self._exchange.complete and self._exchange.failure is None:
            self._exchange.failure = failure
        self.abort()
        self._owner.progressed()

    def abort(self) -> None:
        """Drop the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def take(self) -> bytes:
        """Return what has arrived of the body, and read on."""
        chunks = self._exchange.chunks
        if not chunks:
            return b""
        octets = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        self._exchange.buffered = 0
        self._resume()
        return octets

    def take_head(self) -> None:
        """Say that the head of the answer is being passed on: what comes after it can no longer change it."""
        self._exchange.head_taken = True

    def hold(self) -> None:
        """Read no more until something is taken: the client is slower than the backend."""
        self._pause()

    @property
    def status(self) -> int:
        """The status of the final answer."""
        return self._exchange.status

    @property
    def headers(self) -> Headers:
        """The fields of the final answer, as they came."""
        return self._exchange.headers

    @property
    def early(self) -> bytes:
        """Bytes of the new protocol that came together with a 101."""
        return self._exchange.early

    @property
    def answer_begun(self) -> bool:
        """Whether a single byte of an answer arrived."""
        return self._exchange.answer_begun

    @property
    def head_arrived(self) -> bool:
        """Whether the head of the final answer is there."""
        return self._exchange.status != 0

    @property
    def has_length(self) -> bool:
        """Whether the head says how long the body is."""
        return self._exchange.has_length

    @property
    def is_complete(self) -> bool:
        """Whether the whole answer has arrived."""
        return self._exchange.complete

    @property
    def failure(self) -> Exception | None:
        """Why there will be no whole answer."""
        return self._exchange.failure

    @property
    def is_writable(self) -> bool:
        """Whether the backend takes bytes as fast as they are sent."""
        return self._writable

    @property
    def is_reusable(self) -> bool:
        """Whether both sides are wholly finished and nothing speaks against another request."""
        return (
            self._exchange.complete
            and self._exchange.request_sent
            and self._exchange.keep_alive
            and not self._exchange.dirty
            and not self._exchange.chunks
            and self._reading
            and self._writable
            and not self.is_closed
        )

    @property
    def is_closed(self) -> bool:
        """Whether the connection is gone or going."""
        return self._lost or self._transport is None or self._transport.is_closing()

    @property
    def transport(self) -> asyncio.Transport:
        """The transport below, for a tunnel that takes the connection over."""
        if self._transport is None:
            raise RuntimeError("not connected")
        return self._transport

    def rest(self) -> None:
        """Mark the connection as waiting for its next request: whatever arrives now ends it."""
        self._busy = False
        self.was_used_before = True
        self._owner = _NOBODY

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not checked by isinstance: uvloop's transports have the methods and not the class.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, octets: bytes) -> None:
        if not self._busy or self._exchange.complete:
            # Bytes that nobody asked for could be taken for the answer to the next request (RFC 9112 9.2).
            self._spoil()
        else:
            self._read(octets)
        self._owner.progressed()

    def eof_received(self) -> None:
        if self._exchange.until_close and self._exchange.interim is False:
            self._exchange.complete = True  # RFC 9112 6.3 rule 8
            self._owner.progressed()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._writable = True
        if self._busy and not self._exchange.complete:
            self.fail(UpstreamMisbehaved("the backend closed the connection before its answer was complete"))
        self._owner.may_write()

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._owner.may_write()

    # Parser callbacks

    def on_message_begin(self) -> None:
        if self._exchange.complete:
            self._spoil()
            raise _StopParsingError
        self._exchange.fields = []

    def on_header(self, name: bytes, value: bytes) -> None:
        # Fields after the head are trailers (RFC 9110 6.5.1): dropped.
        if self._exchange.status == 0:
            self._exchange.fields.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        exchange = self._exchange
        status = self._parser.get_status_code()
        fields = exchange.fields
        look = look_at(fields)
        exchange.unaccounted -= look.size
        problem = check_response(status, self._parser.get_http_version().encode(), fields, look=look)
        if look.size > MAX_RESPONSE_HEAD:
            problem = "a head that is too large"
        if status == 101 and not exchange.tunnel:
            problem = "a switch of protocols that nobody asked for"
        if problem is not None:
            self._misbehaved(problem)
            raise _StopParsingError
        exchange.interim = status < 200 and status != 101
        if exchange.interim:
            return
        exchange.status, exchange.headers = status, fields
        exchange.keep_alive = self._parser.should_keep_alive()
        if exchange.method == b"HEAD" or status in _NO_CONTENT:
            exchange.complete = True
        else:
            exchange.has_length = any(name == b"content-length" for name, _ in look.ruled)
            exchange.until_close = not exchange.has_length and not values_of(look.ruled, b"transfer-encoding")

    def on_body(self, octets: bytes) -> None:
        if self._exchange.complete:
            self._spoil()
            raise _StopParsingError
        self._exchange.unaccounted -= len(octets)
        self._exchange.chunks.append(octets)
        self._exchange.buffered += len(octets)
        if self._exchange.buffered >= HIGH_WATER:
            self._pause()

    def on_chunk_header(self) -> None:
        if self._exchange.complete:
            self._spoil()
            raise _StopParsingError
        self._exchange.unaccounted -= min(_CHUNK_FRAMING, max(0, self._exchange.unaccounted))

    def on_message_complete(self) -> None:
        if self._exchange.interim:
            self._exchange.interim = False
            self._exchange.interim_answers += 1
            if self._exchange.interim_answers > _MAX_INTERIM_ANSWERS:
                self._misbehaved("a flood of interim answers")
                raise _StopParsingError
            return
        self._exchange.complete = self._exchange.parsed_to_end = True

    # Inner workings

    def _read(self, octets: bytes) -> None:
        exchange = self._exchange
        exchange.answer_begun = True
        exchange.unaccounted += len(octets)
        try:
            self._parser.feed_data(octets)
        except httptools.HttpParserUpgrade as upgrade:
            exchange.early = octets[upgrade.args[0] :]
            self._pause()
            return
        except httptools.HttpParserError as error:
            if exchange.failure is None:
                self._misbehaved(f"unreadable: {error}")
            return
        self._check_end_of_head(octets)
        if exchange.unaccounted > MAX_RESPONSE_HEAD:
            self._misbehaved("too much besides the body")

    def _check_end_of_head(self, octets: bytes) -> None:
        """An answer to HEAD ends with its head; a parser that expects a body would swallow what comes after it."""
        exchange = self._exchange
        if exchange.method == b"HEAD":
            exchange.tail = (exchange.tail + octets)[-4:]
            if exchange.complete and exchange.tail != b"\r\n\r\n":
                self._spoil()

    def _misbehaved(self, how: str) -> None:
        if not self._exchange.complete and self._exchange.failure is None:
            self._exchange.failure = UpstreamMisbehaved(f"the backend's answer is against the rules: {how}")
        self.abort()

    def _spoil(self) -> None:
        """More bytes than one answer: the answer itself may be what an attacker put before the real one."""
        self._exchange.dirty = True
        # A body after the answer to HEAD is a common mistake: it costs the connection, not the answer.
        if (
            self._busy
            and self._exchange.failure is None
            and not self._exchange.head_taken
            and self._exchange.method != b"HEAD"
        ):
            self._exchange.failure = UpstreamMisbehaved("the backend sent more than one answer")
        self.abort()

    def _pause(self) -> None:
        if self._reading and not self.is_closed:
            self._reading = False
            self.transport.pause_reading()

    def _resume(self) -> None:
        if not self._reading and not self.is_closed:
            self._reading = True
            self.transport.resume_reading()
