"""Bad lines, names, hosts, methods and versions (D25 to D33, V21 to V30). Values only."""

from __future__ import annotations

from tests.security.cases.form import COOKIE, HOST, SMUGGLED, head, refused

_LINES = (
    ("only bare LF", head(eol=b"\n") + SMUGGLED),
    ("bare LF behind the request line", head().replace(b"\r\n", b"\n", 1) + SMUGGLED),
    ("bare LF behind a field", head(b"X: 1\nY: 2") + SMUGGLED),
    ("bare LF at the end of the head", head()[:-4] + b"\n\n" + SMUGGLED),
    ("LF CR", head(eol=b"\n\r") + SMUGGLED),
    ("only bare CR", head(eol=b"\r") + b"\r\n\r\n" + SMUGGLED),
    ("bare CR behind the request line", head().replace(b"\r\n", b"\r", 1) + SMUGGLED),
    ("bare CR in a value", head(b"X: a\rb") + SMUGGLED),
    ("bare CR in a name", head(b"X\rY: b") + SMUGGLED),
    ("bare CR before a name", head(b"\rX: b") + SMUGGLED),
    ("CR CR LF", head(b"X: a\r") + SMUGGLED),
    ("CR CR LF at the end of the head", head()[:-2] + b"\r\r\n" + SMUGGLED),
    ("obs-fold with a space", head(b"X: a\r\n b") + SMUGGLED),
    ("obs-fold with a tab", head(b"X: a\r\n\tb") + SMUGGLED),
    ("obs-fold of nothing", head(b"X: a\r\n ") + SMUGGLED),
    ("obs-fold of an empty value", head(b"X:\r\n b") + SMUGGLED),
    ("obs-fold of the Host", head(host=HOST + b"\r\n x") + SMUGGLED),
    ("a fold before the first field", head().replace(b"\r\nHost", b"\r\n Host", 1) + SMUGGLED),
    ("a tab before the first field", head().replace(b"\r\nHost", b"\r\n\tHost", 1) + SMUGGLED),
    ("space before the colon", head(b"X : a") + SMUGGLED),
    ("tab before the colon", head(b"X\t: a") + SMUGGLED),
    ("space within a name", head(b"X Y: a") + SMUGGLED),
    ("space before the colon of the cookie", head(b"Cookie : " + COOKIE, cookie=False) + SMUGGLED),
    ("empty name", head(b": a") + SMUGGLED),
    ("only a colon", head(b":") + SMUGGLED),
    ("a bracket in a name", head(b"X[: a") + SMUGGLED),
    *((f"{bad!r} in a name", head(b"X" + bad + b"Y: a") + SMUGGLED) for bad in
      [b"(", b")", b"<", b">", b"@", b",", b";", b"\\", b"\"", b"/", b"]", b"?", b"=", b"{", b"}", b"\x00", b"\x01", b"\x0b", b"\x7f"]),
    ("UTF-8 in a name", head(b"X\xc3\xa9: a") + SMUGGLED),
    ("an 8-bit octet in a name", head(b"X\xff: a") + SMUGGLED),
    ("no colon", head(b"X") + SMUGGLED),
    ("no colon but a space", head(b"X a") + SMUGGLED),
    *((f"{bad!r} in a value", head(b"X: a" + bad + b"b") + SMUGGLED) for bad in
      [b"\x00", b"\x01", b"\x07", b"\x08", b"\x0b", b"\x0c", b"\x0e", b"\x1b", b"\x1f", b"\x7f"]),
    ("NUL at the end of a value", head(b"X: a\x00") + SMUGGLED),
    ("NUL alone in a value", head(b"X: \x00") + SMUGGLED),
    ("NUL before the request", b"\x00" + head() + SMUGGLED),
    ("a space before the request", b" " + head() + SMUGGLED),
    ("a tab before the request", b"\t" + head() + SMUGGLED),
    ("a tab between method and target", head(method=b"GET\t/x") + SMUGGLED),
    ("a space behind the version", head(version=b"HTTP/1.1 ") + SMUGGLED),
    ("a word behind the version", head(version=b"HTTP/1.1 x") + SMUGGLED),
    ("a TLS greeting", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + SMUGGLED),
    ("a TLS greeting of version 2", b"\x80\x2e\x01\x03\x01\x00\x15" + SMUGGLED),
    ("a proxy line", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + head() + SMUGGLED),
)  # fmt: skip

_BAD_HOSTS = (
    b"a, b", b"gw.example, gw.example", b"u@gw.example", b"u:p@gw.example", b"gw.example/x", b"gw.example?x", b"gw.example#x", b"gw.example/public?",
    b"gw.example:99999", b"gw.example:0", b"gw.example:65536", b"gw.example:x", b"gw.example:", b"gw.example:443:443", b"gw.example:+443", b"gw.example: 443",
    b"gw.example:-1", b"gw.example:0x1bb", b"gw.example:443/", b"gw.example x", b"gw.example\tx", b"gw.example\x00", b"gw.example\x01", b"gw\\example", b"gw..example",
    b".gw.example", b".", b"..", b"gw.example..", b"", b"gw.ex%61mple", b"gw.example%00", b"gw.example%0d%0aX: 1", b"http://gw.example", b"//gw.example", b"gw.example;x", b"<gw.example>",
    b"gw.example\xff", b"gw.ex\xc3\xa4mple", b"[::1", b"::1", b"[::1]x", b"[gw.example]", b"[::1%25eth0]", b"gw.example|x", b"*", b"*.example", b"gw.example\"", b"'gw.example'", b"(gw.example)",
)  # fmt: skip

_HOSTS = (
    ("no Host", head(host=None) + SMUGGLED),
    ("no Host in HTTP/1.0", head(host=None, version=b"HTTP/1.0") + SMUGGLED),
    ("no Host and an absolute target", head(host=None, target=b"http://gw.example/public/bad") + SMUGGLED),
    ("two equal Hosts", head(HOST) + SMUGGLED),
    ("two Hosts, the first good", head(b"Host: evil.example") + SMUGGLED),
    ("two Hosts, the second good", head(HOST, host=b"Host: evil.example") + SMUGGLED),
    ("two Hosts in other spellings", head(b"hOST: gw.example") + SMUGGLED),
    ("an empty and a good Host", head(HOST, host=b"Host:") + SMUGGLED),
    ("two Hosts far apart", head(*[b"X-%d: 1" % at for at in range(40)], HOST) + SMUGGLED),
    ("Host with a space before the colon", head(host=b"Host : gw.example") + SMUGGLED),
    ("Host on a folded line", head(host=b"Host:\r\n gw.example") + SMUGGLED),
    ("Host without a colon", head(host=b"Host gw.example") + SMUGGLED),
    *((f"Host {bad!r}", head(host=b"Host: " + bad) + SMUGGLED) for bad in _BAD_HOSTS),
)  # fmt: skip

_FOREIGN_HOSTS = tuple(
    (f"Host {foreign!r}", head(host=b"Host: " + foreign) + SMUGGLED)
    for foreign in [b"evil.example", b"localhost", b"127.0.0.1", b"gw.example.evil.example", b"evilgw.example", b"sub.gw.example", b"gw.example:8443",
                    b"gw.example:81", b"[::1]", b"2130706433", b"gw.exampl", b"example", b"gw_example", b"gw.example.:81", b"xn--gw-example"]
)  # fmt: skip

_ABSOLUTE = tuple(
    (f"{target!r}", head(target=target) + SMUGGLED)
    for target in [
        b"http://evil.example/public/bad", b"https://evil.example/public/bad", b"http://gw.example.evil.example/public/bad", b"http://gw.example:81/public/bad",
        b"http://evil.example", b"http://u@gw.example/public/bad", b"http://gw.example@evil.example/public/bad", b"http://evil.example#@gw.example/public/bad",
        b"http:///public/bad", b"http:/public/bad", b"http:public/bad", b"http://gw.example\\@evil.example/", b"http://gw.example:/public/bad", b"http://gw.example:0/public/bad",
        b"http://gw.example:99999/public/bad", b"http://[gw.example]/public/bad", b"http://gw.example%2f/public/bad", b"http://gw.example,evil.example/public/bad", b"http://gw.example;/public/bad",
        b"ftp://gw.example/public/bad", b"ws://gw.example/public/bad", b"file:///etc/passwd", b"gopher://gw.example/", b"javascript:alert(1)", b"urn:x", b"http://http://gw.example/",
        b"gw.example/public/bad", b"gw.example:443", b"public/bad", b"?x", b"http://gw.example/public/../admin", b"http://gw.example//admin", b"//gw.example/public/bad", b"http://.gw.example/public/bad",
        b"http://gw..example/public/bad", b"HTTP://EVIL.EXAMPLE/public/bad", b"http://gw.example/public/bad#x", b"@gw.example/public/bad", b"http://gw.example?x\\y#z",
    ]
)  # fmt: skip

_METHODS = (
    ("* with GET", head(target=b"*")),
    ("* with OPTIONS", head(method=b"OPTIONS", target=b"*")),
    ("* and a path", head(target=b"*/public/bad")),
    ("CONNECT to an authority", head(method=b"CONNECT", target=b"gw.example:443")),
    ("CONNECT to a path", head(method=b"CONNECT")),
    ("CONNECT to another host", head(method=b"CONNECT", target=b"evil.example:25")),
    ("TRACE", head(method=b"TRACE")),
    ("TRACK", head(method=b"TRACK")),
    ("DEBUG", head(method=b"DEBUG")),
    ("PURGE", head(method=b"PURGE")),
    ("BAN", head(method=b"BAN")),
    ("SOURCE", head(method=b"SOURCE")),
    ("M-SEARCH", head(method=b"M-SEARCH")),
    *((f"{method!r}", head(method=method)) for method in
      [b"get", b"Get", b"gET", b"post", b"head", b"options", b"GETT", b"GE", b"G", b"GET\x00", b"G\xc3\x8bT", b"GET,", b"GET:", b"G-E-T", b"GET1", b"_GET", b"\"GET\"", b"X", b"FOO", b"-"]),
    ("100 KB of method", head(method=b"G" * 100_000)),
    ("RTSP", head(method=b"DESCRIBE", version=b"RTSP/1.0")),
    ("ICE", head(method=b"SOURCE", version=b"ICE/1.0")),
    ("no method", head(method=b"")),
    ("no target", head(target=b"")),
    ("only a version", b"HTTP/1.1\r\n" + HOST + b"\r\n\r\n"),
    ("an answer", b"HTTP/1.1 200 OK\r\n" + HOST + b"\r\n\r\n"),
    *((f"{version!r}", head(version=version)) for version in
      [b"", b"HTTP/0.9", b"HTTP/1.2", b"HTTP/2", b"HTTP/2.0", b"HTTP/3.0", b"HTTP/9.9", b"HTTP/01.01", b"HTTP/1.10", b"HTTP/1.01", b"HTTP/11.1", b"HTTP/1", b"HTTP/1.", b"HTTP/.1", b"HTTP/1,1",
       b"HTTP/1.1.1", b"HTTP/-1.1", b"HTTP/+1.1", b"HTTP/1.x", b"HTTP 1.1", b"HTTP/ 1.1", b"HTTP/1. 1", b"HTTP/0x1.1", b"http/1.1", b"Http/1.1", b"HTTP\\1.1", b"HTTPS/1.1", b"HTP/1.1", b"XTTP/1.1", b"H", b"FTP/1.1",
       b"HTTP/1.1\x00", b"HTTP/\xc2\xb9.1"]),
    ("HTTP/0.9 alone", b"GET /public/bad\r\n\r\n"),
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("the preface of HTTP/2 with a frame", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"),
)  # fmt: skip

_EXPECTATIONS = tuple(
    (f"Expect {value!r}", head(b"Expect: " + value, b"Content-Length: 5", method=b"POST") + b"hello" + SMUGGLED)
    for value in [b"tea", b"100-continu", b"100-continue, tea", b"100-continue;x", b"200-ok", b"", b"100", b"100-continue,100-continue", b"100\x80continue"]
)  # fmt: skip

_UPGRADES = (
    ("POST that wants a WebSocket", head(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"Content-Length: 0", method=b"POST")),
    ("a WebSocket with a body", head(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"Content-Length: 5", b"Origin: https://gw.example") + b"hello"),
    ("a WebSocket without a key", head(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13", b"Origin: https://gw.example")),
    ("a WebSocket with a bad key", head(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: short", b"Origin: https://gw.example")),
)  # fmt: skip

_VERSIONS_OF_WEBSOCKET = tuple(
    (f"WebSocket version {version!r}", head(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: " + version, b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"Origin: https://gw.example"))
    for version in [b"12", b"8", b"99", b"0", b"13, 8"]
)  # fmt: skip

_FIELDS_TOO_MANY = (
    ("101 fields", head(*[b"X: 1"] * 100) + SMUGGLED),
    ("10 000 fields", head(*[b"X: 1"] * 10_000) + SMUGGLED),
    ("33 KB of fields", head(*[b"X: " + b"1" * 1000] * 33) + SMUGGLED),
    ("100 KB in one field", head(b"X: " + b"1" * 100_000) + SMUGGLED),
    ("100 KB in one name", head(b"X" * 100_000 + b": 1") + SMUGGLED),
    ("17 KB of cookies", head(b"Cookie: a=" + b"1" * 17_000) + SMUGGLED),
)
_TARGETS_TOO_LONG = (
    ("9 KB of target", head(target=b"/public/" + b"a" * 9000) + SMUGGLED),
    ("9 KB of query", head(target=b"/public/?" + b"a" * 9000) + SMUGGLED),
    ("100 KB of target", head(target=b"/public/" + b"a" * 100_000) + SMUGGLED),
)

LINES = refused("D26 V23", _LINES, 400, 505)
HOSTS = refused("D27 V21 V30", _HOSTS)
FOREIGN_HOSTS = refused("D28", _FOREIGN_HOSTS, 421)
ABSOLUTE = refused("D30 V22", _ABSOLUTE)
METHODS = refused("D31 V21 V23", _METHODS, 400, 405, 501, 505)
EXPECTATIONS = refused("D25", _EXPECTATIONS, 400, 417)
UPGRADES = refused("D33", _UPGRADES)
WEBSOCKET_VERSIONS = refused("D33", _VERSIONS_OF_WEBSOCKET, 400, 426)  # 400 behind another request
FIELDS_TOO_MANY = refused("V29", _FIELDS_TOO_MANY, 431, flood=True)
TARGETS_TOO_LONG = refused("V29", _TARGETS_TOO_LONG, 414, 431, flood=True)
