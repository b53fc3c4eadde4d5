"""One exchange with a backend as a task has it: it waits for the head of the answer, then for parts of the body.

The counterpart for those that are called back instead of waiting is `carriage`. Both own a `connection` for one
request and its answer.
"""

from __future__ import annotations

import asyncio

from broker.proxy.connection import UpstreamConnection
from broker.proxy.failures import UpstreamTimedOut


class Exchange:
    """One request and its answer over one connection, awaited."""

    def __init__(self, connection: UpstreamConnection, method: bytes, *, tunnel: bool = False) -> None:
        self.connection = connection
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        # Done as soon as the head of the answer, or a failure, is there.
        self.head_settled: asyncio.Future[None] = self._loop.create_future()
        connection.begin(method, self, tunnel=tunnel)

    async def drain(self, *, idle: float) -> None:
        """Wait until the backend takes more bytes. Raises UpstreamTimedOut after `idle` seconds."""
        if self.connection.is_writable:
            return
        self._writer = writer = self._loop.create_future()
        try:
            async with asyncio.timeout(idle):
                await writer
        except TimeoutError:
            raise UpstreamTimedOut("the backend stopped reading the request") from None

    async def head(self, *, within: float | None) -> None:
        """Wait for the head of the answer. Raises ForwardingFailed, or what the sender of the body failed with."""
        await asyncio.wait({self.head_settled}, timeout=within)
        if not self.head_settled.done():
            self.connection.fail(UpstreamTimedOut("the backend did not begin to answer in time"))
        if self.connection.failure is not None:
            raise self.connection.failure
        self.connection.take_head()

    async def read(self, *, idle: float) -> bytes:
        """Return the next bytes of the body, or nothing at its end. Raises ForwardingFailed."""
        while not (octets := self.connection.take()):
            if self.connection.failure is not None:
                raise self.connection.failure
            if self.connection.is_complete:
                return b""
            self._waiter = waiter = self._loop.create_future()
            try:
                async with asyncio.timeout(idle):
                    await waiter
            except TimeoutError:
                self.connection.fail(UpstreamTimedOut("the backend stopped in the middle of its answer"))
        return octets

    # Owner

    def progressed(self) -> None:
        connection = self.connection
        if connection.head_arrived or connection.is_complete or connection.failure is not None:
            _settle(self.head_settled)
        _settle(self._waiter)

    def may_write(self) -> None:
        _settle(self._writer)


def _settle(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)
