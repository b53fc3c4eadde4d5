"""The server protocol towards clients: uvicorn's own, with its gaps closed before anything is decided.

Written against uvicorn 0.54 and httptools 0.9: it relies on the attributes of `HttpToolsProtocol` that
`tests/broker/proxy/test_edge.py` names. It checks each request by the rules of `messages`, and keeps what arrives and
what waits to be sent within limits of size and time. What the fast path can carry is carried; everything else goes to
the application, with its exact target as `scope["extensions"]["inkom.target"]`. It knows no session or policy.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, Literal, cast
from urllib.parse import unquote

import httptools
from starlette.types import ASGIApp
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE
from uvicorn.server import ServerState

from broker.proxy.carriage import BelowAsgi
from broker.proxy.cycle import EdgeCycle
from broker.proxy.fast import FastPath
from broker.proxy.messages import Headers, Look, Problem, check_request, look_at, origin_form
from broker.proxy.patience import PatientProtocol
from broker.proxy.tunnel import TunnelProtocol

_CHUNK_FRAMING = 32  # bytes that one chunk may spend on its size and line ends before they count as padding
_SLICE = 16 * 1024
_BAD_REQUEST = Problem(status=400, title="The request is not HTTP/1.1")
_TOO_LATE = Problem(status=408, title="The request did not arrive in time")
_TOO_LARGE = Problem(status=431, title="The header fields are too large")
_FULL = Problem(status=503, title="Too many connections")
_NOT_ALONE = Problem(status=400, title="A protocol can't be switched behind another request")


class _StopReadingError(Exception):
    """Raised in a parser callback, so that no further byte of this client is read."""


class EdgeProtocol(PatientProtocol):
    """One client connection. `app_state` may hold "edge": EdgeSettings, and "fast": FastPath."""

    cycle: Any  # what answers the last request that was read: a cycle of uvicorn's kind, or a carriage

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.reading: Literal["nothing", "head", "body"] = "nothing"
        self.fast: FastPath | None = app_state.get("fast")
        self.running: EdgeCycle | BelowAsgi | None = None
        self.raw: Headers = []
        self.looked_at: Headers = []
        self.look: Look | None = None
        self.refusal: Problem | None = None
        self.resting_since: float | None = None
        self.is_last = False  # the client asked to close after the request under way
        self.tunnel: TunnelProtocol | None = None
        self.unaccounted = 0  # bytes that were neither head nor body: partial heads, chunk extensions, trailers
        self.arrived = 0  # bytes of bodies since the last look
        self.served = 0
        self.ended: Callable[[], None] | None = None  # called once, when the client is gone

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        super().connection_made(transport)
        self._after("head", self.settings.head_time, self._head_is_late)

    def turn_away(self) -> None:
        """Tell the client that there is no room for it, and read nothing."""
        self._refuse(_FULL)

    def data_received(self, data: bytes) -> None:
        self.resting_since = None
        if len(data) <= _SLICE:
            self._read(data)
        else:
            # In slices, so that padding is noticed while the request that it belongs to is still being read.
            for at in range(0, len(data), _SLICE):
                self._read(data[at : at + _SLICE])
        if self.muted:
            return
        if self.reading == "head" or (self.reading == "nothing" and self.running is None):
            self._after("head", self.settings.head_time, self._head_is_late)
        elif self.reading == "body":
            self._after("body", self.settings.body_time, self._check_body)

    def connection_lost(self, exc: Exception | None) -> None:
        for cycle in [self.running, *(waiting for waiting, _ in self.pipeline)]:
            if isinstance(cycle, EdgeCycle | BelowAsgi):
                cycle.leave()
        self.pipeline.clear()
        if isinstance(self.cycle, BelowAsgi):
            self.cycle = None
        super().connection_lost(exc)
        if self.ended is not None:
            self.ended()

    def resume_writing(self) -> None:
        super().resume_writing()
        if isinstance(self.running, BelowAsgi):
            self.running.may_read()

    def shutdown(self) -> None:
        """Called by the server when it stops."""
        if self.running is None:
            self.transport.close()
        else:
            self.cycle.keep_alive = False

    # Parser callbacks

    def on_message_begin(self) -> None:
        if self.muted:
            raise _StopReadingError
        if len(self.pipeline) >= self.settings.pipelined:
            # RFC 9112 9.3.2: a client must cope with a connection that closes before all its answers.
            self.cycle.keep_alive = False
            self._mute()
            raise _StopReadingError
        self.url = b""
        self.raw = []
        self.reading = "head"

    def on_header(self, name: bytes, value: bytes) -> None:
        # Fields after the head are trailers (RFC 9110 6.5.1): dropped, never merged.
        if self.reading == "head":
            self.raw.append((name, value))

    def on_headers_complete(self) -> None:
        method, version = self.parser.get_method(), self.parser.get_http_version()
        look = self.look
        if look is None or self.raw != self.looked_at:
            # Clients repeat themselves: most heads on one connection differ in nothing but the target.
            self.look = look = look_at([(name.lower(), value.strip(b" \t")) for name, value in self.raw])
            self.looked_at = self.raw
        self.headers = look.headers
        self.unaccounted -= len(method) + len(self.url) + 12 + look.size
        if self.timers:
            self._stop("head")
        problem = check_request(
            method,
            self.url,
            self.headers,
            hosts=self.settings.hosts,
            version=version.encode("ascii"),
            limits=self.settings.messages,
            look=look,
        )
        if problem is None and self._is_tunnel() and self.running is not None:
            problem = _NOT_ALONE
        if problem is not None:
            self._refuse(problem)
            raise _StopReadingError
        self.reading = "body"
        self.expect_100_continue = any(name == b"expect" for name, _ in look.ruled)
        if not self.parser.should_upgrade():
            self._begin(method, version, look)

    def on_chunk_header(self) -> None:
        self._account(min(_CHUNK_FRAMING, max(0, self.unaccounted)))

    def on_body(self, body: bytes) -> None:
        self._account(len(body))
        self.arrived += len(body)
        if self.cycle.response_complete:
            # Answered early: the rest is read and dropped, up to a point (RFC 9112 9.3).
            self.swallowed += len(body)
            if self.swallowed > self.settings.swallow:
                self._linger()
                raise _StopReadingError
            return
        if isinstance(self.cycle, BelowAsgi):
            self.cycle.feed(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self.reading = "nothing"
        self._stop("body")
        if self.parser.should_upgrade():
            return
        if isinstance(self.cycle, BelowAsgi):
            self.cycle.end_of_body()
        else:
            super().on_message_complete()
        if self.is_last:
            self._mute()
        elif self.running is None:
            self._rest()

    # Requests and answers

    def _begin(self, method: bytes, version: str, look: Look) -> None:
        self.served += 1
        enough = self.served >= self.settings.requests
        self.is_last = version == "1.0" or enough or not self.parser.should_keep_alive()
        self.arrived = self.swallowed = 0
        carried = None
        if self.fast is not None and self.running is None and version == "1.1":
            carried = self.fast.carriage(self, method, look, keep_alive=not self.is_last)
        if carried is not None:
            self.cycle = self.running = carried
            carried.begin()
            return
        self.cycle = cycle = self._cycle_for(method, self.url, self.headers, version=version)
        if self.running is None:
            self._start_asgi_task(cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def _cycle_for(self, method: bytes, target: bytes, headers: Headers, *, version: str) -> EdgeCycle:
        self.scope = self._scope(method, target, headers, version=version)
        cycle = EdgeCycle.of(self, keep_alive=not self.is_last)
        self.scope["extensions"] = cycle.extensions(target)
        return cycle

    def _scope(self, method: bytes, target: bytes, headers: Headers, *, version: str) -> Any:
        raw_path, _, query = origin_form(target).partition(b"?")
        return {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": self.root_path,
            "method": method.decode("ascii"),
            "headers": [*headers],  # an application may change its own; ours may serve for the next request too
            "raw_path": raw_path,
            "path": unquote(raw_path.decode("ascii")),  # what ASGI wants; never decided on
            "query_string": query,
            "state": self.app_state.copy(),
        }

    def defaults_beside(self, fields: Headers) -> list[bytes]:
        """The server's own header lines, less those that an answer has."""
        lines = []
        for one in self.server_state.default_headers:
            for name, _ in fields:
                if name == one[0]:
                    break
            else:
                lines.append(b"%b: %b\r\n" % one)
        return lines

    def replace(self, former: BelowAsgi, latter: BelowAsgi) -> None:
        """Let another stand for a request that is under way below ASGI."""
        if self.cycle is former:
            self.cycle = latter
        self.running = latter

    def answer_in_asgi(self, carried: BelowAsgi, app: ASGIApp, *, body: bytes = b"") -> None:
        """Let an application answer a request that was to pass below ASGI; `body` is what came of it so far."""
        if self.transport.is_closing():
            return
        cycle = self._cycle_for(carried.method, carried.target, carried.fields, version="1.1")
        cycle.keep_alive, cycle.more_body = carried.keep_alive, carried.more_body
        # What was read last may be the next request already, with an expectation of its own.
        cycle.waiting_for_100_continue = False
        cycle.body += body
        cycle.message_event.set()
        if self.cycle is carried:
            self.cycle = cycle
        self._start_asgi_task(cycle, cast("ASGI3Application", app))

    def _start_asgi_task(self, cycle: Any, app: ASGI3Application) -> None:
        self.running = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """One answer was written whole: on with the next request, or with closing."""
        finished, self.running = self.running, None
        self.server_state.total_requests += 1
        if finished is not None and finished.closes:
            # Whatever the client still sends must not cost it the answer, a request behind its last one neither.
            self._linger()
            return
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self.refusal is not None:
            self._write_refusal(self.refusal)
        elif self.reading == "nothing":
            self._rest()
        # Otherwise the limit for a head or a body holds.

    def _rest(self) -> None:
        """Wait for the next request, for a while. Mostly one comes: the timer runs on, and looks when it fires."""
        self.resting_since = self.loop.time()
        if "rest" not in self.timers:
            self._after("rest", self.timeout_keep_alive, self._has_rested)

    def _has_rested(self) -> None:
        if self.resting_since is None:
            return
        left = self.resting_since + self.timeout_keep_alive - self.loop.time()
        if left <= 0:
            self._close()
        else:
            self._after("rest", left, self._has_rested)

    # Upgrades

    def _read(self, data: bytes) -> None:
        if self.tunnel is not None:
            self.tunnel.data_received(data)
            return
        if self.muted:
            self._swallow(len(data))
            return
        if self.reading == "nothing":
            self.unaccounted = 0
        self.unaccounted += len(data)
        try:
            self._feed(data)
        except httptools.HttpParserError as error:
            # A callback that stopped the reading has said itself what is wrong.
            if not self.muted:
                if isinstance(error, httptools.HttpParserCallbackError):
                    self.logger.exception("A request could not be checked")
                self._refuse(_BAD_REQUEST)
            return
        self._check_padding()

    def _check_padding(self) -> None:
        if not self.muted and self.unaccounted > self.settings.messages.headers + self.settings.messages.target:
            self._refuse(_TOO_LARGE if self.reading == "head" else _BAD_REQUEST)

    def _feed(self, data: bytes) -> None:
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                rest = data[upgrade.args[0] :]
                if self._is_tunnel():
                    self._hand_over(rest)
                    return
                data = self._without_upgrade() + rest
            else:
                return

    def _is_tunnel(self) -> bool:
        # RFC 9110 7.8: Upgrade in HTTP/1.0 is ignored.
        return self.parser.should_upgrade() and self._should_upgrade() and self.parser.get_http_version() == "1.1"

    def _hand_over(self, early: bytes) -> None:
        self._stop(*self.timers)
        self.muted = True
        self.scope = self._scope(self.parser.get_method(), self.url, self.headers, version="1.1")
        self.handle_websocket_upgrade()
        tunnel = self.transport.get_protocol()
        if not isinstance(tunnel, TunnelProtocol):
            raise TypeError("the tunnel is none of ours")
        tunnel.client, tunnel.ended, self.ended = self.client, self.ended, None
        self.tunnel = tunnel
        if early:
            tunnel.data_received(early)

    def _without_upgrade(self) -> bytes:
        """The same head without the offer to switch, for a parser that can't be told to ignore it (RFC 9110 7.8)."""
        version = self.parser.get_http_version().encode("ascii")
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)]
        for name, value in self.headers:
            if name == b"connection":
                options = [part for part in value.split(b",") if part.strip().lower() != b"upgrade"]
                value = b",".join(options)
            if name not in (b"upgrade", b"http2-settings"):
                lines.append(b"%b: %b" % (name, value))
        self.parser = httptools.HttpRequestParser(self)
        head = b"\r\n".join([*lines, b"", b""])
        self.unaccounted += len(head)
        return head

    # Refusals and closing

    def _refuse(self, problem: Problem) -> None:
        """Answer with a problem after the answers that are still due, and read no more of this client."""
        self.logger.info("Refused with %d: %s", problem.status, problem.title)
        in_body, cycle = self.reading == "body", self.cycle
        self._mute()
        if in_body and cycle.response_complete:
            # The request has had its answer, and a second one would be taken for the next request's.
            self._linger()
            return
        if in_body and cycle is self.running and isinstance(cycle, EdgeCycle | BelowAsgi):
            # The body of the request under way is broken: its half is worth nothing (RFC 9112 8).
            self.running = None
            started = cycle.response_started
            cycle.leave()
            if started:
                self.transport.abort()
                return
        elif in_body and self.pipeline and self.pipeline[0][0] is cycle:
            self.pipeline.popleft()
        self.refusal = problem
        if self.running is None:
            self._write_refusal(problem)

    def _write_refusal(self, problem: Problem) -> None:
        self.refusal = None
        self.resting_since = None
        body = json.dumps({"type": "about:blank", "title": problem.title, "status": problem.status}).encode("ascii")
        fields = [
            *self.server_state.default_headers,
            (b"content-type", b"application/problem+json"),
            (b"cache-control", b"no-store"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
        ]
        lines = [b"%b: %b\r\n" % field for field in fields]
        self.transport.write(b"".join([STATUS_LINE[problem.status], *lines, b"\r\n", body]))
        self._linger()

    # Time limits

    def _head_is_late(self) -> None:
        if self.reading == "head":
            self._refuse(_TOO_LATE)
        elif self.running is None:
            self._close()

    def _check_body(self) -> None:
        """A body must keep moving, except while it is we who don't take it."""
        if self.arrived < self.settings.body_floor and not self.flow.read_paused and not self._is_unread():
            self._refuse(_TOO_LATE)
            return
        self.arrived = 0
        self._after("body", self.settings.body_time, self._check_body, again=True)

    def _is_unread(self) -> bool:
        return bool(self.cycle.body) or self.cycle.waiting_for_100_continue

    def _account(self, size: int) -> None:
        self.unaccounted -= size


def server_config(
    app: Callable[..., Any] | str, *, host: str, port: int, http: type[asyncio.Protocol] = EdgeProtocol, **more: Any
) -> Config:
    """The uvicorn configuration that the gateway must run with: this edge, and no trust in what a client forwards.

    `http` is what a connection meets first, where that is not the edge itself.
    """
    return Config(
        app,
        host=host,
        port=port,
        http=http,
        ws=TunnelProtocol,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        **more,
    )
