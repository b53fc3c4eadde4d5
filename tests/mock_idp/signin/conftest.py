"""One mock server for each module of tests, as it was at the start for each test."""

from collections.abc import Iterator

import pytest

from tests.mock_idp.signin.mock_server import MockServer, mock_server


@pytest.fixture(scope="module")
def running_mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockServer]:
    with mock_server(tmp_path_factory.mktemp("mock")) as running:
        yield running


@pytest.fixture
def mock(running_mock: MockServer) -> MockServer:
    running_mock.reset()
    return running_mock
