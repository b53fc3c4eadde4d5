"""Redis that is away, slow, full or read-only; and addresses that are none."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from broker.adapters.sessions import RedisAttempts, RedisSessions, StoreLimits, connect
from broker.ports import StoreUnavailable
from tests.broker.adapters.examples import SetClock, attempt, session
from tests.broker.adapters.small_server import SmallServer
from tests.redis_server import RedisServer, redis_server

SECRETS = ("s" * 32,)
QUICK = StoreLimits(connect=0.3, command=0.3)
# A cookie that the secret did sign, so that Redis is really asked.
Ask = Callable[[RedisSessions, str], Coroutine[Any, Any, object]]
QUESTIONS: dict[str, Ask] = {
    "find": lambda sessions, cookie: sessions.find(cookie),
    "begin": lambda sessions, _: sessions.begin(session()),
    "amend": lambda sessions, cookie: sessions.amend(cookie, lambda kept: kept),
    "renew": lambda sessions, cookie: sessions.renew(cookie, session()),
    "end": lambda sessions, cookie: sessions.end(cookie),
    "ping": lambda sessions, _: sessions.ping(),
}


@asynccontextmanager
async def opened(address: str, limits: StoreLimits = QUICK) -> AsyncIterator[RedisSessions]:
    sessions = RedisSessions(
        connect(address, limits),
        secrets=SECRETS,
        idle=timedelta(minutes=30),
        absolute=timedelta(hours=8),
        clock=SetClock(),
    )
    try:
        yield sessions
    finally:
        await sessions.aclose()


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
async def test_a_redis_that_was_killed_is_a_store_that_is_unavailable(own_redis: RedisServer, question: Ask) -> None:
    async with opened(own_redis.url) as sessions:
        cookie = await sessions.begin(session())
        own_redis.stop()
        with pytest.raises(StoreUnavailable):
            await question(sessions, cookie)


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
async def test_a_redis_that_hangs_is_waited_for_no_longer_than_the_limit(own_redis: RedisServer, question: Ask) -> None:
    async with opened(own_redis.url) as sessions:
        cookie = await sessions.begin(session())
        own_redis.pause()
        async with asyncio.timeout(5):
            with pytest.raises(StoreUnavailable, match="TimeoutError"):
                await question(sessions, cookie)
        own_redis.resume()


async def test_the_store_works_again_when_redis_is_back(own_redis: RedisServer) -> None:
    async with opened(own_redis.url) as sessions:
        await sessions.ping()
        own_redis.stop()
        with pytest.raises(StoreUnavailable):
            await sessions.ping()
        own_redis.start()
        assert await sessions.find(await sessions.begin(session())) == session()


async def test_a_crowd_before_a_hanging_redis_is_sent_away_and_served_afterwards(own_redis: RedisServer) -> None:
    async with opened(own_redis.url, StoreLimits(connect=0.3, command=0.3, connections=5)) as sessions:
        cookies = [await sessions.begin(session(reference=f"S-{number}")) for number in range(40)]
        own_redis.pause()
        async with asyncio.timeout(20):
            refused = await asyncio.gather(*map(sessions.find, cookies), return_exceptions=True)
        assert {type(one) for one in refused} == {StoreUnavailable}
        own_redis.resume()
        found = await asyncio.gather(*map(sessions.find, cookies))
        assert [one.reference for one in found if one] == [f"S-{number}" for number in range(40)]


async def test_abandoned_questions_never_give_one_person_s_answer_to_another(redis: RedisServer) -> None:
    async with opened(redis.url, StoreLimits(connections=2)) as sessions:
        cookies = [await sessions.begin(session(reference=f"S-{number}")) for number in range(20)]
        for _ in range(5):
            abandoned = [asyncio.ensure_future(sessions.find(cookie)) for cookie in cookies]
            await asyncio.sleep(0)
            for question in abandoned[::2]:
                question.cancel()
            await asyncio.gather(*abandoned, return_exceptions=True)
        found = [await sessions.find(cookie) for cookie in cookies]
        assert [one.reference for one in found if one] == [f"S-{number}" for number in range(20)]


async def test_a_redis_that_is_full_is_a_store_that_is_unavailable(tmp_path: Path) -> None:
    with redis_server(tmp_path, "--maxmemory", "1", "--maxmemory-policy", "noeviction") as full:
        async with opened(full.url) as sessions:
            with pytest.raises(StoreUnavailable, match="OutOfMemory"):
                await sessions.begin(session())


async def test_a_replica_that_may_not_be_written_is_a_store_that_is_unavailable(own_redis: RedisServer) -> None:
    async with opened(own_redis.url) as sessions:
        cookie = await sessions.begin(session())
        own_redis.command("CONFIG", "SET", "replica-serve-stale-data", "yes")
        own_redis.command("REPLICAOF", "127.0.0.1", "1")
        with pytest.raises(StoreUnavailable, match="ReadOnly"):
            await sessions.amend(cookie, lambda kept: kept)


async def test_attempts_too_are_unavailable_without_redis(own_redis: RedisServer) -> None:
    client = connect(own_redis.url, QUICK)
    attempts = RedisAttempts(client, secrets=SECRETS)
    own_redis.stop()
    with pytest.raises(StoreUnavailable):
        await attempts.keep(attempt(), browser="b")
    with pytest.raises(StoreUnavailable):
        await attempts.take("state", browser="b")
    await client.aclose()


async def test_a69_no_error_repeats_the_password(tmp_path: Path) -> None:
    with redis_server(tmp_path, "--requirepass", "the-right-one") as server:
        address = server.url.replace("redis://", "redis://inkom:wrong-but-secret@")
        async with opened(address) as sessions:
            with pytest.raises(StoreUnavailable) as refused:
                await sessions.ping()
    assert "secret" not in "".join(traceback.format_exception(refused.value))


async def test_a_password_in_the_address_is_used(tmp_path: Path) -> None:
    with redis_server(tmp_path, "--requirepass", "the/right one") as server:
        async with opened(server.url.replace("redis://", "redis://:the%2Fright%20one@")) as sessions:
            await sessions.ping()


async def test_a_server_that_is_no_redis_is_a_store_that_is_unavailable(small: SmallServer) -> None:
    async with opened(small.origin.replace("http", "redis")) as sessions:
        with pytest.raises(StoreUnavailable):
            await sessions.ping()


async def test_tls_is_spoken_and_a_certificate_demanded(redis: RedisServer) -> None:
    async with opened(redis.url.replace("redis://", "rediss://")) as sessions:
        with pytest.raises(StoreUnavailable):
            await sessions.ping()


async def test_sessions_are_kept_through_sentinel(
    own_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = tmp_path_factory.mktemp("sentinel") / "sentinel.conf"
    settings.write_text(f"sentinel monitor mymaster 127.0.0.1 {own_redis.port} 1\n")
    with redis_server(settings.parent, "--sentinel", configuration=settings) as sentinel:
        place = f"127.0.0.1:{sentinel.port}"
        async with opened(f"redis+sentinel://127.0.0.1:1,{place}/mymaster/0") as sessions:
            assert await sessions.find(await sessions.begin(session())) == session()
        async with opened(f"redis+sentinel://{place}/unknown/0") as sessions:
            with pytest.raises(StoreUnavailable):
                await sessions.ping()


async def test_sentinels_may_have_a_password_of_their_own(
    own_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = tmp_path_factory.mktemp("sentinel") / "sentinel.conf"
    settings.write_text(f"sentinel monitor mymaster 127.0.0.1 {own_redis.port} 1\nrequirepass of-the-sentinel\n")
    with redis_server(settings.parent, "--sentinel", configuration=settings) as sentinel:
        place = f"redis+sentinel://127.0.0.1:{sentinel.port}/mymaster"
        async with opened(place + "?sentinel_password=of-the-sentinel") as sessions:
            await sessions.ping()
        async with opened(place) as sessions:
            with pytest.raises(StoreUnavailable):
                await sessions.ping()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "localhost:6379",
        "http://localhost",
        "redis://:secret@localhost:port/0",
        "redis+sentinel://:secret@localhost:26379",
        "redis+sentinel:///mymaster",
        "redis+sentinel://:secret@localhost:26379/mymaster/zero",
    ],
)
def test_an_address_that_cannot_be_one_is_refused_without_being_repeated(address: str) -> None:
    with pytest.raises(ValueError, match="the address of the session store") as refused:
        connect(address)
    assert "secret" not in str(refused.value)
