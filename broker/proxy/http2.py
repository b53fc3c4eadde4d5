"""HTTP/2 towards browsers, over TLS only (RFC 9113): frames by h2, limits by us, requests for the same gate.

Chosen by ALPN where the configuration says so. What a request may be is judged in `http2_request`, as in HTTP/1.1. No
server push, no WebSockets (browsers open those over HTTP/1.1), no trailers: what comes after a body is dropped.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError
from uvicorn.config import Config
from uvicorn.protocols.utils import get_local_addr, get_remote_addr
from uvicorn.server import ServerState

from broker.proxy.cycle import EdgeSettings
from broker.proxy.http2_request import translate
from broker.proxy.http2_sending import CHATTER, CHATTER_PER_SECOND, STREAMS, Http2Sending
from broker.proxy.http2_stream import Http2Stream, scope_of
from broker.proxy.messages import Problem, origin_form

_log = logging.getLogger("inkom.http2")


class Http2Protocol(Http2Sending):
    """One client connection. `app_state` may hold "edge": EdgeSettings."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(
            settings=app_state.get("edge") or EdgeSettings(),
            server_state=server_state,
            keep_alive=config.timeout_keep_alive,
            loop=_loop or asyncio.get_running_loop(),
        )
        if not config.loaded:
            config.load()
        self._app: Any = config.loaded_app
        self._app_state = app_state
        self.client: tuple[str, int] | None = None
        self.ended: Callable[[], None] | None = None  # called once, when the client is gone
        self._served = 0
        self._looked = self._loop.time()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._server_state.connections.add(self)  # type: ignore[arg-type]  # as uvicorn types its own
        self._server, self.client = get_local_addr(self._transport), get_remote_addr(self._transport)

    def data_received(self, octets: bytes) -> None:
        now = self._loop.time()
        self._patience = min(CHATTER, self._patience + (now - self._looked) * CHATTER_PER_SECOND)
        self._looked = now
        try:
            for event in self._frames.receive_data(octets):
                self._take(event)
        except ProtocolError as error:
            _log.info("an HTTP/2 client broke the protocol: %s", type(error).__name__)
            self._flush()
            self._transport.close()
            return
        self._flush()
        if self._patience < 0 and not self._transport.is_closing():
            _log.info("cut an HTTP/2 client that asked for nothing, again and again")
            self._goodbye(ErrorCodes.ENHANCE_YOUR_CALM)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server_state.connections.discard(self)
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for stream in self._streams.values():
            stream.leave()
        for window in self._windows.values():
            window.set()
        self._writable.set()
        if self.ended is not None:
            self.ended()

    def shutdown(self) -> None:
        """Called by the server when it stops: requests under way end, no more are taken."""
        self._is_last = True
        self._rest()

    def turn_away(self) -> None:
        """Tell the client that there is no room for it."""
        self._goodbye(ErrorCodes.ENHANCE_YOUR_CALM)

    # Events

    def _take(self, event: Event) -> None:
        match event:
            case RequestReceived():
                self._begin(event)
            case DataReceived():
                # Empty frames cost us and the client nothing in its window (CVE-2019-9518).
                self._patience -= 0 if event.data else 1
                self._receive(event)
            case StreamEnded(stream_id=int(number)) if number in self._streams:
                self._streams[number].end_body()
            case StreamReset(stream_id=number):
                # Requests that are taken back at once still cost us (CVE-2023-44487).
                self._patience -= CHATTER // STREAMS
                self._leave(number)
            case WindowUpdated(stream_id=number):
                self._patience -= 1
                self._wake(number)
            case RemoteSettingsChanged():
                self._patience -= 1
                self._wake(0)  # the windows of all streams may have grown
            case ConnectionTerminated():
                # The client is done; h2 sends nothing after this either.
                self._transport.close()
            case StreamEnded():
                pass
            case _:
                self._patience -= 1

    def _wake(self, number: int) -> None:
        for stream in [number] if number else list(self._windows):
            if stream in self._windows:
                self._windows[stream].set()

    def _begin(self, event: RequestReceived) -> None:
        number = event.stream_id or 0
        self._is_last = self._is_last or self._served >= self._settings.requests
        # A stream that its client took back still runs for a moment: it counts until it has ended.
        if self._is_last or len(self._streams) >= STREAMS:
            # Not begun, so that the client may ask again, elsewhere or later (RFC 9113, section 8.7).
            self._reset(number, ErrorCodes.REFUSED_STREAM)
            self._rest()
            return
        self._served += 1
        self._stop("rest")
        found = translate(
            event.headers or [],
            has_body=event.stream_ended is None,
            scheme=b"https",
            hosts=self._settings.hosts,
            limits=self._settings.messages,
        )
        if isinstance(found, Problem):
            self._refuse(number, found)
            return
        whole = event.stream_ended is not None
        stream = Http2Stream(number, self, method=found.method, expects=found.expects, whole=whole)
        self._streams[number] = stream
        raw_path, _, query = origin_form(found.target).partition(b"?")
        scope = scope_of(
            stream,
            target=found.target,
            method=found.method.decode("ascii"),
            scheme="https",
            server=self._server,
            client=self.client,
            path=unquote(raw_path.decode("ascii")),  # what ASGI wants; never decided on
            raw_path=raw_path,
            query_string=query,
            headers=found.headers,
            state=self._app_state.copy(),
        )
        task = self._loop.create_task(stream.run(self._app, scope))
        self._server_state.tasks.add(task)
        task.add_done_callback(self._server_state.tasks.discard)
        if not whole:
            self._after(f"body {number}", self._settings.body_time, lambda: self._check_body(stream))

    def _receive(self, event: DataReceived) -> None:
        number, size = event.stream_id or 0, event.flow_controlled_length or 0
        stream = self._streams.get(number)
        if stream is None:
            self.used(number, size)
        else:
            stream.receive_body(event.data or b"", size)

    def _check_body(self, stream: Http2Stream) -> None:
        """A body must keep moving, except while it is we who don't take it."""
        if stream.number not in self._streams:
            return
        if stream.is_waiting_for_client and stream.arrived < self._settings.body_floor:
            self._leave(stream.number)
            self._reset(stream.number, ErrorCodes.CANCEL)
            return
        stream.arrived = 0
        if not stream.is_whole:
            self._after(f"body {stream.number}", self._settings.body_time, lambda: self._check_body(stream))
