"""Sessions in Redis: the SessionStore port.

A cookie's token leads to an address (its hash) and to the key of the record there. Redis ends an idle session by
itself, and its lifetime says when it was used last; the latest end stands in the record. Anything that is not a good
session is None, never an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

from redis.asyncio import Redis

from broker.adapters.sessions import dictionary
from broker.adapters.sessions.connection import Transaction, close, decided, store_errors
from broker.adapters.sessions.cookies import SignedTokens
from broker.adapters.sessions.flights import flight_key, is_resting
from broker.adapters.sessions.index import RedisSessionIndex
from broker.adapters.sessions.sealing import SealedValues, address_of
from broker.adapters.sessions.tracking import Memory, TrackedReads
from broker.domain.session import Identity, Session
from broker.ports import Announced, Clock, Marked, StoreUnavailable

_PURPOSE = "session"
# Use prolongs the idle time at most this often: a page with fifty pictures need not write fifty times.
_PROLONGED_AT_MOST_EVERY = timedelta(minutes=1)
_MOST_KEPT = 10_000
_LOOK_SECONDS = 0.1
_LOOKS_FOR_A_FLIGHT = 200


class Beside(Protocol):
    """What is announced about people, in the same Redis (`adapters/signals`)."""

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
        index: RedisSessionIndex | None = None,
        prolonged_every: timedelta = _PROLONGED_AT_MOST_EVERY,
    ) -> None:
        """`secrets` are newest first; removing one ends the sessions it sealed. Raises ValueError.

        `prolonged_every` is how exactly the last use is known.
        """
        self._redis = redis
        self._cookies = SignedTokens(_PURPOSE, secrets=secrets)
        self._records = SealedValues(_PURPOSE, Session, secrets=secrets, dictionary=dictionary.SESSION)
        self._idle = idle
        self._absolute = absolute
        self._clock = clock
        self._announcements = announcements
        self._index = index
        self._prolonged_every = min(prolonged_every, _PROLONGED_AT_MOST_EVERY)
        self.reads = TrackedReads(redis)
        # Whose session stands at an address is known once it was opened; then one question to Redis asks for all.
        self._keys: dict[str, list[str]] = {}

    async def find(self, cookie: str, *, counts_as_use: bool = True) -> Session | None:
        """Return the session; None for anything forged, foreign, broken, idle or over."""
        found = await self.marked(cookie, counts_as_use=counts_as_use)
        return None if found is None else found.session

    async def marked(self, cookie: str, *, counts_as_use: bool = True) -> Marked | None:
        """Return the same with what was announced about the person by now."""
        token = self._cookies.read(cookie)
        if token is None:
            return None
        address = address_of(_PURPOSE, token)
        keys = self._keys.get(address)
        reading = await self.reads.read(record=address, values=keys or ())
        sealed, remaining, *beside = reading.values
        session = self._records.open(sealed, token=token, address=address)
        if session is None:
            self._keys.pop(address, None)
            return None
        now = self._clock.now()
        if session.ended(now, absolute=self._absolute):
            await self._forget(address, session)
            return None
        left = timedelta(milliseconds=remaining)
        session = replace(session, used_at=now - (self._idle - left))
        used_at = now if counts_as_use and await self._prolong(address, session) else session.used_at or now
        announced, memory = await self._announced(address, session.identity, keys, beside, reading.memory)
        return Marked(
            session=session,
            announced=announced,
            ends_at=min(used_at + self._idle, session.ends_at(absolute=self._absolute)),
            use_counts_until=used_at + self._prolonged_every,
            memory=memory,
        )

    async def use(self, cookie: str, session: Session) -> None:
        """Note that a session, found without counting it, is used after all."""
        token = self._cookies.read(cookie)
        if token is not None:
            await self._prolong(address_of(_PURPOSE, token), session)

    async def left(self, cookie: str) -> timedelta | None:
        """Return how long the session goes on if nobody uses it; None when it is over. Asking is no use."""
        token = self._cookies.read(cookie)
        if token is None:
            return None
        address = address_of(_PURPOSE, token)
        with store_errors():
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.get(address)
            pipeline.pttl(address)
            sealed, remaining = await pipeline.execute()
        session = self._records.open(sealed, token=token, address=address)
        if session is None:
            return None
        # Redis knows when nobody will have used it for too long, the record when it ends whoever uses it.
        left = min(timedelta(milliseconds=remaining), session.ends_at(absolute=self._absolute) - self._clock.now())
        return left if left > timedelta() else None

    async def begin(self, session: Session) -> str:
        """Store a new session and return its cookie value."""
        token = self._cookies.new()
        address = address_of(_PURPOSE, token)
        sealed = self._sealed(session, token=token, address=address)
        with store_errors():
            pipeline = self._redis.pipeline(transaction=True)
            pipeline.set(address, sealed, px=self._idle)
            if self._index is not None:
                self._index.write(pipeline, session, address=address)
            *_, found = await pipeline.execute()
        if self._index is not None:
            await self._index.make_room(session, found=found)
        return self._cookies.write(token)

    async def amend(self, cookie: str, change: Callable[[Session], Session]) -> Session | None:
        """Change the session as it stands, whoever else writes it; None when it has ended (it stays ended)."""
        token = self._cookies.read(cookie)
        if token is None:
            return None
        address = address_of(_PURPOSE, token)

        async def carry_out(pipeline: Transaction) -> Session | None:
            sealed = await pipeline.get(address)
            kept = self._records.open(sealed, token=token, address=address)
            if kept is None:
                return None
            changed = change(kept)
            decided(pipeline)
            # Neither a look at new facts nor a refresh is a use.
            pipeline.set(address, self._sealed(changed, token=token, address=address), keepttl=True)
            if self._index is not None:
                self._index.write(pipeline, changed, address=address)
            return changed

        with store_errors():
            # Watched: a session that ends meanwhile does not rise again, and nobody's change is lost.
            amended: Session | None = await self._redis.transaction(carry_out, address, value_from_callable=True)
            return amended

    async def renew(self, cookie: str, session: Session) -> str | None:
        """Let the session, with its organisation, go on under a new cookie; None when it had ended."""
        token = self._cookies.read(cookie)
        if token is None:
            return None
        new = self._cookies.new()
        address, new_address = address_of(_PURPOSE, token), address_of(_PURPOSE, new)

        async def carry_out(pipeline: Transaction) -> bool | None:
            kept = self._records.open(await pipeline.get(address), token=token, address=address)
            if kept is None:
                return False
            if kept.grant is not None and await _flies(pipeline, kept):
                return None
            renewed = kept.acting_for(session.acting)
            # One transaction: at no moment are both alive, and of two renewals at once only one finds the old one.
            decided(pipeline)
            pipeline.delete(address)
            pipeline.set(new_address, self._sealed(renewed, token=new, address=new_address), px=self._idle)
            if self._index is not None:
                self._index.write(pipeline, renewed, address=new_address)
            return True

        # Whoever refreshes the session's tokens knows it by its old cookie, and must find it there with the new tokens.
        watched = (address, flight_key(session.reference))
        for _ in range(_LOOKS_FOR_A_FLIGHT):
            with store_errors():
                done: bool | None = await self._redis.transaction(carry_out, *watched, value_from_callable=True)
            if done is not None:
                return self._cookies.write(new) if done else None
            await asyncio.sleep(_LOOK_SECONDS)
        raise StoreUnavailable("the session is being refreshed for too long")

    async def end(self, cookie: str) -> None:
        """End the session for good."""
        token = self._cookies.read(cookie)
        if token is None:
            return
        address = address_of(_PURPOSE, token)
        with store_errors():
            sealed = await self._redis.get(address)
        session = self._records.open(sealed, token=token, address=address)
        await self._forget(address, session)

    async def ping(self) -> None:
        """Return when the store works."""
        with store_errors():
            await self._redis.ping()

    async def aclose(self) -> None:
        """Close all connections."""
        with store_errors():
            await close(self._redis)

    async def _announced(
        self,
        address: str,
        identity: Identity,
        keys: list[str] | None,
        values: Sequence[bytes | None],
        memory: Memory | None,
    ) -> tuple[Announced, Memory | None]:
        if self._announcements is None:
            return Announced(mark="", sessions_ended_at=None), memory
        whose = self._announcements.keys(identity)
        if keys == whose:
            return self._announcements.told(values), memory
        if len(self._keys) >= _MOST_KEPT:
            del self._keys[next(iter(self._keys))]
        self._keys[address] = whose
        reading = await self.reads.read(values=whose)
        both = memory.joined(reading.memory) if memory is not None and reading.memory is not None else None
        return self._announcements.told(reading.values), both

    async def _forget(self, address: str, session: Session | None) -> None:
        if self._index is not None and session is not None:
            # By its reference: at this very moment it may get a new cookie, and stand elsewhere.
            await self._index.end(self._index.person(session), [session.reference])
        with store_errors():
            await self._redis.delete(address)

    async def _prolong(self, address: str, session: Session) -> bool:
        """Note a use, unless one was noted a moment ago; return whether it was noted now."""
        if session.used_at is not None and self._clock.now() - session.used_at <= self._prolonged_every:
            return False
        with store_errors():
            await self._redis.pexpire(address, self._idle)
        return True

    def _sealed(self, session: Session, *, token: bytes, address: str) -> bytes:
        return self._records.seal(replace(session, used_at=None), token=token, address=address)


async def _flies(pipeline: Transaction, session: Session) -> bool:
    lease = await pipeline.get(flight_key(session.reference))
    return lease is not None and not is_resting(lease)
