"""How long a client's connection may last: named time limits, slow readers, and closing without losing an answer.

The part of the edge that keeps time and ends connections; what is read and answered is the business of `edge`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from broker.proxy.cycle import EdgeSettings


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol with limits of time on everything that it waits for."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.settings: EdgeSettings = app_state.get("edge") or EdgeSettings()
        self.timers: dict[str, asyncio.TimerHandle] = {}
        self.lost = False
        self.muted = False  # nothing of this client is read any more
        self.swallowed = 0

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self._stop(*self.timers)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_reader(None)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop("reader")

    def _mute(self) -> None:
        self.muted = True
        self._stop("head", "body")

    def _swallow(self, size: int) -> None:
        self.swallowed += size
        if self.swallowed > self.settings.swallow:
            self.transport.abort()

    def _linger(self) -> None:
        """Close so that the answer survives unread bytes of the request (RFC 9112 9.6)."""
        if self.transport.is_closing():
            return
        self._mute()
        self.swallowed = 0
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self._watch_closing(None)
        else:
            self._close()

    def _close(self) -> None:
        self.transport.close()
        self._watch_closing(None)

    def _watch_closing(self, before: int | None) -> None:
        """A connection that is to close does so once it is flushed, or once the client stops reading."""
        left = self.transport.get_write_buffer_size()
        if before is not None and (left == 0 or left >= before):
            self.transport.abort()
            return
        delay = self.settings.linger if left == 0 else self.settings.reader_time
        self._after("closing", delay, lambda: self._watch_closing(left), again=True)

    def _watch_reader(self, before: int | None) -> None:
        left = self.transport.get_write_buffer_size()
        if before is not None and left >= before:
            self.logger.info("Cut a client that stopped reading")
            self.transport.abort()
            return
        self._after("reader", self.settings.reader_time, lambda: self._watch_reader(left), again=True)

    def _after(self, name: str, delay: float, action: Callable[[], None], *, again: bool = False) -> None:
        if self.lost:
            return
        if again:
            self._stop(name)
        if name not in self.timers:
            self.timers[name] = self.loop.call_later(delay, self._fire, name, action)

    def _fire(self, name: str, action: Callable[[], None]) -> None:
        del self.timers[name]
        action()

    def _stop(self, *names: str) -> None:
        for name in names:
            timer = self.timers.pop(name, None)
            if timer is not None:
                timer.cancel()
