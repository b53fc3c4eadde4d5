"""Forms that wait for their sender to sign in again, in Redis: the Parking port.

A form is sealed with the value of a cookie that only the browser has, and stands at a hash of that value and its own
name. So that the right person gets it back, whose a session was is known a while longer than the session itself. Three
forms for each browser and a limited number in all: whoever fills Redis does not push sessions out.
"""

from __future__ import annotations

import struct
from datetime import timedelta

import msgspec
from redis.asyncio import Redis

from broker.adapters.sessions.connection import store_errors
from broker.adapters.sessions.sealing import SealedValues, ShortSealing, address_of
from broker.domain.numbers import EnterpriseNumber
from broker.domain.parked import PERSON_OCTETS, Owner, ParkedPost
from broker.domain.people import Organisation
from broker.ports import Clock

_LIFETIME = timedelta(minutes=15)
_PER_BROWSER = 3
_ALL = "inkom:parked-in-all"
_MOST_OCTETS = 64_000_000
# Whose a session is, and the number of the organisation, whose name follows: each session has one, so it must be small.
_OWNER = struct.Struct(f">{PERSON_OCTETS}sI")


class RedisParking:
    """Every method raises StoreUnavailable and nothing else."""

    def __init__(
        self,
        redis: Redis,
        *,
        secrets: tuple[str, ...],
        clock: Clock,
        largest: int,
        owners: timedelta,
        lifetime: timedelta = _LIFETIME,
        most: int | None = None,
    ) -> None:
        """`secrets` are newest first. `largest` is the size of a body in bytes, `owners` how long owners are known.

        `most` is the number of forms in all, by default as many as fit into 64 MB. Raises ValueError.
        """
        self._redis = redis
        self._forms = SealedValues("parked", ParkedPost, secrets=secrets, codec=msgspec.msgpack)
        self._owners = ShortSealing("owner", secrets=secrets)
        self._clock = clock
        self._owners_lifetime = owners
        self._lifetime = lifetime
        self._most = max(1, _MOST_OCTETS // max(largest, 1)) if most is None else most

    async def remember(self, cookie: str, owner: Owner) -> None:
        """Remember whose session a cookie stands for."""
        token = cookie.encode(errors="replace")
        address = address_of("owner", token)
        record = self._owners.seal(_written(owner), token=token, address=address)
        with store_errors():
            await self._redis.set(address, record, px=self._owners_lifetime)

    async def owner(self, cookie: str) -> Owner | None:
        """Return whose session a cookie stood for, also when the session is over."""
        token = cookie.encode(errors="replace")
        address = address_of("owner", token)
        with store_errors():
            sealed = await self._redis.get(address)
        record = self._owners.open(sealed, token=token, address=address)
        return None if record is None else _read(record)

    async def forget(self, cookie: str) -> None:
        """Forget whose session it was: the person signed out, and nothing of it goes on."""
        with store_errors():
            await self._redis.delete(address_of("owner", cookie.encode(errors="replace")))

    async def park(self, post: ParkedPost, *, browser: str) -> bool:
        """Keep a form for fifteen minutes; False when there is no room. A browser's oldest makes room."""
        address, token = _place(post.name, browser)
        record = self._forms.seal(post, token=token, address=address)
        row, now = _row_of(browser), self._clock.now()
        with store_errors():
            pipeline = self._redis.pipeline(transaction=True)
            pipeline.zremrangebyscore(_ALL, "-inf", (now - self._lifetime).timestamp())
            pipeline.zcard(_ALL)
            _, waiting = await pipeline.execute()
            if waiting >= self._most:
                return False
            pipeline = self._redis.pipeline(transaction=True)
            pipeline.set(address, record, px=self._lifetime)
            pipeline.zadd(_ALL, {address: now.timestamp()})
            pipeline.pexpire(_ALL, self._lifetime)
            pipeline.lpush(row, address)
            pipeline.pexpire(row, self._lifetime)
            pipeline.lrange(row, _PER_BROWSER, -1)
            pipeline.ltrim(row, 0, _PER_BROWSER - 1)
            *_, too_many, _ = await pipeline.execute()
            if too_many:
                await self._redis.delete(*too_many)
                await self._redis.zrem(_ALL, *too_many)
        return True

    async def look(self, name: str, *, browser: str) -> ParkedPost | None:
        """Return a form and leave it where it is; None when unknown, sent, too old or another browser's."""
        address, token = _place(name, browser)
        with store_errors():
            sealed = await self._redis.get(address)
        return self._forms.open(sealed, token=token, address=address)

    async def take(self, name: str, *, browser: str) -> ParkedPost | None:
        """Return a form and forget it, exactly once."""
        address, token = _place(name, browser)
        with store_errors():
            pipeline = self._redis.pipeline(transaction=True)
            pipeline.getdel(address)
            pipeline.zrem(_ALL, address)
            pipeline.lrem(_row_of(browser), 1, address)
            sealed, *_ = await pipeline.execute()
        return self._forms.open(sealed, token=token, address=address)


def _written(owner: Owner) -> bytes:
    whom = owner.organisation
    if whom is None:
        return _OWNER.pack(owner.person, 0)
    return _OWNER.pack(owner.person, int(whom.number.digits)) + whom.name.encode(errors="replace")


def _read(record: bytes) -> Owner | None:
    if len(record) < _OWNER.size:
        return None
    person, number = _OWNER.unpack_from(record)
    if not number:
        return Owner(person=person, organisation=None)
    name = record[_OWNER.size :].decode()
    return Owner(person=person, organisation=Organisation(number=EnterpriseNumber(f"{number:010d}"), name=name))


def _place(name: str, browser: str) -> tuple[str, bytes]:
    """Return a form's address and the token that opens it."""
    token = browser.encode(errors="replace")
    return address_of("parked", token, name.encode(errors="replace")), token


def _row_of(browser: str) -> str:
    """Return the address of the list of a browser's forms, newest first."""
    return address_of("parked-row", browser.encode(errors="replace"))
