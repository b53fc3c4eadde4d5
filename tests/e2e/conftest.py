"""One chain for all end-to-end tests of a run; the mock's world is put back before each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.chain import Chain, Visitor, running_chain

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who looks for leaks looks at the end."""
    items.sort(key=lambda item: item.path == HERE / "test_leaks.py")


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with running_chain(tmp_path_factory.mktemp("chain") / "demo") as chain:
        yield chain


@pytest.fixture
def chain(running: Chain) -> Chain:
    running.tell_mock("/mock/reset")
    return running


@pytest.fixture
def visitor(chain: Chain) -> Iterator[Visitor]:
    with chain.visitor() as visitor:
        yield visitor
