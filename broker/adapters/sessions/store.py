"""Sessions in Redis: the SessionStore port.

A cookie's token leads to an address (its hash) and to the key of the record there. Redis ends an idle session by
itself; the latest end stands in the record. Anything that is not a good session is None, never an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

import msgspec
from redis.asyncio import Redis

from broker.adapters.sessions.connection import close, store_errors
from broker.adapters.sessions.cookies import SignedTokens
from broker.adapters.sessions.sealing import Sealing, address_of
from broker.domain.session import Identity, Session
from broker.ports import Announced, Clock

_PURPOSE = "session"
# Use prolongs the idle time at most this often: a page with fifty pictures need not write fifty times.
_PROLONGED_AT_MOST_EVERY = timedelta(minutes=1)
_MOST_KEPT = 10_000


class Beside(Protocol):
    """What is announced about people, in the same Redis (`adapters/signals`)."""

    async def about(self, identity: Identity) -> Announced:
        """Ask Redis."""

    def keys(self, identity: Identity) -> list[str]:
        """Return the keys to read for a session."""

    def told(self, values: Sequence[bytes | str | None]) -> Announced:
        """Return what their values say."""


class RedisSessions:
    """Sessions by cookie value. Every method raises StoreUnavailable and nothing else."""

    def __init__(
        self,
        redis: Redis,
        *,
        secrets: tuple[str, ...],
        idle: timedelta,
        absolute: timedelta,
        clock: Clock,
        announcements: Beside | None = None,
    ) -> None:
        """`secrets` are newest first; removing one ends the sessions it sealed. Raises ValueError."""
        self._redis = redis
        self._cookies = SignedTokens(_PURPOSE, secrets=secrets)
        self._sealing = Sealing(_PURPOSE, secrets=secrets)
        self._idle = idle
        self._absolute = absolute
        self._clock = clock
        self._announcements = announcements
        # Whose session stands at an address is known once it was opened; then one question to Redis asks for all.
        self._keys: dict[str, list[str]] = {}

    async def find(self, cookie: str, *, counts_as_use: bool = True) -> Session | None:
        """Return the session; None for anything forged, foreign, broken, idle or over."""
        found = await self.marked(cookie, counts_as_use=counts_as_use)
        return None if found is None else found[0]

    async def marked(self, cookie: str, *, counts_as_use: bool = True) -> tuple[Session, Announced] | None:
        """Return the same with what was announced about the person by now."""
        token = self._cookies.read(cookie)
        if token is None:
            return None
        address = address_of(_PURPOSE, token)
        keys = self._keys.get(address)
        with store_errors():
            # Outside MULTI: between them, the session may at most end, and a mark may only be newer than its facts.
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.get(address)
            pipeline.pttl(address)
            if keys is not None:
                pipeline.mget(keys)
            sealed, remaining, *beside = await pipeline.execute()
        session = None if sealed is None else self._opened(sealed, token=token, address=address)
        if session is None:
            self._keys.pop(address, None)
            return None
        if session.ended(self._clock.now(), absolute=self._absolute):
            await self._forget(address)
            return None
        if counts_as_use:
            await self._prolong(address, session, remaining=timedelta(milliseconds=remaining))
        return session, await self._announced(address, session.identity, keys, *beside)

    async def left(self, cookie: str) -> timedelta | None:
        """Return how long the session goes on if nobody uses it; None when it is over. Asking is no use."""
        token = self._cookies.read(cookie)
        if token is None:
            return None
        with store_errors():
            remaining = await self._redis.pttl(address_of(_PURPOSE, token))
        return timedelta(milliseconds=remaining) if remaining > 0 else None

    async def begin(self, session: Session) -> str:
        """Store a new session and return its cookie value."""
        token = self._cookies.new()
        address = address_of(_PURPOSE, token)
        sealed = self._sealed(session, token=token, address=address)
        with store_errors():
            await self._redis.set(address, sealed, px=self._lifetime(session))
        return self._cookies.write(token)

    async def update(self, cookie: str, session: Session) -> bool:
        """Store new facts under the same cookie; False when the session ended meanwhile (it stays ended)."""
        token = self._cookies.read(cookie)
        if token is None:
            return False
        address = address_of(_PURPOSE, token)
        sealed = self._sealed(session, token=token, address=address)
        with store_errors():
            # XX: only over a session that is there, or one that was ended would rise again.
            return bool(await self._redis.set(address, sealed, px=self._lifetime(session), xx=True))

    async def renew(self, cookie: str, session: Session) -> str | None:
        """Store the session under a new cookie value and end the old one; None when the old one had ended."""
        token = self._cookies.read(cookie)
        if token is None:
            return None
        new = self._cookies.new()
        address, new_address = address_of(_PURPOSE, token), address_of(_PURPOSE, new)
        sealed = self._sealed(session, token=new, address=new_address)
        with store_errors():
            # One transaction: at no moment are both alive, and of two renewals at once only one finds the old one.
            pipeline = self._redis.pipeline(transaction=True)
            pipeline.delete(address)
            pipeline.set(new_address, sealed, px=self._lifetime(session))
            ended, _ = await pipeline.execute()
            if not ended:
                await self._redis.delete(new_address)
                return None
        return self._cookies.write(new)

    async def end(self, cookie: str) -> None:
        """End the session for good."""
        token = self._cookies.read(cookie)
        if token is not None:
            await self._forget(address_of(_PURPOSE, token))

    async def ping(self) -> None:
        """Return when the store works."""
        with store_errors():
            await self._redis.ping()

    async def aclose(self) -> None:
        """Close all connections."""
        with store_errors():
            await close(self._redis)

    async def _announced(
        self, address: str, identity: Identity, keys: list[str] | None, values: Sequence[bytes | None] = ()
    ) -> Announced:
        if self._announcements is None:
            return Announced(mark="", sessions_ended_at=None)
        whose = self._announcements.keys(identity)
        if keys == whose:
            return self._announcements.told(values)
        if len(self._keys) >= _MOST_KEPT:
            del self._keys[next(iter(self._keys))]
        self._keys[address] = whose
        return await self._announcements.about(identity)

    async def _forget(self, address: str) -> None:
        with store_errors():
            await self._redis.delete(address)

    async def _prolong(self, address: str, session: Session, *, remaining: timedelta) -> None:
        wanted = self._lifetime(session)
        if remaining >= wanted - _PROLONGED_AT_MOST_EVERY:
            return
        with store_errors():
            await self._redis.pexpire(address, wanted)

    def _lifetime(self, session: Session) -> timedelta:
        """Return the idle time, or what is left until the latest end if that is less; never nothing."""
        left = session.ends_at(absolute=self._absolute) - self._clock.now()
        return max(min(self._idle, left), timedelta(milliseconds=1))

    def _sealed(self, session: Session, *, token: bytes, address: str) -> bytes:
        return self._sealing.seal(msgspec.json.encode(session), token=token, address=address)

    def _opened(self, sealed: bytes, *, token: bytes, address: str) -> Session | None:
        record = self._sealing.open(sealed, token=token, address=address)
        if record is None:
            return None
        try:
            return msgspec.json.decode(record, type=Session)
        except msgspec.MsgspecError:
            return None  # written by another version of the gateway: its owner signs in again
