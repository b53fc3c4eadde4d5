"""Sessions in a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.adapters.sessions import RedisSessions, connect
from broker.domain.claims import Claimed, ClaimedRole
from broker.domain.demand import Asked, Demand
from broker.domain.numbers import EnterpriseNumber, NationalNumber
from broker.domain.people import Organisation
from broker.domain.session import Session
from tests.broker.adapters.examples import AN, BAKERY, NOW, SetClock, identity, session
from tests.redis_server import RedisServer

OLD, NEW = "o" * 32, "n" * 32
IDLE, ABSOLUTE = timedelta(minutes=30), timedelta(hours=8)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@asynccontextmanager
async def opened(server: RedisServer, clock: SetClock, *secrets: str) -> AsyncIterator[RedisSessions]:
    sessions = RedisSessions(connect(server.url), secrets=secrets or (NEW,), idle=IDLE, absolute=ABSOLUTE, clock=clock)
    try:
        yield sessions
    finally:
        await sessions.aclose()


@pytest.fixture
async def sessions(redis: RedisServer, clock: SetClock) -> AsyncIterator[RedisSessions]:
    async with opened(redis, clock) as store:
        yield store


def without_organisation(kept: Session) -> Session:
    return kept.acting_for(None)


def only_key(server: RedisServer) -> str:
    answer = server.command("KEYS", "inkom:session:*").decode().split("\r\n")
    assert answer[0] == "*1", answer
    return answer[2]


def remaining_seconds(server: RedisServer) -> int:
    return int(server.command("TTL", only_key(server))[1:])


async def test_a_session_is_found_by_its_cookie(sessions: RedisSessions) -> None:
    cookie = await sessions.begin(session())
    assert await sessions.find(cookie) == session()


async def test_the_cookie_is_short_and_holds_nothing_of_the_person(sessions: RedisSessions) -> None:
    cookie = await sessions.begin(session())
    assert len(cookie) < 100
    assert AN.digits not in cookie


async def test_a_dump_of_redis_shows_no_person(redis: RedisServer, sessions: RedisSessions) -> None:
    cookies = [await sessions.begin(session()) for _ in range(20)]
    dump = redis.dump()
    assert dump.count(b"inkom:session:") == 20
    for fact in (AN.digits, AN.dotted, "Éloïse", "Testerszoon", "Bakkerij", "1999999943", "2365621db15c6e28"):
        assert fact.encode() not in dump
    for cookie in cookies:
        assert cookie.partition(".")[0].encode() not in dump


async def test_a_session_ends_for_good(sessions: RedisSessions) -> None:
    cookie = await sessions.begin(session())
    await sessions.end(cookie)
    assert await sessions.find(cookie) is None
    assert await sessions.amend(cookie, without_organisation) is None
    assert await sessions.renew(cookie, session()) is None


async def test_ending_twice_or_ending_garbage_is_no_error(sessions: RedisSessions) -> None:
    cookie = await sessions.begin(session())
    for value in (cookie, cookie, "garbage"):
        await sessions.end(value)


async def test_a_change_is_found_under_the_same_cookie(sessions: RedisSessions) -> None:
    cookie = await sessions.begin(session())
    assert await sessions.amend(cookie, without_organisation) is not None
    assert await sessions.find(cookie) == session(acting=None)


async def test_an_ended_session_never_rises_again(redis: RedisServer, sessions: RedisSessions) -> None:
    cookies = [await sessions.begin(session()) for _ in range(25)]
    updates = [sessions.amend(cookie, without_organisation) for cookie in cookies for _ in range(4)]
    await asyncio.gather(*updates, *(sessions.end(cookie) for cookie in cookies))
    assert [await sessions.find(cookie) for cookie in cookies] == [None] * 25
    assert redis.command("DBSIZE") == b":0\r\n"


async def test_a_renewed_session_has_a_new_cookie_and_the_old_one_is_dead(sessions: RedisSessions) -> None:
    old = await sessions.begin(session(acting=None))
    new = await sessions.renew(old, session())
    assert new is not None
    assert new != old
    assert await sessions.find(new) == session()
    assert await sessions.find(old) is None


async def test_a_new_cookie_takes_along_what_was_noted_since_the_session_was_read(sessions: RedisSessions) -> None:
    asked = Asked(demand=Demand(max_age=60), at=NOW)
    old = await sessions.begin(session(acting=None))
    await sessions.amend(old, lambda kept: replace(kept, asked=asked))
    new = await sessions.renew(old, session())
    assert new is not None
    assert await sessions.find(new) == session(asked=asked)


async def test_of_many_renewals_at_once_exactly_one_wins(redis: RedisServer, sessions: RedisSessions) -> None:
    old = await sessions.begin(session())
    renewed = await asyncio.gather(*(sessions.renew(old, session()) for _ in range(50)))
    assert len([cookie for cookie in renewed if cookie]) == 1
    assert redis.command("DBSIZE") == b":1\r\n"


@pytest.mark.parametrize("cookie", ["", "garbage", "a.b", "a" * 5000])
async def test_garbage_is_no_session_in_any_method(sessions: RedisSessions, cookie: str) -> None:
    assert await sessions.find(cookie) is None
    assert await sessions.amend(cookie, without_organisation) is None
    assert await sessions.renew(cookie, session()) is None


async def test_a_rightly_signed_cookie_of_nobody_is_no_session(redis: RedisServer, sessions: RedisSessions) -> None:
    cookie = await sessions.begin(session())
    redis.command("FLUSHALL")
    assert await sessions.find(cookie) is None


@pytest.mark.parametrize("record", ["", "\x01", "not sealed at all", "\x01" * 200])
async def test_a_record_that_somebody_wrote_into_redis_is_no_session(
    redis: RedisServer, sessions: RedisSessions, record: str
) -> None:
    cookie = await sessions.begin(session())
    redis.command("SET", only_key(redis), record)
    assert await sessions.find(cookie) is None


async def test_a_record_of_another_version_of_the_gateway_is_no_session(
    redis: RedisServer, sessions: RedisSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(msgspec.json, "encode", lambda _: b'{"reference": "S-1", "person": "of long ago"}')
        cookie = await sessions.begin(session())
    assert await sessions.find(cookie) is None


async def test_sessions_live_on_when_a_new_secret_is_put_first(redis: RedisServer, clock: SetClock) -> None:
    async with opened(redis, clock, OLD) as before:
        cookie = await before.begin(session())
    async with opened(redis, clock, NEW, OLD) as after:
        assert await after.find(cookie) == session()
        assert await after.amend(cookie, without_organisation) is not None
        assert await after.find(cookie) == session(acting=None)


async def test_removing_a_secret_signs_out_whoever_signed_in_under_it(redis: RedisServer, clock: SetClock) -> None:
    async with opened(redis, clock, OLD) as before:
        cookie = await before.begin(session())
    async with opened(redis, clock, NEW) as after:
        assert await after.find(cookie) is None


async def test_an_idle_session_ends_by_itself(redis: RedisServer, sessions: RedisSessions) -> None:
    await sessions.begin(session())
    assert 1790 <= remaining_seconds(redis) <= 1800


async def test_use_prolongs_the_idle_time(redis: RedisServer, sessions: RedisSessions) -> None:
    cookie = await sessions.begin(session())
    redis.command("EXPIRE", only_key(redis), "1000")
    await sessions.find(cookie)
    assert remaining_seconds(redis) > 1790


async def test_use_within_a_minute_writes_nothing(redis: RedisServer, sessions: RedisSessions) -> None:
    cookie = await sessions.begin(session())
    redis.command("EXPIRE", only_key(redis), "1745")
    await sessions.find(cookie)
    assert remaining_seconds(redis) <= 1745


async def test_a_look_that_is_no_use_prolongs_nothing(redis: RedisServer, sessions: RedisSessions) -> None:
    cookie = await sessions.begin(session())
    redis.command("EXPIRE", only_key(redis), "1000")
    assert await sessions.find(cookie, counts_as_use=False) == session()
    assert remaining_seconds(redis) <= 1000


async def test_new_facts_are_no_use_and_prolong_nothing(redis: RedisServer, sessions: RedisSessions) -> None:
    cookie = await sessions.begin(session())
    redis.command("EXPIRE", only_key(redis), "1000")
    assert await sessions.amend(cookie, without_organisation) is not None
    assert remaining_seconds(redis) <= 1000


async def test_a_session_comes_with_when_it_was_used_before(redis: RedisServer, sessions: RedisSessions) -> None:
    cookie = await sessions.begin(session())
    redis.command("EXPIRE", only_key(redis), "1000")
    for found in (await sessions.find(cookie, counts_as_use=False), await sessions.find(cookie)):
        assert found is not None
        assert found.used_at is not None
        assert timedelta(seconds=799) <= NOW - found.used_at <= timedelta(seconds=805)
    used_now = await sessions.find(cookie)
    assert used_now is not None
    assert used_now.used_at is not None
    assert NOW - used_now.used_at < timedelta(seconds=5)


async def test_a_look_becomes_a_use_when_somebody_says_so(redis: RedisServer, sessions: RedisSessions) -> None:
    cookie = await sessions.begin(session())
    redis.command("EXPIRE", only_key(redis), "1000")
    found = await sessions.find(cookie, counts_as_use=False)
    assert found is not None
    await sessions.use(cookie, found)
    assert remaining_seconds(redis) > 1790


async def test_a_change_is_made_to_the_session_as_it_stands(sessions: RedisSessions) -> None:
    cookie = await sessions.begin(session())
    changes = [sessions.amend(cookie, lambda kept: replace(kept, form_token=kept.form_token + "+")) for _ in range(20)]
    await asyncio.gather(*changes)
    found = await sessions.find(cookie)
    assert found is not None
    assert found.form_token == session().form_token + "+" * 20
    await sessions.end(cookie)
    assert await sessions.amend(cookie, lambda kept: kept) is None


async def test_a_record_that_lost_its_lifetime_gets_it_back(redis: RedisServer, sessions: RedisSessions) -> None:
    cookie = await sessions.begin(session())
    redis.command("PERSIST", only_key(redis))
    await sessions.find(cookie)
    assert 0 < remaining_seconds(redis) <= 1800


async def test_the_absolute_lifetime_ends_a_session_that_is_in_use(
    redis: RedisServer, sessions: RedisSessions, clock: SetClock
) -> None:
    cookie = await sessions.begin(session())
    clock.move(ABSOLUTE - timedelta(seconds=1))
    assert await sessions.find(cookie) is not None
    clock.move(timedelta(seconds=1))
    assert await sessions.find(cookie) is None
    assert redis.command("DBSIZE") == b":0\r\n"


async def test_use_never_prolongs_beyond_the_absolute_lifetime(
    redis: RedisServer, sessions: RedisSessions, clock: SetClock
) -> None:
    cookie = await sessions.begin(session())
    clock.move(ABSOLUTE - timedelta(minutes=5))
    await sessions.amend(cookie, without_organisation)
    assert await sessions.find(cookie) is not None
    clock.move(timedelta(minutes=5))
    assert await sessions.find(cookie) is None
    assert redis.command("DBSIZE") == b":0\r\n"


async def test_claims_end_a_session_with_their_token_and_are_not_readable_meanwhile(
    redis: RedisServer, sessions: RedisSessions, clock: SetClock
) -> None:
    role = ClaimedRole(right="VLAIOInkomGebruikerNieuw", context="Gebruiker", organisations=(BAKERY.digits,))
    claimed = Claimed(
        valid_until=NOW + timedelta(minutes=10),
        organisation=Organisation(number=BAKERY, name="Voorbeeld Bakkerij BV"),
        represents=None,
        roles=(role,),
    )
    cookie = await sessions.begin(session(identity=identity(claimed=claimed)))
    assert b"Gebruiker" not in redis.command("GET", only_key(redis))
    found = await sessions.find(cookie)
    assert found is not None
    assert found.identity.claimed == claimed
    clock.move(timedelta(minutes=10))
    assert await sessions.find(cookie) is None


async def test_renewing_does_not_begin_the_absolute_lifetime_anew(sessions: RedisSessions, clock: SetClock) -> None:
    cookie = await sessions.begin(session())
    clock.move(timedelta(hours=7))
    renewed = await sessions.renew(cookie, session())
    clock.move(timedelta(hours=1))
    assert renewed is not None
    assert await sessions.find(renewed) is None


async def test_the_store_says_that_it_works(sessions: RedisSessions) -> None:
    await sessions.ping()


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(
    reference=TEXTS,
    given_name=TEXTS,
    family_name=TEXTS,
    number=st.sampled_from(["82672100108", "90651800257", "01690700428"]),
    organisation=st.sampled_from(["1999999943", "1999999844", "1999999052"]),
    seconds=st.integers(min_value=0, max_value=10**9),
    acts=st.booleans(),
)
@settings(deadline=None)
def test_any_session_survives_writing_and_reading(
    reference: str, given_name: str, family_name: str, number: str, organisation: str, seconds: int, acts: bool
) -> None:
    example = session()
    person = replace(
        example.identity,
        given_name=given_name,
        family_name=family_name,
        national_number=NationalNumber(number),
        authenticated_at=NOW - timedelta(seconds=seconds, microseconds=seconds % 1000),
    )
    assert example.acting is not None
    facts = replace(example.acting.facts, organisation=EnterpriseNumber(organisation))
    acting = replace(example.acting, facts=facts) if acts else None
    written = replace(example, reference=reference, identity=person, acting=acting)
    assert msgspec.json.decode(msgspec.json.encode(written), type=Session) == written


async def test_how_long_a_session_goes_on_is_known_without_using_it(
    redis: RedisServer, sessions: RedisSessions
) -> None:
    cookie = await sessions.begin(session())
    redis.command("PEXPIRE", only_key(redis), "90000")
    for _ in range(2):
        left = await sessions.left(cookie)
        assert left is not None
        assert timedelta(seconds=80) < left <= timedelta(seconds=90)
    await sessions.end(cookie)
    assert await sessions.left(cookie) is None
    assert await sessions.left("forged") is None


async def test_what_is_left_ends_with_the_absolute_limit(sessions: RedisSessions, clock: SetClock) -> None:
    cookie = await sessions.begin(session())
    clock.move(ABSOLUTE - timedelta(minutes=5))
    assert await sessions.left(cookie) == timedelta(minutes=5)
    clock.move(timedelta(minutes=5))
    assert await sessions.left(cookie) is None
