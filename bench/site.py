"""Everything around the candidates, on the other core: backends, Redis servers, the mock government, a folder.

Each is started when first asked for, and all end with the block. A Redis belongs to one owner, so that what is counted
in it is its owner's alone.
"""

from __future__ import annotations

import http.client
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from bench import backend
from bench.ports import free_port
from bench.processes import OTHER_CORE, ROOT, DidNotStart, Group, running
from broker.demo.options import Options
from broker.demo.registered import write_registrations
from broker.demo.runtime import Runtime, prepare, read_secret

APPLICATION = "kmo-portefeuille"  # its backend is nginx
LIVE_APPLICATION = "coronamaatregelen"  # its backend holds streams and reads uploads
_MOST_MEMORY = "6gb"


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisServer:
    """A Redis of ours; `process` holds it."""

    port: int
    process: Group

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def ask(self) -> Redis:
        """A client for what is asked beside the measurement."""
        return Redis(host="127.0.0.1", port=self.port)


@dataclass(slots=True)
class Site:
    """The surroundings of one run."""

    folder: Path
    stack: ExitStack
    _started: dict[str, int] = field(default_factory=dict)
    _redis: dict[str, RedisServer] = field(default_factory=dict)

    def backend(self) -> int:
        """The port of the backend that answers with bodies of known size."""
        return self._once("backend", self._start_backend)

    def live(self) -> int:
        """The port of the backend that holds streams and reads uploads."""
        return self._once("live", self._start_live)

    def government(self) -> int:
        """The port of the mock government."""
        return self._once("government", self._start_government)

    def redis(self, owner: str) -> RedisServer:
        """The Redis of one owner."""
        if owner not in self._redis:
            self._redis[owner] = self._start_redis(owner)
        return self._redis[owner]

    def room(self, name: str) -> Path:
        """A new folder."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))

    def runtime(self) -> Runtime:
        """Keys and secrets of the gateway as the demo makes them, made once."""
        runtime = Runtime(directory=self.folder / "runtime")
        if not runtime.directory.exists():
            prepare(_demo(runtime.directory))
            write_registrations(runtime)
        return runtime

    def register_client(self, entry: Mapping[str, object]) -> None:
        """Let the mock government know a relying party. Raises DidNotStart when it does not want to."""
        connection = http.client.HTTPConnection("localhost", self.government(), timeout=20)
        try:
            connection.request("POST", "/mock/clients", json.dumps(entry), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            if answer.status >= 300:
                raise DidNotStart(f"the mock government refuses a relying party: {answer.read()!r}")
        finally:
            connection.close()

    def _once(self, name: str, start: Callable[[int], None]) -> int:
        if name not in self._started:
            port = free_port()
            start(port)
            self._started[name] = port
        return self._started[name]

    def _start_backend(self, port: int) -> None:
        room = self.room("backend")
        file = room / "nginx.conf"
        file.write_text(backend.configuration(room, port=port))
        self._run(("nginx", "-c", str(file), "-e", str(room / "log")), room, answers(port))

    def _start_live(self, port: int) -> None:
        self._run((sys.executable, "-m", "bench.live", str(port)), self.room("live"), answers(port))

    def _start_government(self, port: int) -> None:
        runtime = self.runtime()
        command = (
            *(sys.executable, "-m", "mock_idp", "--host", "127.0.0.1", "--port", str(port)),
            *("--smtp-port", str(free_port()), "--clients", str(runtime.mock_clients)),
        )
        token = {"INKOM_MOCK_REGISTER_TOKEN": read_secret(runtime.register_token)}
        self._run(command, self.room("government"), answers(port, path="/health"), token)

    def _start_redis(self, owner: str) -> RedisServer:
        port, room = free_port(), self.room("redis")
        command = (
            *("redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(room), "--save", ""),
            *("--appendonly", "no", "--maxmemory", _MOST_MEMORY, "--maxmemory-policy", "noeviction"),
        )

        def ready() -> bool:
            with closing(Redis(host="127.0.0.1", port=port)) as client:
                try:
                    return bool(client.ping())
                except RedisError:
                    return False

        return RedisServer(port=port, process=self._run(command, room, ready))

    def _run(
        self, command: tuple[str, ...], room: Path, ready: Callable[[], bool], environment: dict[str, str] | None = None
    ) -> Group:
        starting = running(command, core=OTHER_CORE, log=room / "log", ready=ready, environment=environment)
        return self.stack.enter_context(starting)


def _demo(directory: Path) -> Options:
    """The demo's options, for nothing but the keys: who listens where is ours to say."""
    ports = {"gateway_port": 0, "operators_port": 0, "mock_port": 0, "smtp_port": 0, "apps_port_base": 0}
    return Options(**ports, redis_port=0, directory=directory, config=ROOT / "inkom.yaml", prepare_only=True)


@contextmanager
def open_site() -> Iterator[Site]:
    """The surroundings for the length of a block."""
    with tempfile.TemporaryDirectory(prefix="inkom-bench-") as folder, ExitStack() as stack:
        yield Site(folder=Path(folder), stack=stack)


def answers(port: int, *, path: str = "/", host: str | None = None) -> Callable[[], bool]:
    """Whether something answers there, by whatever status below 500."""

    def ready() -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path, headers={"Host": host or f"127.0.0.1:{port}"})
            return connection.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return ready
