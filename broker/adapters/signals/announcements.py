"""Announcements in Redis: the Announcements port.

For each person there is a mark, new at each announcement, which sessions compare with the one their facts were read at.
It needs no clock that machines would have to agree on, and is random so that it never returns: a count that expired
would begin again, and pass old facts off as new. A message on a channel wakes the open streams of every worker on every
machine; when the channel breaks, streams still look at the mark once a second.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from broker.adapters.sessions.connection import Connection, store_errors
from broker.domain.session import Identity
from broker.ports import Announced, Clock, StoreUnavailable

_CHANNEL = "inkom:announcements"
_SEEN_FOR = timedelta(hours=1)  # longer than an event may be old
_PAUSE_SECONDS = 1.0
_log = logging.getLogger("inkom.signals")


class RedisAnnouncements:
    """Announcements by person, shared by all machines. Every method but `watching` raises StoreUnavailable."""

    def __init__(self, redis: Connection, *, key: bytes, lifetime: timedelta, clock: Clock) -> None:
        """`key` makes the names in Redis, which tell nobody who is meant; `lifetime` is the longest of a session."""
        self._redis = redis
        self._key = key
        self._lifetime = lifetime
        self._clock = clock
        self._watched: dict[str, set[asyncio.Event]] = {}
        self._hears = True

    async def about(self, identity: Identity) -> Announced:
        """Return the mark of what was announced about a person, and when all their sessions were ended."""
        with store_errors():
            return self.told(await self._redis.mget(self.keys(self.name(identity))))

    def name(self, identity: Identity) -> str:
        """Return what a person is called in Redis."""
        return self._name(identity.issuer, identity.subject)

    def keys(self, name: str) -> list[str]:
        """Return the keys to read for a person, so that whoever asks Redis anyway can ask for these too."""
        return [_mark(name), _ended(name)]

    def told(self, values: Sequence[bytes | str | None]) -> Announced:
        """Return what the values of these keys say. Raises StoreUnavailable."""
        mark, ended = values
        try:
            return Announced(mark=_text(mark), sessions_ended_at=_instant(float(ended)) if ended else None)
        except (ValueError, OverflowError):
            raise StoreUnavailable("the session store holds what we did not put there") from None

    async def announce(self, *, issuer: str, subject: str, event_id: str, ends_sessions: bool) -> bool:
        """Pass an event on to all machines; False when it was passed on before."""
        name = self._name(issuer, subject)
        seen = f"inkom:signal:{self._name(issuer, event_id)}"
        with store_errors():
            if await self._redis.exists(seen):
                return False
            # One transaction: an event is never noted as seen without its effect, or a second delivery after a failure
            # would be acknowledged for nothing. Two deliveries at the very same moment both count, which costs one
            # more reading.
            pipeline = self._redis.pipeline(transaction=True)
            pipeline.set(seen, b"", px=_SEEN_FOR)
            pipeline.set(_mark(name), secrets.token_urlsafe(12), px=self._lifetime)
            if ends_sessions:
                pipeline.set(_ended(name), f"{self._clock.now().timestamp():.6f}", px=self._lifetime)
            pipeline.publish(_CHANNEL, name)
            await pipeline.execute()
        return True

    @contextmanager
    def watching(self, identity: Identity) -> Iterator[asyncio.Event]:
        """An event that is set when something is announced about the person."""
        name, changed = self.name(identity), asyncio.Event()
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
        while True:
            try:
                with store_errors():
                    await self._listen()
            except StoreUnavailable as error:
                if self._hears:
                    _log.warning("announcements cannot be heard (%s): streams look once a second", error)
                self._hears = False
                self._wake(*self._watched)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _listen(self) -> None:
        async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(_CHANNEL)
            self._hears = True
            # What was announced while nobody listened is looked up now.
            self._wake(*self._watched)
            while True:
                message = await channel.get_message(timeout=30.0)
                if message is not None:
                    self._wake(_text(message["data"]))

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
        return Announced(mark="", sessions_ended_at=None)

    async def announce(self, *, issuer: str, subject: str, event_id: str, ends_sessions: bool) -> bool:
        """Never called: there is no transmitter."""
        return False

    @contextmanager
    def watching(self, identity: Identity) -> Iterator[asyncio.Event]:
        """An event that is never set."""
        yield asyncio.Event()


def _mark(name: str) -> str:
    return f"inkom:announced:{name}"


def _ended(name: str) -> str:
    return f"inkom:ended:{name}"


def _text(value: bytes | str | None) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else value or ""


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
