"""Announcements on a real Redis: they count once, are by every process, and never lost for those who look."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from broker.adapters.sessions.connection import Connection, close, connect
from broker.adapters.signals.announcements import RedisAnnouncements
from broker.domain.people import Assurance
from broker.ports import FallenLevel, NamedPerson, NamedSession, SecurityEvent, StoreUnavailable
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


async def mark(of: RedisAnnouncements) -> str:
    return (await of.about(an_identity())).mark


async def test_each_event_counts_once_for_the_person_it_is_about(redis: RedisServer, process: Processes) -> None:
    ours = process(redis)
    marks = [await mark(ours)]
    for event_id in ("one", "one", "two"):
        await announce(ours, event_id)
        marks.append(await mark(ours))

    none, first, again, second = marks
    assert none == ""
    assert first == again
    assert len({none, first, second}) == 3
    assert (await ours.about(an_identity(subject="somebody else"))).mark == ""


async def test_an_event_that_was_passed_on_before_is_told_from_a_new_one(
    redis: RedisServer, process: Processes
) -> None:
    here, there = process(redis), process(redis)

    assert [await announce(here, "one"), await announce(there, "one"), await announce(here, "two")] == [
        True,
        False,
        True,
    ]


async def test_a_mark_never_returns_not_even_when_redis_has_forgotten_the_former_ones(
    own_redis: RedisServer, process: Processes
) -> None:
    """Facts that were read at the first mark must not pass for new at the next one."""
    ours = process(own_redis)
    await announce(ours, "one")
    before = await mark(ours)
    own_redis.command("FLUSHALL")

    await announce(ours, "two")

    assert await mark(ours) not in ("", before)


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


async def test_one_session_at_the_provider_can_be_ended_also_one_that_begins_with_an_answer_from_before(
    redis: RedisServer, process: Processes
) -> None:
    ours, person = process(redis), an_identity()
    first, second = (replace(person, acm_session=sid) for sid in ("one", "two"))
    with ours.watching(first) as changed, ours.watching(second) as quiet:
        assert await ours.announce_session_ended(issuer=person.issuer, sid="one", event_id="a")
        assert not await ours.announce_session_ended(issuer=person.issuer, sid="one", event_id="a")
        ours._wake(*ours._watched.keys() & {ours._session_name(person.issuer, "one")})
        assert (changed.is_set(), quiet.is_set()) == (True, False)

    assert [(await ours.about(whose)).over for whose in (first, second, person)] == [True, False, False]
    assert ours._watched == {}


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
    own_redis.command("CONFIG", "SET", "maxmemory", "1")

    with pytest.raises(StoreUnavailable):
        await announce(ours, "one")
    own_redis.command("CONFIG", "SET", "maxmemory", "0")

    assert await announce(ours, "one")
    assert await mark(ours)


async def test_what_is_announced_is_kept_no_longer_than_a_session_lives(
    own_redis: RedisServer, process: Processes
) -> None:
    await announce(process(own_redis), "one", ends_sessions=True)

    keys = re.findall(r"inkom:\S+", own_redis.command("KEYS", "*").decode())
    lifetimes = [int(own_redis.command("PTTL", key)[1:]) for key in keys]
    assert len(lifetimes) == 2
    assert all(0 < lifetime <= 8 * 3600 * 1000 for lifetime in lifetimes)


# --------------------------------------------------------------------------------------------- events of Shared Signals
def event(**differing: Any) -> SecurityEvent:
    person = an_identity()
    whole: dict[str, Any] = {
        "event_id": "one",
        "issuer": "https://transmitter.example",
        "kinds": ("session-revoked",),
        "about": (NamedPerson(issuer=person.issuer, subject=person.subject),),
        "at": None,
        "ends_sessions": True,
        "falls_to": None,
        **differing,
    }
    return SecurityEvent(**whole)


async def test_c43_an_event_counts_once_also_when_it_comes_twice_at_the_same_moment(
    redis: RedisServer, process: Processes
) -> None:
    here, there = process(redis), process(redis)

    assert sorted(await asyncio.gather(*(by.pass_on(event()) for by in (here, there, here)))) == [False, False, True]


async def test_c51_sessions_end_as_of_the_moment_that_the_event_names_and_an_older_event_takes_nothing_back(
    redis: RedisServer, process: Processes
) -> None:
    ours, earlier = process(redis), NOW - timedelta(hours=1)
    await ours.pass_on(event(at=earlier))
    assert (await ours.about(an_identity())).sessions_ended_at == earlier

    await ours.pass_on(event(event_id="two", at=NOW + timedelta(hours=1)))
    assert (await ours.about(an_identity())).sessions_ended_at == NOW  # a clock that is ahead ends nothing to come

    await ours.pass_on(event(event_id="three", at=earlier))
    assert (await ours.about(an_identity())).sessions_ended_at == NOW


async def test_c51_an_event_about_one_session_says_nothing_of_the_persons_others(
    redis: RedisServer, process: Processes
) -> None:
    ours, person = process(redis), an_identity()
    await ours.pass_on(event(about=(NamedSession(issuer=person.issuer, sid="one"),)))

    first, second = [await ours.about(replace(person, acm_session=sid)) for sid in ("one", "two")]
    assert (first.sessions_ended_at, second.sessions_ended_at) == (NOW, None)
    assert first.mark
    assert (second.mark, second.over) == ("", False)


async def test_c54_of_two_falls_the_deeper_counts_until_the_later(redis: RedisServer, process: Processes) -> None:
    ours = process(redis)
    for event_id, level, before in (("one", Assurance.LOW, 2), ("two", Assurance.SUBSTANTIAL, 1)):
        moment = NOW - timedelta(hours=before)
        await ours.pass_on(event(event_id=event_id, ends_sessions=False, falls_to=level, at=moment))

    announced = await ours.about(an_identity())
    assert announced.fallen == (FallenLevel(level=Assurance.LOW, at=NOW - timedelta(hours=1)),)
    assert announced.sessions_ended_at is None


async def test_what_somebody_else_wrote_in_our_place_lets_nobody_in(redis: RedisServer, process: Processes) -> None:
    ours = process(redis)
    for nonsense in ("a-mark-of-an-older-version", '{"mark": 5}', '{"ended_at": 1e300}'):
        redis.command("SET", ours.keys(an_identity())[0], nonsense)
        with pytest.raises(StoreUnavailable):
            await ours.about(an_identity())
