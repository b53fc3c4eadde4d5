"""Requests that look odd and are answered, and what a backend must get of them (D21 to D33, D47, V19, V23). Values only."""

from __future__ import annotations

from tests.security.cases.form import COOKIE, SMUGGLED, Good, head

_TE = b"Transfer-Encoding: chunked"
_INNER = SMUGGLED.replace(COOKIE, b"a=b")  # what stands in a body has a length that is known beforehand
_LENGTH = b"Content-Length: %d" % len(_INNER)
_PATH = b"/public/odd"


def _good(
    statements: str,
    name: str,
    raw: bytes,
    *sent: tuple[bytes, bytes, bytes],
    statuses: tuple[int, ...] = (200,),
    absent: bytes = b"",
    ends: bool = False,
    flood: bool = False,
) -> Good:
    return Good(
        name=name,
        statements=frozenset(statements.split()),
        raw=raw,
        sent=sent,
        statuses=statuses,
        absent=frozenset(absent.split()),
        ends=ends,
        flood=flood,
    )


def _odd(*lines: bytes) -> bytes:
    return head(*lines, target=_PATH)


UNDERSCORES = tuple(
    _good("D21", repr(line), _odd(line), (b"GET", _PATH, b""), absent=line.partition(b":")[0].lower())
    for line in [b"Transfer_Encoding: chunked", b"Content_Length: 5", b"Content_Length: +5", b"transfer_encoding: x", b"CONTENT_LENGTH: 5", b"X_Inkom_Person: root",
                 b"Transfer-Encoding_: chunked", b"_Transfer-Encoding: chunked", b"X_Forwarded_For: 6.6.6.6"]
)  # fmt: skip

BODIES = (
    *(_good("D23", f"{method.decode()} with a body", head(_LENGTH, target=_PATH, method=method) + _INNER, (method, _PATH, _INNER))
      for method in [b"GET", b"HEAD", b"OPTIONS", b"DELETE", b"PROPFIND", b"SEARCH"]),
    *(_good("D23", f"{method.decode()} with chunks", head(_TE, target=_PATH, method=method) + b"%x\r\n%b\r\n0\r\n\r\n" % (len(_INNER), _INNER), (method, _PATH, _INNER))
      for method in [b"GET", b"HEAD", b"OPTIONS", b"DELETE"]),
    _good("D23", "a GET with a length of zero", _odd(b"Content-Length: 0"), (b"GET", _PATH, b"")),
    _good("D23", "a length with zeros before it", head(b"Content-Length: 005", target=_PATH, method=b"POST") + b"hello", (b"POST", _PATH, b"hello")),
    _good("D23", "a POST without a length", head(target=_PATH, method=b"POST"), (b"POST", _PATH, b"")),
    _good("D23", "empty lines before a request", b"\r\n\r\n" + _odd(), (b"GET", _PATH, b"")),
)  # fmt: skip

EARLY = (
    _good("D24", "403 with a length", head(_LENGTH, target=b"/admin/x", method=b"POST") + _INNER, statuses=(403,)),
    _good("D24", "403 to a GET with a length", head(_LENGTH, target=b"/admin/x") + _INNER, statuses=(403,)),
    _good("D24", "403 with chunks", head(_TE, target=b"/admin/x", method=b"PUT") + b"%x\r\n%b\r\n0\r\n\r\n" % (len(_INNER), _INNER), statuses=(403,)),
    _good("D24", "401 with a length", head(_LENGTH, method=b"PUT", cookie=False) + _INNER, statuses=(401,)),
    _good("D24", "401 to a POST", head(_LENGTH, method=b"POST", cookie=False) + _INNER, statuses=(401,)),
    _good("D24", "a redirect to sign in", head(_LENGTH, b"Accept: text/html", b"Sec-Fetch-Mode: navigate", cookie=False) + _INNER, statuses=(303,)),
    _good("D24", "404 with a length", head(_LENGTH, target=b"/nowhere", method=b"POST") + _INNER, statuses=(404,)),
    _good("D24", "413 with a body that is drained", head(b"Content-Length: 250000", method=b"POST") + _INNER * 2000 + b"x" * (250_000 - 2000 * len(_INNER)), statuses=(413,)),
    _good("D24", "413 with a body that is too much to drain", head(b"Content-Length: 900000", method=b"POST") + b"x" * 900_000 + SMUGGLED, statuses=(413,), ends=True, flood=True),
)  # fmt: skip

EXPECTING = (
    _good("D25", "100-continue with its body at once", head(b"Expect: 100-continue", _LENGTH, target=_PATH, method=b"POST") + _INNER, (b"POST", _PATH, _INNER), absent=b"expect"),
    _good("D25", "100-Continue in capitals", head(b"Expect: 100-Continue", _LENGTH, target=_PATH, method=b"PUT") + _INNER, (b"PUT", _PATH, _INNER), absent=b"expect"),
    _good("D25", "100-continue with chunks at once", head(b"Expect: 100-continue", _TE, target=_PATH, method=b"PUT") + b"5\r\nhello\r\n0\r\n\r\n", (b"PUT", _PATH, b"hello"), absent=b"expect"),
    _good("D25", "100-continue without a body", _odd(b"Expect: 100-continue"), (b"GET", _PATH, b""), absent=b"expect"),
    _good("D25", "100-continue that is refused", head(b"Expect: 100-continue", _LENGTH, target=b"/admin/x", method=b"POST") + _INNER + SMUGGLED, statuses=(403,), ends=True),
)  # fmt: skip

HOSTS = tuple(
    _good("D29", f"{host!r} to {target!r}", head(target=target, host=b"Host: " + host), *sent, statuses=(status,))
    for host in [b"GW.EXAMPLE", b"Gw.Example", b"gw.example.", b"GW.EXAMPLE.", b"gw.example:443", b"gw.example.:443", b"gw.example:0443"]
    for target, status, sent in [(_PATH, 200, ((b"GET", _PATH, b""),)), (b"/admin/x", 403, ())]
)  # fmt: skip

ABSOLUTE = tuple(
    _good("D30", f"{target!r}", head(target=target), *([(b"GET", path, b"")] if status == 200 else []), statuses=(status,))
    for target, path, status in [
        (b"http://gw.example/public/odd", _PATH, 200), (b"https://gw.example/public/odd?x=//", _PATH + b"?x=//", 200), (b"HTTP://GW.EXAMPLE/public/odd", _PATH, 200),
        (b"http://gw.example./public/odd", _PATH, 200), (b"http://gw.example:80/public/odd", _PATH, 200), (b"https://gw.example:443/%70ublic/odd", b"/%70ublic/odd", 200),
        (b"http://gw.example/admin/x", b"", 403), (b"https://gw.example/%61dmin/", b"", 403), (b"http://gw.example/nowhere", b"", 404), (b"http://gw.example/public.evil/", b"", 404),
    ]
)  # fmt: skip

_H2C = (b"Connection: Upgrade, HTTP2-Settings", b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA")
UPGRADES = (
    *(_good("D32 V24", f"{upgrade!r}", _odd(*_H2C, b"Upgrade: " + upgrade), (b"GET", _PATH, b""), absent=b"upgrade http2-settings connection")
      for upgrade in [b"h2c", b"H2C", b"h2", b"h2c, websocket", b"websocket, h2c", b"TLS/1.0", b"HTTP/2.0", b"foo"]),
    _good("D32 V24", "h2c with a body", head(*_H2C, b"Upgrade: h2c", _LENGTH, target=_PATH, method=b"POST") + _INNER, (b"POST", _PATH, _INNER), absent=b"upgrade http2-settings connection"),
    _good("D32 V24", "h2c with chunks", head(*_H2C, b"Upgrade: h2c", _TE, target=_PATH, method=b"POST") + b"5\r\nhello\r\n0\r\n\r\n", (b"POST", _PATH, b"hello"), absent=b"upgrade http2-settings connection"),
    _good("D32 V24", "only HTTP2-Settings", _odd(b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"), (b"GET", _PATH, b""), absent=b"http2-settings"),
    _good("D32 V24", "h2c to the closed application", head(*_H2C, b"Upgrade: h2c", target=b"/admin/x"), statuses=(403,)),
    _good("D33", "websocket without Connection", _odd(b"Upgrade: websocket", b"Sec-WebSocket-Version: 13"), (b"GET", _PATH, b""), absent=b"upgrade"),
    _good("D33", "Connection: upgrade alone", _odd(b"Connection: upgrade"), (b"GET", _PATH, b""), absent=b"upgrade connection"),
    _good("D33", "websocket in a POST without Connection", head(b"Upgrade: websocket", b"Content-Length: 5", target=_PATH, method=b"POST") + b"hello", (b"POST", _PATH, b"hello"), absent=b"upgrade"),
)  # fmt: skip

_OVERRIDES = (b"X-HTTP-Method-Override: DELETE", b"X-HTTP-Method: DELETE", b"X-Method-Override: DELETE", b"x-http-method-override: HEAD", b"X_HTTP_Method_Override: DELETE", b"X.HTTP.Method.Override: DELETE")  # fmt: skip
METHODS = (
    *(_good("D47", f"{line!r} in a {method.decode()}", head(line, target=_PATH, method=method), (method, _PATH, b""), absent=line.partition(b":")[0].lower())
      for line in _OVERRIDES for method in [b"GET", b"HEAD", b"POST"]),
    _good("D47", "_method in the query", head(target=_PATH + b"?_method=DELETE"), (b"GET", _PATH + b"?_method=DELETE", b"")),
    _good("D47", "_method in a form", head(b"Content-Type: application/x-www-form-urlencoded", b"Content-Length: 14", target=_PATH, method=b"POST") + b"_method=DELETE", (b"POST", _PATH, b"_method=DELETE")),
    *(_good("D47", f"{method.decode()} to the closed application", head(b"X-HTTP-Method-Override: GET", target=b"/admin/x", method=method), statuses=(403,)) for method in [b"GET", b"DELETE", b"OPTIONS"]),
)  # fmt: skip

TRAILERS = (
    _good("V19", "trailers that would be identity", head(_TE, target=_PATH, method=b"POST") + b"5\r\nhello\r\n0\r\nX-User: root\r\nX-Inkom-Person: root\r\nHost: evil\r\nCookie: a=b\r\n\r\n",
          (b"POST", _PATH, b"hello"), absent=b"x-user cookie"),
    _good("V19", "trailers that are announced", head(_TE, b"Trailer: X-User", target=_PATH, method=b"POST") + b"0\r\nX-User: root\r\n\r\n", (b"POST", _PATH, b""), absent=b"x-user trailer"),
)  # fmt: skip

# What the parser reads generously and no backend can read in two ways, as the gateway writes each request anew.
TOLERATED = (
    _good("V23", "two spaces behind the method", head(target=b" " + _PATH), (b"GET", _PATH, b"")),
    _good("V23", "two spaces before the version", head(target=_PATH + b" "), (b"GET", _PATH, b"")),
    _good("V23", "a chunk extension with an empty name", head(_TE, target=_PATH, method=b"POST") + b"2;=\r\nab\r\n0\r\n\r\n", (b"POST", _PATH, b"ab")),
    _good("V23", "chunk extensions", head(_TE, target=_PATH, method=b"POST") + b'2;a=b;c="d";e\r\nab\r\n0;x\r\n\r\n', (b"POST", _PATH, b"ab")),
    _good("V23", "a chunk size with zeros before it", head(_TE, target=_PATH, method=b"POST") + b"0002\r\nab\r\n000\r\n\r\n", (b"POST", _PATH, b"ab")),
    _good("V23", "CHUNKED", head(b"Transfer-Encoding: CHUNKED", target=_PATH, method=b"POST") + b"A\r\n0123456789\r\n0\r\n\r\n", (b"POST", _PATH, b"0123456789")),
    _good("V23", "blanks around values", _odd(b"X:\t a \t"), (b"GET", _PATH, b"")),
    _good("V23", "an empty value", _odd(b"X:"), (b"GET", _PATH, b"")),
    _good("V23", "an 8-bit value", _odd(b"X: \xe9"), (b"GET", _PATH, b"")),
    _good("V23", "HTTP/1.0", head(target=_PATH, version=b"HTTP/1.0") + SMUGGLED, (b"GET", _PATH, b""), ends=True),
    _good("V23", "HTTP/1.0 with a length", head(b"Content-Length: 5", target=_PATH, version=b"HTTP/1.0", method=b"POST") + b"hello" + SMUGGLED, (b"POST", _PATH, b"hello"), ends=True),
    _good("V23", "HTTP/1.0 that would stay open", head(b"Connection: keep-alive", target=_PATH, version=b"HTTP/1.0") + SMUGGLED, (b"GET", _PATH, b""), ends=True),
    _good("V23", "a request behind the last one", _odd(b"Connection: close") + SMUGGLED, (b"GET", _PATH, b""), ends=True),
)  # fmt: skip
