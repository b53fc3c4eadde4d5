"""One mock server for each module of tests: starting one costs half a second."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mock_idp.signin.mock_server import MockServer, mock_server


@pytest.fixture
def mock(tmp_path: Path) -> Iterator[MockServer]:
    with mock_server(tmp_path) as running:
        yield running
