"""The gateway in its own process, for tests that need nothing else than its usual policy and one backend."""

from collections.abc import AsyncIterator

import pytest

from tests.broker.gateway import World, gateway


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with gateway() as world:
        yield world
