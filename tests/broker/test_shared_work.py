"""Work that many ask for at once."""

from __future__ import annotations

import asyncio
import gc
from functools import partial
from typing import Any

import pytest

from broker.shared_work import SharedWork


async def test_many_who_ask_at_once_share_one_piece_of_work() -> None:
    shared: SharedWork[str, int] = SharedWork()
    begun: list[str] = []
    go_on = asyncio.Event()

    async def work() -> int:
        begun.append("once")
        await go_on.wait()
        return 7

    waiting = [asyncio.create_task(shared.result("key", work)) for _ in range(5)]
    await asyncio.sleep(0)
    go_on.set()
    assert await asyncio.gather(*waiting) == [7] * 5
    assert begun == ["once"]
    assert await shared.result("key", work) == 7
    assert begun == ["once", "once"], "what is done is not kept"


async def test_other_keys_are_other_work() -> None:
    shared: SharedWork[int, int] = SharedWork()

    async def named(number: int) -> int:
        return number

    assert await asyncio.gather(*(shared.result(one, partial(named, one)) for one in range(3))) == [0, 1, 2]


async def test_everybody_who_waits_hears_of_a_failure_and_the_next_one_begins_anew() -> None:
    shared: SharedWork[str, int] = SharedWork()

    async def fails() -> int:
        raise LookupError

    async def works() -> int:
        return 1

    heard = await asyncio.gather(*(shared.result("key", fails) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in heard] == [LookupError] * 3
    assert await shared.result("key", works) == 1


@pytest.mark.parametrize("waited_for", [True, False], ids=["waited-for", "in-the-background"])
async def test_a_failure_is_reported_as_a_mistake_only_where_nobody_waited(waited_for: bool) -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    shared: SharedWork[str, int] = SharedWork()
    go_on = asyncio.Event()

    async def fails() -> int:
        await go_on.wait()
        raise LookupError

    if waited_for:
        waiting = asyncio.create_task(shared.result("key", fails))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    else:
        shared.begin("key", fails)
    go_on.set()
    for _ in range(3):
        await asyncio.sleep(0)
    gc.collect()
    assert [type(one["exception"]) for one in reported] == ([] if waited_for else [LookupError])
