"""Sessions that still stand: those that were revoked (CAEP session-revoked) or ended at the provider end when found.

The one place between the store and everybody who asks whose session a cookie is, so that no page shows a revoked one.
Whose a session was is remembered beside it, so that a form that comes too late is given back to the same person only.
Whether the facts in a session are fresh enough is not asked here (`facts`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from broker.domain.parked import Owner
from broker.domain.session import Session
from broker.ports import Marked, MarkedSessions, Parking


class StandingSessions:
    """Fulfils the port `SessionStore`."""

    def __init__(self, store: MarkedSessions, *, parking: Parking) -> None:
        self._store = store
        self._parking = parking

    async def find(self, cookie: str, *, counts_as_use: bool = True) -> Session | None:
        """Return the session, unless it is over."""
        found = await self.marked(cookie, counts_as_use=counts_as_use)
        return None if found is None else found.session

    async def marked(self, cookie: str, *, counts_as_use: bool = True) -> Marked | None:
        """Return the session with what has been announced about its person by now."""
        found = await self._store.marked(cookie, counts_as_use=counts_as_use)
        if found is None:
            return None
        session, announced = found.session, found.announced
        ended_at = announced.sessions_ended_at
        if announced.over or (ended_at is not None and session.began_at <= ended_at):
            await self._store.end(cookie)
            return None
        for fallen in announced.fallen:
            # A session that began later rests on what the provider said after its level fell: that is the new level.
            if session.began_at <= fallen.at:
                session = session.at_most(fallen.level)
        return replace(found, session=session)

    async def left(self, cookie: str) -> timedelta | None:
        """Return how long the session goes on if nobody uses it."""
        return await self._store.left(cookie)

    async def begin(self, session: Session) -> str:
        """Store a new session and return its cookie value."""
        cookie = await self._store.begin(session)
        await self._parking.remember(cookie, Owner.of(session))
        return cookie

    async def use(self, cookie: str, session: Session) -> None:
        """Note that a session, found without counting it as use, is used after all."""
        await self._store.use(cookie, session)

    async def amend(self, cookie: str, change: Callable[[Session], Session]) -> Session | None:
        """Change the session as it stands, and return what is left of it by now; None when it has ended."""
        changed = await self._store.amend(cookie, change)
        # The store keeps what the provider said at the sign-in: what was announced since is held against it again.
        return None if changed is None else await self.find(cookie, counts_as_use=False)

    async def renew(self, cookie: str, session: Session) -> str | None:
        """Let the session, with its organisation, go on under a new cookie; None when it had ended."""
        renewed = await self._store.renew(cookie, session)
        if renewed is not None:
            await self._parking.remember(renewed, Owner.of(session))
            await self._parking.forget(cookie)
        return renewed

    async def end(self, cookie: str) -> None:
        """End the session for good."""
        await self._store.end(cookie)
        await self._parking.forget(cookie)

    async def ping(self) -> None:
        """Return when the store works."""
        await self._store.ping()
