"""Attempts to sign in, in a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from broker.adapters.sessions import RedisAttempts, connect
from broker.domain.people import Assurance
from broker.domain.session import Destination
from tests.broker.adapters.examples import BAKERY, STATE, attempt
from tests.redis_server import RedisServer

OLD, NEW = "o" * 32, "n" * 32
BROWSER, OTHER_BROWSER = "a-sign-in-cookie", "another-sign-in-cookie"


@pytest.fixture
async def attempts(redis: RedisServer) -> AsyncIterator[RedisAttempts]:
    client = connect(redis.url)
    yield RedisAttempts(client, secrets=(NEW, OLD))
    await client.aclose()


async def test_an_attempt_comes_back_whole(attempts: RedisAttempts) -> None:
    full = attempt(acr_values=("urn:a", "urn:b"), level=Assurance.HIGH, subject="abc", organisation=BAKERY)
    await attempts.keep(full, browser=BROWSER)
    assert await attempts.take(STATE, browser=BROWSER) == full


async def test_an_attempt_serves_once(attempts: RedisAttempts) -> None:
    await attempts.keep(attempt(), browser=BROWSER)
    assert await attempts.take(STATE, browser=BROWSER) is not None
    assert await attempts.take(STATE, browser=BROWSER) is None


async def test_of_fifty_who_come_back_at_once_exactly_one_goes_on(attempts: RedisAttempts) -> None:
    await attempts.keep(attempt(), browser=BROWSER)
    taken = await asyncio.gather(*(attempts.take(STATE, browser=BROWSER) for _ in range(50)))
    assert len([one for one in taken if one is not None]) == 1


async def test_another_browser_gets_nothing_and_uses_nothing_up(attempts: RedisAttempts) -> None:
    await attempts.keep(attempt(), browser=BROWSER)
    assert await attempts.take(STATE, browser=OTHER_BROWSER) is None
    assert await attempts.take(STATE, browser=BROWSER) == attempt()


async def test_two_tabs_of_one_browser_both_finish(attempts: RedisAttempts) -> None:
    await attempts.keep(attempt(state="first"), browser=BROWSER)
    await attempts.keep(attempt(state="second"), browser=BROWSER)
    assert await attempts.take("first", browser=BROWSER) == attempt(state="first")
    assert await attempts.take("second", browser=BROWSER) == attempt(state="second")


async def test_an_attempt_is_kept_for_ten_minutes(redis: RedisServer, attempts: RedisAttempts) -> None:
    await attempts.keep(attempt(), browser=BROWSER)
    keys = [line for line in redis.command("KEYS", "*").decode().split("\r\n") if line.startswith("inkom:")]
    assert len(keys) == 2
    assert all(1790 <= int(redis.command("TTL", key)[1:]) <= 1800 for key in keys)
    (address,) = [key for key in keys if key.startswith("inkom:attempt:")]
    redis.command("PEXPIRE", address, str(20 * 60 * 1000))
    assert await attempts.take(STATE, browser=BROWSER) is None
    assert await attempts.destination(STATE, browser=BROWSER) == Destination.of(attempt())


async def test_an_attempt_that_is_long_gone_is_unknown(redis: RedisServer, attempts: RedisAttempts) -> None:
    await attempts.keep(attempt(), browser=BROWSER)
    for key in redis.command("KEYS", "*").decode().split("\r\n")[2::2]:
        redis.command("PEXPIREAT", key, "1")
    assert await attempts.take(STATE, browser=BROWSER) is None


async def test_abandoned_attempts_make_room_oldest_first(redis: RedisServer, attempts: RedisAttempts) -> None:
    for number in range(50):
        await attempts.keep(attempt(state=f"state-{number}"), browser=BROWSER)
    assert redis.command("DBSIZE") == b":21\r\n"
    assert await attempts.take("state-29", browser=BROWSER) is None
    assert await attempts.take("state-30", browser=BROWSER) is not None
    assert await attempts.take("state-49", browser=BROWSER) is not None


async def test_attempts_that_ended_well_leave_nothing_behind(redis: RedisServer, attempts: RedisAttempts) -> None:
    for number in range(3):
        await attempts.keep(attempt(state=f"state-{number}"), browser=BROWSER)
        await attempts.take(f"state-{number}", browser=BROWSER)
    assert redis.command("DBSIZE") == b":0\r\n"


async def test_another_browser_s_attempts_are_left_alone(attempts: RedisAttempts) -> None:
    await attempts.keep(attempt(), browser=OTHER_BROWSER)
    for number in range(30):
        await attempts.keep(attempt(state=f"state-{number}"), browser=BROWSER)
    assert await attempts.take(STATE, browser=OTHER_BROWSER) == attempt()


async def test_a_dump_of_redis_shows_no_attempt(redis: RedisServer, attempts: RedisAttempts) -> None:
    await attempts.keep(attempt(), browser=BROWSER)
    dump = redis.dump()
    for part in (STATE, BROWSER, attempt().nonce, attempt().code_verifier, attempt().return_to):
        assert part.encode() not in dump


async def test_an_attempt_lives_on_when_a_new_secret_is_put_first(redis: RedisServer, attempts: RedisAttempts) -> None:
    client = connect(redis.url)
    await RedisAttempts(client, secrets=(OLD,)).keep(attempt(), browser=BROWSER)
    assert await attempts.take(STATE, browser=BROWSER) == attempt()
    await client.aclose()


@pytest.mark.parametrize("state", ["", "unknown", "\ud800", "s" * 10_000])
async def test_an_unknown_state_is_no_attempt(attempts: RedisAttempts, state: str) -> None:
    assert await attempts.take(state, browser=BROWSER) is None


async def test_a_record_of_another_version_of_the_gateway_is_no_attempt(
    attempts: RedisAttempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(msgspec.json, "encode", lambda _: b'{"state": "of long ago"}')
        await attempts.keep(attempt(), browser=BROWSER)
    assert await attempts.take(STATE, browser=BROWSER) is None


async def test_a_record_that_somebody_wrote_into_redis_is_no_attempt(
    redis: RedisServer, attempts: RedisAttempts
) -> None:
    await attempts.keep(attempt(), browser=BROWSER)
    for key in redis.command("KEYS", "inkom:attempt:*").decode().split("\r\n")[2::2]:
        redis.command("SET", key, "not sealed")
    assert await attempts.take(STATE, browser=BROWSER) is None


async def test_where_an_attempt_led_is_known_after_it_was_finished_and_only_to_its_browser(
    redis: RedisServer, attempts: RedisAttempts
) -> None:
    led = attempt(return_to="/app/x", fragment="deel-2")
    await attempts.keep(led, browser=BROWSER)
    await attempts.take(STATE, browser=BROWSER)
    assert await attempts.destination(STATE, browser=BROWSER) is None
    await attempts.finished(led, browser=BROWSER)
    assert await attempts.destination(STATE, browser=BROWSER) == Destination(path="/app/x", fragment="deel-2")
    assert await attempts.destination(STATE, browser=OTHER_BROWSER) is None
    assert b"app/x" not in redis.dump()
