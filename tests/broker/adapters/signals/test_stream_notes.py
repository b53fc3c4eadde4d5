"""What is known of our stream, on a real Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from broker.adapters.sessions.connection import close, connect
from broker.adapters.signals.stream_notes import RedisStreamNotes
from tests.broker.adapters.examples import SetClock
from tests.redis_server import RedisServer


@pytest.fixture
async def notes(redis: RedisServer) -> AsyncIterator[RedisStreamNotes]:
    connection = connect(redis.url)
    yield RedisStreamNotes(connection, clock=SetClock())
    await close(connection)


async def test_as_long_as_no_stream_is_known_any_may_be_ours(notes: RedisStreamNotes) -> None:
    assert await notes.is_ours("any")
    await notes.take_for_ours("this")
    assert [await notes.is_ours(name) for name in ("this", "any")] == [True, False]
    await notes.take_for_ours(None)
    assert await notes.is_ours("any")


async def test_c56_a_state_is_ours_when_we_gave_it(notes: RedisStreamNotes) -> None:
    await notes.expect("given")

    assert not await notes.verified("guessed")
    assert not await notes.arrived("given")
    assert [await notes.verified(state) for state in ("given", "given", None)] == [True, True, True]
    assert await notes.arrived("given")
    assert not await notes.arrived("guessed")


async def test_status_and_verification_are_noted(notes: RedisStreamNotes) -> None:
    await notes.updated("paused")
    await notes.verified(None)

    noted = await notes.noted()
    assert noted["status"] == "paused"
    assert noted["verified_at"].startswith("20")
