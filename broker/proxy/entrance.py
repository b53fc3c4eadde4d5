"""Where a client's connection arrives: counted, told whose it is (PROXY protocol), secured (TLS), then handed over.

It stands in front of `edge`, which reads requests, and is out of the way once it has handed over. It reads no HTTP and
decides nothing but who may not come in: more than the limits, or a peer that says nothing it should.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from broker.proxy.crowd import Crowd, Room
from broker.proxy.edge import EdgeProtocol
from broker.proxy.http2 import Http2Protocol
from broker.proxy.proxy_protocol import BadHeaderError, HeaderReader, canonical

_log = logging.getLogger("inkom.entrance")


def _open() -> Crowd:
    return Crowd(connections=10_000, per_address=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntranceSettings:
    """`tls` gives the context for a new connection; `proxies` are those who send PROXY headers. Times are seconds."""

    crowd: Crowd = field(default_factory=_open)
    tls: Callable[[], ssl.SSLContext] | None = None
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    header_time: float = 3.0
    handshake_time: float = 10.0


class EntranceProtocol(asyncio.Protocol):
    """One connection until it is handed over. `app_state` may hold "entrance": EntranceSettings."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._parts = (config, server_state, app_state)
        self._settings: EntranceSettings = app_state.get("entrance") or EntranceSettings()
        self._loop = _loop or asyncio.get_running_loop()
        self._connections: set[Any] = server_state.connections
        self._tasks: set[asyncio.Task[None]] = server_state.tasks
        self._places = ExitStack()  # in the crowd, given back at the end of the connection
        self._room = Room.FREE
        self._header: HeaderReader | None = None
        self._client: tuple[str, int] | None = None
        self._timer: asyncio.TimerHandle | None = None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not checked by isinstance: uvloop's transports have the methods and not the class.
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)
        self._enter(self._settings.crowd.enter())
        if self._transport.is_closing():
            return
        peer = _peer_of(self._transport)
        if self._settings.proxies and any(ip_address(peer[0]) in network for network in self._settings.proxies):
            self._header = HeaderReader()
            self._timer = self._loop.call_later(self._settings.header_time, self._is_late)
        else:
            self._recognise(peer)

    def data_received(self, octets: bytes) -> None:
        if self._transport.is_closing():
            return
        while self._header is not None and octets:
            taken = octets[: self._header.wanted]
            octets = octets[len(taken) :]
            if not self._read_header(self._header, taken):
                return
        if octets:
            self._go_on(octets)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()

    def shutdown(self) -> None:
        """Called by the server when it stops: nothing that was asked for is lost yet."""
        self._transport.abort()

    # Who it is

    def _read_header(self, header: HeaderReader, octets: bytes) -> bool:
        """Whether reading goes on: with more of the header, or with what follows it, here or in the edge."""
        try:
            header.feed(octets)
        except BadHeaderError as error:
            _log.warning("a peer sent no good PROXY header: %s", error)
            self._transport.abort()
            return False
        if header.wanted == 0:
            self._header = None
            source = header.source
            told = _peer_of(self._transport) if source is None else (source.address, source.port)
            self._recognise(told)
        return not self._transport.is_closing()

    def _recognise(self, client: tuple[str, int]) -> None:
        self._client = client
        self._enter(self._settings.crowd.recognise(client[0]))
        self._stop_timer()
        if self._transport.is_closing():
            return
        if self._settings.tls is None:
            self._hand_over(self._transport, b"")
            return
        self._timer = self._loop.call_later(self._settings.handshake_time, self._is_late)

    def _enter(self, found: tuple[Room, Callable[[], None]]) -> None:
        room, leave = found
        self._places.callback(leave)
        if room is Room.NONE:
            self._transport.abort()
        elif room is Room.FULL:
            self._room = room

    def _is_late(self) -> None:
        self._transport.abort()

    # TLS

    def _go_on(self, octets: bytes) -> None:
        if self._settings.tls is None:
            # Already handed over: these bytes came behind a PROXY header.
            protocol = cast("asyncio.Protocol", self._transport.get_protocol())
            protocol.data_received(octets)
            return
        self._stop_timer()
        self._transport.pause_reading()
        task = self._loop.create_task(self._secure(self._settings.tls(), octets))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _secure(self, context: ssl.SSLContext, octets: bytes) -> None:
        waiting = _Waiting()
        starting = self._loop.create_task(
            self._loop.start_tls(
                self._transport,
                waiting,
                context,
                server_side=True,
                ssl_handshake_timeout=self._settings.handshake_time,
            )
        )
        # Its first step puts the protocol of TLS in our place, to be connected at the next turn of the loop: only after
        # that can it take what was read before.
        await asyncio.sleep(0)
        self._loop.call_soon(_give, self._transport, octets)
        try:
            secured = await starting
        except OSError as error:
            _log.debug("a TLS handshake failed: %s", error)
            secured = None
        if secured is None or waiting.lost or secured.is_closing() or self._transport.is_closing():
            self._transport.abort()
            self._end()
            return
        try:
            self._hand_over(secured, bytes(waiting.early))
        except Exception:
            # A mistake of ours leaves no connection behind that nobody reads.
            secured.abort()
            self._end()
            raise

    # The end

    def _hand_over(self, transport: asyncio.Transport, early: bytes) -> None:
        kind = Http2Protocol if _speaks_http2(transport) else EdgeProtocol
        edge = kind(*self._parts, self._loop)
        edge.ended = self._places.close
        self._connections.discard(self)
        transport.set_protocol(edge)
        edge.connection_made(transport)
        if self._client is not None:
            edge.client = self._client
        if self._room is not Room.FREE:
            edge.turn_away()
        elif early:
            edge.data_received(early)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        self._stop_timer()
        self._connections.discard(self)
        self._places.close()


class _Waiting(asyncio.Protocol):
    """Holds what a client sends together with the end of its handshake, at most one read of it."""

    def __init__(self) -> None:
        self.early = bytearray()
        self.lost = False

    def data_received(self, octets: bytes) -> None:
        self.early += octets

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


def _give(transport: asyncio.Transport, octets: bytes) -> None:
    """Let the protocol of TLS read these bytes as if they came from the socket now."""
    protocol = cast("asyncio.BufferedProtocol", transport.get_protocol())
    while octets and not transport.is_closing():
        room = memoryview(protocol.get_buffer(len(octets)))
        size = min(len(room), len(octets))
        room[:size] = octets[:size]
        protocol.buffer_updated(size)
        octets = octets[size:]


def _speaks_http2(transport: asyncio.Transport) -> bool:
    connection: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    return connection is not None and connection.selected_alpn_protocol() == "h2"


def _peer_of(transport: asyncio.Transport) -> tuple[str, int]:
    peer = transport.get_extra_info("peername")
    if not peer:
        # It has gone already: an address that is nobody's, and in no network.
        return "0.0.0.0", 0  # noqa: S104 (no listening)
    return canonical(ip_address(peer[0].partition("%")[0])), peer[1]
