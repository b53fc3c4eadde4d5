"""Bytes between the two sides of an open WebSocket, at the pace of the slower one, until one of the ends comes.

The ends: a side closes, nothing moves for too long, a frame breaks the limits, or the right to the tunnel ended. Then
both sides get a close frame, where one fits, and a moment to read it. It does not open anything and decides nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from broker.proxy.frames import FrameLimits, FrameRefusedError, FrameScanner, close_frame


class Relay:
    """Two transports and what flows between them."""

    def __init__(
        self,
        *,
        client: asyncio.Transport,
        backend: asyncio.Transport,
        ended: asyncio.Future[str],
        idle: float,
        linger: float,
        frames: FrameLimits,
        release: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._client = client
        self._backend = backend
        self._ended = ended
        self._idle = idle
        self._linger = linger
        self._release = release
        # A backend is trusted with the size of its messages; it is its own visitors that it would flood.
        self._upwards = FrameScanner(masked=True, limits=frames)
        self._downwards = FrameScanner(masked=False, limits=None)
        self._closing = False
        self._released = False
        self._client_ready = True
        self._moved_at = self._loop.time()
        self._timer = self._loop.call_later(idle, self._check_idle)

    def start(self, *, from_client: bytes, from_backend: bytes) -> None:
        """Take the backend's side over and pass on what came early."""
        self._backend.set_protocol(_BackendSide(self))
        if self._backend.is_closing():
            self.backend_lost()
            return
        self._ended.add_done_callback(self._right_ended)
        if from_backend:
            self.from_backend(from_backend)
        if from_client:
            self.from_client(from_client)
        if self._client.is_closing():
            self.client_lost()
        if self._client_ready:
            _resume(self._backend)

    def from_client(self, octets: bytes) -> None:
        """Bytes for the backend; what breaks the limits is not passed on."""
        self._pass(octets, self._upwards, self._backend)

    def from_backend(self, octets: bytes) -> None:
        """Bytes for the client."""
        self._pass(octets, self._downwards, self._client)

    def client_lost(self) -> None:
        """The client's connection ended: the backend gets what is under way, then its end too."""
        if not self._closing:
            self._finish()
            self._end(self._backend)

    def backend_lost(self) -> None:
        """The backend's connection ended: the client gets what is under way, then its end too."""
        if not self._released:
            self._released = True
            self._release()
        if not self._closing:
            self._finish()
            self._end(self._client)

    def client_full(self) -> None:
        """The client reads slowly: stop reading from the backend."""
        self._client_ready = False
        _pause(self._backend)

    def client_ready(self) -> None:
        """The client takes more."""
        self._client_ready = True
        _resume(self._backend)

    def backend_full(self) -> None:
        """The backend reads slowly: stop reading from the client."""
        _pause(self._client)

    def backend_ready(self) -> None:
        """The backend takes more."""
        _resume(self._client)

    def close(self, code: int, reason: str) -> None:
        """End both sides: a close frame where a frame may begin, the end of the stream, and soon the connection."""
        if self._closing:
            return
        self._finish()
        for transport, scanner, masked in (
            (self._client, self._downwards, False),
            (self._backend, self._upwards, True),
        ):
            if transport.is_closing():
                continue
            if not scanner.at_boundary:
                # In the middle of a frame a close frame would be read as payload.
                transport.abort()
                continue
            transport.write(close_frame(code, reason, masked=masked))
            _resume(transport)
            if transport.can_write_eof():
                transport.write_eof()
            self._loop.call_later(self._linger, transport.abort)

    def _pass(self, octets: bytes, scanner: FrameScanner, to: asyncio.Transport) -> None:
        if self._closing:
            return
        self._moved_at = self._loop.time()
        try:
            scanner.feed(octets)
        except FrameRefusedError as refused:
            self.close(refused.code, refused.reason)
            return
        if not to.is_closing():
            to.write(octets)

    def _right_ended(self, ended: asyncio.Future[str]) -> None:
        if ended.cancelled():
            self.close(1008, "ended")
        elif ended.exception() is not None:
            # In doubt the right has ended.
            self.close(1008, "ended")
        else:
            self.close(1008, ended.result())

    def _check_idle(self) -> None:
        left = self._moved_at + self._idle - self._loop.time()
        if left <= 0:
            self.close(1001, "nothing was sent for too long")
        else:
            self._timer = self._loop.call_later(left, self._check_idle)

    def _end(self, transport: asyncio.Transport) -> None:
        """Close once everything is written; a side that never reads would keep its connection for ever."""
        transport.close()
        if transport.get_write_buffer_size():
            self._loop.call_later(self._idle, transport.abort)

    def _finish(self) -> None:
        self._closing = True
        self._timer.cancel()
        self._ended.remove_done_callback(self._right_ended)
        self._ended.cancel()


class _BackendSide(asyncio.Protocol):
    """The backend's transport, as the relay sees it."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def data_received(self, octets: bytes) -> None:
        self._relay.from_backend(octets)

    def connection_lost(self, exc: Exception | None) -> None:
        self._relay.backend_lost()

    def pause_writing(self) -> None:
        self._relay.backend_full()

    def resume_writing(self) -> None:
        self._relay.backend_ready()


def _pause(transport: asyncio.Transport) -> None:
    if not transport.is_closing() and transport.is_reading():
        transport.pause_reading()


def _resume(transport: asyncio.Transport) -> None:
    if not transport.is_closing() and not transport.is_reading():
        transport.resume_reading()
