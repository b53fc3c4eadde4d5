"""Runs the three sample backends as three servers in one event loop, and ends them together."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator

import httpx2
import uvicorn

from mock_apps.app import sample_backend
from mock_apps.assertion import AssertionVerifier
from mock_apps.keys import GatewayKeys
from mock_apps.measures import MEASURES

SECONDS_TO_FINISH = 2
SECONDS_FOR_KEYS = 5.0


class _Server(uvicorn.Server):
    """A server that leaves signals to us: three of them in one loop would take them from each other."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    *, host: str, ports: tuple[int, int, int], gateway: str, keys_address: str, announce: Callable[[str], None]
) -> None:
    """Serve until SIGINT or SIGTERM. `announce` gets one line per backend once it listens. Port 0 takes a free one."""
    listeners = [socket.create_server((host, port)) for port in ports]
    # `trust_env=False`: the keys come from the gateway, never by way of a proxy that the environment names.
    async with httpx2.AsyncClient(timeout=SECONDS_FOR_KEYS, trust_env=False) as client:
        keys = GatewayKeys(client, keys_address)
        servers = []
        for measure in MEASURES:
            verifier = AssertionVerifier(keys=keys, issuer=gateway, audience=measure.id)
            servers.append(_Server(_configuration(sample_backend(measure, verifier))))
        _stop_on_signals(servers)
        for measure, listener in zip(MEASURES, listeners, strict=True):
            announce(f"ready {measure.id} http://{host}:{listener.getsockname()[1]}{measure.prefix}/")
        await asyncio.gather(
            *(server.serve(sockets=[listener]) for server, listener in zip(servers, listeners, strict=True))
        )


def _configuration(app: object) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]  # Starlette's ASGI types and uvicorn's say the same in other words
        http="httptools",
        ws="wsproto",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
    )


def _stop_on_signals(servers: list[_Server]) -> None:
    def stop() -> None:
        for server in servers:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
