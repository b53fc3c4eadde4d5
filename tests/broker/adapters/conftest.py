"""Real parts for the adapters' tests: a Redis of their own, the mock government, and a small server for odd answers."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from time import monotonic

import httpx2
import pytest
import uvicorn

from mock_idp.app import create_app
from mock_idp.settings import Settings
from tests.broker.adapters.small_server import SmallServer, small_server
from tests.redis_server import RedisServer, redis_server


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis(shared_redis: RedisServer) -> RedisServer:
    """The shared server, empty. Tests that stop or pause a server start one of their own."""
    shared_redis.command("FLUSHALL")
    return shared_redis


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that the test may pause, fill or kill."""
    with redis_server(tmp_path) as server:
        yield server


@pytest.fixture
async def small() -> AsyncIterator[SmallServer]:
    async with small_server() as server:
        yield server


@dataclass(frozen=True, slots=True, kw_only=True)
class MockGovernment:
    """The mock government, running; `register_token` is the registers' bearer token."""

    origin: str
    register_token: str

    @property
    def issuer(self) -> str:
        return f"{self.origin}/op"

    def post(self, path: str, content: dict[str, object]) -> None:
        answer = httpx2.post(f"{self.origin}{path}", json=content, trust_env=False)
        assert answer.status_code < 300, answer.text

    def faults(self) -> dict[str, dict[str, str]]:
        rows = httpx2.get(f"{self.origin}/mock/faults", trust_env=False).json()["faults"]
        return {row["fault"]: row for row in rows}


@pytest.fixture(scope="session")
def running_mock() -> Iterator[MockGovernment]:
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        settings = Settings(port=port, origin=f"http://localhost:{port}")
        config = uvicorn.Config(create_app(settings), log_level="error", access_log=False, lifespan="off", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        deadline = monotonic() + 20
        while not server.started:
            assert thread.is_alive(), "the mock government did not start"
            assert monotonic() < deadline, "the mock government did not start in time"
            thread.join(0.02)
        yield MockGovernment(origin=settings.origin, register_token=settings.register_token)
        server.should_exit = True
        thread.join()


@pytest.fixture
def mock(running_mock: MockGovernment) -> MockGovernment:
    """The running mock, as at its start."""
    running_mock.post("/mock/reset", {})
    return running_mock
