"""What a misbehaving backend says (D35), by the last segment of the target: the form is that of `backend.Play`.

`REFUSED` must become 502 or 504 with a reference; `CUT` begin well and break the rules later, so that the client's
connection is cut in the middle; `SPOILED` are good answers behind which the connection must not be used again.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping

from tests.security.backend import Play, Then

_OK = b"HTTP/1.1 200 OK\r\n"
_PLAIN = _OK + b"content-length: 2\r\n\r\nok"
_SECOND = _OK + b"content-length: 8\r\n\r\npoisoned"
_CHUNKED = _OK + b"transfer-encoding: chunked\r\n\r\n"
GZIPPED = gzip.compress(b"ok" * 100, mtime=0)


def _say(*parts: bytes | float, then: Then = Then.HOLD) -> Play:
    return (*parts, then)


def _flood(first: bytes, part: bytes) -> tuple[bytes | float, ...]:
    """Ten parts, apart from each other: how much is read at once depends on the machine."""
    return (0.05, first, *(one for _ in range(10) for one in (part, 0.01)))


REFUSED: Mapping[str, tuple[int, Play]] = {
    "cl-and-te": (502, _say(_OK + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")),
    "te-and-cl": (502, _say(_OK + b"transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n")),
    "two-lengths": (502, _say(_OK + b"content-length: 2\r\ncontent-length: 3\r\n\r\nok!")),
    "two-equal-lengths": (502, _say(_OK + b"content-length: 2\r\ncontent-length: 2\r\n\r\nok")),
    "length-list": (502, _say(_OK + b"content-length: 2, 2\r\n\r\nok")),
    "length-plus": (502, _say(_OK + b"content-length: +2\r\n\r\nok")),
    "length-minus": (502, _say(_OK + b"content-length: -2\r\n\r\nok")),
    "length-hex": (502, _say(_OK + b"content-length: 0x2\r\n\r\nok")),
    "length-empty": (502, _say(_OK + b"content-length: \r\n\r\nok")),
    "length-huge": (502, _say(_OK + b"content-length: 18446744073709551616\r\n\r\nok")),
    "te-unknown": (502, _say(_OK + b"transfer-encoding: xchunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")),
    "te-gzip": (502, _say(_OK + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n")),
    "te-twice": (502, _say(_OK + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")),
    "te-in-http-1-0": (502, _say(b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")),
    "space-before-colon": (502, _say(_OK + b"content-length : 2\r\n\r\nok")),
    "empty-name": (502, _say(_OK + b": x\r\ncontent-length: 2\r\n\r\nok")),
    "no-colon": (502, _say(_OK + b"nonsense\r\ncontent-length: 2\r\n\r\nok")),
    "obs-fold": (502, _say(_OK + b"x: a\r\n b\r\ncontent-length: 2\r\n\r\nok")),
    "bare-lf": (502, _say(b"HTTP/1.1 200 OK\ncontent-length: 2\n\nok")),
    "bare-cr-in-value": (502, _say(_OK + b"x: a\rset-cookie: b=c\r\ncontent-length: 2\r\n\r\nok")),
    "nul-in-value": (502, _say(_OK + b"x: a\0b\r\ncontent-length: 2\r\n\r\nok")),
    "control-in-value": (502, _say(_OK + b"x: a\x01b\r\ncontent-length: 2\r\n\r\nok")),
    "lf-in-value": (502, _say(_OK + b"x: a\nset-cookie: b=c\r\ncontent-length: 2\r\n\r\nok")),
    "eight-bit-name": (502, _say(_OK + b"x\xe9: a\r\ncontent-length: 2\r\n\r\nok")),
    "http-2": (502, _say(b"HTTP/2.0 200 OK\r\ncontent-length: 2\r\n\r\nok")),
    "http-9-9": (502, _say(b"HTTP/9.9 200 OK\r\ncontent-length: 2\r\n\r\nok")),
    "http-0-9": (502, _say(b"<html>ok</html>", then=Then.CLOSE)),
    "garbage": (502, _say(b"\x16\x03\x01\x02\x00\x01\x00", then=Then.CLOSE)),
    "a-request": (502, _say(b"GET / HTTP/1.1\r\nhost: gw.example\r\n\r\n")),
    "status-99": (502, _say(b"HTTP/1.1 99 Low\r\ncontent-length: 2\r\n\r\nok")),
    "status-600": (502, _say(b"HTTP/1.1 600 High\r\ncontent-length: 2\r\n\r\nok")),
    "status-word": (502, _say(b"HTTP/1.1 OK\r\ncontent-length: 2\r\n\r\nok")),
    "status-four-digits": (502, _say(b"HTTP/1.1 2000 OK\r\ncontent-length: 2\r\n\r\nok")),
    "nothing": (502, _say(then=Then.CLOSE)),
    "half-a-head": (502, _say(_OK + b"content-le", then=Then.CLOSE)),
    "half-a-status": (502, _say(b"HTTP/1.1 2", then=Then.CLOSE)),
    "reset": (502, _say(0.01, then=Then.RESET)),
    "reset-in-the-head": (502, _say(_OK + b"x: ", 0.02, then=Then.RESET)),
    "interim-flood": (502, _say(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 500, _PLAIN)),
    "continue-flood": (502, _say(b"HTTP/1.1 100 Continue\r\n\r\n" * 500, _PLAIN)),
    "interim-with-length": (502, _say(b"HTTP/1.1 103 Early Hints\r\ncontent-length: 2\r\n\r\nok" + _PLAIN)),
    "interim-with-chunks": (
        502,
        _say(b"HTTP/1.1 100 Continue\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" + _PLAIN),
    ),
    "switch-unasked": (502, _say(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n")),
    "many-fields": (502, _say(_OK + b"x: 1\r\n" * 20_000 + b"content-length: 2\r\n\r\nok")),
    "large-field": (502, _say(_OK + b"x: " + b"1" * 100_000 + b"\r\ncontent-length: 2\r\n\r\nok")),
    "endless-head": (502, _say(*(b"x: " + b"1" * 10_000 + b"\r\n",) * 100)),
    "endless-status": (502, _say(b"HTTP/1.1 200 " + b"O" * 100_000)),
    "silence": (504, _say()),
    "dripping-head": (504, _say(*[part for octet in _OK + b"x: 1" for part in (bytes((octet,)), 0.06)])),
    "only-interim": (504, _say(b"HTTP/1.1 100 Continue\r\n\r\n")),
}

CUT: Mapping[str, Play] = {
    "short-body": _say(_OK + b"content-length: 9\r\n\r\nok", then=Then.CLOSE),
    "reset-in-the-body": _say(_OK + b"content-length: 9\r\n\r\nok", 0.05, then=Then.RESET),
    "silence-in-the-body": _say(_OK + b"content-length: 9\r\n\r\nok"),
    "no-last-chunk": _say(_CHUNKED + b"2\r\nok\r\n", then=Then.CLOSE),
    "bad-chunk-size": _say(_CHUNKED + b"2\r\nok\r\n", 0.05, b"zz\r\n"),
    "chunk-plus": _say(_CHUNKED + b"2\r\nok\r\n", 0.05, b"+2\r\nok\r\n0\r\n\r\n"),
    "chunk-hex-prefix": _say(_CHUNKED + b"2\r\nok\r\n", 0.05, b"0x2\r\nok\r\n0\r\n\r\n"),
    "chunk-overrun": _say(_CHUNKED + b"2\r\nok\r\n", 0.05, b"2\r\nok!\r\n0\r\n\r\n"),
    "chunk-huge": _say(_CHUNKED + b"2\r\nok\r\n", 0.05, b"10000000000000000\r\nok"),
    "chunk-bare-lf": _say(_CHUNKED + b"2\r\nok\r\n", 0.05, b"2\nok\n0\n\n"),
    "chunk-extension-flood": _say(_CHUNKED + b"2\r\nok\r\n", *_flood(b"2;", b"a" * 40_000), b"\r\nok\r\n0\r\n\r\n"),
    "trailer-flood": _say(_CHUNKED + b"2\r\nok\r\n", *_flood(b"0\r\n", b"x: 1\r\n" * 7000), b"\r\n"),
    "bad-trailer": _say(_CHUNKED + b"2\r\nok\r\n", 0.05, b"0\r\nx : 1\r\n\r\n"),
}

# Name: method, status of the answer to the client, what the backend says, a little later than it could.
SPOILED: Mapping[str, tuple[bytes, int, Play]] = {
    "second-answer-later": (b"GET", 200, _say(0.1, _PLAIN, 0.02, _SECOND)),
    "body-after-head": (b"HEAD", 200, _say(0.1, _PLAIN)),
    "answer-after-head": (b"HEAD", 200, _say(0.1, _OK + b"content-length: 8\r\n\r\n", 0.02, _SECOND)),
    "body-after-204": (b"GET", 204, _say(0.1, b"HTTP/1.1 204 No Content\r\n\r\n", 0.02, b"ok")),
    "body-after-304": (b"GET", 304, _say(0.1, b"HTTP/1.1 304 Not Modified\r\ncontent-length: 2\r\n\r\n", 0.02, b"ok")),
    "says-close-and-stays": (b"GET", 200, _say(0.1, _OK + b"connection: close\r\ncontent-length: 2\r\n\r\nok")),
    "until-the-end": (b"GET", 200, _say(0.1, _OK + b"\r\nok", then=Then.CLOSE)),
    "http-1-0": (b"GET", 200, _say(0.1, b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok")),
}

# Two answers in one piece: the first may be what somebody put before the real one. It is refused, or passed on alone.
DOUBLE: Mapping[str, Play] = {
    "second-answer": _say(_PLAIN + _SECOND),
    "answer-after-204": _say(b"HTTP/1.1 204 No Content\r\n\r\n" + _SECOND),
    "answer-after-304": _say(b"HTTP/1.1 304 Not Modified\r\n\r\n" + _SECOND),
    "answer-after-chunks": _say(_CHUNKED + b"2\r\nok\r\n0\r\n\r\n" + _SECOND),
    "garbage-behind": _say(_PLAIN + b"\0\0\0"),
}

# Nothing is wrong with these: what the gateway must pass on as it is.
PROPER: Mapping[str, Play] = {
    "sets-a-cookie": (_OK + b"set-cookie: theirs=of-the-first-one\r\ncontent-length: 2\r\n\r\nok", Then.GO_ON),
    "compressed": (
        _OK + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n%b" % (len(GZIPPED), GZIPPED),
        Then.GO_ON,
    ),
}

PLAYS: Mapping[bytes, Play] = {
    name.encode(): play
    for name, play in (
        *((name, play) for name, (_, play) in REFUSED.items()),
        *CUT.items(),
        *((name, play) for name, (_, _, play) in SPOILED.items()),
        *DOUBLE.items(),
        *PROPER.items(),
    )
}
