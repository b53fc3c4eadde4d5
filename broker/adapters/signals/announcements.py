"""Announcements in Redis: the Announcements port.

For each person there is a count of the announcements so far, which sessions compare with the one their facts were
read at; it needs no clock that machines would have to agree on. A message on a channel wakes the open streams of every
worker on every machine; when the channel breaks, streams still look at the count once a second.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from redis.asyncio import Redis

from broker.adapters.sessions.connection import store_errors
from broker.domain.session import Identity
from broker.ports import Announced, Clock, StoreUnavailable

_CHANNEL = "inkom:announcements"
_SEEN_FOR = timedelta(hours=1)  # longer than an event may be old
_PAUSE_SECONDS = 1.0
_log = logging.getLogger("inkom.signals")


class RedisAnnouncements:
    """Announcements by person, shared by all machines. Every method but `watching` raises StoreUnavailable."""

    def __init__(self, redis: Redis, *, key: bytes, lifetime: timedelta, clock: Clock) -> None:
        """`key` makes the names in Redis, which tell nobody who is meant; `lifetime` is the longest of a session."""
        self._redis = redis
        self._key = key
        self._lifetime = lifetime
        self._clock = clock
        self._watched: dict[str, set[asyncio.Event]] = {}

    async def about(self, identity: Identity) -> Announced:
        """Return how often something was announced about a person, and when all their sessions were ended."""
        name = self._name(identity.issuer, identity.subject)
        with store_errors():
            count, ended = await self._redis.mget(_count(name), _ended(name))
        try:
            return Announced(count=int(count or 0), sessions_ended_at=None if ended is None else _instant(float(ended)))
        except ValueError:
            raise StoreUnavailable("the session store holds what we did not put there") from None

    async def announce(self, *, issuer: str, subject: str, event_id: str, ends_sessions: bool) -> bool:
        """Pass an event on to all machines; False when it was passed on before."""
        name = self._name(issuer, subject)
        seen = f"inkom:signal:{self._name(issuer, event_id)}"
        with store_errors():
            if not await self._redis.set(seen, b"", nx=True, px=_SEEN_FOR):
                return False
            try:
                pipeline = self._redis.pipeline(transaction=True)
                pipeline.incr(_count(name))
                pipeline.pexpire(_count(name), self._lifetime)
                if ends_sessions:
                    pipeline.set(_ended(name), f"{self._clock.now().timestamp():.6f}", px=self._lifetime)
                pipeline.publish(_CHANNEL, name)
                await pipeline.execute()
            except BaseException:
                # Not passed on, so it must count when the transmitter sends it again.
                await self._redis.delete(seen)
                raise
        return True

    @contextmanager
    def watching(self, identity: Identity) -> Iterator[asyncio.Event]:
        """An event that is set when something is announced about the person."""
        name, changed = self._name(identity.issuer, identity.subject), asyncio.Event()
        watchers = self._watched.setdefault(name, set())
        watchers.add(changed)
        try:
            yield changed
        finally:
            watchers.discard(changed)
            if not watchers and self._watched.get(name) is watchers:
                del self._watched[name]

    async def follow(self) -> None:
        """Listen for announcements until cancelled; after a break everybody who watches looks for themselves."""
        heard = True
        while True:
            try:
                with store_errors():
                    await self._listen()
            except StoreUnavailable as error:
                if heard:
                    _log.warning("announcements cannot be heard (%s): streams look once a second", error)
                heard = False
                self._wake(*self._watched)
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                heard = True

    async def _listen(self) -> None:
        async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(_CHANNEL)
            # What was announced while nobody listened is looked up now.
            self._wake(*self._watched)
            while True:
                message = await channel.get_message(timeout=30.0)
                if message is not None:
                    self._wake(bytes(message["data"]).decode("ascii", "replace"))

    def _wake(self, *names: str) -> None:
        for name in names:
            for changed in self._watched.get(name, ()):
                changed.set()

    def _name(self, issuer: str, subject: str) -> str:
        text = f"{len(issuer)} {issuer}{subject}".encode()
        return hmac.digest(self._key, b"inkom announcement " + text, hashlib.sha256).hex()[:40]


class NothingAnnounced:
    """Where no transmitter is configured: facts are only as fresh as their age."""

    async def about(self, identity: Identity) -> Announced:
        """Nothing."""
        return Announced(count=0, sessions_ended_at=None)

    async def announce(self, *, issuer: str, subject: str, event_id: str, ends_sessions: bool) -> bool:
        """Never called: there is no transmitter."""
        return False

    @contextmanager
    def watching(self, identity: Identity) -> Iterator[asyncio.Event]:
        """An event that is never set."""
        yield asyncio.Event()


def _count(name: str) -> str:
    return f"inkom:announced:{name}"


def _ended(name: str) -> str:
    return f"inkom:ended:{name}"


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
