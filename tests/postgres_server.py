"""A real PostgreSQL for tests: in a folder of its own, on a socket there and on no port, as a user that is not root."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any, LiteralString
from urllib.parse import quote

import psycopg
from psycopg.sql import SQL, Composed, Identifier

# Debian keeps the programs off the PATH, one folder for each version.
_DEBIAN = Path("/usr/lib/postgresql")
_START_SECONDS = 30.0
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresServer:
    """One server process; each test asks for a fresh database in it."""

    folder: Path
    process: subprocess.Popen[bytes]
    numbers: Iterator[int]

    def fresh_database(self) -> str:
        """Make a database that nothing stands in, and return its address."""
        name = f"test_{next(self.numbers)}"
        self.say(SQL("CREATE DATABASE {}").format(Identifier(name)))
        return f"postgresql:///{name}?host={quote(str(self.folder), safe='')}&user=postgres"

    def say(self, statement: LiteralString | Composed) -> None:
        """Let the server do a statement."""
        with psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute(statement)

    def await_ready(self) -> None:
        """Return when it answers."""
        deadline = monotonic() + _START_SECONDS
        while monotonic() < deadline and self.process.poll() is None:
            try:
                self.say("SELECT 1")
                return
            except psycopg.OperationalError:
                try:
                    self.process.wait(timeout=_PAUSE_SECONDS)  # until it ends, or until it is time to ask again
                except subprocess.TimeoutExpired:
                    continue
        raise AssertionError("PostgreSQL did not start:\n" + (self.folder / "log").read_text())


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server for the length of a block. What it writes is not meant to outlive the tests, and so not synced."""
    programs, user = _programs(), _not_root()
    # Not pytest's folder: only its owner may look into that, and the path of a socket has a hundred characters at most.
    with tempfile.TemporaryDirectory(prefix="inkom-pg-") as place:
        folder, cluster = Path(place), Path(place, "cluster")
        if user:
            shutil.chown(folder, user["user"], user["group"])
        made = subprocess.run(
            [
                *(programs / "initdb", "--pgdata", cluster, "--username", "postgres", "--auth", "trust"),
                *("--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync", "--no-instructions"),
            ],
            capture_output=True,
            check=False,
            cwd=folder,
            **user,
        )
        if made.returncode != 0:
            raise AssertionError("initdb failed:\n" + made.stderr.decode(errors="replace"))
        settings = {"listen_addresses": "", "unix_socket_directories": place, "fsync": "off", "shared_buffers": "16MB"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [programs / "postgres", "-D", cluster, *options], stdout=log, stderr=log, cwd=folder, **user
            )
        server = PostgresServer(folder=folder, process=process, numbers=count(1))
        try:
            server.await_ready()
            yield server
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: nothing of it is needed any more
            process.wait(timeout=_START_SECONDS)


def _not_root() -> dict[str, Any]:
    """Who it runs as: PostgreSQL refuses root."""
    if os.getuid() != 0:
        return {}
    account = pwd.getpwnam("postgres")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _programs() -> Path:
    """The folder with the newest version's programs; loud when there is none."""
    versions = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parent.parent.name))
    found = versions[-1] if versions else shutil.which("initdb")
    if found is None:
        raise AssertionError("PostgreSQL is not installed: apt-get install postgresql, or brew install postgresql@17")
    return Path(found).resolve().parent
