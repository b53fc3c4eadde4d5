"""Sessions of many people, written by the product's own store: a pattern session with other people's numbers.

`seed` starts two processes of this module, one on each core. What they are told (the pattern's cookie among it) comes
by standard input, so that it stands in no list of processes; they write the new cookies to a file, one on each line.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from bench.processes import ROOT, surroundings
from broker.config import load
from broker.domain.numbers import NationalNumber
from broker.domain.session import Session
from broker.parts import Parts, connect_parts
from broker.ports import SessionStore

_AT_ONCE = 40
_DAYS = 28
_TEST_MONTH = 60  # added to the month: the number of nobody


class NotSeeded(Exception):
    """The sessions could not be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """Files with Cookie values: of all sessions, and of a thousand of them spread evenly."""

    every: Path
    some: Path
    count: int


def seed(configuration: Path, *, cookie_name: str, token: str, count: int, folder: Path, some: int = 1000) -> Seeded:
    """Write `count` sessions like that of `token` into the Redis of a configuration. Raises NotSeeded."""
    half, common = count // 2, {"configuration": str(configuration), "token": token}
    parts = ({"first": "0", "count": str(half)}, {"first": str(half), "count": str(count - half)})
    writers = [_begin(core, {**common, **part}, folder) for core, part in enumerate(parts)]
    try:
        for writer in writers:
            _, said = writer.communicate()
            if writer.returncode:
                raise NotSeeded(said.decode(errors="replace")[-2000:])
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    lines = [f"{cookie_name}={one}" for core in range(2) for one in _cookies(folder, core).read_text().splitlines()]
    every, chosen = folder / "every", folder / "some"
    every.write_text("\n".join(lines) + "\n")
    chosen.write_text("\n".join(lines[:: max(1, len(lines) // some)][:some]) + "\n")
    return Seeded(every=every, some=chosen, count=len(lines))


def _begin(core: int, told: dict[str, str], folder: Path) -> subprocess.Popen[bytes]:
    order = folder / f"order-{core}"
    order.write_text(json.dumps({**told, "file": str(_cookies(folder, core))}))
    command = ["taskset", "--cpu-list", str(core), sys.executable, "-m", "bench.seeding"]
    with order.open("rb") as standard_input:
        return subprocess.Popen(
            command,
            stdin=standard_input,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=surroundings(),
            cwd=ROOT,
        )


def _cookies(folder: Path, core: int) -> Path:
    return folder / f"cookies-{core}"


def numbers() -> Iterator[NationalNumber]:
    """Test numbers (month plus 60), all different, with right check digits: some 33 million."""
    for year in range(100):
        for month in range(1, 13):
            for day in range(1, _DAYS + 1):
                for serial in range(1, 998):
                    nine = f"{year:02}{_TEST_MONTH + month:02}{day:02}{serial:03}"
                    yield NationalNumber(f"{nine}{97 - int(nine) % 97:02}")


def like(pattern: Session, number: NationalNumber) -> Session:
    """The same session of somebody else."""
    return replace(
        pattern,
        reference=secrets.token_urlsafe(12),
        form_token=secrets.token_urlsafe(len(pattern.form_token) * 3 // 4),
        identity=replace(pattern.identity, national_number=number, subject=secrets.token_hex(20)),
    )


async def write(store: SessionStore, pattern: Session, *, first: int, count: int) -> list[str]:
    """Begin sessions of the people from number `first` on; return their cookies' values."""
    people = islice(numbers(), first, first + count)
    cookies: list[str] = []
    while group := list(islice(people, _AT_ONCE)):
        cookies += await asyncio.gather(*(store.begin(like(pattern, number)) for number in group))
    return cookies


async def pattern_session(configuration: Path, token: str) -> Session:
    """The session that a cookie opens. Raises NotSeeded."""
    parts = _parts(configuration)
    session = await parts.sessions.find(token)
    await _close(parts)
    if session is None:
        raise NotSeeded("the cookie opens no session")
    return session


def _parts(configuration: Path) -> Parts:
    settings, known = load(configuration)
    return connect_parts(settings, known, near=configuration.parent)


async def _close(parts: Parts) -> None:
    for close in parts.closing:
        await close()


async def _written(configuration: Path, token: str, *, first: int, count: int) -> list[str]:
    pattern, parts = await pattern_session(configuration, token), _parts(configuration)
    cookies = await write(parts.sessions, pattern, first=first, count=count)
    await _close(parts)
    return cookies


def _main(told: dict[str, str]) -> None:
    writing = _written(Path(told["configuration"]), told["token"], first=int(told["first"]), count=int(told["count"]))
    Path(told["file"]).write_text("\n".join(asyncio.run(writing)) + "\n")


if __name__ == "__main__":
    _main(json.load(sys.stdin))
