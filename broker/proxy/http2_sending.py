"""The sending half of an HTTP/2 connection: frames out as fast as the client takes them, and how the connection ends.

What comes in, and what is begun because of it, is the business of `http2`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import StreamClosedError
from h2.settings import SettingCodes, Settings
from uvicorn.server import ServerState

from broker.proxy.cycle import EdgeSettings
from broker.proxy.http2_stream import Http2Stream
from broker.proxy.messages import Headers, Problem

STREAMS = 100  # at once on one connection, the least that RFC 9113 6.5.2 recommends
CHATTER = 500  # events without a request that a client may cause at once; each answer allows half as many more
CHATTER_PER_SECOND = 10  # and so does time: a connection that waits for news says now and then that it is there
_WINDOW = 64 * 1024 - 1  # bytes of a body that may wait for one request
_CONNECTION_WINDOW = 1024 * 1024  # and for all of a connection
_FIRST_WINDOW = 65_535  # of a connection, RFC 9113 6.9.2
_log = logging.getLogger("inkom.http2")


class Http2Sending(asyncio.Protocol):
    """What streams need of their connection (`http2_stream.Frames`), and how it ends."""

    def __init__(
        self, *, settings: EdgeSettings, server_state: ServerState, keep_alive: float, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._settings = settings
        self._server_state = server_state
        self._keep_alive = keep_alive
        self._loop = loop
        self._streams: dict[int, Http2Stream] = {}
        self._windows: dict[int, asyncio.Event] = {}
        self._writable = asyncio.Event()
        self._writable.set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._patience: float = CHATTER
        self._is_last = False
        self._frames = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self._frames.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: STREAMS,
                SettingCodes.MAX_HEADER_LIST_SIZE: settings.messages.headers,
                SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW,
            },
        )
        # Before the client has acknowledged it too: a small block can unpack to a large one.
        self._frames.decoder.max_header_list_size = settings.messages.headers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not checked by isinstance: uvloop's transports have the methods and not the class.
        self._transport = cast("asyncio.Transport", transport)
        self._frames.initiate_connection()
        self._frames.increment_flow_control_window(_CONNECTION_WINDOW - _FIRST_WINDOW)
        self._flush()
        self._after("rest", self._settings.head_time, self._close)

    def pause_writing(self) -> None:
        """Whoever does not read is not read either: answers to its frames would pile up."""
        self._writable.clear()
        self._transport.pause_reading()
        self._watch_reader(None)

    def resume_writing(self) -> None:
        self._writable.set()
        self._stop("reader")
        self._transport.resume_reading()

    def head(self, stream: int, headers: Headers) -> None:
        if self._is_open(stream):
            self._frames.send_headers(stream, headers)
            self._flush()

    async def body(self, stream: int, octets: bytes, *, end: bool) -> bool:
        rest = octets
        while self._is_open(stream):
            room = min(self._frames.local_flow_control_window(stream), self._frames.max_outbound_frame_size)
            if rest and room <= 0:
                await self._window(stream)
                continue
            part, rest = rest[:room], rest[room:]
            if part or end:
                self._frames.send_data(stream, part, end_stream=end and not rest)
                self._flush()
                # What is sent is answered by updates of windows.
                self._patience = min(CHATTER, self._patience + 4)
            if not rest:
                break
            await self._writable.wait()
        await self._writable.wait()
        return self._is_open(stream)

    def used(self, stream: int, size: int) -> None:
        if size and not self._transport.is_closing():
            self._frames.acknowledge_received_data(size, stream)
            self._flush()

    def cut(self, stream: int) -> None:
        self._reset(stream, ErrorCodes.INTERNAL_ERROR)

    def finished(self, stream: int) -> None:
        ended = self._streams.pop(stream)
        self._stop(f"body {stream}")
        if not ended.is_gone:
            self._patience = min(CHATTER, self._patience + CHATTER // 2)
            if not ended.is_whole:
                # Answered early: the rest of the body is of no use (RFC 9113, section 8.1).
                self._reset(stream, ErrorCodes.NO_ERROR)
        self._rest()

    def default_headers(self) -> Headers:
        return self._server_state.default_headers

    # Frames

    def _is_open(self, number: int) -> bool:
        stream = self._streams.get(number)
        return stream is not None and not stream.is_gone and not self._transport.is_closing()

    async def _window(self, number: int) -> None:
        """Wait until the client takes more of this answer; one that takes nothing for too long gets no more."""
        window = self._windows[number] = asyncio.Event()
        try:
            async with asyncio.timeout(self._settings.reader_time):
                await window.wait()
        except TimeoutError:
            _log.info("cut an answer that the client stopped taking")
            self._leave(number)
            self._reset(number, ErrorCodes.CANCEL)
        finally:
            del self._windows[number]

    def _leave(self, number: int) -> None:
        if number in self._streams:
            self._streams[number].leave()
        if number in self._windows:
            self._windows[number].set()

    def _reset(self, number: int, code: ErrorCodes) -> None:
        if self._transport.is_closing():
            return
        with suppress(StreamClosedError):
            self._frames.reset_stream(number, code)
        self._flush()

    def _refuse(self, number: int, problem: Problem) -> None:
        _log.info("Refused with %d: %s", problem.status, problem.title)
        body = json.dumps({"type": "about:blank", "title": problem.title, "status": problem.status}).encode("ascii")
        fields: Headers = [
            (b":status", b"%d" % problem.status),
            *self.default_headers(),
            (b"content-type", b"application/problem+json"),
            (b"cache-control", b"no-store"),
        ]
        # What came in one piece with the request may have taken it back already.
        with suppress(StreamClosedError):
            has_room = self._frames.local_flow_control_window(number) >= len(body)
            self._frames.send_headers(number, fields, end_stream=not has_room)
            if has_room:
                self._frames.send_data(number, body, end_stream=True)
        self._reset(number, ErrorCodes.NO_ERROR)
        self._rest()

    def _flush(self) -> None:
        octets = self._frames.data_to_send()
        if octets and not self._transport.is_closing():
            self._transport.write(octets)

    # Time and the end

    def _rest(self) -> None:
        if self._streams or self._transport.is_closing():
            return
        if self._is_last:
            self._goodbye(ErrorCodes.NO_ERROR)
        else:
            self._after("rest", self._keep_alive, self._close)

    def _close(self) -> None:
        self._goodbye(ErrorCodes.NO_ERROR)

    def _goodbye(self, code: ErrorCodes) -> None:
        if self._transport.is_closing():
            return
        self._frames.close_connection(code)
        self._flush()
        self._transport.close()

    def _watch_reader(self, before: int | None) -> None:
        left = self._transport.get_write_buffer_size()
        if before is not None and left >= before:
            _log.info("cut a client that stopped reading")
            self._transport.abort()
            return
        self._after("reader", self._settings.reader_time, lambda: self._watch_reader(left))

    def _after(self, name: str, delay: float, action: Callable[[], None]) -> None:
        self._stop(name)
        self._timers[name] = self._loop.call_later(delay, action)

    def _stop(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()
