"""Processes of this folder's tests: started on free ports, awaited until they answer, ended with all their children."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from time import monotonic

import httpx2

START_SECONDS = 30.0
STOP_SECONDS = 15.0
PAUSE_SECONDS = 0.05


@contextmanager
def running(
    command: Sequence[str],
    *,
    log: Path,
    ready: Callable[[], bool],
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for the length of a block, once `ready` says that it works; its output goes to `log`."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
            cwd=folder,
            start_new_session=True,
        )
    try:
        _await(process, ready, log)
        yield process
    finally:
        _end(process)


def answers(url: str) -> Callable[[], bool]:
    """Whether something answers there, by whatever status below 500."""

    def ready() -> bool:
        try:
            return httpx2.get(url, trust_env=False, timeout=5).status_code < 500
        except httpx2.HTTPError:
            return False

    return ready


def free_ports(count: int) -> tuple[int, ...]:
    """That many ports of the loopback that nobody uses now, all different."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return tuple(probe.getsockname()[1] for probe in probes)


def free_port() -> int:
    """One port of the loopback that nobody uses now."""
    return free_ports(1)[0]


def _await(process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path) -> None:
    deadline = monotonic() + START_SECONDS
    while not ready():
        try:
            process.wait(PAUSE_SECONDS)
        except subprocess.TimeoutExpired:
            if monotonic() < deadline:
                continue
        raise AssertionError(f"{process.args!r} did not start:\n{log.read_text(errors='replace')[-4000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM to the process, which ends its children; SIGKILL to what is left of its group."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait(STOP_SECONDS)
