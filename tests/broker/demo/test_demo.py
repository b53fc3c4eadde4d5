"""The whole demo, as a stranger starts it: ready, pages that answer, and nothing left when it has been stopped."""

import asyncio
import os
import signal
import sysconfig
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from broker.demo.options import LOOPBACK, free_port
from broker.demo.processes import fetch
from tests.broker.demo.choices import free_ports_in_a_row
from tests.project.places import ROOT

READY_SECONDS = 60.0  # a loaded machine; the ten seconds of the promise are measured by .ci/run
STOP_SECONDS = 30.0

pytestmark = pytest.mark.serial


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningDemo:
    process: asyncio.subprocess.Process
    printed: tuple[str, ...]
    ports: tuple[int, ...]

    @property
    def gateway(self) -> str:
        return f"http://localhost:{self.ports[0]}"

    @property
    def mock(self) -> str:
        return f"http://{LOOPBACK}:{self.ports[2]}"

    async def stopped_by(self, number: int) -> int:
        self.process.send_signal(number)
        async with asyncio.timeout(STOP_SECONDS):
            return await self.process.wait()


@asynccontextmanager
async def demo(directory: Path) -> AsyncIterator[RunningDemo]:
    """A demo on free ports. Its session is its own, so that what it leaves behind can be found."""
    first = free_ports_in_a_row(7)
    ports = (*range(first, first + 6), free_port(), first + 6)
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sysconfig.get_path("scripts"), "inkom")), "demo", "--directory", str(directory)),
        *("--gateway-port", str(ports[0]), "--operators-port", str(ports[1]), "--mock-port", str(ports[2])),
        *("--apps-port-base", str(ports[3]), "--redis-port", str(ports[6]), "--smtp-port", str(ports[7])),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        cwd=ROOT,
    )
    try:
        yield RunningDemo(process=process, printed=await _until_ready(process), ports=ports)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def _until_ready(process: asyncio.subprocess.Process) -> tuple[str, ...]:
    assert process.stdout is not None
    lines: list[str] = []
    async with asyncio.timeout(READY_SECONDS):
        while line := (await process.stdout.readline()).decode():
            lines.append(line.rstrip("\n"))
            if line.startswith("ready"):
                return tuple(lines)
    raise AssertionError("the demo ended before it was ready:\n" + "\n".join(lines))


def members_of_session(session: int) -> set[str]:
    """Command lines of the processes of a session that live."""
    found = set()
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            state, _parent, _group, its_session = (directory / "stat").read_text().rpartition(") ")[2].split()[:4]
            if its_session == str(session) and state != "Z":
                found.add((directory / "cmdline").read_text().replace("\0", " "))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    return True


async def nothing_is_left(running: RunningDemo) -> None:
    async with asyncio.timeout(STOP_SECONDS):
        while members_of_session(running.process.pid):  # noqa: ASYNC110  (not our children: no event to wait for)
            await asyncio.sleep(0.1)
    assert [port for port in running.ports if await listens(port)] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
async def test_the_demo_gets_ready_answers_and_leaves_nothing(tmp_path: Path, number: int) -> None:
    async with demo(tmp_path / "demo") as running:
        health = await fetch(f"{running.gateway}/_inkom/health/ready")
        visitor = await fetch(f"{running.gateway}/kmo-portefeuille/")
        unknown = await fetch(f"{running.gateway}/no-such-application/")
        discovery = await fetch(f"{running.mock}/op/.well-known/openid-configuration")
        backends = [await fetch(f"http://{LOOPBACK}:{port}/") for port in running.ports[3:6]]

        assert await running.stopped_by(number) == 0
        await nothing_is_left(running)

    assert health is not None
    assert health[0] == 200
    # Not a browser's navigation, so not a redirect but a problem document (contract: answers by kind of client).
    assert visitor is not None
    assert visitor[0] == 401
    assert unknown is not None
    assert unknown[0] == 404
    assert discovery is not None
    assert f'"http://localhost:{running.ports[2]}/op"'.encode() in discovery[1].replace(b" ", b"")
    assert None not in backends


async def test_the_table_shows_where_to_go_and_who_to_be_and_no_log_shows_a_secret(tmp_path: Path) -> None:
    async with demo(tmp_path / "demo") as running:
        table = "\n".join(running.printed)
        secrets = [
            (tmp_path / "demo" / "keys" / name).read_text().strip()
            for name in ("session-secrets", "pseudonym.key", "register-token", "redis-password")
        ]
    logs = "".join(path.read_text(errors="replace") for path in (tmp_path / "demo" / "logs").iterdir())

    assert f"http://localhost:{running.ports[0]}/kmo-portefeuille/" in table
    for key in ("legal-representative", "employee", "expired-right", "many-organisations", "nobody"):
        assert key in table
    assert max(len(line) for line in running.printed if not line.startswith(("starting", "their", "ready"))) <= 80
    assert not [secret for secret in secrets if secret in logs + table]


async def test_when_one_part_dies_the_demo_says_which_and_ends_the_others(tmp_path: Path) -> None:
    async with demo(tmp_path / "demo") as running:
        (victim,) = [pid for pid in _pids_of_session(running.process.pid) if b"mock_apps" in _command_line(pid)]
        os.kill(victim, signal.SIGKILL)
        assert running.process.stdout is not None
        async with asyncio.timeout(STOP_SECONDS):
            said = (await running.process.stdout.read()).decode()
            code = await running.process.wait()

        await nothing_is_left(running)

    assert code == 1
    assert "the sample backends: ended by signal 9" in said


async def test_a_demo_that_is_killed_outright_leaves_nothing_either(tmp_path: Path) -> None:
    async with demo(tmp_path / "demo") as running:
        assert await running.stopped_by(signal.SIGKILL) == -signal.SIGKILL

        await nothing_is_left(running)


def _pids_of_session(session: int) -> tuple[int, ...]:
    pids = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    return tuple(pid for pid in pids if _session_of(pid) == session)


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def _command_line(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()
