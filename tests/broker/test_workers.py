"""`inkom serve` as several processes, and with a certificate of its own: what operators rely on."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import httpx2
import pytest
from cryptography import x509

from broker.config import available_cores
from tests.broker.adapters.registers.magda.authority import Authority
from tests.broker.proxy.test_proxy_protocol import header
from tests.broker.test_serving import Folder, folder, inkom, prepared
from tests.redis_server import RedisServer

__all__ = ["folder", "prepared"]  # the fixtures

pytestmark = pytest.mark.serial

_SECONDS = 30.0


class Gateway:
    """A running gateway with a certificate of its own."""

    def __init__(self, folder: Folder, authority: Authority, process: subprocess.Popen[str]) -> None:
        self.folder = folder
        self.authority = authority
        self.process = process

    @property
    def log(self) -> str:
        return (self.folder.path / "log").read_text()

    @property
    def started(self) -> int:
        """How many times a worker was ready."""
        return self.log.count("Application startup complete")

    def shown(self) -> int:
        """The serial number of the certificate that a new connection sees."""
        with self.connection() as link:
            found = link.getpeercert()
        assert found is not None
        return int(str(found["serialNumber"]), 16)

    def connection(self) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.folder.port), timeout=10)
        context = ssl.create_default_context(cafile=self.authority.file)
        return context.wrap_socket(plain, server_hostname="localhost")

    def ask(self, link: socket.socket, *, path: str = "/_inkom/health/live") -> bytes:
        """Ask once on a connection that stands, and return the first bytes of the answer."""
        link.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost:{self.folder.port}\r\n\r\n".encode())
        answered = b""
        while b"ok\n" not in answered:
            part = link.recv(4096)
            if not part:
                raise ConnectionResetError
            answered += part
        return answered

    def workers(self) -> list[int]:
        """The process ids of the workers that accept connections, in the order in which they began."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        is_worker = [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
        return sorted(is_worker)

    def metrics(self) -> str:
        return httpx2.get(f"http://127.0.0.1:{self.folder.operators_port}/metrics", trust_env=False).text


def until(condition: Callable[[], bool], *, what: str) -> None:
    """Look again and again, and fail if it does not come true."""
    deadline = monotonic() + _SECONDS
    while monotonic() < deadline:
        try:
            if condition():
                return
        except (OSError, httpx2.TransportError):
            pass
        sleep(0.05)
    raise AssertionError(what)


@contextmanager
def serving(
    folder: Folder, authority: Authority, *, workers: int | None, shell: str = "true", **environment: str
) -> Iterator[Gateway]:
    """Start it, after a command of the shell that sets its limits."""
    authority.issue("gateway")
    settings = {
        "INKOM_PUBLIC_URL": f"https://localhost:{folder.port}",
        "INKOM_LISTEN_TLS_CERTIFICATE": "gateway.crt",
        "INKOM_LISTEN_TLS_KEY": "gateway.key",
    }
    if workers is not None:
        settings["INKOM_LISTEN_WORKERS"] = str(workers)
    with (folder.path / "log").open("w") as log:
        process = subprocess.Popen(
            ["sh", "-c", f'{shell}; exec "$0" "$@"', *inkom("serve", "--config", str(folder.path / "inkom.yaml"))],
            stdout=log,
            stderr=log,
            env=folder.environment(**{**settings, **environment}),
            text=True,
            start_new_session=True,
        )
        gateway = Gateway(folder, authority, process)
        try:
            yield gateway
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(timeout=_SECONDS)


@pytest.fixture
def authority(folder: Folder) -> Authority:
    return Authority(folder.path)


@pytest.fixture(autouse=True)
def redis(folder: Folder, tmp_path: Path) -> Iterator[None]:
    server = RedisServer(tmp_path, port=folder.redis_port, configuration=None, arguments=())
    server.start()
    yield
    server.stop()


def live(gateway: Gateway) -> bool:
    with gateway.connection() as link:
        return b"200 OK" in gateway.ask(link)


def replaced(gateway: Gateway) -> int:
    """Put a new certificate in the place of the old one, and return its serial number."""
    gateway.authority.issue("gateway")
    return x509.load_pem_x509_certificate((gateway.folder.path / "gateway.crt").read_bytes()).serial_number


def test_a_signal_that_comes_while_workers_start_is_heard_when_they_have(folder: Folder, authority: Authority) -> None:
    with serving(folder, authority, workers=2) as gateway:
        until(lambda: len(gateway.workers()) == 2, what="no worker began: " + gateway.log)
        gateway.process.send_signal(signal.SIGHUP)
        until(lambda: gateway.started == 2, what="not all workers started: " + gateway.log)
        until(lambda: gateway.log.count("certificates read again") == 2, what="not all heard it: " + gateway.log)
        assert "ended with code" not in gateway.log


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("by", ["signal", "files"])
def test_a_new_certificate_is_shown_without_a_restart_by_every_worker(
    folder: Folder, authority: Authority, workers: int, by: str
) -> None:
    with serving(folder, authority, workers=workers) as gateway:
        until(lambda: live(gateway), what="the gateway did not start: " + gateway.log)
        until(lambda: gateway.started == workers, what="not all workers started: " + gateway.log)
        before = gateway.workers()
        standing = gateway.connection()
        gateway.ask(standing)
        serial = replaced(gateway)
        if by == "signal":
            gateway.process.send_signal(signal.SIGHUP)
        told = "certificates read again: listen.tls"
        until(lambda: gateway.log.count(told) >= workers, what="not all workers read the files: " + gateway.log)
        assert {gateway.shown() for _ in range(20)} == {serial}
        assert b"200 OK" in gateway.ask(standing)
        assert gateway.workers() == before
        standing.close()
        gateway.authority.issue("other")
        (folder.path / "gateway.key").write_bytes((folder.path / "other.key").read_bytes())
        gateway.process.send_signal(signal.SIGHUP)
        until(lambda: gateway.log.count("is not taken over") >= workers, what="nothing was said: " + gateway.log)
        assert {gateway.shown() for _ in range(20)} == {serial}
        assert "PRIVATE" not in gateway.log
        assert 'inkom_certificate_expires_timestamp_seconds{certificate="listen.tls"}' in gateway.metrics()
    assert gateway.process.returncode == 0


def test_a_worker_that_dies_is_started_again_and_figures_go_on(folder: Folder, authority: Authority) -> None:
    with serving(folder, authority, workers=2) as gateway:
        until(lambda: gateway.started == 2, what="the gateway did not start: " + gateway.log)
        first, second = gateway.workers()
        os.kill(first, signal.SIGKILL)
        until(lambda: gateway.started == 3, what="it was not started again: " + gateway.log)
        assert first not in gateway.workers()
        assert len(gateway.workers()) == 2
        assert second in gateway.workers()
        assert all(live(gateway) for _ in range(10))
        assert "inkom_certificate_expires" in gateway.metrics()
    assert gateway.process.returncode == 0


def test_a_stop_lets_a_request_under_way_end_and_every_worker_ends(folder: Folder, authority: Authority) -> None:
    with serving(folder, authority, workers=2) as gateway:
        until(lambda: gateway.started == 2, what="the gateway did not start: " + gateway.log)
        workers = gateway.workers()
        with gateway.connection() as resting:
            gateway.ask(resting)
            gateway.process.send_signal(signal.SIGTERM)
            assert resting.recv(100) == b""
        gateway.process.wait(timeout=_SECONDS)
    assert gateway.process.returncode == 0
    assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]
    assert "Traceback" not in gateway.log


def test_a_worker_that_hangs_does_not_keep_the_others_from_ending(folder: Folder, authority: Authority) -> None:
    with serving(folder, authority, workers=2) as gateway:
        until(lambda: gateway.started == 2, what="the gateway did not start: " + gateway.log)
        hanging = gateway.workers()[0]
        os.kill(hanging, signal.SIGSTOP)
        gateway.process.send_signal(signal.SIGTERM)
        gateway.process.wait(timeout=_SECONDS)
    assert gateway.process.returncode == 0
    assert f"worker {hanging} did not end in time and was killed" in gateway.log
    assert not _runs(hanging)


@pytest.mark.parametrize(("limits", "allowed"), [("ulimit -Sn 256", 712), ("ulimit -n 300", 300)])
def test_open_files_are_allowed_for_as_many_connections_as_the_hard_limit_lets(
    folder: Folder, authority: Authority, limits: str, allowed: int
) -> None:
    settings = {"INKOM_LISTEN_LIMITS_CONNECTIONS": "100"}
    with serving(folder, authority, workers=1, shell=limits, **settings) as gateway:
        until(lambda: live(gateway), what="the gateway did not start: " + gateway.log)
        (found,) = [
            line.split()[3]
            for line in Path(f"/proc/{gateway.process.pid}/limits").read_text().splitlines()
            if line.startswith("Max open files")
        ]
        assert int(found) == allowed
        assert ("300 open files are allowed, too few" in gateway.log) == (allowed == 300)


def test_workers_whose_supervisor_is_killed_do_not_hold_the_port(folder: Folder, authority: Authority) -> None:
    with serving(folder, authority, workers=2) as gateway:
        until(lambda: gateway.started == 2, what="the gateway did not start: " + gateway.log)
        workers = gateway.workers()
        gateway.process.kill()
        gateway.process.wait()
        until(lambda: not any(_runs(worker) for worker in workers), what="a worker stayed: " + gateway.log)


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_without_a_number_there_is_a_worker_for_each_core(folder: Folder, authority: Authority) -> None:
    settings = folder.path / "inkom.yaml"
    text = settings.read_text()
    assert ", workers: 1}" in text
    settings.write_text(text.replace(", workers: 1}", "}"))
    cores = available_cores()
    with serving(folder, authority, workers=None) as gateway:
        until(lambda: live(gateway), what="the gateway did not start: " + gateway.log)
        assert f"listening on https://127.0.0.1:{folder.port}, {cores} workers" in gateway.log
        until(lambda: len(gateway.workers()) == (cores if cores > 1 else 0), what="another number of workers")


def test_a_header_before_tls_is_taken_from_the_configured_peer_only(folder: Folder, authority: Authority) -> None:
    with serving(folder, authority, workers=1, INKOM_LISTEN_PROXY_PROTOCOL_FROM="127.0.0.0/8") as gateway:
        context = ssl.create_default_context(cafile=authority.file)

        def answers() -> bool:
            plain = socket.create_connection(("127.0.0.1", folder.port), timeout=10)
            plain.sendall(header())
            with context.wrap_socket(plain, server_hostname="localhost") as link:
                return b"200 OK" in gateway.ask(link)

        until(answers, what="the gateway did not start: " + gateway.log)
        with pytest.raises(OSError, match=r"reset|EOF|violation"):
            gateway.connection()


@pytest.mark.parametrize(("setting", "spoken"), [("true", "h2"), ("false", "http/1.1")])
def test_http_2_is_offered_where_the_configuration_says_so(
    folder: Folder, authority: Authority, setting: str, spoken: str
) -> None:
    with serving(folder, authority, workers=1, INKOM_LISTEN_HTTP2=setting) as gateway:
        until(lambda: live(gateway), what="the gateway did not start: " + gateway.log)
        command = ["curl", "--silent", "--http2", "--cacert", str(authority.file), "--write-out", " %{http_version}"]
        url = f"https://localhost:{folder.port}/_inkom/health/live"
        asked = subprocess.run([*command, url], capture_output=True, text=True, check=True, env={"PATH": "/usr/bin"})
        assert asked.stdout == "ok\n " + ("2" if spoken == "h2" else "1.1")
