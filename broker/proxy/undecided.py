"""A request below ASGI whose decision is still being made: it waits, and what comes of its body waits with it.

With a pass it becomes a carriage; with any other outcome, or an error, it is answered through ASGI.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.types import ASGIApp

from broker.ports import Passage
from broker.proxy.carriage import BelowAsgi, Carriage
from broker.proxy.passes import Pass

if TYPE_CHECKING:
    from broker.proxy.edge import EdgeProtocol

_MOST_WAITING = 64 * 1024  # bytes of a body; then the client is held back


class Undecided(BelowAsgi):
    """Waits for the decision about one request."""

    def __init__(
        self,
        edge: EdgeProtocol,
        *,
        method: bytes,
        keep_alive: bool,
        decide: Callable[[], Awaitable[Pass | Passage]],
        carry: Callable[[Pass], Carriage],
        answer: Callable[[Passage | Exception], ASGIApp],
    ) -> None:
        super().__init__(edge, method=method, keep_alive=keep_alive)
        self._decide = decide
        self._carry = carry
        self._answer = answer
        self._parts: list[bytes] = []
        self._size = 0
        self._deciding: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Ask for the decision."""
        self._deciding = self.edge.loop.create_task(self._settle())

    def feed(self, octets: bytes) -> None:
        """Keep a part of the body."""
        self._parts.append(octets)
        self._size += len(octets)
        if self._size > _MOST_WAITING:
            self.edge.flow.pause_reading()

    def leave(self) -> None:
        """Nobody waits for the decision any more."""
        super().leave()
        if self._deciding is not None:
            self._deciding.cancel()

    async def _settle(self) -> None:
        try:
            decided: Pass | Passage | Exception = await self._decide()
        except Exception as error:
            decided = error
        if self.disconnected:
            return
        if not isinstance(decided, Pass):
            self.edge.answer_in_asgi(self, self._answer(decided), body=b"".join(self._parts))
            return
        carriage = self._carry(decided)
        carriage.keep_alive, carriage.more_body = self.keep_alive, self.more_body
        self.edge.replace(self, carriage)
        parts, self._parts = self._parts, []
        for part in parts:
            carriage.feed(part)
        carriage.begin()
