"""Several processes that serve one port: started, watched, told to read certificates again, ended within their time.

uvicorn's supervisor, with what is different said at each method. Written against uvicorn 0.54. A worker itself is an
ordinary server, see `app`.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
import socket
from time import monotonic

from uvicorn.config import STARTUP_FAILURE, Config
from uvicorn.supervisors.multiprocess import Multiprocess, Process

_AFTER_GRACE = 5  # seconds that a worker may take to close its parts, after the time that requests are given
_OTHER_FILES = 512  # besides connections: Redis, the database, logs, libraries
_log = logging.getLogger("inkom.workers")


class Workers(Multiprocess):
    """The supervisor of the workers."""

    def __init__(self, config: Config, sockets: list[socket.socket], *, grace: float) -> None:
        super().__init__(config, sockets)
        self._grace = grace
        self.failed = False

    def init_processes(self) -> None:
        """Start all workers."""
        self.processes.extend(self._started() for _ in range(self.processes_num))

    def _started(self) -> Process:
        process = Process(self.config, self.sockets)
        # Inherited: a signal that comes before the worker can hear it waits instead of ending it (signal(7)).
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return process

    def keep_subprocess_alive(self) -> None:
        """Start a worker anew when its process has ended.

        uvicorn also kills one that does not answer for some seconds: on a busy machine those are workers that have yet
        to start, and connections that would have gone on.
        """
        for place, process in enumerate(self.processes):
            if process.exitcode is None:
                continue
            if process.exitcode == STARTUP_FAILURE:
                _log.error("worker %d could not start; stopping, since no other could", process.pid)
                self.failed = True
                self.should_exit.set()
                return
            _log.error("worker %d ended with code %d; starting another", process.pid, process.exitcode)
            self.processes[place] = self._started()

    def handle_hup(self) -> None:
        """Let the workers read their certificates again, where uvicorn would replace them and cut what is under way."""
        for process in self.processes:
            if process.pid is not None and process.exitcode is None:
                os.kill(process.pid, signal.SIGHUP)

    def join_all(self) -> None:
        """Wait for the workers to end, all together no longer than they may take: one that hangs is killed."""
        deadline = monotonic() + self._grace + _AFTER_GRACE
        for process in self.processes:
            process.process.join(max(0.0, deadline - monotonic()))
            if process.exitcode is None:
                _log.error("worker %d did not end in time and was killed", process.pid)
                process.process.kill()
                process.process.join()


def allow_files(connections: int) -> None:
    """Let this process and its workers open what `connections` need: a file for a client, one for a backend."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * connections + _OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < connections + _OTHER_FILES:
        _log.warning(
            "%d open files are allowed, too few for listen.limits.connections: %d; raise the limit to %d",
            allowed,
            connections,
            wanted,
        )
