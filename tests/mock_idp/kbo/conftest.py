"""One office of KBO for each module. What a `visitor` changes is undone after the test; an `onlooker` only looks."""

from collections.abc import AsyncIterator

import pytest

from tests.mock_idp.kbo.visitor import Office, Visitor, office, visiting


@pytest.fixture(scope="module")
def place() -> Office:
    return office()


@pytest.fixture
async def onlooker(place: Office) -> AsyncIterator[Visitor]:
    async with visiting(place) as visitor:
        yield visitor


@pytest.fixture
async def visitor(place: Office) -> AsyncIterator[Visitor]:
    place.told.clear()
    async with visiting(place) as visitor:
        yield visitor
    place.reset()
