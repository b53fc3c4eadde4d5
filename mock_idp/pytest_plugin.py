"""`inkom_mock` for pytest: the mock government beside anybody's tests, as soon as this package is installed.

Started once in a run, by the first test that asks for it, and as at the start before every test. A run that doesn't ask
pays for importing this module only: everything else is imported by the fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mock_idp.stand_in import StandIn


@pytest.fixture(scope="session")
def inkom_mock_arguments() -> tuple[str, ...]:
    """Override it to start the mock with options of your own, such as `("--world", "my-world.yaml")`."""
    return ()


@pytest.fixture(scope="session")
def inkom_mock_process(inkom_mock_arguments: tuple[str, ...]) -> Iterator[StandIn]:
    """The one of this run (of each worker, with pytest-xdist). Tests want `inkom_mock`."""
    from mock_idp.stand_in import standing_in

    with standing_in(*inkom_mock_arguments) as mock:
        yield mock


@pytest.fixture
def inkom_mock(inkom_mock_process: StandIn) -> StandIn:
    """A mock ACM with IDM and KBO on this machine: nobody signed in, nothing armed, the real day."""
    inkom_mock_process.reset()
    return inkom_mock_process
