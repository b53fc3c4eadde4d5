"""A strict reader of HTTP/1.1 that shares no code with the gateway: the other opinion on what was sent.

It reads what RFC 9112 says and nothing more: what it can't read, it says so. Backends of these tests read with it, and
it counts the requests on a line. It does not know which hosts, paths or methods are served.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST_LINE = re.compile(rb"(%b) ([\x21-\x7e]+) HTTP/1\.([01])" % _TOKEN)
_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) [\t\x20-\x7e\x80-\xff]*")
_FIELD = re.compile(
    rb"(%b):[ \t]*((?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?)[ \t]*" % _TOKEN
)
_LENGTH = re.compile(rb"[0-9]{1,18}")
# RFC 9112 7.1.1, less escapes in quoted strings, which nobody sends.
_CHUNK = re.compile(rb'([0-9A-Fa-f]{1,15})(?:;%b(?:=(?:%b|"[\t\x20\x21\x23-\x5b\x5d-\x7e]*"))?)*' % (_TOKEN, _TOKEN))
_WITHOUT_BODY = frozenset((204, 304))

Fields = tuple[tuple[bytes, bytes], ...]


class NotHttpError(Exception):
    """The octets are against RFC 9112."""


class _MoreNeededError(Exception):
    """The message has not wholly arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One whole request."""

    method: bytes
    target: bytes
    fields: Fields
    body: bytes

    def values(self, name: bytes) -> list[bytes]:
        """The values of the fields of that (lower-case) name."""
        return [value for found, value in self.fields if found == name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One whole final answer; `closes` when it says that no other follows."""

    status: int
    fields: Fields
    body: bytes

    def values(self, name: bytes) -> list[bytes]:
        """The values of the fields of that (lower-case) name."""
        return [value for found, value in self.fields if found == name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The whole requests at the beginning of some octets, what is left, and what is wrong with that, if anything."""

    requests: tuple[Request, ...]
    rest: bytes
    wrong: str | None


def read_requests(octets: bytes) -> Reading:
    """Read requests until the end, or until one is unfinished or wrong."""
    requests: list[Request] = []
    wrong: str | None = None
    while octets:
        try:
            request, octets = _request(octets)
        except _MoreNeededError:
            break
        except NotHttpError as error:
            wrong = str(error)
            break
        requests.append(request)
    return Reading(requests=tuple(requests), rest=octets, wrong=wrong)


def read_answers(octets: bytes, methods: Iterable[bytes] = ()) -> tuple[tuple[Answer, ...], bytes]:
    """Read whole answers to requests with these methods (GET when there are more), and what is left unfinished.

    Interim answers are read over. Raises NotHttpError.
    """
    answers: list[Answer] = []
    asked = list(methods)
    while octets:
        method = asked[len(answers)] if len(answers) < len(asked) else b"GET"
        try:
            answer, rest = _answer(octets, method)
        except _MoreNeededError:
            break
        octets = rest
        if answer.status >= 200:
            answers.append(answer)
    return tuple(answers), octets


def _request(octets: bytes) -> tuple[Request, bytes]:
    line, fields, rest = _head(octets)
    matched = _REQUEST_LINE.fullmatch(line)
    if matched is None:
        raise NotHttpError(f"no request line: {line[:80]!r}")
    if sum(name == b"host" for name, _ in fields) != 1:
        raise NotHttpError("not exactly one Host")
    if matched[3] == b"0" and any(name == b"transfer-encoding" for name, _ in fields):
        raise NotHttpError("Transfer-Encoding in HTTP/1.0")
    body, rest = _body(fields, rest)
    return Request(method=matched[1], target=matched[2], fields=fields, body=body), rest


def _answer(octets: bytes, method: bytes) -> tuple[Answer, bytes]:
    line, fields, rest = _head(octets)
    matched = _STATUS_LINE.fullmatch(line)
    if matched is None:
        raise NotHttpError(f"no status line: {line[:80]!r}")
    status, body = int(matched[1]), b""
    if status >= 200 and method != b"HEAD" and status not in _WITHOUT_BODY:
        body, rest = _body(fields, rest)
    return Answer(status=status, fields=fields, body=body), rest


def _head(octets: bytes) -> tuple[bytes, Fields, bytes]:
    head, end, rest = octets.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    for line in lines[1 : None if end else -1]:
        if _FIELD.fullmatch(line) is None:
            raise NotHttpError(f"no field: {line[:80]!r}")
    if not end:
        raise _MoreNeededError
    return lines[0], _fields(lines[1:]), rest


def _fields(lines: list[bytes]) -> Fields:
    fields: list[tuple[bytes, bytes]] = []
    for line in lines:
        matched = _FIELD.fullmatch(line)
        if matched is None:
            raise NotHttpError(f"no field: {line[:80]!r}")
        fields.append((matched[1].lower(), matched[2]))
    return tuple(fields)


def _body(fields: Fields, rest: bytes) -> tuple[bytes, bytes]:
    lengths = [value for name, value in fields if name == b"content-length"]
    codings = [value.lower() for name, value in fields if name == b"transfer-encoding"]
    if lengths and codings:
        raise NotHttpError("both Content-Length and Transfer-Encoding")
    if codings:
        if codings != [b"chunked"]:
            raise NotHttpError("a transfer coding other than chunked")
        return _chunks(rest)
    if not lengths:
        return b"", rest
    if len(lengths) > 1 or _LENGTH.fullmatch(lengths[0]) is None:
        raise NotHttpError("no single Content-Length")
    length = int(lengths[0])
    if len(rest) < length:
        raise _MoreNeededError
    return rest[:length], rest[length:]


def _chunks(octets: bytes) -> tuple[bytes, bytes]:
    whole = bytearray()
    while True:
        line, end, octets = octets.partition(b"\r\n")
        if not end:
            raise _MoreNeededError
        matched = _CHUNK.fullmatch(line)
        if matched is None:
            raise NotHttpError(f"no chunk: {line[:80]!r}")
        size = int(matched[1], 16)
        if size == 0:
            return bytes(whole), _after_trailers(octets)
        if len(octets) < size + 2:
            raise _MoreNeededError
        if octets[size : size + 2] != b"\r\n":
            raise NotHttpError("a chunk is longer than it says")
        whole += octets[:size]
        octets = octets[size + 2 :]


def _after_trailers(octets: bytes) -> bytes:
    while True:
        line, end, octets = octets.partition(b"\r\n")
        if not end:
            raise _MoreNeededError
        if not line:
            return octets
        if _FIELD.fullmatch(line) is None:
            raise NotHttpError(f"no trailer: {line[:80]!r}")
