"""A second gateway beside the chain's own, configured otherwise: same keys, same sessions, other backends.

A cookie belongs to `localhost` whatever the port (RFC 6265, section 8.5), so whoever is signed in at the first gateway
is signed in at this one too.
"""

from __future__ import annotations

import signal
import subprocess
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from time import monotonic
from urllib.parse import urlsplit

import httpx2

from broker.demo.options import free_port
from tests.e2e.chain import Chain, surroundings
from tests.project.places import ROOT

_START_SECONDS = 30.0
_PAUSE_SECONDS = 0.1


@contextmanager
def second_gateway(chain: Chain, *, log: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Start it, wait until it is ready, give its address, and stop it afterwards."""
    port, operators_port, keys = free_port(), free_port(), chain.directory / "keys"
    redis = f"redis://inkom:{chain.redis_password}@127.0.0.1:{chain.redis_port}/0"
    settings = {
        "INKOM_PUBLIC_URL": f"http://localhost:{port}",
        "INKOM_LISTEN_PORT": str(port),
        "INKOM_OPERATORS_PORT": str(operators_port),
        "INKOM_ACM_ISSUER": f"{chain.mock}/op",
        "INKOM_ACM_PRIVATE_KEY_FILE": str(keys / "acm-client.pem"),
        "INKOM_REGISTERS_IDM": f"{chain.mock}/idm/v1",
        "INKOM_REGISTERS_KBO": f"{chain.mock}/kbo/v1",
        "INKOM_REGISTERS_TOKEN_FILE": str(keys / "register-token"),
        "INKOM_SIGNALS_TOKEN_FILE": str(keys / "signals-token"),
        "INKOM_SESSIONS_REDIS": redis,
        "INKOM_SESSIONS_SECRETS_FILE": str(keys / "session-secrets"),
        "INKOM_AUDIT_FILE": str(log.with_suffix(".audit.jsonl")),
        "INKOM_REGISTRATIONS_DATABASE": f"sqlite:///{chain.directory / 'registrations.db'}",
        "INKOM_ASSERTION_KEY_FILE": str(keys / "assertion.pem"),
        "INKOM_PSEUDONYM_KEY_FILE": str(keys / "pseudonym.key"),
        "INKOM_DEVELOPMENT_CLOCK": f"{chain.mock}/mock/clock",
        **environment,
    }
    command = [str(Path(sysconfig.get_path("scripts"), "inkom")), "serve", "--config", str(ROOT / "inkom.yaml")]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, cwd=ROOT, env={**surroundings(), **settings}, start_new_session=True
        )
    try:
        _await_ready(f"http://localhost:{port}", process, log, host=urlsplit(settings["INKOM_PUBLIC_URL"]).netloc)
        yield f"http://localhost:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def _await_ready(address: str, process: subprocess.Popen[bytes], log: Path, *, host: str) -> None:
    deadline = monotonic() + _START_SECONDS
    while monotonic() < deadline and process.poll() is None:
        with suppress(httpx2.TransportError):
            if httpx2.get(f"{address}/_inkom/health/ready", headers={"host": host}, trust_env=False).status_code == 200:
                return
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_PAUSE_SECONDS)  # until it ends, or until it is time to ask again
    raise AssertionError("the second gateway did not start:\n" + log.read_text())


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """A backend that believes everything and only writes down the headers of each request."""

    address: str
    received: list[list[tuple[str, str]]]


@contextmanager
def recording_backend() -> Iterator[Recorder]:
    """Start one on a free port, and stop it afterwards."""
    received: list[list[tuple[str, str]]] = []

    class Records(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            received.append(self.headers.items())
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Records) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield Recorder(address=f"http://localhost:{server.server_port}", received=received)
        server.shutdown()
        thread.join()
