"""Looks again and again whether a request that is still running may go on: streams and tunnels end with the session.

Most requests are over before anybody looks. Whoever runs longer is looked at when something is announced about the
person, and in any case once in an interval.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

from broker.domain.machine import MachineSession
from broker.domain.session import Session
from broker.proxy.visitors import Visitors

# What is announced in this time is seen at the first look.
_UNWATCHED = timedelta(milliseconds=200)

StillAdmitted = Callable[[], Awaitable[bool]]


class NoLongerAdmitted(Exception):
    """The person of a request that is still running may no longer pass."""


class Watch:
    """Watches requests and tunnels."""

    def __init__(self, visitors: Visitors, *, interval: timedelta) -> None:
        self._visitors = visitors
        self._interval = interval

    async def let_run(
        self, moving: asyncio.Task[None], session: Session | MachineSession | None, still_admitted: StillAdmitted
    ) -> None:
        """Return when a request has run to its end. Raises what it raises, and NoLongerAdmitted."""
        unwatched = min(_UNWATCHED, self._interval)
        done, _ = await asyncio.wait({moving}, timeout=unwatched.total_seconds())
        if done:
            moving.result()
            return
        if session is None:
            raise NoLongerAdmitted
        with self._visitors.watching(session) as announced:
            while True:
                # Cleared first: what is announced during the look is looked at again.
                announced.clear()
                if not await still_admitted():
                    raise NoLongerAdmitted
                heard = asyncio.ensure_future(announced.wait())
                try:
                    await asyncio.wait(
                        {moving, heard},
                        timeout=self._interval.total_seconds(),
                        return_when=asyncio.FIRST_COMPLETED,
                    )
                finally:
                    heard.cancel()
                if moving.done():
                    moving.result()
                    return

    async def until_refused(self, session: Session | MachineSession | None, still_admitted: StillAdmitted) -> str:
        """Return, once a tunnel's person may no longer pass, a word for the close frame."""
        if session is None:
            return "session ended"
        with self._visitors.watching(session) as announced:
            while True:
                announced.clear()
                if not await still_admitted():
                    return "session ended"
                with suppress(TimeoutError):
                    await asyncio.wait_for(announced.wait(), self._interval.total_seconds())
