"""One mock government for all tests of this folder; nothing of another test is left in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.browser import Browser
from tests.conformance.government import Government, mock_government
from tests.conformance.node import install_packages
from tests.redis_server import redis_server

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share the processes run in one process, one after the other."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("conformance"))


@pytest.fixture(scope="session")
def started_government(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Government]:
    with mock_government(tmp_path_factory.mktemp("government")) as running:
        yield running


@pytest.fixture
def government(started_government: Government) -> Government:
    started_government.tell("/mock/reset", {})
    return started_government


@pytest.fixture(scope="session")
def npm_packages() -> None:
    """Without these there is nothing foreign to try."""
    install_packages()


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser
