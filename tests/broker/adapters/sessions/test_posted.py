"""Posted answers, in a real Redis: sealed, short, and for one reading."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from broker.adapters.sessions import connect
from broker.adapters.sessions.posted import RedisPostedAnswers
from broker.adapters.sessions.sealing import Sealing, address_of
from tests.redis_server import RedisServer

SECRETS = ("n" * 32,)
ANSWER = (("code", "a-code-of-somebody"), ("state", "a-state"), ("state", "twice"))


@pytest.fixture
async def posted(redis: RedisServer) -> AsyncIterator[RedisPostedAnswers]:
    client = connect(redis.url)
    yield RedisPostedAnswers(client, secrets=SECRETS)
    await client.aclose()


async def test_an_answer_comes_back_whole_and_once(posted: RedisPostedAnswers) -> None:
    ticket = await posted.keep(ANSWER, provider="acm")
    taken = await asyncio.gather(*(posted.take(ticket, provider="acm") for _ in range(20)))
    assert [one for one in taken if one is not None] == [ANSWER]


async def test_another_provider_gets_nothing(posted: RedisPostedAnswers) -> None:
    ticket = await posted.keep(ANSWER, provider="acm")
    assert await posted.take(ticket, provider="acm-test") is None


@pytest.mark.parametrize("ticket", ["", "x" * 43, "x" * 5000, "é" * 43])
async def test_what_is_no_ticket_gets_nothing(posted: RedisPostedAnswers, ticket: str) -> None:
    assert await posted.take(ticket, provider="acm") is None


async def test_redis_shows_neither_ticket_nor_answer_and_forgets_both(redis: RedisServer) -> None:
    client = connect(redis.url)
    posted = RedisPostedAnswers(client, secrets=SECRETS)
    ticket = await posted.keep(ANSWER, provider="acm")
    (key,) = [one async for one in client.scan_iter("inkom:posted:*")]
    stored = await client.get(key)
    assert isinstance(stored, bytes)
    assert ticket.encode() not in key + stored
    assert b"a-code" not in stored
    assert 0 < await client.pttl(key) <= 60_000
    await client.pexpireat(key, 1)
    assert await posted.take(ticket, provider="acm") is None
    await client.aclose()


async def test_what_another_version_wrote_is_nothing(redis: RedisServer, posted: RedisPostedAnswers) -> None:
    client, token = connect(redis.url), b"t" * 43
    address = address_of("posted", token)
    await client.set(address, Sealing("posted", secrets=SECRETS).seal(b"[]", token=token, address=address))
    assert await posted.take(token.decode(), provider="acm") is None
    await client.aclose()
