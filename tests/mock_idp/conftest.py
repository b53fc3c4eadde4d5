"""One mock for each module of tests, put back to its beginning before every test."""

from collections.abc import Iterator

import pytest

from tests.mock_idp.provider import Mock, Party, running_mock
from tests.mock_idp.statements import seen, statement

__all__ = ["seen", "statement"]


@pytest.fixture(scope="module")
def started() -> Iterator[Mock]:
    with running_mock() as running:
        yield running


@pytest.fixture
def acm(started: Mock) -> Mock:
    assert started.post("/mock/reset", {}).status_code == 200
    return started


@pytest.fixture
def party(acm: Mock) -> Iterator[Party]:
    party = Party(mock=acm)
    yield party
    party.close()
