"""Sessions of many people: their numbers, and that the product's own store finds them."""

from datetime import timedelta
from itertools import islice
from pathlib import Path

from bench.seeding import like, numbers, write
from broker.adapters.sessions import RedisSessions, connect
from broker.domain.numbers import NumberKind
from tests.broker.adapters.examples import SetClock, session
from tests.redis_server import redis_server


def test_the_people_are_all_different_and_nobody_real() -> None:
    some = list(islice(numbers(), 40_000))

    assert len({one.digits for one in some}) == 40_000
    assert {one.kind for one in some} == {NumberKind.TEST}


def test_a_session_like_another_is_somebody_elses() -> None:
    pattern, number = session(), next(numbers())
    other = like(pattern, number)

    assert other.identity.national_number == number
    assert other.acting == pattern.acting
    assert other.reference != pattern.reference
    assert other.identity.subject != pattern.identity.subject


async def test_what_was_written_is_found_by_its_cookies(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        store = RedisSessions(
            connect(server.url),
            secrets=("s" * 32,),
            idle=timedelta(hours=1),
            absolute=timedelta(hours=8),
            clock=SetClock(),
        )
        try:
            cookies = await write(store, session(), first=3, count=95)
            found = [await store.find(cookie) for cookie in cookies]
        finally:
            await store.aclose()

    people = [one.identity.national_number for one in found if one is not None]
    assert people == list(islice(numbers(), 3, 98))
