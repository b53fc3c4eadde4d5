"""Which sessions a person has, in Redis: the SessionIndex port. One hash per person: reference -> small sealed entry.

The hash is named by the audit log's pseudonym, which tells nobody who is meant. An entry says where the session's
record stands, which is enough to end it and to see when it was used last, and never opens it. Entries are written
together with the records; those of sessions that ended by themselves are cleared away by whoever meets them. What an
entry looks like is `entries`' business.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from redis.asyncio import Redis

from broker.adapters.sessions.connection import CHANNEL, Transaction, close, decided, store_errors
from broker.adapters.sessions.entries import RECORDS, Entry, SealedEntries
from broker.domain.browsers import Browser
from broker.domain.identity_headers import audit_pseudonym
from broker.domain.numbers import EnterpriseNumber
from broker.domain.session import OpenSession, Session
from broker.ports import Clock

_PREFIX = "inkom:sessions:"
_AT_ONCE = 500
MOST_PER_PERSON = 50
# Between reading an entry and finding no record, the session may have got a new cookie, and its entry a new place.
_CLEAR = (
    "if redis.call('hget', KEYS[1], ARGV[1]) == ARGV[2] then return redis.call('hdel', KEYS[1], ARGV[1]) end return 0"
)


class RedisSessionIndex:
    """Sessions by person. Every method that asks Redis raises StoreUnavailable and nothing else."""

    def __init__(
        self,
        redis: Redis,
        *,
        secrets: tuple[str, ...],
        pseudonym_key: bytes,
        idle: timedelta,
        absolute: timedelta,
        clock: Clock,
        most: int = MOST_PER_PERSON,
    ) -> None:
        """`secrets` are those of the sessions, newest first; `idle` and `absolute` theirs too. Raises ValueError."""
        self._redis = redis
        self._entries = SealedEntries(secrets=secrets)
        self._key = pseudonym_key
        self._idle = idle
        self._absolute = absolute
        self._clock = clock
        self._most = most

    def person(self, session: Session) -> str:
        """Return what the session's person is called here."""
        return audit_pseudonym(session.identity.national_number, key=self._key)

    def write(self, pipeline: Transaction, session: Session, *, address: str) -> None:
        """Put a session in the index, in the transaction that stores its record; the last answer is how many are in."""
        person = self.person(session)
        organisation = session.acting.organisation.number.digits if session.acting else ""
        browser = session.browser or Browser()
        entry = Entry(
            place=_decoded(address.removeprefix(RECORDS)),
            began=int(session.began_at.timestamp()),
            ends=int(session.ends_at(absolute=self._absolute).timestamp()),
            organisation=organisation,
            browser=browser.name,
            system=browser.system,
        )
        sealed = self._entries.seal(entry, person=person, reference=session.reference)
        pipeline.hset(_PREFIX + person, session.reference, sealed)
        pipeline.pexpire(_PREFIX + person, self._absolute)
        pipeline.hlen(_PREFIX + person)

    async def make_room(self, session: Session, *, found: int) -> None:
        """End the oldest sessions of a person who has more than the most; `found` is what `write` answered.

        Those that began in the same second stay, this one among them: which of them is older nobody knows.
        """
        if found <= self._most:
            return
        live = await self.of(self.person(session))
        second = session.began_at.replace(microsecond=0)
        await self.end(self.person(session), [one.reference for one in live[self._most :] if one.began_at < second])

    async def of(self, person: str) -> tuple[OpenSession, ...]:
        """Return a person's sessions, the newest first."""
        with store_errors():
            rows = await self._redis.hgetall(_PREFIX + person)
            return await self._open({person: rows})

    async def end(self, person: str, references: Sequence[str]) -> tuple[str, ...]:
        """End sessions of a person at once, on every machine; return the references of those that were open."""
        if not references:
            return ()
        key = _PREFIX + person

        async def carry_out(pipeline: Transaction) -> tuple[str, ...]:
            rows = await pipeline.hmget(key, list(references))
            found = dict(zip(references, rows, strict=True))
            entries = {one: entry for one, row in found.items() if (entry := self._entry(person, one, row))}
            ended = [one for one, entry in entries.items() if await pipeline.exists(entry.address)]
            decided(pipeline)
            pipeline.hdel(key, *references)
            if entries:
                pipeline.delete(*(entry.address for entry in entries.values()))
                pipeline.publish(CHANNEL, person)
            return tuple(ended)

        with store_errors():
            # Watched: a session that gets a new cookie meanwhile stands elsewhere, and is looked up again.
            ended: tuple[str, ...] = await self._redis.transaction(carry_out, key, value_from_callable=True)
            return ended

    async def everybody(self) -> AsyncIterator[tuple[OpenSession, ...]]:
        """Return all sessions of all people, a batch at a time, in no order."""
        with store_errors():
            async for keys in self._scanned():
                pipeline = self._redis.pipeline(transaction=False)
                for key in keys:
                    pipeline.hgetall(key)
                people = (key.removeprefix(_PREFIX) for key in keys)
                yield await self._open(dict(zip(people, await pipeline.execute(), strict=True)))

    async def find(self, reference: str) -> OpenSession | None:
        """Return the session with that reference, by looking at everybody's."""
        with store_errors():
            async for keys in self._scanned():
                pipeline = self._redis.pipeline(transaction=False)
                for key in keys:
                    pipeline.hget(key, reference)
                for key, row in zip(keys, await pipeline.execute(), strict=True):
                    if row is not None:
                        found = await self._open({key.removeprefix(_PREFIX): {reference: row}})
                        return found[0] if found else None
        return None

    async def aclose(self) -> None:
        """Close all connections, for whoever asks nothing else."""
        with store_errors():
            await close(self._redis)

    async def _scanned(self) -> AsyncIterator[list[str]]:
        cursor = 0
        while True:
            cursor, found = await self._redis.scan(cursor, match=f"{_PREFIX}*", count=_AT_ONCE)
            # SCAN may name a key twice; within one answer is all that could be noticed cheaply.
            if found:
                yield sorted({_text(key) for key in found})
            if cursor == 0:
                return

    async def _open(self, rows: Mapping[str, Mapping[bytes | str, bytes | str]]) -> tuple[OpenSession, ...]:
        """Return, of each person's rows, those whose records are there, the newest first; clear the others away."""
        named = [(person, _text(name), row) for person, found in rows.items() for name, row in found.items()]
        read = [(person, reference, row, self._entry(person, reference, row)) for person, reference, row in named]
        remaining = iter(await self._remaining(entry.address for *_, entry in read if entry is not None))
        live: list[OpenSession] = []
        gone = self._redis.pipeline(transaction=False)
        now = self._clock.now()
        for person, reference, row, entry in read:
            left = 0 if entry is None else next(remaining)
            if entry is None or left <= 0 or now >= _instant(entry.ends):
                gone.eval(_CLEAR, 1, _PREFIX + person, reference, row)
            else:
                live.append(self._told(person, reference, entry, left=left, now=now))
        await gone.execute()
        return tuple(sorted(live, key=lambda one: one.began_at, reverse=True))

    async def _remaining(self, addresses: Iterable[str]) -> list[int]:
        pipeline = self._redis.pipeline(transaction=False)
        for address in addresses:
            pipeline.pttl(address)
        milliseconds: list[int] = await pipeline.execute()
        return milliseconds

    def _told(self, person: str, reference: str, entry: Entry, *, left: int, now: datetime) -> OpenSession:
        return OpenSession(
            reference=reference,
            person=person,
            began_at=_instant(entry.began),
            used_at=max(now - (self._idle - timedelta(milliseconds=left)), _instant(entry.began)),
            organisation=EnterpriseNumber(entry.organisation) if entry.organisation else None,
            browser=Browser(name=entry.browser, system=entry.system) if entry.browser or entry.system else None,
        )

    def _entry(self, person: str, reference: str, sealed: object) -> Entry | None:
        """Return an entry; None for one that is absent, or not sealed here for this person and reference."""
        return self._entries.open(sealed, person=person, reference=reference)


def _decoded(place: str) -> bytes:
    return urlsafe_b64decode(place + "=" * (-len(place) % 4))


def _text(name: bytes | str) -> str:
    return name.decode("ascii", "replace") if isinstance(name, bytes) else name


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
