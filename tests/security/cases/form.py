"""The form of a case: octets that a client sends, and what must come of them. Values only.

`COOKIE` stands where the cookie of somebody who is signed in is put when a case is sent: so that each bad request
would be forwarded if nothing but the session were looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

COOKIE = b"@COOKIE@"
HOST = b"Host: gw.example"
SMUGGLED = b"GET /public/smuggled HTTP/1.1\r\n" + HOST + b"\r\nCookie: " + COOKIE + b"\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A request that must be refused with one of `statuses`, after which the connection closes.

    `statements` are the numbers of the acceptance list. `half`: the request is recognised as bad in its body only, so
    that a backend may have seen its beginning, but never the whole. `flood`: so much that the connection may be cut
    without an answer.
    """

    name: str
    statements: frozenset[str]
    raw: bytes
    statuses: frozenset[int]
    half: bool = False
    flood: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Good:
    """Requests that must be answered, in which order the backend gets which targets with which bodies.

    `ends`: the connection closes behind them. `statuses` are those of the answers. `flood`: so much that a client which is
    still sending may lose the answer when the connection is cut (RFC 9112 9.6).
    """

    name: str
    statements: frozenset[str]
    raw: bytes
    sent: tuple[tuple[bytes, bytes, bytes], ...]  # method, target, body
    statuses: tuple[int, ...]
    absent: frozenset[bytes] = frozenset()  # names of fields that the backend must not get
    ends: bool = False
    flood: bool = False


def head(
    *lines: bytes,
    method: bytes = b"GET",
    target: bytes = b"/public/bad",
    version: bytes = b"HTTP/1.1",
    host: bytes | None = HOST,
    cookie: bool = True,
    eol: bytes = b"\r\n",
) -> bytes:
    """A request head of a signed-in client, with these lines in it."""
    first = [b" ".join((method, target, version)) if version else method + b" " + target]
    known = [host] if host is not None else []
    signed_in = [b"Cookie: " + COOKIE] if cookie else []
    return eol.join([*first, *known, *signed_in, *lines, b"", b""])


def refused(
    statement: str,
    table: Iterable[tuple[str, bytes]],
    *statuses: int,
    half: bool = False,
    flood: bool = False,
) -> tuple[Case, ...]:
    """Cases of one statement (or several: "D19 V23") that have the same outcome."""
    numbers = frozenset(statement.split())
    return tuple(
        Case(name=name, statements=numbers, raw=raw, statuses=frozenset(statuses or (400,)), half=half, flood=flood)
        for name, raw in table
    )


def named_once(cases: Iterable[Case]) -> tuple[Case, ...]:
    """The cases, each under a name of its own."""
    seen: dict[str, int] = {}
    result = []
    for case in cases:
        seen[case.name] = seen.get(case.name, 0) + 1
        times = seen[case.name]
        result.append(case if times == 1 else replace(case, name=f"{case.name} ({times})"))
    return tuple(result)
