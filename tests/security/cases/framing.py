"""Bad framing (D18 to D22, and the V rows about parsers): two lengths, odd codings, broken chunks. Values only."""

from __future__ import annotations

from tests.security.cases.form import SMUGGLED, Case, head, named_once, refused

_POST = b"POST"
_CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
_TE = b"Transfer-Encoding: chunked"


def _post(*lines: bytes, body: bytes = b"") -> bytes:
    return head(*lines, method=_POST) + body


_BOTH = (
    ("CL, TE and a GET behind the chunks", _post(b"Content-Length: 6", _TE, body=b"0\r\n\r\n" + SMUGGLED)),
    ("CL, TE and a HEAD behind the chunks", _post(b"Content-Length: 6", _TE, body=b"0\r\n\r\n" + SMUGGLED.replace(b"GET", b"HEAD", 1))),
    ("CL that covers all, TE", _post(b"Content-Length: %d" % (5 + len(SMUGGLED)), _TE, body=b"0\r\n\r\n" + SMUGGLED)),
    ("TE, CL and a GET behind the length", _post(_TE, b"Content-Length: 4", body=b"5c\r\n" + SMUGGLED)),
    ("TE, CL and a GET behind the chunks", _post(_TE, b"Content-Length: 3", body=_CHUNKS + SMUGGLED)),
    ("CL 0 and TE", _post(b"Content-Length: 0", _TE, body=_CHUNKS + SMUGGLED)),
    ("TE and CL in a GET", head(_TE, b"Content-Length: 5") + b"0\r\n\r\n" + SMUGGLED),
    ("TE between two CL", _post(b"Content-Length: 5", _TE, b"Content-Length: 5", body=b"0\r\n\r\n" + SMUGGLED)),
    ("CL and TE far apart", _post(b"Content-Length: 5", *[b"X-%d: 1" % at for at in range(40)], _TE, body=b"0\r\n\r\n" + SMUGGLED)),
    ("CL and TE with other spellings", _post(b"cOnTeNt-LeNgTh: 5", b"tRaNsFeR-eNcOdInG: chunked", body=b"0\r\n\r\n" + SMUGGLED)),
    ("CL and TE identity", _post(b"Content-Length: 5", b"Transfer-Encoding: identity", body=b"hello" + SMUGGLED)),
    ("CL and an unknown TE", _post(b"Content-Length: 5", b"Transfer-Encoding: x", body=b"hello" + SMUGGLED)),
    ("CL and an empty TE", _post(b"Content-Length: 5", b"Transfer-Encoding: ", body=b"hello" + SMUGGLED)),
    ("CL and TE behind a folded line", _post(b"X: 1\r\n Content-Length: 5", _TE, body=b"0\r\n\r\n" + SMUGGLED)),
    ("CL, TE and an expectation", _post(b"Content-Length: 5", _TE, b"Expect: 100-continue", body=b"0\r\n\r\n" + SMUGGLED)),
    ("CL, TE and an upgrade", _post(b"Content-Length: 5", _TE, b"Connection: Upgrade", b"Upgrade: websocket", body=b"0\r\n\r\n" + SMUGGLED)),
    ("CL and TE that Connection names", _post(b"Connection: Transfer-Encoding", b"Content-Length: 5", _TE, body=b"0\r\n\r\n" + SMUGGLED)),
)  # fmt: skip

_BAD_LENGTHS = (
    b"5, 6", b"5, 5", b"5,", b",5", b"+5", b"-1", b"-0", b"-5", b"1_0", b"0x5", b"0X5", b"0o5", b"0b1", b"5 0", b"5 5", b"",
    b"18446744073709551616", b"18446744073709551621", b"4294967301x", b"9223372036854775808", b"1e1", b"5.0", b"5;", b"5\x0b",
    b"\x0b5", b"5\x00", b"\x005", b"five", b"\xd9\xa5", b"\"5\"", b"'5'", b"5\t5", b"5\r", b"00000000000000000000005", b"5h", b"NaN",
    b"1" * 400,
)  # fmt: skip

_LENGTHS = (
    ("two different CL", _post(b"Content-Length: 5", b"Content-Length: 6", body=b"hello" + SMUGGLED)),
    ("two equal CL", _post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello" + SMUGGLED)),
    ("two CL apart", _post(b"Content-Length: 5", b"X: 1", b"content-length: 0", body=b"hello" + SMUGGLED)),
    ("an empty and a good CL", _post(b"Content-Length:", b"Content-Length: 5", body=b"hello" + SMUGGLED)),
    ("three CL", _post(*[b"Content-Length: 5"] * 3, body=b"hello" + SMUGGLED)),
    *((f"CL {bad[:30]!r}", _post(b"Content-Length: " + bad, body=b"hello" + SMUGGLED)) for bad in _BAD_LENGTHS),
    ("CL with a space before the colon", _post(b"Content-Length : 5", body=b"hello" + SMUGGLED)),
    ("CL with a tab before the colon", _post(b"Content-Length\t: 5", body=b"hello" + SMUGGLED)),
    ("CL on a folded line", _post(b"Content-Length:\r\n 5", body=b"hello" + SMUGGLED)),
    ("CL continued on a folded line", _post(b"Content-Length: 5\r\n 0", body=b"hello" + SMUGGLED)),
    ("CL on a line that begins with a space", _post(b" Content-Length: 5", body=b"hello" + SMUGGLED)),
    ("a bad CL in a GET", head(b"Content-Length: +5") + b"hello" + SMUGGLED),
    ("CL with NUL in its name", _post(b"Content\0-Length: 5", body=b"hello" + SMUGGLED)),
    ("CL with CR before its name", _post(b"\rContent-Length: 5", body=b"hello" + SMUGGLED)),
)  # fmt: skip

# What is plainly a list with another coding is 501; what is malformed is 400. Either way nothing is read behind it.
_BAD_CODINGS = (
    b"xchunked", b"chunkedx", b"chunke", b"x-chunked", b"identity", b"gzip", b"gzip, chunked", b"chunked, gzip", b"chunked, identity",
    b"identity, chunked", b"chunked, chunked", b"chunked,", b",chunked", b"chunked , ", b"chunked;a=b", b"chunked; q=0.5", b"chunked;",
    b"\x0bchunked", b"chunked\x0b", b"\x0cchunked", b"chunked\x0c", b"chunked\x00", b"\x00chunked", b"\x01chunked", b"\xa0chunked",
    b"chun\x00ked", b"chun ked", b"'chunked'", b"\"chunked\"", b"", b"chunked\r", b"chunked\rX: 1", b"\r\n chunked", b"\r\n\tchunked",
    b"chunked\r\n ", b"chunked\n", b"\nchunked", b"chunked\x85", b"\xff", b"chunked\x7f", b"cow, chunked", b"chunked, cow", b"none",
    b"c\xc4\xa7unked", b"chunKed\xe2\x84\xaa", b"trailers", b"compress", b"deflate, chunked", b"0", b"[chunked]", b"chunked-",
)  # fmt: skip

_CODINGS = (
    *((f"TE {bad!r}", _post(b"Transfer-Encoding: " + bad, body=_CHUNKS + SMUGGLED)) for bad in _BAD_CODINGS),
    ("two TE", _post(_TE, _TE, body=_CHUNKS + SMUGGLED)),
    ("TE and another TE", _post(_TE, b"Transfer-Encoding: identity", body=_CHUNKS + SMUGGLED)),
    ("another TE and TE", _post(b"Transfer-Encoding: cow", _TE, body=_CHUNKS + SMUGGLED)),
    ("TE and an empty TE", _post(_TE, b"Transfer-Encoding:", body=_CHUNKS + SMUGGLED)),
    ("TE twice in other spellings", _post(_TE, b"transfer-encoding: CHUNKED", body=_CHUNKS + SMUGGLED)),
    ("TE with a space before the colon", _post(b"Transfer-Encoding : chunked", body=_CHUNKS + SMUGGLED)),
    ("TE with a tab before the colon", _post(b"Transfer-Encoding\t: chunked", body=_CHUNKS + SMUGGLED)),
    ("TE with a space before its name", _post(b" Transfer-Encoding: chunked", body=_CHUNKS + SMUGGLED)),
    ("TE with a tab before its name", _post(b"\tTransfer-Encoding: chunked", body=_CHUNKS + SMUGGLED)),
    ("TE with a line feed before the colon", _post(b"Transfer-Encoding\n: chunked", body=_CHUNKS + SMUGGLED)),
    ("TE with a CR before the colon", _post(b"Transfer-Encoding\r: chunked", body=_CHUNKS + SMUGGLED)),
    ("TE with NUL in its name", _post(b"Transfer\0-Encoding: chunked", body=_CHUNKS + SMUGGLED)),
    ("TE in 8-bit letters", _post(b"Transfer\xe2\x80\x90Encoding: chunked", body=_CHUNKS + SMUGGLED)),
    ("TE behind a bare CR", _post(b"X: 1\rTransfer-Encoding: chunked", body=_CHUNKS + SMUGGLED)),
    ("TE behind a bare LF", _post(b"X: 1\nTransfer-Encoding: chunked", body=_CHUNKS + SMUGGLED)),
    ("TE behind CR CR LF", _post(b"X: 1\r\r\nTransfer-Encoding: chunked", body=_CHUNKS + SMUGGLED)),
    ("TE behind a 8-bit line end", _post(b"X: 1\xc4\x8d\xc4\x8aTransfer-Encoding: cow", b"Transfer-Encoding: cow", body=_CHUNKS + SMUGGLED)),
    ("TE without a colon", _post(b"Transfer-Encoding chunked", body=_CHUNKS + SMUGGLED)),
    ("a quoted TE name", _post(b"\"Transfer-Encoding\": chunked", body=_CHUNKS + SMUGGLED)),
    ("TE on HTTP/1.0", head(_TE, method=_POST, version=b"HTTP/1.0") + _CHUNKS + SMUGGLED),
    ("TE on HTTP/1.0 that stays open", head(_TE, b"Connection: keep-alive", method=_POST, version=b"HTTP/1.0") + _CHUNKS + SMUGGLED),
    ("TE and CL on HTTP/1.0", head(_TE, b"Content-Length: 5", method=_POST, version=b"HTTP/1.0") + _CHUNKS + SMUGGLED),
    ("TE with a bad value in a GET", head(b"Transfer-Encoding: xchunked") + _CHUNKS + SMUGGLED),
)  # fmt: skip

_BAD_CHUNKS = (
    b"+2\r\nab\r\n", b"-1\r\nab\r\n", b"-2\r\nab\r\n", b"0x2\r\nab\r\n", b"0X2\r\nab\r\n", b"1_0\r\nabcdefghijklmnop\r\n", b" 2\r\nab\r\n",
    b"\t2\r\nab\r\n", b"2 \r\nab\r\n", b"2\t\r\nab\r\n", b"2\x0b\r\nab\r\n", b"2\x00\r\nab\r\n", b"\r\nab\r\n", b"\r\n2\r\nab\r\n", b";\r\nab\r\n", b";x\r\nab\r\n",
    b"g\r\nab\r\n", b"2h\r\nab\r\n", b"2.0\r\nab\r\n", b"2,\r\nab\r\n", b"2;\r\nab\r\n", b"2;;\r\nab\r\n", b"2; \r\nab\r\n", b"2;a[]=\r\nab\r\n",
    b"2;a=b;\r\nab\r\n", b"2;a\nb\r\nab\r\n", b"2;\nab\r\n", b"2;a\nab\r\n", b"2;a\rb\r\nab\r\n", b"2;a\x00b\r\nab\r\n", b"2;a\x01\r\nab\r\n", b"2;a=\"\n\"\r\nab\r\n",
    b"2;a=\"\r\n0\r\n\r\n\"\r\nab\r\n", b"2\nab\r\n", b"2\rab\r\n", b"2\r\rab\r\n", b"2\r\r\nab\r\n", b"2\n\rab\r\n", b"2\r\nab\n", b"2\r\nab\r", b"2\r\nab0\r\n\r\n",
    b"2\r\nabc\r\n", b"2\r\nab \r\n", b"2\r\nab\n\r\n", b"2\r\nabXX2\r\nab\r\n", b"2\r\na\r\n", b"3\r\nab\r\n", b"10000000000000000\r\nab\r\n", b"10000000000000002\r\nab\r\n",
    b"fffffffffffffffff\r\nab\r\n", b"7fffffffffffffffff\r\nab\r\n", b"2" * 40 + b"\r\nab\r\n", b"\xef\xbc\x92\r\nab\r\n", b"two\r\nab\r\n",
    b"2 ;a\r\nab\r\n", b"2; a\r\nab\r\n", b"0 \r\n\r\n", b"0x\r\n\r\n", b"0;\r\n\r\n", b"-0\r\n\r\n", b"+0\r\n\r\n", b"0_\r\n\r\n", b"00x\r\n\r\n", b"0\n\n", b"0\r\n\n", b"0\n\r\n", b"0\r\r\n",
    b"0\r\nContent-Length: 50\r\n\r\n", b"0\r\nTransfer-Encoding: chunked\r\n\r\n", b"0\r\nX: a\r\n b\r\n\r\n", b"0\r\nX\r\n\r\n", b"0\r\nX : 1\r\n\r\n", b"0\r\n: 1\r\n\r\n", b"0\r\nX: a\0\r\n\r\n", b"0\r\nX: a\nY: b\r\n\r\n", b"0\r\nX: a\rb\r\n\r\n", b"0\r\nX[: 1\r\n\r\n",
    b"0\r\n Y: b\r\n\r\n", b"0\r\nX\xe9: 1\r\n\r\n",
)  # fmt: skip

# Only what a case of this list has in its line may differ from a good one: so each is tried with and without a good chunk.
_CHUNKED = head(_TE, method=_POST)
_FLOODS = (
    ("64 KB of chunk extension", _CHUNKED + b"2;" + b"a" * 65536 + b"\r\nab\r\n0\r\n\r\n" + SMUGGLED),
    (
        "two thousand chunks with extensions",
        _CHUNKED + (b"1;" + b"a" * 60 + b"\r\na\r\n") * 2000 + b"0\r\n\r\n" + SMUGGLED,
    ),
    ("20 000 trailers", _CHUNKED + b"0\r\n" + b"X: a\r\n" * 20_000 + b"\r\n" + SMUGGLED),
    ("zeros without end", _CHUNKED + b"0" * 100_000 + b"\r\n\r\n" + SMUGGLED),
)


def _as_cases() -> tuple[Case, ...]:
    first = [(f"chunk {bad[:40]!r}", _CHUNKED + bad + b"0\r\n\r\n" + SMUGGLED) for bad in _BAD_CHUNKS]
    later = [
        (f"later chunk {bad[:40]!r}", _CHUNKED + b"3;x=y\r\nabc\r\n" + bad + b"0\r\n\r\n" + SMUGGLED)
        for bad in _BAD_CHUNKS
    ]
    return named_once((*refused("D22", first, half=True), *refused("D22", later, half=True)))


# Their parts are fed to other parsers too, so the names of hosts and cookies must be as in every other case.
BOTH = refused("D18 V20", _BOTH)
LENGTHS = refused("D19", _LENGTHS)

CODINGS = refused("D20", _CODINGS, 400, 501)
CHUNKS = _as_cases()
CHUNK_FLOODS = refused("D22", _FLOODS, 400, 431, half=True, flood=True)
