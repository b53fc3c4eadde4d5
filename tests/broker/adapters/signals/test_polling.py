"""Polling a transmitter (RFC 8936): what is acknowledged, refused, left to come again, and who polls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from broker.adapters.http import BackChannel, Limits
from broker.adapters.metrics import PrometheusMeasures
from broker.adapters.sessions.connection import Connection, close, connect
from broker.adapters.signals import polling
from broker.adapters.signals.lease import Lease, cancelled
from broker.adapters.signals.polling import Poller, PollSettings
from broker.ports import ProviderUnavailable, SignalRefused, StoreUnavailable
from tests.broker.adapters.small_server import Reply, Request, SmallServer
from tests.redis_server import RedisServer

PATIENCE = 10.0
SHORT, LONG = timedelta(seconds=1), timedelta(seconds=30)


@dataclass
class Transmitter:
    """Hands `waiting` out until it is settled, and answers with `replies` first; a question without news waits."""

    small: SmallServer
    waiting: dict[str, str] = field(default_factory=dict)
    replies: list[Reply] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.small.on("/poll", self._answer)

    async def _answer(self, request: Request) -> Reply:
        body = json.loads(request.body)
        self.asked.append(body)
        if self.replies:
            return self.replies.pop(0)
        for event_id in (*body.get("ack", ()), *body.get("setErrs", {})):
            self.waiting.pop(event_id, None)
        if not self.waiting and not body["returnImmediately"]:
            self.news.clear()
            await self.news.wait()
        most = body["maxEvents"]
        sets = dict(list(self.waiting.items())[:most])
        return Reply(body=json.dumps({"sets": sets, "moreAvailable": len(self.waiting) > most}).encode())

    def announce(self, *names: str) -> None:
        self.waiting.update({name: f"token of {name}" for name in names})
        self.news.set()


@dataclass
class Taken:
    """What was taken in; the errors are raised instead, one by one."""

    tokens: list[bytes] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)

    async def take(self, token: bytes) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.tokens.append(token)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("_LEASE_PAUSE_SECONDS", 0.02), ("_FIRST_PAUSE", 0.01), ("_LEAST_BETWEEN_EMPTY", 0.01)):
        monkeypatch.setattr(polling, name, seconds)


@pytest.fixture
async def connection(redis: RedisServer) -> AsyncIterator[Connection]:
    connection = connect(redis.url)
    yield connection
    await close(connection)


@pytest.fixture
def transmitter(small: SmallServer, quick: None) -> Transmitter:
    return Transmitter(small)


@asynccontextmanager
async def polling_by(
    transmitter: Transmitter, taken: Taken, connection: Connection, *, limit: float = 5.0
) -> AsyncIterator[PrometheusMeasures]:
    channel, measures = BackChannel(Limits(total=limit)), PrometheusMeasures()
    settings = PollSettings(endpoint=f"{transmitter.small.origin}/poll", token="ours", max_events=2)
    lease = Lease(connection, "poller-of-a-test", length=LONG)
    task = asyncio.create_task(Poller(settings, channel=channel, lease=lease, measures=measures).follow(taken.take))
    try:
        yield measures
    finally:
        await cancelled(task)
        await channel.aclose()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            if holds():
                return
            await asyncio.sleep(0.01)


async def test_events_are_taken_in_order_and_acknowledged_with_the_next_question(
    transmitter: Transmitter, connection: Connection
) -> None:
    taken = Taken()
    transmitter.announce("one", "two", "three")

    async with polling_by(transmitter, taken, connection):
        await until(lambda: transmitter.waiting == {})

    assert taken.tokens == [b"token of one", b"token of two", b"token of three"]
    first, second, third = transmitter.asked[:3]
    assert first == {"maxEvents": 2, "returnImmediately": False}
    assert (second["ack"], third["ack"]) == (["one", "two"], ["three"])
    assert transmitter.small.requests[0].headers["authorization"] == "Bearer ours"


async def test_what_comes_while_a_question_waits_is_taken_at_once(
    transmitter: Transmitter, connection: Connection
) -> None:
    taken = Taken()
    async with polling_by(transmitter, taken, connection):
        await until(lambda: len(transmitter.asked) == 1)
        transmitter.announce("one")
        await until(lambda: taken.tokens == [b"token of one"])


async def test_an_event_that_is_refused_is_told_why_and_does_not_come_again(
    transmitter: Transmitter, connection: Connection
) -> None:
    taken = Taken(errors=[SignalRefused("invalid_key", "signed by nobody")])
    transmitter.announce("one", "two")

    async with polling_by(transmitter, taken, connection):
        await until(lambda: transmitter.waiting == {})

    assert transmitter.asked[1]["setErrs"] == {"one": {"err": "invalid_key", "description": "signed by nobody"}}
    assert transmitter.asked[1]["ack"] == ["two"]


@pytest.mark.parametrize("error", [StoreUnavailable("x"), ProviderUnavailable("x")])
async def test_an_event_that_cannot_be_decided_comes_again_until_it_can(
    transmitter: Transmitter, connection: Connection, error: Exception
) -> None:
    taken = Taken(errors=[error])
    transmitter.announce("one")

    async with polling_by(transmitter, taken, connection):
        await until(lambda: transmitter.waiting == {})

    assert taken.tokens == [b"token of one"]
    assert "ack" not in transmitter.asked[1]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=503),
        Reply(status=401),
        Reply(body=b"no JSON"),
        Reply(body=b'{"sets": ["x"]}'),
        Reply(body=b'{"moreAvailable": false}'),
        Reply(raw=b""),
    ],
)
async def test_a_transmitter_that_fails_is_asked_again_and_the_failure_is_counted(
    transmitter: Transmitter, connection: Connection, reply: Reply
) -> None:
    taken = Taken()
    transmitter.replies = [reply] * 2
    transmitter.announce("one")

    async with polling_by(transmitter, taken, connection) as measures:
        await until(lambda: taken.tokens == [b"token of one"])

    assert 'result="poll-failed"' in measures.exposition().decode()


async def test_a_poll_that_waits_longer_than_our_patience_is_no_failure(
    transmitter: Transmitter, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "_QUIET", 0.05)
    async with polling_by(transmitter, Taken(), connection, limit=0.1) as measures:
        await until(lambda: len(transmitter.asked) >= 3)

    assert "poll-failed" not in measures.exposition().decode()


async def test_of_two_processes_one_polls_and_the_other_goes_on_when_it_stops(
    transmitter: Transmitter, connection: Connection
) -> None:
    first, second = Taken(), Taken()
    async with polling_by(transmitter, second, connection):
        await until(lambda: len(transmitter.asked) == 1)
        async with polling_by(transmitter, first, connection):
            transmitter.announce("one")
            await until(lambda: second.tokens == [b"token of one"])
        assert first.tokens == []
    async with polling_by(transmitter, first, connection):
        transmitter.announce("two")
        await until(lambda: b"token of two" in first.tokens)


async def test_what_was_taken_in_is_acknowledged_when_the_gateway_stops(
    transmitter: Transmitter, connection: Connection
) -> None:
    taken = Taken()
    held = Reply(hold=asyncio.Event())
    transmitter.replies = [Reply(body=b'{"sets": {"one": "token of one"}}'), held]

    async with polling_by(transmitter, taken, connection):
        await until(lambda: len(transmitter.asked) == 2)

    assert transmitter.asked[-1] == {"maxEvents": 0, "returnImmediately": True, "ack": ["one"]}


@pytest.mark.parametrize("error", [None, SignalRefused("invalid_key", "signed by nobody")])
async def test_a_transmitter_that_hands_out_again_what_was_just_settled_is_not_asked_at_once(
    transmitter: Transmitter, connection: Connection, error: Exception | None
) -> None:
    transmitter.replies = [Reply(body=b'{"sets": {"one": "token of one"}}')] * 2
    taken = Taken(errors=[error] if error else [])
    channel, settings = BackChannel(), PollSettings(endpoint=f"{transmitter.small.origin}/poll", token=None)
    lease = Lease(connection, "poller-of-a-test", length=LONG)
    poller = Poller(settings, channel=channel, lease=lease, measures=PrometheusMeasures())

    first, again = await poller._poll(taken.take), await poller._poll(taken.take)
    await channel.aclose()

    assert (first, again) == ((1, False), (1, True))


# ------------------------------------------------------------------------------------------------------------ the lease
async def test_a_lease_is_one_processs_until_it_is_given_back(connection: Connection) -> None:
    mine, other = Lease(connection, "x", length=SHORT), Lease(connection, "x", length=SHORT)
    seen: list[bool] = []

    async def nothing() -> None:
        """Work that is over at once."""

    async def work() -> None:
        seen.append(await other.hold(nothing))
        await asyncio.sleep(SHORT.total_seconds() * 1.2)  # longer than it lasts unrenewed
        seen.append(await other.hold(nothing))

    assert await mine.hold(work)
    seen.append(await other.hold(nothing))

    assert seen == [False, False, True]


async def test_who_lost_the_lease_stops_working_and_takes_it_from_nobody(connection: Connection) -> None:
    mine = Lease(connection, "x", length=SHORT)
    stopped: list[bool] = []

    async def work() -> None:
        await connection.set("inkom:lease:x", b"somebody else's")
        try:
            await asyncio.sleep(PATIENCE)
        finally:
            stopped.append(True)

    assert await mine.hold(work)

    assert stopped == [True]
    assert await connection.get("inkom:lease:x") == b"somebody else's"


async def test_what_goes_wrong_in_the_work_is_told_and_the_lease_is_free_again(connection: Connection) -> None:
    mine = Lease(connection, "x", length=SHORT)

    async def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await mine.hold(work)

    assert await connection.get("inkom:lease:x") is None
