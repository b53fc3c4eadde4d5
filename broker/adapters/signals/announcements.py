"""Announcements in Redis: the Announcements port.

For each person, and for each session at the provider, there is one small record. Its mark, new at each announcement, is
compared by sessions with the one their facts were read at. It needs no clock that machines would have to agree on, and
is random so that it never returns: a count that expired would begin again, and pass old facts off as new. A message on
a channel wakes the open streams of every worker on every machine; when the channel breaks, streams still look at the
record once a second.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import assert_never

import msgspec

from broker.adapters.sessions.connection import CHANNEL, Connection, Transaction, decided, store_errors
from broker.domain.identity_headers import audit_pseudonym
from broker.domain.people import Assurance
from broker.domain.session import Identity
from broker.ports import Announced, Clock, FallenLevel, NamedPerson, NamedSession, SecurityEvent, StoreUnavailable

_PAUSE_SECONDS = 1.0
_log = logging.getLogger("inkom.signals")


class _Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of one person or one session. Times are in seconds since 1970; `over`, whenever it began."""

    mark: str = ""
    ended_at: float | None = None
    over: bool = False
    level: Assurance | None = None
    fell_at: float = 0

    def ended(self, at: float) -> _Record:
        """Return the record after sessions that began until `at` were ended; an older end takes nothing back."""
        return msgspec.structs.replace(self, ended_at=max(at, self.ended_at or at))

    def fallen(self, level: Assurance, at: float) -> _Record:
        """Return the record after a level fell. Two falls are taken as one, the deeper, until the later."""
        return msgspec.structs.replace(self, level=min(level, self.level or level), fell_at=max(at, self.fell_at))


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
        """Return what was announced about a person and about their session at the provider."""
        with store_errors():
            return self.told(await self._redis.mget(self.keys(identity)))

    def keys(self, identity: Identity) -> list[str]:
        """Return the keys to read for a session, so that whoever asks Redis anyway can ask for these too."""
        return [_key(name) for name in self._names(identity)]

    def told(self, values: Sequence[bytes | str | None]) -> Announced:
        """Return what the values of these keys say. Raises StoreUnavailable."""
        person, session = (_read(value) for value in (*values, None)[:2])
        ends = [one.ended_at for one in (person, session) if one.ended_at is not None]
        try:
            return Announced(
                mark=f"{person.mark}.{session.mark}" if session.mark else person.mark,
                sessions_ended_at=_instant(max(ends)) if ends else None,
                over=session.over,
                fallen=tuple(
                    FallenLevel(level=one.level, at=_instant(one.fell_at))
                    for one in (person, session)
                    if one.level is not None
                ),
            )
        except (ValueError, OverflowError):
            raise _not_ours() from None

    async def announce(self, *, issuer: str, subject: str, event_id: str, ends_sessions: bool) -> bool:
        """Pass an event about a person on to all machines; False when it was passed on before."""
        now = self._clock.now().timestamp()
        return await self._change(
            [self._name(issuer, subject)],
            lambda record: record.ended(now) if ends_sessions else record,
            seen=self._seen(issuer, event_id),
        )

    async def pass_on(self, event: SecurityEvent) -> bool:
        """Pass an event of Shared Signals on to all machines; False when it was passed on before."""
        now = self._clock.now().timestamp()
        # A transmitter whose clock is ahead must not end what begins after its event came in.
        at = now if event.at is None else min(event.at.timestamp(), now)

        def change(record: _Record) -> _Record:
            if event.ends_sessions:
                record = record.ended(at)
            return record if event.falls_to is None else record.fallen(event.falls_to, at)

        names = [self._name_of(whom) for whom in event.about]
        return await self._change(names, change, seen=self._seen(event.issuer, event.event_id))

    async def announce_session_ended(
        self, *, issuer: str, sid: str, event_id: str, only_begun_here: bool = False
    ) -> bool:
        """Pass on that one session at the provider is over, whenever ours began; False when passed on before.

        Also one of ours that only now begins, with an answer of the provider's from before: what it must meet is
        already there.
        """
        return await self._change(
            [self._session_name(issuer, sid)],
            lambda record: msgspec.structs.replace(record, over=True),
            seen=self._seen(issuer, event_id),
            only_known=only_begun_here,
        )

    async def session_began(self, identity: Identity) -> None:
        """Remember that a session with this `sid` began here, by an empty record."""
        if identity.acm_session is not None:
            name = self._session_name(identity.issuer, identity.acm_session)
            with store_errors():
                await self._redis.set(_key(name), msgspec.json.encode(_Record()), px=self._lifetime, nx=True)

    async def _change(
        self, names: list[str], change: Callable[[_Record], _Record], *, seen: str, only_known: bool = False
    ) -> bool:
        keys = [_key(name) for name in names]

        async def carry_out(pipeline: Transaction) -> bool:
            if await pipeline.exists(seen):
                return False
            values = await pipeline.mget(keys)
            if only_known and not any(values):
                return False
            records = [change(_read(value)) for value in values]
            # One transaction: an event is never noted as seen without its effect, or a second delivery after a failure
            # would be acknowledged for nothing.
            decided(pipeline)
            pipeline.set(seen, b"", px=self._lifetime)  # as long as an event may be old
            for name, key, record in zip(names, keys, records, strict=True):
                renewed = msgspec.structs.replace(record, mark=secrets.token_urlsafe(12))
                pipeline.set(key, msgspec.json.encode(renewed), px=self._lifetime)
                pipeline.publish(CHANNEL, name)
            return True

        with store_errors():
            # Watched: of two deliveries at the same moment one begins anew and finds the other's note.
            return bool(await self._redis.transaction(carry_out, seen, *keys, value_from_callable=True))

    @contextmanager
    def watching(self, identity: Identity) -> Iterator[asyncio.Event]:
        """An event that is set when something is announced about the person."""
        # By the pseudonym too, by which the index of sessions says that one was ended.
        person = audit_pseudonym(identity.national_number, key=self._key)
        names, changed = (*self._names(identity), person), asyncio.Event()
        for name in names:
            self._watched.setdefault(name, set()).add(changed)
        try:
            yield changed
        finally:
            for name in names:
                watchers = self._watched[name]
                watchers.discard(changed)
                if not watchers:
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
            await channel.subscribe(CHANNEL)
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

    def _names(self, identity: Identity) -> tuple[str, ...]:
        person = self._name(identity.issuer, identity.subject)
        if identity.acm_session is None:
            return (person,)
        return person, self._session_name(identity.issuer, identity.acm_session)

    def _name_of(self, whom: NamedPerson | NamedSession) -> str:
        match whom:
            case NamedPerson(issuer=issuer, subject=subject):
                return self._name(issuer, subject)
            case NamedSession(issuer=issuer, sid=sid):
                return self._session_name(issuer, sid)
            case _:
                assert_never(whom)

    def _name(self, issuer: str, subject: str) -> str:
        return self._hidden("", issuer, subject)

    def _session_name(self, issuer: str, sid: str) -> str:
        return self._hidden("session ", issuer, sid)

    def _seen(self, issuer: str, event_id: str) -> str:
        return f"inkom:signal:{self._hidden('event ', issuer, event_id)}"

    def _hidden(self, kind: str, issuer: str, name: str) -> str:
        text = f"inkom announcement {kind}{len(issuer)} {issuer}{name}".encode()
        return hmac.digest(self._key, text, hashlib.sha256).hex()[:40]


def _key(name: str) -> str:
    return f"inkom:announced:{name}"


def _read(value: bytes | str | None) -> _Record:
    if not value:
        return _Record()
    try:
        return msgspec.json.decode(value, type=_Record)
    except msgspec.MsgspecError:
        raise _not_ours() from None


def _not_ours() -> StoreUnavailable:
    return StoreUnavailable("the session store holds what we did not put there")


def _text(value: bytes | str | None) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else value or ""


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
