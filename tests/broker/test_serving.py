"""`inkom serve` as a process: what it refuses to start with, and what it says and does while Redis is away."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from time import monotonic

import httpx2
import pytest

from broker.demo.options import free_port
from tests.project.places import ROOT
from tests.redis_server import RedisServer

_SECONDS = 30.0
PAGE = {"accept": "text/html", "sec-fetch-mode": "navigate"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder with a configuration, policies and keys, and ports that nobody uses."""

    path: Path
    port: int
    operators_port: int
    redis_port: int

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def policy(self) -> Path:
        return self.path / "policies" / "inkom.yaml"

    def environment(self, **more: str) -> dict[str, str]:
        settings = {
            "INKOM_PUBLIC_URL": self.origin,
            "INKOM_LISTEN_PORT": str(self.port),
            "INKOM_OPERATORS_PORT": str(self.operators_port),
            "INKOM_SESSIONS_REDIS": f"redis://127.0.0.1:{self.redis_port}/0",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("INKOM_")}
        return {**kept, **settings, **more}


def inkom(*arguments: str) -> list[str]:
    return [str(Path(sysconfig.get_path("scripts"), "inkom")), *arguments]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys take a while to make: once for all tests."""
    folder = tmp_path_factory.mktemp("gateway")
    shutil.copytree(ROOT / "policies", folder / "policies")
    shutil.copy(ROOT / "inkom.yaml", folder)
    prepare = inkom("demo", "--prepare-only", "--directory", str(folder / ".demo"))
    subprocess.run(prepare, check=True, cwd=folder, stdout=subprocess.DEVNULL)
    return folder


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Folder:
    shutil.copytree(prepared, tmp_path / "gateway")
    return Folder(path=tmp_path / "gateway", port=free_port(), operators_port=free_port(), redis_port=free_port())


@contextmanager
def serving(folder: Folder, **environment: str) -> Iterator[subprocess.Popen[str]]:
    log = (folder.path / "log").open("w")
    process = subprocess.Popen(
        inkom("serve", "--config", str(folder.path / "inkom.yaml")),
        stdout=log,
        stderr=log,
        env=folder.environment(**environment),
        text=True,
        start_new_session=True,
    )
    try:
        await_live(folder, process)
        yield process
    finally:
        log.close()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(timeout=_SECONDS)


def await_live(folder: Folder, process: subprocess.Popen[str]) -> None:
    deadline = monotonic() + _SECONDS
    while monotonic() < deadline and process.poll() is None:
        try:
            if httpx2.get(f"{folder.origin}/_inkom/health/live", trust_env=False).status_code == 200:
                return
        except httpx2.TransportError:
            continue
    raise AssertionError("the gateway did not start:\n" + (folder.path / "log").read_text())


def ready(folder: Folder) -> tuple[int, str]:
    answer = httpx2.get(f"{folder.origin}/_inkom/health/ready", trust_env=False, timeout=20)
    return answer.status_code, answer.json()["parts"]["sessions"]


def test_without_redis_it_says_so_is_not_ready_and_lets_nobody_in(folder: Folder) -> None:
    with serving(folder):
        status, said = ready(folder)
        assert status == 503
        assert "the session store does not work" in said
        page = httpx2.get(f"{folder.origin}/_inkom/login", headers=PAGE, trust_env=False, timeout=20)
        assert page.status_code == 503
        assert page.headers["retry-after"]
        with_cookie = {"accept": "application/json", "cookie": "inkom-localhost=abc"}
        answer = httpx2.get(f"{folder.origin}/kmo-portefeuille/", headers=with_cookie, trust_env=False, timeout=20)
        assert answer.status_code in {401, 503}
        events = [json.loads(line) for line in (folder.path / "log").read_text().splitlines()]
        assert any("nobody can sign in until sessions work" in event["event"] for event in events)


def test_when_redis_comes_back_it_is_ready_without_a_restart(folder: Folder, tmp_path: Path) -> None:
    redis = RedisServer(tmp_path, port=folder.redis_port, configuration=None, arguments=())
    with serving(folder):
        assert ready(folder)[0] == 503
        redis.start()
        try:
            assert ready(folder) == (200, "ok")
        finally:
            redis.stop()
        assert ready(folder)[0] == 503


def test_a_policy_with_a_mistake_keeps_the_gateway_from_starting(folder: Folder) -> None:
    text = folder.policy.read_text()
    folder.policy.write_text(text.replace("legal_representative: true", "legal_representatif: true", 1))
    answer = refused(folder)
    assert "policies/inkom.yaml:" in answer
    assert "did you mean legal_representative?" in answer


def test_a_policy_whose_own_test_fails_keeps_the_gateway_from_starting(folder: Folder) -> None:
    text = folder.policy.read_text()
    assert "profile: [Gebruiker]" in text
    folder.policy.write_text(text.replace("profile: [Gebruiker]", "profile: [Iedereen]", 1))
    assert "policies/inkom.yaml:" in refused(folder)


def test_an_application_without_a_policy_keeps_the_gateway_from_starting(folder: Folder) -> None:
    settings = folder.path / "inkom.yaml"
    more = "  nieuw: {title: {nl: Nieuw, en: New}, upstream: 'http://localhost:1'}\n"
    settings.write_text(settings.read_text().replace("applications:\n", "applications:\n" + more, 1))
    assert "nieuw" in refused(folder)


def test_a_configuration_with_mistakes_prints_all_of_them_with_their_places(folder: Folder) -> None:
    settings = folder.path / "inkom.yaml"
    settings.write_text(settings.read_text() + "unknown_key: 1\n")
    answer = refused(folder, INKOM_SESSIONS_IDLE="soon", INKOM_UNKNOWN="x")
    assert "inkom.yaml:" in answer
    for part in ("unknown_key", "sessions.idle", "INKOM_UNKNOWN"):
        assert part in answer


def test_plain_http_is_refused_anywhere_but_on_localhost(folder: Folder) -> None:
    assert "plain http is accepted for localhost only" in refused(folder, INKOM_PUBLIC_URL="http://inkom.example")


@pytest.mark.parametrize("topic", ["listen", "operators"])
def test_a_taken_port_keeps_the_gateway_from_starting(folder: Folder, topic: str) -> None:
    port = folder.port if topic == "listen" else folder.operators_port
    with socket.create_server(("127.0.0.1", port)):
        answer = refused(folder)
    assert f"127.0.0.1:{port} cannot be used (Address already in use); choose another {topic}.port" in answer


def refused(folder: Folder, **environment: str) -> str:
    """Start, expect that it ends by itself with code 1 and without listening, and return what it printed."""
    ended = subprocess.run(
        inkom("serve", "--config", str(folder.path / "inkom.yaml")),
        capture_output=True,
        env=folder.environment(**environment),
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stdout + ended.stderr


def test_several_workers_share_sessions_and_end_together(folder: Folder, tmp_path: Path) -> None:
    redis = RedisServer(tmp_path, port=folder.redis_port, configuration=None, arguments=())
    redis.start()
    try:
        with serving(folder, INKOM_LISTEN_WORKERS="2") as process:
            figures = httpx2.get(f"http://127.0.0.1:{folder.operators_port}/metrics", trust_env=False)
            assert figures.status_code == 200
        assert process.returncode == 0
        with pytest.raises(httpx2.TransportError):
            httpx2.get(f"{folder.origin}/_inkom/health/live", trust_env=False)
    finally:
        redis.stop()


class _Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(204 if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_checks_find_the_address_that_nobody_listens_at_and_end_with_the_process(folder: Folder) -> None:
    server, nobody = ThreadingHTTPServer(("127.0.0.1", 0), _Healthy), free_port()
    Thread(target=server.serve_forever, daemon=True).start()
    addresses = f"http://127.0.0.1:{server.server_port} http://127.0.0.1:{nobody}"
    topic = "INKOM_APPLICATIONS_KMO_PORTEFEUILLE"
    checks = {f"{topic}_HEALTH_PATH": "/health", f"{topic}_HEALTH_INTERVAL": "0.1"}
    try:
        with serving(folder, **{f"{topic}_UPSTREAM": addresses}, **checks) as process:
            figure = 'inkom_backend_usable{{address="127.0.0.1:{}",application="kmo-portefeuille"}} {}'
            deadline, figures = monotonic() + _SECONDS, ""
            while monotonic() < deadline and figure.format(nobody, 0.0) not in figures:
                figures = httpx2.get(f"http://127.0.0.1:{folder.operators_port}/metrics", trust_env=False).text
            assert figure.format(nobody, 0.0) in figures
            assert figure.format(server.server_port, 1.0) in figures
        assert process.returncode == 0
    finally:
        server.shutdown()
        server.server_close()
    events = [json.loads(line) for line in (folder.path / "log").read_text().splitlines()]
    (changed,) = (event for event in events if event["event"] == "a backend changed")
    assert (changed["backend"], changed["change"]) == (f"127.0.0.1:{nobody}", "unhealthy")
    assert changed["last"] == "no connection: ConnectionRefusedError"
