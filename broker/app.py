"""The composition root: from a configuration file to a running gateway.

    settings -> adapters (parts.py) -> pages, answers and gate (assembly.py) -> server

`serve` runs it, in one process or several.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import tempfile
from pathlib import Path
from types import FrameType

import uvicorn

from broker import logs
from broker.adapters.policy_files import load as load_policies
from broker.adapters.registrations import Database, prepare
from broker.assembly import assemble
from broker.config import Listen, Operators, Secrets, Settings, available_cores, load
from broker.domain.policy import Policy
from broker.parts import connect_parts
from broker.ports import InkomError
from broker.proxy.certificates import Certificates, Pair
from broker.proxy.edge import server_config
from broker.proxy.entrance import EntranceProtocol
from broker.proxy.gate import Gate
from broker.proxy.listening import listener
from broker.workers import Workers, allow_files

_CONFIG_VARIABLE = "_INKOM_SERVE_CONFIG"
_GRACE_SECONDS = 10
_log = logging.getLogger("inkom")


def serve(path: Path) -> int:
    """Run the gateway until it is told to stop. Raises ConfigurationInvalid or InkomError before anything listens."""
    settings, secrets = load(path)
    _require_free("listen", settings.listen)
    _require_free("operators", settings.operators)
    load_policies(_beside(path, settings.policies), applications=settings.applications.keys())
    prepare(Database.at(secrets.database, near=path.parent))
    os.environ[_CONFIG_VARIABLE] = str(path)
    logs.configure()
    allow_files(settings.listen.limits.connections)
    config = server_config(
        "broker.app:create",
        http=EntranceProtocol,
        factory=True,
        host=settings.listen.host,
        port=settings.listen.port,
        workers=settings.listen.workers or available_cores(),
        timeout_keep_alive=settings.listen.limits.keep_alive,
        loop="uvloop",
        lifespan="on",
        log_config=None,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    listening = listener(settings.listen.host, settings.listen.port)
    scheme = "http" if settings.listen.tls is None else "https"
    _log.info("listening on %s://%s:%d, %d workers", scheme, *listening.getsockname()[:2], config.workers)
    if config.workers > 1:
        with tempfile.TemporaryDirectory(prefix="inkom-metrics-") as figures:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = figures
            workers = Workers(config, [listening], grace=_GRACE_SECONDS)
            workers.run()
        return 1 if workers.failed else 0
    server = _Server(config)
    server.run([listening])
    return 0 if server.started else 1


def _require_free(topic: str, address: Listen | Operators) -> None:
    """Say plainly that an address is taken, instead of failing half started."""
    try:
        listener(address.host, address.port).close()
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
    gate = build(settings, secrets, policies, near=path.parent)
    # What is here stays: the collector of garbage need not look through all of it again and again.
    gc.collect()
    gc.freeze()
    return gate


def build(settings: Settings, secrets: Secrets, policies: tuple[Policy, ...], *, near: Path) -> Gate:
    """Put the gateway together. Nothing is connected before it is needed; relative paths begin at `near`."""
    parts = connect_parts(settings, secrets, near=near)
    certificates = None
    if settings.listen.tls is not None:
        certificates = Certificates(
            {
                f"listen.{place}": Pair(certificate=near / files.certificate, key=near / files.key)
                for place, files in settings.listen.tls.all.items()
            },
            clock=parts.clock,
            measures=parts.measures,
            protocols=("h2", "http/1.1") if settings.listen.http2 else ("http/1.1",),
        )
    return assemble(settings, policies, parts, pseudonym_key=secrets.pseudonym_key, certificates=certificates)


def _beside(path: Path, other: str) -> Path:
    """Return a path that the configuration names, relative to the configuration file."""
    return path.parent / other
