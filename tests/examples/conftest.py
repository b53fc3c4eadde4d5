"""One mock government and one Redis for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.conformance.browser import Browser
from tests.conformance.government import Government, mock_government
from tests.redis_server import redis_server


@pytest.fixture(scope="session")
def government(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Government]:
    with mock_government(tmp_path_factory.mktemp("government")) as running:
        yield running


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser
