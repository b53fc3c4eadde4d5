from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import pytest

import broker.adapters.clock
from broker.adapters.clock import MovedClock, SystemClock
from broker.adapters.http import BackChannel
from broker.domain.validity import brussels_day
from tests.broker.adapters.conftest import MockGovernment
from tests.broker.adapters.examples import NOW, SetClock
from tests.broker.adapters.small_server import Reply, SmallServer


@pytest.fixture
async def channel() -> AsyncIterator[BackChannel]:
    channel = BackChannel()
    yield channel
    await channel.aclose()


def test_the_system_clock_knows_its_time_zone_and_the_day_in_brussels() -> None:
    before, now, after = SystemClock().now(), SystemClock().now(), SystemClock().now()
    assert before <= now <= after
    assert now.tzinfo is UTC
    assert SystemClock().today() in (brussels_day(now), brussels_day(SystemClock().now()))


def test_the_day_in_brussels_begins_before_that_in_utc() -> None:
    assert SetClock(datetime(2026, 6, 30, 22, 30, tzinfo=UTC)).today() == date(2026, 7, 1)


async def test_the_day_follows_the_mock_s_clock_and_the_seconds_do_not(
    mock: MockGovernment, channel: BackChannel
) -> None:
    clock = MovedClock(SystemClock(), url=f"{mock.origin}/mock/clock", channel=channel)
    mock.post("/mock/clock", {"day": "2031-01-15"})
    await clock.refresh()
    assert clock.today() == date(2031, 1, 15)
    assert clock.now().year < 2031
    mock.post("/mock/reset", {})
    await clock.refresh()
    assert clock.today() == SystemClock().today()


async def test_the_clock_keeps_following_until_it_is_stopped(
    small: SmallServer, channel: BackChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker.adapters.clock, "_POLL_SECONDS", 0.001)
    asked = asyncio.Event()

    def answer(_: object) -> Reply:
        if len(small.requests) == 3:
            asked.set()
        return Reply(body=b'{"day": "2026-11-29", "moved_by_days": 5}')

    small.on("/mock/clock", answer)
    clock = MovedClock(SetClock(NOW), url=f"{small.origin}/mock/clock", channel=channel)
    following = asyncio.create_task(clock.follow())
    async with asyncio.timeout(10):
        await asked.wait()
    assert clock.today() == date(2026, 11, 29)
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"moved_by_days": "5"}', b'{"moved_by_days": 99999999999}', b'{"moved_by_days": 9999999}']
)
async def test_without_a_good_answer_the_day_stays_and_the_log_says_so_once(
    small: SmallServer, channel: BackChannel, caplog: pytest.LogCaptureFixture, body: bytes
) -> None:
    caplog.set_level(logging.WARNING)
    small.on("/mock/clock", Reply(body=b'{"moved_by_days": 5}'))
    clock = MovedClock(SetClock(NOW), url=f"{small.origin}/mock/clock", channel=channel)
    await clock.refresh()
    small.on("/mock/clock", Reply(body=body))
    for _ in range(3):
        await clock.refresh()
    assert clock.today() == date(2026, 11, 29)
    assert len(caplog.records) == 1


async def test_a_mock_that_is_away_leaves_the_real_day(channel: BackChannel) -> None:
    clock = MovedClock(SetClock(NOW), url="http://127.0.0.1:1/mock/clock", channel=channel)
    await clock.refresh()
    assert clock.today() == date(2026, 11, 24)
