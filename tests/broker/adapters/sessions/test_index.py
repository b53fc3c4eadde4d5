"""The index of a person's sessions, in a real Redis: written with the sessions, and never out of step for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from broker.adapters.sessions import RedisSessionIndex, RedisSessions, connect
from broker.adapters.signals.announcements import RedisAnnouncements
from broker.domain.browsers import Browser
from broker.domain.identity_headers import audit_pseudonym
from broker.domain.numbers import NationalNumber
from broker.domain.session import Session
from tests.broker.adapters.examples import AN, BAKERY, NOW, SetClock, identity, session
from tests.broker.adapters.sessions.test_store import ABSOLUTE, IDLE, NEW
from tests.redis_server import RedisServer

KEY = b"k" * 32
PERSON = audit_pseudonym(AN, key=KEY)
CHROME = Browser(name="Chrome", system="Windows")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    sessions: RedisSessions
    index: RedisSessionIndex
    announcements: RedisAnnouncements
    clock: SetClock


@pytest.fixture
async def kept(redis: RedisServer) -> AsyncIterator[Kept]:
    connection, clock = connect(redis.url), SetClock()
    limits = {"idle": IDLE, "absolute": ABSOLUTE}
    announcements = RedisAnnouncements(connection, key=KEY, lifetime=ABSOLUTE, clock=clock)
    index = RedisSessionIndex(
        connection, secrets=(NEW,), pseudonym_key=KEY, clock=clock, most=3, idle=IDLE, absolute=ABSOLUTE
    )
    sessions = RedisSessions(
        connection, secrets=(NEW,), clock=clock, announcements=announcements, index=index, **limits
    )
    yield Kept(sessions=sessions, index=index, announcements=announcements, clock=clock)
    await sessions.aclose()


def known(number: int, **changes: object) -> Session:
    return session(reference=f"{number:016x}", browser=CHROME, **changes)


async def references(kept: Kept) -> list[str]:
    return [one.reference for one in await kept.index.of(PERSON)]


async def test_a_session_is_listed_for_its_person_with_what_they_recognise_it_by(kept: Kept) -> None:
    await kept.sessions.begin(known(1))
    (only,) = await kept.index.of(PERSON)
    assert (only.reference, only.person, only.began_at) == (f"{1:016x}", PERSON, NOW)
    assert (only.organisation, only.browser) == (BAKERY, CHROME)
    assert NOW <= only.used_at <= NOW + timedelta(seconds=2)
    assert await kept.index.of(audit_pseudonym(NationalNumber("90651800257"), key=KEY)) == ()


async def test_the_newest_session_stands_first(kept: Kept) -> None:
    for number in (1, 2, 3):
        await kept.sessions.begin(known(number, began_at=NOW + timedelta(minutes=number)))
    assert await references(kept) == [f"{number:016x}" for number in (3, 2, 1)]


async def test_nothing_of_a_person_can_be_read_from_it(kept: Kept, redis: RedisServer) -> None:
    await kept.sessions.begin(known(1))
    dump = redis.dump()
    for fact in (AN.digits, AN.dotted, "Éloïse", "Bakkerij", BAKERY.digits, "Chrome", "d7oS9Cxr4wEhoRiGK5n32Q"):
        assert fact.encode() not in dump


async def test_an_ended_session_is_no_longer_listed(kept: Kept, redis: RedisServer) -> None:
    cookie = await kept.sessions.begin(known(1))
    await kept.sessions.end(cookie)
    assert await references(kept) == []
    assert redis.command("DBSIZE") == b":0\r\n"


async def test_a_renewed_session_is_listed_once_and_can_be_ended(kept: Kept) -> None:
    cookie = await kept.sessions.begin(known(1, acting=None))
    renewed = await kept.sessions.renew(cookie, known(1))
    assert renewed is not None
    (only,) = await kept.index.of(PERSON)
    assert only.organisation == BAKERY
    assert await kept.index.end(PERSON, [only.reference]) == (only.reference,)
    assert await kept.sessions.find(renewed) is None


async def test_of_a_renewal_and_an_end_at_the_same_moment_the_end_stands(kept: Kept) -> None:
    for number in range(20):
        cookie = await kept.sessions.begin(known(number))
        renewed, _ = await asyncio.gather(
            kept.sessions.renew(cookie, known(number)), kept.index.end(PERSON, [f"{number:016x}"])
        )
        assert renewed is None or await kept.sessions.find(renewed) is None
    assert await references(kept) == []


async def test_a_session_that_redis_ended_is_cleared_away_when_somebody_looks(kept: Kept, redis: RedisServer) -> None:
    for number in (1, 2):
        await kept.sessions.begin(known(number))
    keys = redis.command("KEYS", "inkom:session:*").decode().split("\r\n")
    redis.command("DEL", keys[2])
    assert len(await references(kept)) == 1
    assert redis.command("HLEN", f"inkom:sessions:{PERSON}") == b":1\r\n"


async def test_a_session_beyond_its_absolute_limit_is_not_listed(kept: Kept) -> None:
    await kept.sessions.begin(known(1))
    kept.clock.move(ABSOLUTE)
    assert await references(kept) == []


async def test_the_index_lives_as_long_as_its_newest_session(kept: Kept, redis: RedisServer) -> None:
    await kept.sessions.begin(known(1))
    redis.command("EXPIRE", f"inkom:sessions:{PERSON}", "10")
    await kept.sessions.begin(known(2))
    remaining = int(redis.command("TTL", f"inkom:sessions:{PERSON}")[1:])
    assert ABSOLUTE.total_seconds() - 5 < remaining <= ABSOLUTE.total_seconds()


async def test_a_person_with_too_many_sessions_loses_the_oldest(kept: Kept) -> None:
    cookies = [await kept.sessions.begin(known(one, began_at=NOW + timedelta(minutes=one))) for one in range(5)]
    assert await references(kept) == [f"{number:016x}" for number in (4, 3, 2)]
    found = [await kept.sessions.find(cookie) for cookie in cookies]
    assert [one is None for one in found] == [True, True, False, False, False]


async def test_of_sessions_that_begin_in_one_second_none_ends_another(kept: Kept) -> None:
    cookies = [await kept.sessions.begin(known(one, began_at=NOW + timedelta(milliseconds=one))) for one in range(5)]
    assert all([await kept.sessions.find(cookie) for cookie in cookies])
    last = await kept.sessions.begin(known(5, began_at=NOW + timedelta(seconds=1)))
    assert len(await references(kept)) == 3
    assert await kept.sessions.find(last) is not None


async def test_ending_from_the_list_wakes_what_is_open(kept: Kept) -> None:
    await kept.sessions.begin(known(1))
    following = asyncio.create_task(kept.announcements.follow())
    with kept.announcements.watching(identity()) as changed:
        await changed.wait()  # once at the start: what was missed before is looked up
        changed.clear()
        await kept.index.end(PERSON, [f"{1:016x}"])
        async with asyncio.timeout(5):
            await changed.wait()
    following.cancel()


async def test_ending_what_is_not_there_ends_nothing(kept: Kept) -> None:
    cookie = await kept.sessions.begin(known(1))
    assert await kept.index.end(PERSON, ["f" * 16]) == ()
    assert await kept.index.end("somebody-else", [f"{1:016x}"]) == ()
    assert await kept.index.end(PERSON, []) == ()
    assert await kept.sessions.find(cookie) is not None


async def test_operators_find_everybody_and_each_by_reference(kept: Kept) -> None:
    numbers = ("82672100108", "90651800257", "01690700428")
    for at, number in enumerate(numbers):
        await kept.sessions.begin(known(at, identity=identity(national_number=NationalNumber(number))))
    everybody = [one for batch in [batch async for batch in kept.index.everybody()] for one in batch]
    assert {one.reference for one in everybody} == {f"{number:016x}" for number in range(3)}
    assert len({one.person for one in everybody}) == 3
    found = await kept.index.find(f"{1:016x}")
    assert found is not None
    assert found.person == audit_pseudonym(NationalNumber(numbers[1]), key=KEY)
    assert await kept.index.find("f" * 16) is None


@pytest.mark.parametrize("row", ["", "\x01", "something else altogether", "\x01" * 200])
async def test_what_somebody_wrote_into_the_index_is_no_session(kept: Kept, redis: RedisServer, row: str) -> None:
    await kept.sessions.begin(known(1))
    redis.command("HSET", f"inkom:sessions:{PERSON}", "f" * 16, row)
    assert await references(kept) == [f"{1:016x}"]
    assert await kept.index.end(PERSON, ["f" * 16]) == ()


async def test_a_session_with_its_place_in_the_index_takes_at_most_900_bytes(kept: Kept, redis: RedisServer) -> None:
    await kept.sessions.begin(known(1))
    keys = [f"inkom:sessions:{PERSON}", redis.command("KEYS", "inkom:session:*").decode().split("\r\n")[2]]
    used = [int(redis.command("MEMORY", "USAGE", key)[1:]) for key in keys]
    assert sum(used) <= 900, used


class Ending(RedisSessions):
    """Lets something happen between finding the session to end and ending it."""

    between: Callable[[], Awaitable[object]]

    async def _forget(self, address: str, session: Session | None) -> None:
        await self.between()
        await super()._forget(address, session)


async def test_a_session_that_gets_a_new_cookie_while_somebody_signs_out_is_over(
    kept: Kept, redis: RedisServer
) -> None:
    cookie = await kept.sessions.begin(known(1))
    connection = connect(redis.url)
    ending = Ending(connection, secrets=(NEW,), clock=kept.clock, idle=IDLE, absolute=ABSOLUTE, index=kept.index)
    ending.between = lambda: kept.sessions.renew(cookie, known(1))
    await ending.end(cookie)
    assert redis.command("DBSIZE") == b":0\r\n"
    await connection.aclose()


class Reading(RedisSessionIndex):
    """Lets something happen between reading a person's entries and looking for the records."""

    between: Callable[[], Awaitable[object]]

    async def _remaining(self, addresses: Iterable[str]) -> list[int]:
        await self.between()
        return await super()._remaining(addresses)


async def test_a_session_that_gets_a_new_cookie_while_somebody_looks_is_not_cleared_away(
    kept: Kept, redis: RedisServer
) -> None:
    cookie = await kept.sessions.begin(known(1))
    connection = connect(redis.url)
    looking = Reading(connection, secrets=(NEW,), pseudonym_key=KEY, clock=kept.clock, idle=IDLE, absolute=ABSOLUTE)
    looking.between = lambda: kept.sessions.renew(cookie, known(1))
    await looking.of(PERSON)
    assert await references(kept) == [f"{1:016x}"]
    await connection.aclose()
