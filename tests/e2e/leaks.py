"""Finds national numbers, names and secrets in whatever a run leaves behind, however they were written down.

`Searcher` looks; the functions below gather: all of Redis, all logs, what visitors saw, command lines.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

import httpx2
import redis
import yaml

from tests.e2e.chain import Chain
from tests.project.places import ROOT

_SEPARATORS = re.compile(rb"[ .\-/_\xa0\xc2]")
_BEGINNING = 5
_TOKEN = re.compile(rb"[A-Za-z0-9+/_-]{15,}={0,2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """What must stay secret of the people in the mock's world."""

    numbers: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def of_world(cls) -> Cast:
        """Read the mock's own file, so that nobody of the cast can be forgotten."""
        people = yaml.safe_load((ROOT / "mock_idp" / "world.yaml").read_text())["people"].values()
        return cls(
            numbers=tuple(re.sub(r"\D", "", one["national_number"]) for one in people),
            names=tuple(sorted({one["family_name"] for one in people})),
        )


class Searcher:
    """Knows each number and text in every way of writing that a program might use by accident."""

    def __init__(self, *, numbers: Iterable[str] = (), texts: Iterable[str] = ()) -> None:
        numbers, texts = tuple(numbers), tuple(texts)
        self._digits = _by_beginning(number.encode() for number in numbers)
        written = [form for number in numbers for form in number_forms(number)] + list(texts)
        self._written = _by_beginning(spelling for text in written for spelling in spellings(text))

    def find(self, content: bytes) -> tuple[str, ...]:
        """Return what was found, each thing once; empty is good."""
        found: set[str] = set()
        for view in _views(content):
            found |= _found(self._written, view)
            found |= _found(self._digits, _SEPARATORS.sub(b"", view))
        return tuple(sorted(found))


def number_forms(number: str) -> tuple[str, ...]:
    """A national number as people and programs write it."""
    day, serial, check = number[:6], number[6:9], number[9:]
    pairs = (day[:2], day[2:4], day[4:])
    return (
        number,
        f"{'.'.join(pairs)}-{serial}.{check}",
        f"{'.'.join(pairs)}-{serial}-{check}",
        f"{' '.join(pairs)} {serial} {check}",
        f"{day} {serial} {check}",
        f"{day}-{serial}-{check}",
    )


def spellings(text: str) -> Iterator[bytes]:
    """A text in UTF-8 and Latin-1, in base64 at each alignment, in hexadecimal, and as a hash that anybody can make."""
    plain = {text.encode(), text.encode("latin-1", "replace"), text.encode("unicode-escape")}
    for octets in plain:
        yield octets
        yield octets.hex().encode()
        for before in range(3):
            yield from _base64_core(octets, before)
    for algorithm in ("md5", "sha1", "sha256", "sha512"):
        digest = hashlib.new(algorithm, text.encode(), usedforsecurity=False)
        yield digest.hexdigest().encode()
        yield base64.b64encode(digest.digest()).rstrip(b"=")
        yield base64.urlsafe_b64encode(digest.digest()).rstrip(b"=")


def _base64_core(octets: bytes, before: int) -> Iterator[bytes]:
    """The characters that stand for these octets alone, when `before` octets precede them in the group of three."""
    encoded = base64.b64encode(b"\0" * before + octets).rstrip(b"=")
    first = -(-before * 8 // 6)
    last = (before + len(octets)) * 8 // 6
    core = encoded[first:last]
    if len(core) > _BEGINNING:
        yield core
        yield core.replace(b"+", b"-").replace(b"/", b"_")


def _views(content: bytes) -> Iterator[bytes]:
    """The content as it is, percent-decoded, with HTML's entities resolved, and what its base64 words hold."""
    yield content
    yield unquote_to_bytes(content)
    yield html.unescape(content.decode("latin-1")).encode("latin-1", "ignore")
    yield b"\n".join(_decoded(word) for word in _TOKEN.findall(content))


def _decoded(word: bytes) -> bytes:
    alphabet = word.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
    alphabet = alphabet[: len(alphabet) - (len(alphabet) % 4 == 1)]
    return base64.b64decode(alphabet + b"=" * (-len(alphabet) % 4))


def _by_beginning(needles: Iterable[bytes]) -> dict[bytes, set[bytes]]:
    """Needles by their first few octets: thousands of them are then looked for in one pass."""
    sorted_in: dict[bytes, set[bytes]] = {}
    for needle in needles:
        assert len(needle) >= _BEGINNING, f"too short to be told from chance: {needle!r}"
        sorted_in.setdefault(needle[:_BEGINNING], set()).add(needle)
    return sorted_in


def _found(needles: dict[bytes, set[bytes]], content: bytes) -> set[str]:
    beginnings = {content[at : at + _BEGINNING] for at in range(len(content))}
    possible = {needle for beginning in beginnings & needles.keys() for needle in needles[beginning]}
    return {needle.decode("latin-1") for needle in possible if needle in content}


def redis_of(chain: Chain) -> redis.Redis:
    """Connect as the gateway does."""
    return redis.Redis(port=chain.redis_port, username="inkom", password=chain.redis_password)


def dump_of(chain: Chain) -> dict[bytes, bytes]:
    """Everything in Redis: each key with its value as it is, and as Redis would write it to disk."""
    with redis_of(chain) as connection:
        return {key: _value(connection, key) for key in connection.scan_iter(count=500)}


def _value(connection: redis.Redis, key: bytes) -> bytes:
    """Read a value; its dump alone is not enough, for Redis compresses there."""
    kind = connection.type(key)
    value: object
    match kind:
        case b"string":
            value = connection.get(key)
        case b"list":
            value = connection.lrange(key, 0, -1)
        case b"hash":
            value = connection.hgetall(key)
        case b"set":
            value = connection.smembers(key)
        case b"zset":
            value = connection.zrange(key, 0, -1)
        case b"none":
            value = None  # it expired meanwhile
        case _:
            raise AssertionError(f"a kind of value that nobody has thought of: {kind!r}")
    return b"\n".join([*_octets(value), *_octets(connection.dump(key))])


def _octets(value: object) -> Iterator[bytes]:
    match value:
        case bytes():
            yield value
        case dict():
            for pair in value.items():
                yield from _octets(pair)
        case list() | tuple() | set():
            for part in value:
                yield from _octets(part)
        case _:
            assert value is None, value


def logs_in(directory: Path) -> dict[str, bytes]:
    """Every log of a chain, the audit log included, by name."""
    files = [*(directory / "logs").iterdir(), *directory.glob("*.jsonl")]
    return {file.name: file.read_bytes() for file in files}


def seen_in(answers: Iterable[httpx2.Response], *origins: str) -> bytes:
    """What a visitor saw of these origins: addresses, headers and bodies."""
    parts: dict[bytes, None] = {}  # in order, and what was seen again only once
    for answer in answers:
        address = str(answer.url)
        if address.startswith(tuple(f"{origin}/" for origin in origins)):
            parts |= dict.fromkeys([address.encode(), *(name + b": " + value for name, value in answer.headers.raw)])
            parts |= dict.fromkeys(answer.content.splitlines())
    return b"\n".join(parts)


def command_lines(chain: Chain) -> bytes:
    """The command lines of everything that the chain started."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,args="], capture_output=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    family = {str(chain.process.pid).encode()}
    while grown := {row[0] for row in rows if row[1] in family} - family:
        family |= grown
    return b"\n".join(row[2] for row in rows if row[0] in family and len(row) == 3)
