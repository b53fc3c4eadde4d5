"""What runs beside the gateway: a part of it that breaks is heard of at once, and not when everything ends."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from broker.parts import Parts
from broker.running import running


@dataclass
class FewParts:
    """The parts that running looks at."""

    following: tuple[Any, ...]
    vital: dict[str, Any] = field(default_factory=dict)
    closing: tuple[Any, ...] = ()
    polling: None = None


async def test_whoever_stops_following_is_heard_of_at_once(caplog: pytest.LogCaptureFixture) -> None:
    async def breaks() -> None:
        raise ZeroDivisionError

    async def goes_on() -> None:
        await asyncio.Event().wait()

    with caplog.at_level(logging.ERROR):
        async with running(cast("Parts", FewParts(following=(breaks, goes_on))), (), None):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert [record.exc_info is not None for record in caplog.records] == [True]
    assert len(caplog.records) == 1
