"""WebSocket tunnels: from the handshake that the server hands over, through the gate, to bytes in both directions.

Given to uvicorn as `ws=`. The gate (`app_state["gate"]`) alone decides who may enter and when the tunnel ends; this
module checks the handshake (RFC 6455 4.2.1), asks, opens the backend's side, relays its 101 or its refusal, and closes
both sides in order. It neither decides nor reads messages.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol, cast

import httptools
from uvicorn.config import Config
from uvicorn.server import ServerState

from broker.proxy.backends import Backends
from broker.proxy.failures import ForwardingFailed, UpstreamMisbehaved
from broker.proxy.frames import FrameLimits
from broker.proxy.handshake import accept_for, check_handshake, is_switch
from broker.proxy.messages import CookieNames, Headers, check_request, origin_form, response_headers
from broker.proxy.relay import Relay
from broker.proxy.rewriting import Rewriting
from broker.proxy.upstream import RequestHead, Upstream, UpstreamResponse, UpstreamTunnel

_MAX_EARLY = 64 * 1024
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeRequest:
    """A well-formed WebSocket handshake; nobody has decided anything about it yet."""

    target: bytes
    headers: Headers
    client: str
    secure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TunnelGranted:
    """The tunnel may open, with these headers towards the backend; it closes with the word that `ended` returns."""

    upstream: Backends | Upstream
    headers: Headers
    ended: Awaitable[str]
    own_cookies: CookieNames = frozenset()
    rewriting: Rewriting | None = None

    def target(self, target: bytes) -> bytes:
        """Return what the backend is asked for."""
        sent = origin_form(target)
        return sent if self.rewriting is None else self.rewriting.target(sent)

    def response(self, headers: Headers) -> Headers:
        """Return what the client gets of the fields of the backend's answer."""
        answered = headers if self.rewriting is None else self.rewriting.response(headers)
        return response_headers(answered, own_cookies=self.own_cookies)


@dataclass(frozen=True, slots=True, kw_only=True)
class TunnelRefused:
    """The tunnel may not open; this is sent instead."""

    status: int
    headers: Headers
    body: bytes


class TunnelGate(Protocol):
    """Who may open a tunnel."""

    async def admit_tunnel(self, request: UpgradeRequest) -> TunnelGranted | TunnelRefused:
        """Decide on one handshake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TunnelLimits:
    """`idle` seconds without a byte in either direction end a tunnel; `linger` is the patience after a close frame."""

    idle: float = 300.0
    linger: float = 2.0
    frames: FrameLimits = field(default_factory=FrameLimits)


class TunnelProtocol(asyncio.Protocol):
    """The client's side of one tunnel, from handshake to end. `app_state` may hold "tunnel": TunnelLimits."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._connections: set[Any] = server_state.connections
        self._tasks = server_state.tasks
        self._gate: TunnelGate = app_state["gate"]
        self._limits: TunnelLimits = app_state.get("tunnel") or TunnelLimits()
        self.client: tuple[str, int] | None = None  # as the edge knows it
        self.ended: Callable[[], None] | None = None  # called once, when the client is gone
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._target = b""
        self._headers: Headers = []
        self._opening: asyncio.Task[None] | None = None
        self._early = bytearray()
        self._relay: Relay | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not checked by isinstance: uvloop's transports have the methods and not the class.
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def data_received(self, octets: bytes) -> None:
        if self._relay is not None:
            self._relay.from_client(octets)
        elif self._opening is not None:
            self._keep_early(octets)
        elif not self._client.is_closing():
            self._read_handshake(octets)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        if self.ended is not None:
            self.ended()
        self._writable.set()
        if self._relay is not None:
            self._relay.client_lost()
        elif self._opening is not None:
            self._opening.cancel()

    def pause_writing(self) -> None:
        self._writable.clear()
        if self._relay is not None:
            self._relay.client_full()

    def resume_writing(self) -> None:
        self._writable.set()
        if self._relay is not None:
            self._relay.client_ready()

    def shutdown(self) -> None:
        """Called by the server when it stops: nobody waits for a tunnel to end by itself."""
        if self._relay is not None:
            self._relay.close(1001, "the gateway is stopping")
        elif self._opening is not None:
            self._opening.cancel()
            self._client.close()

    # The handshake

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value.strip(b" \t")))

    @property
    def _client(self) -> asyncio.Transport:
        if self._transport is None:
            raise RuntimeError("not connected")
        return self._transport

    def _read_handshake(self, octets: bytes) -> None:
        try:
            self._parser.feed_data(octets)
        except httptools.HttpParserUpgrade as upgrade:
            self._keep_early(octets[upgrade.args[0] :])
            self._begin()
        except httptools.HttpParserError:
            self._refuse(400, "The handshake is not HTTP")

    def _begin(self) -> None:
        method = self._parser.get_method()
        problem = check_request(method, self._target, self._headers, hosts=None)
        if problem is not None:
            self._refuse(problem.status, problem.title)
            return
        refusal = check_handshake(method, self._headers)
        if refusal is not None:
            self._refuse(*refusal)
            return
        self._opening = asyncio.get_running_loop().create_task(self._open())
        self._tasks.add(self._opening)
        self._opening.add_done_callback(self._opened)

    def _keep_early(self, octets: bytes) -> None:
        self._early += octets
        if len(self._early) > _MAX_EARLY:
            self._client.abort()

    async def _open(self) -> None:
        request = UpgradeRequest(
            target=self._target,
            headers=list(self._headers),
            client=str((self.client or self._client.get_extra_info("peername") or ("unknown",))[0]),
            secure=self._client.get_extra_info("sslcontext") is not None,
        )
        admitted = await self._gate.admit_tunnel(request)
        if isinstance(admitted, TunnelRefused):
            self._answer(admitted.status, admitted.headers, admitted.body)
            return
        ended = asyncio.ensure_future(admitted.ended)
        try:
            await self._enter(admitted, ended)
        finally:
            if self._relay is None:
                ended.cancel()

    async def _enter(self, granted: TunnelGranted, ended: asyncio.Future[str]) -> None:
        head = RequestHead(
            method=b"GET",
            target=granted.target(self._target),
            headers=[*granted.headers, (b"connection", b"Upgrade"), (b"upgrade", b"websocket")],
        )
        try:
            answer = await granted.upstream.open_tunnel(head)
            if isinstance(answer, UpstreamResponse):
                ended.add_done_callback(lambda _: self._client.abort())
                await self._relay_response(answer, granted)
                return
            self._start_relay(answer, granted, ended)
        except ForwardingFailed as failed:
            self._refuse(failed.status, "The application can't be reached")

    def _start_relay(self, tunnel: UpstreamTunnel, granted: TunnelGranted, ended: asyncio.Future[str]) -> None:
        if not is_switch(tunnel.headers, accept_for(self._headers)):
            tunnel.transport.abort()
            tunnel.release()
            raise UpstreamMisbehaved("the backend's 101 does not answer the handshake")
        headers = [
            (name, value)
            for name, value in granted.response(tunnel.headers)
            if name not in (b"content-length", b"cache-control")
        ]
        self._client.write(_head_bytes(101, [*headers, (b"connection", b"Upgrade"), (b"upgrade", b"websocket")]))
        self._relay = Relay(
            client=self._client,
            backend=tunnel.transport,
            ended=ended,
            idle=self._limits.idle,
            linger=self._limits.linger,
            frames=self._limits.frames,
            release=tunnel.release,
        )
        if not self._writable.is_set():
            self._relay.client_full()
        self._relay.start(from_client=bytes(self._early), from_backend=tunnel.early)

    async def _relay_response(self, response: UpstreamResponse, granted: TunnelGranted) -> None:
        """Pass on the backend's refusal as an ordinary answer, then close: no tunnel is left behind."""
        try:
            headers = granted.response(response.headers)
            # Without a length the end of the connection is the end of the answer (RFC 9112 6.3 rule 8).
            self._client.write(_head_bytes(response.status, [*headers, (b"connection", b"close")]))
            async for octets in response:
                async with asyncio.timeout(self._limits.idle):
                    await self._writable.wait()
                self._client.write(octets)
        except (ForwardingFailed, TimeoutError):
            self._client.abort()
        finally:
            await response.aclose()
        self._close()

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            self._client.close()
            return
        error = task.exception()
        if error is not None:
            _logger.error("a tunnel could not be opened", exc_info=error)
            self._refuse(500, "The gateway failed")

    def _refuse(self, status: int, title: str) -> None:
        body = title.encode("ascii")
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
        if status == 426:
            # RFC 6455 4.2.2 and RFC 9110 15.5.22
            headers += [(b"sec-websocket-version", b"13"), (b"upgrade", b"websocket")]
        self._answer(status, headers, body)

    def _answer(self, status: int, headers: Headers, body: bytes) -> None:
        if self._client.is_closing():
            return
        kept = [(name, value) for name, value in headers if name.lower() not in (b"content-length", b"connection")]
        kept += [(b"content-length", b"%d" % len(body)), (b"connection", b"close")]
        self._client.write(_head_bytes(status, kept) + body)
        self._close()

    def _close(self) -> None:
        """Close once everything is written, and anyway after the idle limit: some clients never read."""
        self._client.close()
        asyncio.get_running_loop().call_later(self._limits.idle, self._client.abort)


def _head_bytes(status: int, headers: Headers) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase.encode("ascii")
    except ValueError:
        phrase = b""
    lines = [b"HTTP/1.1 %d %b" % (status, phrase), *(b"%b: %b" % pair for pair in headers), b"", b""]
    return b"\r\n".join(lines)
