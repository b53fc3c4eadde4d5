"""Announcements on a real Redis: counted once, heard by every process, and never lost for those who look."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from broker.adapters.sessions.connection import Connection, close, connect
from broker.adapters.signals.announcements import RedisAnnouncements
from broker.ports import StoreUnavailable
from tests.broker.adapters.examples import NOW, SetClock
from tests.broker.gateway import an_identity
from tests.redis_server import RedisServer

KEY = b"k" * 32
PATIENCE = 10.0


Processes = Callable[[RedisServer], RedisAnnouncements]


@pytest.fixture
async def process() -> AsyncIterator[Processes]:
    """As many gateway processes as a test wants; their connections are closed afterwards."""
    connections: list[Connection] = []

    def start(redis: RedisServer) -> RedisAnnouncements:
        connections.append(connect(redis.url))
        return RedisAnnouncements(connections[-1], key=KEY, lifetime=timedelta(hours=8), clock=SetClock())

    yield start
    for connection in connections:
        await close(connection)


async def announce(by: RedisAnnouncements, event_id: str, *, ends_sessions: bool = False) -> bool:
    person = an_identity()
    return await by.announce(
        issuer=person.issuer, subject=person.subject, event_id=event_id, ends_sessions=ends_sessions
    )


async def test_each_event_counts_once_for_the_person_it_is_about(redis: RedisServer, process: Processes) -> None:
    ours = process(redis)

    assert [await announce(ours, "one"), await announce(ours, "one"), await announce(ours, "two")] == [
        True,
        False,
        True,
    ]
    assert (await ours.about(an_identity())).count == 2
    assert (await ours.about(an_identity(subject="somebody else"))).count == 0


async def test_the_end_of_all_sessions_is_remembered_with_its_moment(redis: RedisServer, process: Processes) -> None:
    ours = process(redis)
    await announce(ours, "one", ends_sessions=True)

    assert (await ours.about(an_identity())).sessions_ended_at == NOW


async def test_another_process_hears_of_it_at_once(redis: RedisServer, process: Processes) -> None:
    here, there = process(redis), process(redis)
    following = asyncio.create_task(there.follow())
    try:
        with there.watching(an_identity()) as changed, there.watching(an_identity(subject="another")) as quiet:
            await asyncio.wait_for(changed.wait(), PATIENCE)  # everybody looks once when the channel opens
            changed.clear()
            quiet.clear()

            await announce(here, "one")

            await asyncio.wait_for(changed.wait(), PATIENCE)
            assert not quiet.is_set()
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


async def test_whoever_watches_looks_again_when_the_channel_breaks_and_when_it_is_back(
    own_redis: RedisServer, process: Processes
) -> None:
    ours = process(own_redis)
    following = asyncio.create_task(ours.follow())
    try:
        with ours.watching(an_identity()) as changed:
            await asyncio.wait_for(changed.wait(), PATIENCE)
            changed.clear()
            own_redis.stop()
            await asyncio.wait_for(changed.wait(), PATIENCE)
            own_redis.start()
            changed.clear()
            async with asyncio.timeout(PATIENCE):
                while not changed.is_set():
                    await _announced_a_while_ago(ours, changed)
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


async def _announced_a_while_ago(ours: RedisAnnouncements, changed: asyncio.Event) -> None:
    """Announce something, and give it half a second to be heard."""
    await announce(ours, secrets.token_hex(8))
    with suppress(TimeoutError):
        await asyncio.wait_for(changed.wait(), 0.5)


async def test_redis_holds_nothing_that_names_the_person(redis: RedisServer, process: Processes) -> None:
    await announce(process(redis), "an-event-id", ends_sessions=True)

    kept = redis.command("KEYS", "*")
    assert kept
    assert an_identity().subject not in str(kept)
    assert "an-event-id" not in str(kept)


async def test_without_redis_an_event_is_not_acknowledged_and_nobody_is_let_in_on_old_facts(
    own_redis: RedisServer, process: Processes
) -> None:
    ours = process(own_redis)
    own_redis.stop()

    with pytest.raises(StoreUnavailable):
        await announce(ours, "one")
    with pytest.raises(StoreUnavailable):
        await ours.about(an_identity())


async def test_an_event_that_could_not_be_passed_on_counts_when_it_comes_again(
    own_redis: RedisServer, process: Processes
) -> None:
    ours = process(own_redis)
    person = an_identity()
    name = ours._name(person.issuer, person.subject)
    own_redis.command("LPUSH", f"inkom:announced:{name}", "not a number")

    with pytest.raises(StoreUnavailable):
        await announce(ours, "one")
    own_redis.command("DEL", f"inkom:announced:{name}")

    assert await announce(ours, "one")
