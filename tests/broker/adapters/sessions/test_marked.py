"""Sessions read together with what was announced about their people, in a real Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from broker.adapters.sessions import RedisSessions, connect
from broker.adapters.sessions import store as store_module
from broker.adapters.sessions.tracking import Reading, TrackedReads
from broker.adapters.signals.announcements import RedisAnnouncements
from broker.domain.session import Session
from broker.ports import Announced
from tests.broker.adapters.examples import SetClock, session
from tests.broker.adapters.sessions.test_store import ABSOLUTE, IDLE, NEW
from tests.redis_server import RedisServer

NOTHING = Announced(mark="", sessions_ended_at=None)


class Counting(TrackedReads):
    """Counts the questions about announcements that came separately."""

    asked = 0

    async def read(self, *, record: str | None = None, values: Sequence[str] = ()) -> Reading:
        self.asked += record is None
        return await super().read(record=record, values=values)


@pytest.fixture
async def both(redis: RedisServer) -> AsyncIterator[tuple[RedisSessions, RedisAnnouncements]]:
    connection, clock = connect(redis.url), SetClock()
    announcements = RedisAnnouncements(connection, key=b"k" * 32, lifetime=ABSOLUTE, clock=clock)
    sessions = RedisSessions(
        connection, secrets=(NEW,), idle=IDLE, absolute=ABSOLUTE, clock=clock, announcements=announcements
    )
    sessions.reads = Counting(connection)
    yield sessions, announcements
    await sessions.aclose()


async def announce(announcements: RedisAnnouncements, event_id: str, *, ends_sessions: bool = False) -> None:
    person = session().identity
    assert await announcements.announce(
        issuer=person.issuer, subject=person.subject, event_id=event_id, ends_sessions=ends_sessions
    )


async def marked(sessions: RedisSessions, cookie: str) -> tuple[Session, Announced]:
    found = await sessions.marked(cookie)
    assert found is not None
    return found.session, found.announced


async def test_what_was_announced_comes_with_the_session_and_is_asked_for_separately_only_once(
    both: tuple[RedisSessions, RedisAnnouncements],
) -> None:
    sessions, announcements = both
    cookie = await sessions.begin(session())

    seen = [await marked(sessions, cookie)]
    for event_id in ("one", "two"):
        await announce(announcements, event_id)
        seen.append(await marked(sessions, cookie))

    assert [found for found, _ in seen] == [session()] * 3
    assert seen[0][1] == NOTHING
    assert len({announced.mark for _, announced in seen}) == 3
    assert seen[2][1] == await announcements.about(session().identity)
    assert isinstance(sessions.reads, Counting)
    assert sessions.reads.asked == 1


async def test_the_end_of_all_sessions_comes_with_the_session(both: tuple[RedisSessions, RedisAnnouncements]) -> None:
    sessions, announcements = both
    cookie = await sessions.begin(session())
    await marked(sessions, cookie)

    await announce(announcements, "one", ends_sessions=True)

    assert (await marked(sessions, cookie))[1].sessions_ended_at is not None


async def test_however_many_sessions_there_are_a_bounded_number_of_names_is_kept(
    both: tuple[RedisSessions, RedisAnnouncements], monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions, announcements = both
    monkeypatch.setattr(store_module, "_MOST_KEPT", 2)
    cookies = [await sessions.begin(session()) for _ in range(3)]
    for cookie in cookies:
        await marked(sessions, cookie)

    await announce(announcements, "one")

    assert len({(await marked(sessions, cookie))[1].mark for cookie in cookies}) == 1
    assert len(sessions._keys) == 2


async def test_the_name_of_a_session_that_ended_is_forgotten(both: tuple[RedisSessions, RedisAnnouncements]) -> None:
    sessions, _ = both
    cookie = await sessions.begin(session())
    await marked(sessions, cookie)
    await sessions.end(cookie)

    assert await sessions.marked(cookie) is None
    assert sessions._keys == {}


async def test_without_a_transmitter_nothing_was_announced(redis: RedisServer) -> None:
    sessions = RedisSessions(connect(redis.url), secrets=(NEW,), idle=IDLE, absolute=ABSOLUTE, clock=SetClock())
    try:
        cookie = await sessions.begin(session())
        assert await marked(sessions, cookie) == (session(), NOTHING)
    finally:
        await sessions.aclose()


async def test_a_session_that_the_provider_ended_is_told_from_another_of_the_same_person(
    both: tuple[RedisSessions, RedisAnnouncements],
) -> None:
    sessions, announcements = both
    whole = session()
    cookies = [
        await sessions.begin(replace(whole, identity=replace(whole.identity, acm_session=sid)))
        for sid in ("one", "two")
    ]
    for _ in range(2):
        assert [(await marked(sessions, cookie))[1].over for cookie in cookies] == [False, False]

    await announcements.announce_session_ended(issuer=whole.identity.issuer, sid="one", event_id="a")

    assert [(await marked(sessions, cookie))[1].over for cookie in cookies] == [True, False]
