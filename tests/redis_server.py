"""A real redis-server for tests: on a free port, in a folder of its own, and with nothing on disk unless asked."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

_START_SECONDS = 20.0


class RedisServer:
    """One server process; the test that started it ends it."""

    def __init__(self, folder: Path, *, port: int, configuration: Path | None, arguments: tuple[str, ...]) -> None:
        self.folder = folder
        self.port = port
        self._configuration = configuration
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start and wait until it answers."""
        binary = shutil.which("redis-server")
        if binary is None:
            raise AssertionError("redis-server is not installed: apt-get install redis-server, or brew install redis")
        command = [binary, *([str(self._configuration)] if self._configuration else [])]
        command += ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        command += ["--save", "", "--appendonly", "no", "--daemonize", "no", *self._arguments]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = monotonic() + _START_SECONDS
        while not self._answers():
            if monotonic() > deadline or self._process.poll() is not None:
                self.stop()
                raise AssertionError("redis-server did not start:\n" + (self.folder / "log").read_text())

    def stop(self) -> None:
        """End the process, paused or not; nothing happens when it is not running."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()

    def pause(self) -> None:
        """Stop the process in its tracks: it holds its connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after `pause`."""
        self._signal(signal.SIGCONT)

    def dump(self) -> bytes:
        """Return everything that a thief of the disk would have: a snapshot written now."""
        self.command("CONFIG", "SET", "rdbcompression", "no")
        self.command("SAVE")
        return (self.folder / "dump.rdb").read_bytes()

    def command(self, *words: str) -> bytes:
        """Send one command by the simplest of clients and return the first bytes of the answer."""
        parts = [word.encode() for word in words]
        request = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(request)
            return connection.recv(65536)

    def _answers(self) -> bool:
        try:
            return self.command("PING").startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None, "the server is not running"
        os.kill(self._process.pid, number)


@contextmanager
def redis_server(folder: Path, *arguments: str, configuration: Path | None = None) -> Iterator[RedisServer]:
    """Run a server for the length of a block, with further arguments and a configuration file if need be."""
    server = RedisServer(folder, port=_free_port(), configuration=configuration, arguments=arguments)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
