"""Processes under measurement: each starts a session of its own on one core, so that it is counted and ended whole.

CPU time and memory come from /proc (proc(5)): those of every process of the session, workers included. Linux only.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

ROOT = Path(__file__).parents[1]
PROXY_CORE = 0
OTHER_CORE = 1  # load, backends, Redis and the mock government
_START_SECONDS = 30.0
_STOP_SECONDS = 15.0
_PAUSE_SECONDS = 0.05
_OPEN_FILES = 16_384
_TICKS = os.sysconf("SC_CLK_TCK")


class DidNotStart(Exception):
    """A program ended, or did not answer in time; the text holds the end of its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Every process of one session, which bears the number of the process that began it."""

    process: subprocess.Popen[bytes]

    def members(self) -> tuple[int, ...]:
        """The ids of the processes that are there now."""
        return tuple(pid for pid, fields in _processes() if str(self.process.pid) in (fields[2], fields[3]))

    def cpu(self) -> float:
        """CPU seconds, user and system, of all that are there now."""
        leader = str(self.process.pid)
        ticks = sum(int(fields[11]) + int(fields[12]) for _, fields in _processes() if leader in (fields[2], fields[3]))
        return ticks / _TICKS

    def pss(self) -> int:
        """Memory in bytes, each shared page counted in proportion (Pss of smaps_rollup)."""
        return sum(_kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") for pid in self.members())

    def rss(self) -> int:
        """Memory in bytes, each shared page counted once for each process (VmRSS)."""
        return sum(_kilobytes(Path(f"/proc/{pid}/status"), "VmRSS:") for pid in self.members())

    def largest(self) -> int:
        """Memory in bytes (Pss) of the largest process, which is a worker."""
        return max(_kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") for pid in self.members())


@contextmanager
def running(
    command: Sequence[str],
    *,
    core: int,
    log: Path,
    ready: Callable[[], bool],
    environment: Mapping[str, str] | None = None,
    patience: float = _START_SECONDS,
) -> Iterator[Group]:
    """Run a program on one core for the length of a block, once it answers. Raises DidNotStart.

    `patience` is how many seconds it may take.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            # If we are killed, so is it; its workers end with it.
            ["setpriv", "--pdeathsig", "TERM", "taskset", "--cpu-list", str(core), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**surroundings(), **(environment or {})},
            cwd=ROOT,  # modules of ours are run from there
            start_new_session=True,
        )
    group = Group(process=process)
    try:
        _await(process, ready, log, patience, name=Path(command[0]).name)
        yield group
    finally:
        _end(group)


def surroundings() -> dict[str, str]:
    """The environment without the settings of a gateway that somebody runs here otherwise."""
    return {name: value for name, value in os.environ.items() if not name.startswith("INKOM_")}


def allow_many_files() -> None:
    """Let this process and all that it starts hold ten thousand connections. Raises DidNotStart."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= _OPEN_FILES:
        return
    try:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (_OPEN_FILES, max(hard, _OPEN_FILES) if hard != resource.RLIM_INFINITY else hard)
        )
    except (ValueError, OSError):
        raise DidNotStart(
            f"only {hard} open files are allowed here, and {_OPEN_FILES} are needed: raise the limit (ulimit -Hn)"
        ) from None


def _processes() -> Iterator[tuple[int, list[str]]]:
    """Each process with the fields of its stat from the state on: 2 is the group, 3 the session, 11 and 12 the time."""
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            # A process that ends while we look has nothing to tell.
            with suppress(OSError):
                content = Path(entry.path, "stat").read_text()
                yield int(entry.name), content.rpartition(")")[2].split()


def _kilobytes(path: Path, field: str) -> int:
    with suppress(OSError):
        for line in path.read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) * 1024
    return 0


def _await(
    process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path, patience: float, *, name: str
) -> None:
    deadline = monotonic() + patience
    while process.poll() is None and monotonic() < deadline:
        if ready():
            return
        sleep(_PAUSE_SECONDS)
    raise DidNotStart(f"{name} did not start:\n{log.read_text(errors='replace')[-4000:]}")


def _end(group: Group) -> None:
    """SIGTERM to the process, which ends its children; SIGKILL to what is left of its group."""
    group.process.terminate()
    with suppress(subprocess.TimeoutExpired):
        group.process.wait(_STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(group.process.pid, signal.SIGKILL)
    group.process.wait(_STOP_SECONDS)
