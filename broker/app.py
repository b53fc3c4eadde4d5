"""The composition root: from a configuration file to a running gateway.

    settings -> adapters (parts.py) -> pages, answers and gate (assembly.py) -> server

`serve` runs it, in one process or several.
"""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from pathlib import Path
from types import FrameType

import uvicorn
from uvicorn.supervisors import Multiprocess

from broker import logs
from broker.adapters.policy_files import load as load_policies
from broker.adapters.registrations import Database, prepare
from broker.assembly import assemble
from broker.config import Listen, Operators, Secrets, Settings, load
from broker.domain.policy import Policy
from broker.parts import connect_parts
from broker.ports import InkomError
from broker.proxy.edge import server_config
from broker.proxy.gate import Gate

_CONFIG_VARIABLE = "_INKOM_SERVE_CONFIG"
_GRACE_SECONDS = 10


def serve(path: Path) -> int:
    """Run the gateway until it is told to stop. Raises ConfigurationInvalid or InkomError before anything listens."""
    settings, secrets = load(path)
    _require_free("listen", settings.listen)
    _require_free("operators", settings.operators)
    load_policies(_beside(path, settings.policies), applications=settings.applications.keys())
    prepare(Database.at(secrets.database, near=path.parent))
    os.environ[_CONFIG_VARIABLE] = str(path)
    logs.configure()
    config = server_config(
        "broker.app:create",
        factory=True,
        host=settings.listen.host,
        port=settings.listen.port,
        workers=settings.listen.workers,
        loop="uvloop",
        lifespan="on",
        log_config=None,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    if config.workers > 1:
        with tempfile.TemporaryDirectory(prefix="inkom-metrics-") as figures:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = figures
            Multiprocess(config, sockets=[config.bind_socket()]).run()
        return 0
    server = _Server(config)
    server.run()
    return 0 if server.started else 1


def _require_free(topic: str, address: Listen | Operators) -> None:
    """Say plainly that an address is taken, instead of failing half started."""
    try:
        socket.create_server((address.host, address.port)).close()
    except OSError as error:
        where = f"{address.host}:{address.port}"
        raise InkomError(
            f"{where} cannot be used ({os.strerror(error.errno or 0)}); choose another {topic}.port"
        ) from None


class _Server(uvicorn.Server):
    """Ends with code 0 when it is told to stop, as whoever supervises it expects."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; a second Ctrl-C does not wait for requests that are still running."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def create() -> Gate:
    """Build the gateway in a worker process, from the configuration that `serve` named."""
    path = Path(os.environ[_CONFIG_VARIABLE])
    logs.configure()
    settings, secrets = load(path)
    policies = load_policies(_beside(path, settings.policies), applications=settings.applications.keys())
    return build(settings, secrets, policies, near=path.parent)


def build(settings: Settings, secrets: Secrets, policies: tuple[Policy, ...], *, near: Path) -> Gate:
    """Put the gateway together. Nothing is connected before it is needed; relative paths begin at `near`."""
    parts = connect_parts(settings, secrets, near=near)
    return assemble(settings, policies, parts, pseudonym_key=secrets.pseudonym_key)


def _beside(path: Path, other: str) -> Path:
    """Return a path that the configuration names, relative to the configuration file."""
    return path.parent / other
