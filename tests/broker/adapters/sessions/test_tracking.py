"""What was read counts until Redis says otherwise, or until nobody can be sure that it would have said so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from redis.asyncio import Redis

from broker.adapters.sessions import connect
from broker.adapters.sessions.tracking import Memory, TrackedReads, TrackingTimes
from broker.ports import StoreUnavailable
from tests.broker.proxy.world import until
from tests.redis_server import RedisServer


@pytest.fixture
async def other(redis: RedisServer) -> AsyncIterator[Redis]:
    """Another machine."""
    connection = connect(redis.url)
    yield connection
    await connection.aclose()


@pytest.fixture
async def reads(redis: RedisServer) -> AsyncIterator[TrackedReads]:
    connection = connect(redis.url)
    reads = TrackedReads(connection, times=TrackingTimes(beat=0.02, sure=0.3))
    following = asyncio.create_task(reads.follow())
    await until(lambda: reads.is_sure)
    yield reads
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following
    await connection.aclose()


async def remembered(reads: TrackedReads, name: str = "one") -> Memory:
    memory = (await reads.read(values=[name])).memory
    assert memory is not None
    return memory


async def test_a_record_comes_with_its_remaining_life_and_with_other_values(reads: TrackedReads, other: Redis) -> None:
    await other.set("record", b"sealed", px=5000)
    await other.set("two", b"2")
    reading = await reads.read(record="record", values=["one", "two"])
    sealed, remaining, *values = reading.values
    assert sealed == b"sealed"
    assert 0 < remaining <= 5000
    assert values == [None, b"2"]


@pytest.mark.parametrize("what", ["set", "delete", "expire", "flush"])
async def test_a_change_by_anybody_ends_what_was_read(reads: TrackedReads, other: Redis, what: str) -> None:
    await other.set("one", b"1")
    memory, elsewhere = await remembered(reads), await remembered(reads, "two")
    assert memory.holds()
    match what:
        case "set":
            await other.set("one", b"2")
        case "delete":
            await other.delete("one")
        case "expire":
            await other.pexpire("one", 1000)
        case _:
            await other.flushdb()
    await until(lambda: not memory.holds())
    assert elsewhere.holds() == (what != "flush")


async def test_what_was_not_there_and_then_comes_is_a_change_too(reads: TrackedReads, other: Redis) -> None:
    memory = await remembered(reads)
    await other.set("one", b"1")
    await until(lambda: not memory.holds())
    assert (await remembered(reads)).holds()


async def test_two_memories_hold_as_long_as_both_do(reads: TrackedReads, other: Redis) -> None:
    one, two = await remembered(reads, "one"), await remembered(reads, "two")
    both = one.joined(two)
    assert both is not None
    assert both.holds()
    await other.set("two", b"2")
    await until(lambda: not both.holds())
    assert one.holds()


async def test_a_change_while_the_answer_is_under_way_ends_it(reads: TrackedReads, other: Redis) -> None:
    asking = [asyncio.create_task(remembered(reads)) for _ in range(20)]
    await other.set("one", b"1")
    memories = await asyncio.gather(*asking)
    await other.set("one", b"2")
    await until(lambda: not any(memory.holds() for memory in memories))


async def test_many_questions_at_once_get_each_their_own_answer(reads: TrackedReads, other: Redis) -> None:
    for number in range(100):
        await other.set(f"n{number}", str(number))
    readings = await asyncio.gather(*(reads.read(values=[f"n{number}"]) for number in range(100)))
    assert [reading.values[0] for reading in readings] == [str(number).encode() for number in range(100)]


async def test_silence_ends_what_was_read_before_anybody_notices_a_cut(reads: TrackedReads, redis: RedisServer) -> None:
    memory = await remembered(reads)
    redis.pause()
    try:
        await until(lambda: not memory.holds(), within=2)
    finally:
        redis.resume()


async def test_after_a_cut_everything_is_forgotten_and_then_followed_anew(
    reads: TrackedReads, other: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.adapters.sessions.tracking._PAUSE_SECONDS", 0.01)
    memory = await remembered(reads)
    await other.client_kill_filter(_type="normal", skipme=True)
    await until(lambda: not memory.holds())
    assert (await reads.read(values=["one"])).values == [None]
    await until(lambda: reads.is_sure)
    assert not memory.holds()
    assert (await remembered(reads)).holds()


async def test_without_the_connection_reads_are_answered_and_nothing_may_be_kept(redis: RedisServer) -> None:
    connection = connect(redis.url)
    reading = await TrackedReads(connection).read(record="record", values=["one"])
    await connection.aclose()
    assert list(reading.values) == [None, -2, None]
    assert reading.memory is None


async def test_a_value_of_another_kind_is_an_error_as_ever(reads: TrackedReads, other: Redis) -> None:
    await other.lpush("record", b"x")
    with pytest.raises(StoreUnavailable):
        await reads.read(record="record")
    assert (await remembered(reads)).holds()


async def test_when_redis_goes_waiting_questions_are_not_left_hanging(reads: TrackedReads, redis: RedisServer) -> None:
    redis.stop()
    try:
        with pytest.raises(StoreUnavailable):
            async with asyncio.timeout(5):
                await reads.read(values=["one"])
    finally:
        redis.start()


async def test_what_redis_no_longer_follows_for_want_of_room_is_told_and_asked_for_again(
    reads: TrackedReads, other: Redis
) -> None:
    before = await other.config_get("tracking-table-max-keys")
    await other.config_set("tracking-table-max-keys", 10)
    try:
        memories = [await remembered(reads, f"n{number}") for number in range(100)]
        # Redis makes room a little at a time.
        await until(lambda: sum(memory.holds() for memory in memories) <= 10, within=10)
    finally:
        await other.config_set("tracking-table-max-keys", before["tracking-table-max-keys"] or 0)
    assert reads.watched <= 10
    for number in range(100):
        await other.set(f"n{number}", "changed")
    await until(lambda: not any(memory.holds() for memory in memories))


async def test_what_nobody_remembers_takes_no_room(reads: TrackedReads) -> None:
    for number in range(100):
        await reads.read(values=[f"n{number}"])
    assert reads.watched == 0
    kept = await remembered(reads)
    assert reads.watched == 1
    assert kept.holds()
