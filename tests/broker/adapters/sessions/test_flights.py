"""Flights in a real Redis: one at a time, given back by the owner only, and over by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from broker.adapters.sessions import RedisSessions, connect
from broker.adapters.sessions.flights import RedisFlights, flight_key
from broker.domain.session import TokenGrant
from broker.ports import FlightState, StoreUnavailable
from tests.broker.adapters.examples import NOW, SetClock, session
from tests.broker.adapters.sessions.test_store import ABSOLUTE, IDLE, NEW
from tests.redis_server import RedisServer

GRANT = TokenGrant(refresh_token="a-token", expires_at=NOW, renew_at=NOW)


@pytest.fixture
async def flights(redis: RedisServer) -> AsyncIterator[RedisFlights]:
    connection = connect(redis.url)
    yield RedisFlights(connection, lease=timedelta(milliseconds=600), rest=timedelta(milliseconds=300))
    await connection.aclose()


async def state(flights: RedisFlights, name: str = "one") -> FlightState:
    async with flights.alone(name) as flight:
        return flight.state


async def until(flights: RedisFlights, wanted: FlightState) -> None:
    for _ in range(200):
        if await state(flights) is wanted:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"never {wanted}")


async def test_one_flies_and_the_others_see_it(flights: RedisFlights) -> None:
    async with flights.alone("one") as flight:
        assert flight.state is FlightState.MINE
        assert await state(flights) is FlightState.THEIRS
        assert await state(flights, "another") is FlightState.MINE
    assert await state(flights) is FlightState.MINE


async def test_of_many_at_once_exactly_one_flies(flights: RedisFlights) -> None:
    landed = asyncio.Event()

    async def fly() -> FlightState:
        async with flights.alone("one") as flight:
            if flight.state is FlightState.MINE:
                await landed.wait()
            return flight.state

    flying = [asyncio.create_task(fly()) for _ in range(50)]
    await asyncio.wait(flying, return_when=asyncio.FIRST_COMPLETED)
    landed.set()
    states = await asyncio.gather(*flying)
    assert states.count(FlightState.MINE) == 1


async def test_a_flight_may_take_longer_than_its_lease(flights: RedisFlights, redis: RedisServer) -> None:
    redis.command("CONFIG", "RESETSTAT")
    async with flights.alone("one"):
        for _ in range(200):
            if b"cmdstat_pexpire" in redis.command("INFO", "commandstats"):
                break
            await asyncio.sleep(0.05)
        assert b"cmdstat_pexpire" in redis.command("INFO", "commandstats")
        assert await state(flights) is FlightState.THEIRS


async def test_a_lease_that_became_another_s_is_not_given_back(flights: RedisFlights, redis: RedisServer) -> None:
    async with flights.alone("one"):
        redis.command("SET", flight_key("one"), "another owner")
    assert await state(flights) is FlightState.THEIRS


async def test_who_dies_in_flight_holds_nobody_up_for_long(flights: RedisFlights, redis: RedisServer) -> None:
    redis.command("SET", flight_key("one"), "somebody who died", "PX", "200")
    assert await state(flights) is FlightState.THEIRS
    await until(flights, FlightState.MINE)


async def test_after_a_failure_nobody_tries_for_a_while(flights: RedisFlights) -> None:
    async with flights.alone("one") as flight:
        flight.rests = True
    assert await state(flights) is FlightState.RESTING
    await until(flights, FlightState.MINE)


async def test_an_error_within_gives_the_lease_back(flights: RedisFlights) -> None:
    async def fail() -> None:
        async with flights.alone("one"):
            raise ValueError("for this test")

    with pytest.raises(ValueError, match="for this test"):
        await fail()
    assert await state(flights) is FlightState.MINE


async def test_a_redis_that_is_away_lets_nobody_fly(own_redis: RedisServer) -> None:
    connection = connect(own_redis.url)
    own_redis.stop()
    with pytest.raises(StoreUnavailable):
        await state(RedisFlights(connection))
    await connection.aclose()


async def test_a_new_cookie_waits_for_the_refresh_and_gets_its_tokens(
    flights: RedisFlights, redis: RedisServer
) -> None:
    store = RedisSessions(connect(redis.url), secrets=(NEW,), idle=IDLE, absolute=ABSOLUTE, clock=SetClock())
    cookie = await store.begin(session(grant=GRANT))
    newer = replace(GRANT, refresh_token="the-next-token")
    async with flights.alone(session().reference):
        renewing = asyncio.create_task(store.renew(cookie, session(grant=GRANT, acting=None)))
        await asyncio.wait({renewing}, timeout=0.2)
        assert not renewing.done()
        assert await store.amend(cookie, lambda kept: replace(kept, grant=newer)) is not None
    renewed = await renewing
    assert renewed is not None
    found = await store.find(renewed)
    assert found is not None
    assert (found.grant, found.acting) == (newer, None)
    await store.aclose()
