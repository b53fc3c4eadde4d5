"""Forms that wait for their sender, in a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from broker.adapters.sessions import RedisParking, connect
from broker.adapters.sessions.sealing import ShortSealing, address_of
from broker.domain.parked import Owner, ParkedPost
from broker.domain.people import Organisation
from broker.ports import StoreUnavailable
from tests.broker.adapters.examples import BAKERY, NOW, SetClock
from tests.redis_server import RedisServer

OLD, NEW = "o" * 32, "n" * 32
BROWSER, OTHER_BROWSER = "a-cookie-for-forms", "another-cookie-for-forms"
OWNER = Owner(person=bytes(range(20)), organisation=Organisation(number=BAKERY, name="Zoë's Bakkerij"))
CLOCK = SetClock()


def a_form(name: str = "one", body: bytes = bytes(range(256))) -> ParkedPost:
    return ParkedPost(
        name=name,
        application="app",
        target="/app/x?y=1",
        content_type="multipart/form-data; boundary=x",
        referer=None,
        body=body,
        parked_at=NOW,
        owner=OWNER,
    )


def parking_at(client: object, *, secrets: tuple[str, ...] = (NEW, OLD), most: int | None = None) -> RedisParking:
    return RedisParking(
        client,  # type: ignore[arg-type]  # only adapters name redis' own type
        secrets=secrets,
        clock=CLOCK,
        largest=1000,
        owners=timedelta(hours=9),
        most=most,
    )


@pytest.fixture
async def parking(redis: RedisServer) -> AsyncIterator[RedisParking]:
    client = connect(redis.url)
    yield parking_at(client)
    await client.aclose()


def keys(redis: RedisServer) -> list[str]:
    return [line for line in redis.command("KEYS", "*").decode().split("\r\n") if line.startswith("inkom:")]


async def test_a_form_comes_back_whole_and_once(parking: RedisParking) -> None:
    assert await parking.park(a_form(), browser=BROWSER)
    assert await parking.look("one", browser=BROWSER) == a_form()
    taken = await asyncio.gather(*(parking.take("one", browser=BROWSER) for _ in range(20)))
    assert [one for one in taken if one is not None] == [a_form()]
    assert await parking.look("one", browser=BROWSER) is None


async def test_another_browser_gets_nothing_and_uses_nothing_up(parking: RedisParking) -> None:
    await parking.park(a_form(), browser=BROWSER)
    assert await parking.look("one", browser=OTHER_BROWSER) is None
    assert await parking.take("one", browser=OTHER_BROWSER) is None
    assert await parking.take("one", browser=BROWSER) == a_form()


async def test_a_browser_has_three_forms_of_which_the_oldest_makes_room(parking: RedisParking) -> None:
    for name in ("one", "two", "three", "four"):
        await parking.park(a_form(name), browser=BROWSER)
    found = [await parking.look(name, browser=BROWSER) is not None for name in ("one", "two", "three", "four")]
    assert found == [False, True, True, True]


async def test_there_is_room_for_a_number_of_forms_in_all_and_again_when_they_are_gone(redis: RedisServer) -> None:
    client = connect(redis.url)
    parking = parking_at(client, most=2)
    assert await parking.park(a_form("one"), browser="first")
    assert await parking.park(a_form("two"), browser="second")
    assert not await parking.park(a_form("three"), browser="third")
    await parking.take("one", browser="first")
    assert await parking.park(a_form("three"), browser="third")
    CLOCK.move(timedelta(minutes=16))
    assert await parking.park(a_form("four"), browser="fourth")
    await client.aclose()


async def test_redis_holds_neither_what_was_filled_in_nor_who_it_was(redis: RedisServer, parking: RedisParking) -> None:
    await parking.remember("a-session-cookie", OWNER)
    await parking.park(a_form(body=b"a secret that anybody could read" * 9), browser=BROWSER)
    for key in keys(redis):
        for secret in (b"app/x", b"Bakkerij", b"anybody", BAKERY.digits.encode()):
            assert secret not in redis.command("DUMP", key) if "in-all" not in key else True
        assert 0 < int(redis.command("PTTL", key).strip(b":\r\n")) <= 9 * 3600 * 1000
        for token in ("a-session-cookie", BROWSER, "one"):
            assert token not in key


async def test_whose_session_it_was_is_known_by_its_cookie_until_it_is_forgotten(parking: RedisParking) -> None:
    await parking.remember("a-session-cookie", OWNER)
    assert await parking.owner("a-session-cookie") == OWNER
    assert await parking.owner("another") is None
    await parking.forget("a-session-cookie")
    assert await parking.owner("a-session-cookie") is None


async def test_whose_a_session_was_is_known_too_when_no_organisation_was_chosen(parking: RedisParking) -> None:
    undecided = Owner(person=bytes(range(20)), organisation=None)
    await parking.remember("a-session-cookie", undecided)
    assert await parking.owner("a-session-cookie") == undecided


async def test_a_record_too_short_to_say_whose_it_was_is_nobodys(parking: RedisParking, redis: RedisServer) -> None:
    short = ShortSealing("owner", secrets=(NEW,))
    address = address_of("owner", b"a-session-cookie")
    client = connect(redis.url)
    await client.set(address, short.seal(b"too short", token=b"a-session-cookie", address=address))
    assert await parking.owner("a-session-cookie") is None
    await client.aclose()


async def test_what_a_removed_secret_sealed_is_gone(redis: RedisServer, parking: RedisParking) -> None:
    await parking.park(a_form(), browser=BROWSER)
    await parking.remember("a-session-cookie", OWNER)
    client = connect(redis.url)
    later = parking_at(client, secrets=("l" * 32,))
    assert await later.look("one", browser=BROWSER) is None
    assert await later.owner("a-session-cookie") is None
    await client.aclose()


async def test_a_store_that_is_away_is_said_to_be_so() -> None:
    client = connect("redis://127.0.0.1:1")
    parking = parking_at(client)
    for call in (parking.park(a_form(), browser=BROWSER), parking.look("one", browser=BROWSER), parking.owner("x")):
        with pytest.raises(StoreUnavailable):
            await call
    await client.aclose()
