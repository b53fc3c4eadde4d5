"""Keeps the tokens of sessions fresh in the background, by refresh tokens (OpenID Connect Core 12, RFC 6749 section 6).

One refresh at a time for each session, on all machines: a refresh token that rotates can be used once. While an access
token is still good nobody waits; when it is over, requests wait a little for whoever refreshes. Facts about people come
from the registers, so while the provider is away sessions go on for a bounded time; then nobody is let in (503).

Where nothing is refreshed, or a session has no refresh token, nothing happens here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from broker.domain.session import Identity, Session, TokenGrant
from broker.ports import (
    AuditLog,
    AuditUnavailable,
    Clock,
    Event,
    Flight,
    Flights,
    FlightState,
    IdentityProvider,
    Measures,
    ProviderUnavailable,
    SignInRefused,
    StoreUnavailable,
)
from broker.shared_work import SharedWork
from broker.standing import StandingSessions

_GRACE = timedelta(minutes=15)
_PATIENCE_SECONDS = 5.0
# Longer than a call to the provider may wait for its turn and its answer: a refresh that is cut on its way may leave us
# with a refresh token that was used up.
_LONGEST_FLIGHT_SECONDS = 90.0
_LOOK_SECONDS = 0.1
_log = logging.getLogger("inkom.renewal")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """What became of a flight: the session as it is now, None when it is over; `away` when nothing could be done."""

    session: Session | None
    away: bool = False


class _SessionOver(Exception):
    """The session ended while its tokens were on the way."""


class Renewal:
    """Refreshes what has little time left."""

    def __init__(
        self,
        *,
        sessions: StandingSessions,
        providers: Mapping[str, IdentityProvider],
        flights: Flights,
        audit: AuditLog,
        measures: Measures,
        clock: Clock,
        grace: timedelta = _GRACE,
        patience: float = _PATIENCE_SECONDS,
    ) -> None:
        """`grace` is how long a session goes on beyond its access token while the provider is away."""
        self._sessions = sessions
        self._providers = providers
        self._flights = flights
        self._audit = audit
        self._measures = measures
        self._clock = clock
        self._grace = grace
        self._patience = patience
        self._under_way: SharedWork[str, _Result] = SharedWork()

    async def current(self, cookie: str, session: Session) -> Session | None:
        """Return the session, its tokens fresh or being refreshed; None when it is over.

        Raises ProviderUnavailable when its tokens have been over for too long.
        """
        grant, now = session.grant, self._clock.now()
        if grant is None or now < grant.renew_at:
            return session
        flight = self._under_way.begin(cookie, lambda: self._fly(cookie, session))
        if now < grant.expires_at:
            return session
        done, _ = await asyncio.wait({flight}, timeout=self._patience)
        result = flight.result() if done else _Result(session=session, away=True)
        if not result.away:
            return None if result.session is None else replace(result.session, used_at=session.used_at)
        if now < grant.expires_at + self._grace:
            return session
        raise ProviderUnavailable("the tokens of a session could not be refreshed for too long")

    async def _fly(self, cookie: str, session: Session) -> _Result:
        try:
            async with asyncio.timeout(_LONGEST_FLIGHT_SECONDS):
                return await self._refreshed_by_somebody(cookie, session)
        except (StoreUnavailable, AuditUnavailable, TimeoutError) as error:
            _log.warning("a session could not be refreshed (%s)", type(error).__name__)
            return _Result(session=session, away=True)

    async def _refreshed_by_somebody(self, cookie: str, session: Session) -> _Result:
        """Refresh, or look on until whoever does it on another machine is done."""
        while True:
            async with self._flights.alone(session.reference) as flight:
                if flight.state is FlightState.MINE:
                    return await self._refresh(cookie, flight)
            if flight.state is FlightState.RESTING:
                return _Result(session=session, away=True)
            await asyncio.sleep(_LOOK_SECONDS)
            found = await self._sessions.find(cookie, counts_as_use=False)
            if found is None or found.grant != session.grant:
                return _Result(session=found)

    async def _refresh(self, cookie: str, flight: Flight) -> _Result:
        session = await self._sessions.find(cookie, counts_as_use=False)
        if session is None or session.grant is None or self._clock.now() < session.grant.renew_at:
            return _Result(session=session)  # over, or refreshed just before the flight began

        async def keep(grant: TokenGrant) -> None:
            if await self._sessions.amend(cookie, lambda kept: replace(kept, grant=grant)) is None:
                raise _SessionOver

        try:
            provider = self._providers.get(session.identity.provider)
            if provider is None:
                raise ProviderUnavailable("the session's provider is not configured any more")
            identity = await provider.refresh(session.identity, session.grant, keep=keep)
        except SignInRefused as refused:
            await self._end(cookie, session, refused)
            return _Result(session=None)
        except ProviderUnavailable as error:
            flight.rests = True
            _log.warning("tokens could not be refreshed (%s)", error, extra={"session": session.reference})
            self._measures.refreshed("provider-away")
            return _Result(session=session, away=True)
        except _SessionOver:
            return _Result(session=None)
        self._measures.refreshed("ok")
        return _Result(session=await self._sessions.amend(cookie, lambda kept: _known_anew(kept, identity)))

    async def _end(self, cookie: str, session: Session, refused: SignInRefused) -> None:
        """End a session whose refresh was refused: the next request signs in, and nothing is tried again."""
        await self._sessions.end(cookie)
        extra = {"session": session.reference, "mismatch": refused.mismatch.value, "detail": refused.detail}
        _log.warning("a refresh was refused, the session is over", extra=extra)
        self._measures.refreshed(refused.mismatch.value)
        await self._audit.happened(
            Event(
                kind="session-not-refreshed",
                session=session.reference,
                organisation=None,
                detail=refused.mismatch.value,
            )
        )


def _known_anew(session: Session, identity: Identity) -> Session:
    """Return the session with what the provider says now; facts that rest on claims are then read anew."""
    identity = replace(identity, provider=session.identity.provider)  # ours to say, and the same as before
    acting = session.acting
    if acting is not None and identity.claimed != session.identity.claimed:
        acting = replace(acting, announced="refreshed")
    return replace(session, identity=identity, acting=acting)
