"""The stand-in gateway and the backend behind it, as real servers, one pair per test module."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.mock_apps.stand_in import StandIn, backend, serving


@pytest.fixture(scope="module")
def gateway() -> StandIn:
    return StandIn()


@pytest.fixture(scope="module")
def keys_origin(gateway: StandIn) -> Iterator[str]:
    with serving(gateway.app()) as origin:
        yield origin


@pytest.fixture(scope="module")
def origin(keys_origin: str) -> Iterator[str]:
    with backend(keys_origin) as found:
        yield found


@pytest.fixture
def visitor(origin: str) -> Iterator[httpx2.Client]:
    """A client that talks to the backend directly; it carries no headers of the gateway by itself."""
    with httpx2.Client(base_url=origin, trust_env=False, timeout=10) as client:
        yield client
