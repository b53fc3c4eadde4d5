from __future__ import annotations

import asyncio

import pytest

from broker.adapters.oidc.kept import Kept
from broker.ports import ProviderUnavailable


class Source:
    """A provider whose document counts up, and which can be away; and the seconds that pass."""

    def __init__(self) -> None:
        self.fetched = 0
        self.away = False
        self.seconds = 1000.0
        self.kept = Kept(
            self.fetch,
            lifetime=600,
            stale_lifetime=3600,
            refetch_interval=60,
            seconds=lambda: self.seconds,
        )

    async def fetch(self) -> str:
        self.fetched += 1
        await asyncio.sleep(0)
        if self.away:
            raise ProviderUnavailable("away")
        return f"document {self.fetched}"


@pytest.fixture
def source() -> Source:
    return Source()


async def test_a_document_is_fetched_once_and_kept(source: Source) -> None:
    assert [await source.kept.get() for _ in range(3)] == ["document 1"] * 3


async def test_a_crowd_causes_one_fetch(source: Source) -> None:
    assert set(await asyncio.gather(*(source.kept.get() for _ in range(100)))) == {"document 1"}
    assert source.fetched == 1


async def test_a_document_is_fetched_anew_when_its_lifetime_is_over(source: Source) -> None:
    await source.kept.get()
    source.seconds += 599
    assert await source.kept.get() == "document 1"
    source.seconds += 1
    assert await source.kept.get() == "document 2"


async def test_a_stale_document_serves_while_the_provider_is_away_and_not_for_ever(source: Source) -> None:
    await source.kept.get()
    source.away = True
    source.seconds += 3599
    assert await source.kept.get() == "document 1"
    source.seconds += 10
    with pytest.raises(ProviderUnavailable):
        await source.kept.get()


async def test_without_a_document_the_provider_must_answer(source: Source) -> None:
    source.away = True
    with pytest.raises(ProviderUnavailable, match="away"):
        await source.kept.get()


async def test_a_provider_that_is_away_is_not_asked_by_everybody(source: Source) -> None:
    source.away = True
    refused = await asyncio.gather(*(source.kept.get() for _ in range(100)), return_exceptions=True)
    assert {type(one) for one in refused} == {ProviderUnavailable}
    assert source.fetched == 1


async def test_a_provider_that_is_back_is_asked_again_after_a_moment(source: Source) -> None:
    source.away = True
    with pytest.raises(ProviderUnavailable):
        await source.kept.get()
    source.away = False
    source.seconds += 2
    assert await source.kept.get() == "document 2"


async def test_a_newer_document_is_fetched_when_somebody_needs_one(source: Source) -> None:
    document = await source.kept.get()
    assert await source.kept.newer_than(document) == "document 2"
    assert await source.kept.get() == "document 2"


async def test_a_crowd_that_needs_a_newer_one_causes_one_fetch(source: Source) -> None:
    document = await source.kept.get()
    newer = await asyncio.gather(*(source.kept.newer_than(document) for _ in range(100)))
    assert (set(newer), source.fetched) == ({"document 2"}, 2)


async def test_ten_thousand_unknown_keys_cause_one_fetch_a_minute(source: Source) -> None:
    await source.kept.get()
    for _ in range(10_000):
        await source.kept.newer_than(await source.kept.get())
    assert source.fetched == 2
    source.seconds += 60
    await source.kept.newer_than(await source.kept.get())
    assert source.fetched == 3


async def test_no_newer_document_while_the_provider_is_away(source: Source) -> None:
    document = await source.kept.get()
    source.away = True
    assert await source.kept.newer_than(document) is None
    assert await source.kept.get() == document
