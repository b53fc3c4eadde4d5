"""Serves the mock government on sockets that are open already, until it is told to stop."""

from __future__ import annotations

import signal
import socket
import sys
from types import FrameType

import structlog
import uvicorn

from mock_idp.app import create_app
from mock_idp.settings import Settings
from mock_idp.strict_yaml import FileProblemsError
from mock_idp.tls import TlsDoor, open_door
from mock_idp.welcome import welcome
from mock_idp.world.database import WorldDatabaseError

# For requests in progress, such as one that waits for all mail to be sent.
GRACE_SECONDS = 5


def serve(
    settings: Settings, listener: socket.socket, catcher: socket.socket | None, door: TlsDoor | None = None
) -> int:
    """Until SIGINT or SIGTERM. 0: done; 1: the world, the clients or the database cannot be read."""
    # Whoever started us reads the line that says we are ready, and perhaps nothing after it.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        app = create_app(settings, catcher=catcher)
    except (FileProblemsError, WorldDatabaseError) as error:
        print(error, file=sys.stderr)
        return 1
    ready = f"mock government ready on {settings.origin} (issuer {settings.issuer})"
    if sys.stdout.isatty():
        smtp_port = None if catcher is None else catcher.getsockname()[1]
        ready += f"\n\n{welcome(settings, app.state.world.current, app.state.clients, smtp_port=smtp_port)}\n"
    # No access log: an id_token_hint in an address would carry a national number into it.
    server = _Server(
        uvicorn.Config(
            app,
            log_level=settings.log_level,
            access_log=False,
            lifespan="on",
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        ),
        ready=ready,
        door=door,
    )
    server.run(sockets=[listener])
    return 0


class _Server(uvicorn.Server):
    """Says when it is ready, and ends with code 0 on SIGTERM and SIGINT."""

    def __init__(self, config: uvicorn.Config, *, ready: str, door: TlsDoor | None) -> None:
        super().__init__(config)
        self._ready = ready
        self._door = door

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self._door is not None:
            await open_door(self._door, self)
        if self.started:
            print(self._ready, flush=True)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True
