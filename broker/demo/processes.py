"""Start, watch and end the processes of the demo, each in a process group of its own.

A group of its own keeps a Ctrl-C in the terminal from reaching the children before the demo has decided what to end
first, and lets a server be ended together with its workers. Knows nothing of what the processes are for.
"""

import asyncio
import http.client
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, assert_never
from urllib.parse import urlsplit

from broker.demo import guard

START_SECONDS = 30.0
GRACE_SECONDS = 8.0
KILL_SECONDS = 2.0
POLL_SECONDS = 0.05
TAIL_LINES = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpProbe:
    """Healthy when this address answers with a 2xx, or with any status when all of it stands behind a sign-in."""

    url: str
    any_status: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisProbe:
    """Healthy when PING is answered to this user (https://redis.io/docs/latest/develop/reference/protocol-spec/)."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)


Probe = HttpProbe | RedisProbe


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One process to start: its name (also of its log), its command, and how to see that it works."""

    name: str
    title: str
    command: tuple[str, ...] = field(repr=False)
    environment: Mapping[str, str] = field(repr=False, default_factory=dict)
    probes: tuple[Probe, ...]


class PartFailed(Exception):
    """A process did not come up, or ended while the demo ran; the text is for the person at the terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    part: Part
    process: asyncio.subprocess.Process
    log: Path

    async def healthy(self) -> None:
        """Return once every probe succeeds; raise PartFailed when the process ends or takes too long."""
        try:
            async with asyncio.timeout(START_SECONDS):
                for probe in self.part.probes:
                    while not await answers(probe):
                        if self.process.returncode is not None:
                            raise PartFailed(self._ended())
                        await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise PartFailed(self._report(f"did not answer within {START_SECONDS:.0f} s")) from None
        # Somebody else's server on the same port may have answered in the place of ours.
        if self.process.returncode is not None:
            raise PartFailed(self._ended())

    async def ended(self) -> str:
        """Wait for the end of the process, which nobody asked for, and report it."""
        await self.process.wait()
        return self._ended()

    async def end(self) -> None:
        """End the whole group: SIGTERM, and SIGKILL after the grace."""
        group = self.process.pid
        if _signal_group(group, signal.SIGTERM) and not await self._gone(group, GRACE_SECONDS):
            _signal_group(group, signal.SIGKILL)
            await self._gone(group, KILL_SECONDS)

    async def _gone(self, group: int, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self.process.wait()
                # Members that are not our children report their end to nobody, so there is no event to wait for.
                while _signal_group(group, 0):  # noqa: ASYNC110
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            return False
        return True

    def _ended(self) -> str:
        code = self.process.returncode
        how = f"ended by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
        return self._report(how)

    def _report(self, what: str) -> str:
        tail = self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        lines = "".join(f"\n  | {line}" for line in tail) or "\n  | (it wrote nothing)"
        return f"{self.part.title}: {what}. The end of {self.log}:{lines}"


class Household:
    """Everything started by one demo: an async context that leaves nothing behind, whichever way it is left."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: list[Running] = []
        self._guard: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self._guard = await asyncio.create_subprocess_exec(
            sys.executable, "-I", guard.__file__, stdin=asyncio.subprocess.PIPE, process_group=0
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The newest first, on its own: the gateway finishes its requests while what it needs is still there.
        if self._running:
            await self._end(self._running[-1])
        await asyncio.gather(*(self._end(running) for running in tuple(self._running)))
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.close()
            await self._guard.wait()

    async def start(self, parts: tuple[Part, ...]) -> None:
        """Start these parts side by side and return once all are healthy; PartFailed names the first that is not."""
        started = [await self._start(part) for part in parts]
        checks = [asyncio.create_task(running.healthy()) for running in started]
        try:
            await asyncio.gather(*checks)
        finally:
            for check in checks:
                check.cancel()

    async def watch(self) -> None:
        """Never returns by itself: raises PartFailed as soon as one of the processes ends."""
        watches = [asyncio.create_task(running.ended()) for running in self._running]
        try:
            done, _ = await asyncio.wait(watches, return_when=asyncio.FIRST_COMPLETED)
            raise PartFailed(done.pop().result())
        finally:
            for watch in watches:
                watch.cancel()

    def groups(self) -> tuple[int, ...]:
        """The process groups that run, in the order in which they were started."""
        return tuple(running.process.pid for running in self._running)

    async def _start(self, part: Part) -> Running:
        log = self._logs / f"{part.name}.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *part.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, **part.environment},
                process_group=0,
            )
        running = Running(part=part, process=process, log=log)
        self._running.append(running)
        self._tell_guard("+", process.pid)
        return running

    async def _end(self, running: Running) -> None:
        await running.end()
        self._running.remove(running)
        self._tell_guard("-", running.process.pid)

    def _tell_guard(self, sign: str, group: int) -> None:
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.write(f"{sign}{group}\n".encode())


async def fetch(url: str) -> tuple[int, bytes] | None:
    """Status and body of a GET; None when nobody answers as an HTTP server does."""
    return await asyncio.to_thread(_fetch, url)


def _fetch(url: str) -> tuple[int, bytes] | None:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=2)
    try:
        connection.request("GET", address.path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


async def answers(probe: Probe) -> bool:
    """Whether the probe succeeds now."""
    match probe:
        case HttpProbe():
            answer = await fetch(probe.url)
            return answer is not None and (probe.any_status or 200 <= answer[0] < 300)
        case RedisProbe():
            return await _redis_answers(probe)
        case _:
            assert_never(probe)


async def _redis_answers(probe: RedisProbe) -> bool:
    try:
        reader, writer = await asyncio.open_connection(probe.host, probe.port)
        try:
            writer.write(f"AUTH {probe.user} {probe.password}\r\nPING\r\n".encode())
            return await reader.readline() == b"+OK\r\n" and await reader.readline() == b"+PONG\r\n"
        finally:
            writer.close()
    except OSError:
        return False


def _signal_group(group: int, number: int) -> bool:
    """Whether the group still had a process to receive the signal."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True
