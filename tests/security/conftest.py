"""One gateway for all tests of a worker that speak to it on raw sockets, for each way that requests take through it.

A request takes one of the ways by what the configuration says; every case must hold on each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from tests.security.gateway import Gateway, running_gateway

# By name: whether what can be carried below ASGI is.
DATA_PATHS: Mapping[str, bool] = {"the fast path": True, "through ASGI": False}


@pytest.fixture(scope="session", params=DATA_PATHS, ids=str)
def gateway(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A running gateway at which somebody is signed in."""
    with running_gateway(tmp_path_factory.mktemp("gateway"), fast_path=DATA_PATHS[request.param]) as running:
        yield running
