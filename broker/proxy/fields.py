"""Which header fields pass through the gateway, in either direction, and which the gateway adds.

Fields are `Headers`: lower-cased names, values without surrounding blanks, in the order in which they came. The order
"take the client's copies out, then put ours in" is fixed in `request_headers`; nothing is added before it. No Via field
(RFC 9110 7.6.3) is sent: it makes widely used backends stop compressing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import TypeAlias

Headers: TypeAlias = list[tuple[bytes, bytes]]
CookieNames: TypeAlias = frozenset[bytes] | Callable[[bytes], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardedFor:
    """The client as the gateway sees it: its address, `http` or `https`, and the host that it asked for."""

    client: bytes
    proto: bytes
    host: bytes


TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 5.6.2
# RFC 9110 5.5: what may be in a value; taken out of it, nothing is left over.
_GOOD_IN_VALUES = bytes(octet for octet in range(256) if octet == 0x09 or (octet >= 0x20 and octet != 0x7F))

# RFC 9110 7.6.1, with the fields that older agents treat alike; the names here are already in canonical spelling.
_HOP_BY_HOP = frozenset(
    b"connection keep-alive te trailer transfer-encoding upgrade http2-settings proxy-connection".split()
)
# RFC 9110 7.6.1: Connection must not name what is meant for every recipient. A client that does so would make the
# gateway decide on one message and the backend act on another.
_NEVER_A_CONNECTION_OPTION = frozenset(
    b"host cookie authorization content-length content-type content-encoding content-range content-disposition "
    b"cache-control set-cookie origin referer location vary etag range accept accept-encoding".split()
)
# What a client proves itself with is the gateway's to look at (RFC 9110 11.6.2, RFC 9449 7.1).
_CREDENTIALS = frozenset({b"authorization", b"dpop"})
# Fields by which a client could tell a backend something that only a gateway may say, or change the request after
# the policy was decided on.
_CLIENT_MAY_NOT_SAY = frozenset(
    b"forwarded expect x-real-ip true-client-ip x-client-ip x-cluster-client-ip client-ip cf-connecting-ip "
    b"fastly-client-ip x-host x-original-url x-original-uri x-original-host x-original-method x-rewrite-url "
    b"x-http-method-override x-http-method x-method-override remote-user x-remote-user x-scheme front-end-https "
    b"x-url-scheme".split()
)
# `Proxy` becomes HTTP_PROXY in CGI programs, which some then obey (CVE-2016-5385).
_CLIENT_MAY_NOT_BEGIN = (b"x-inkom-", b"x-forwarded", b"proxy")

# Some servers put one sign in the place of all that is no letter or digit, when they make variables of names.
_AS_HYPHENS = bytes.maketrans(b"!#$%&'*+.^_`|~", b"-" * 14)

# Field names are few; a stranger's inventions push nothing out for long.
_NAMES_REMEMBERED = 1024
_NOTHING_NAMED: frozenset[bytes] = frozenset()

# A backend shares its origin with the gateway's own pages and with the other backends: it may not empty the browser's
# store, move the origin to another server (RFC 7838), or take a service worker beyond its own path.
_BACKEND_MAY_NOT_SAY = frozenset(b"clear-site-data alt-svc service-worker-allowed proxy-authenticate".split())


def request_headers(
    headers: Headers,
    *,
    identity: Headers,
    peer: ForwardedFor,
    dropped_cookies: CookieNames,
    keep_authorization: bool = False,
) -> Headers:
    """What the backend gets: the client's fields less what a client may not say, then ours, each exactly once."""
    kept = client_fields(headers, dropped_cookies=dropped_cookies, keep_authorization=keep_authorization)
    return kept + forwarded_fields(peer) + checked(identity)


def client_fields(
    headers: Headers,
    *,
    dropped_cookies: CookieNames,
    keep_authorization: bool = False,
    ruled: Headers | None = None,
) -> Headers:
    """The client's fields less what a client may not say. `ruled` are those of them that Connection is among."""
    named = _connection_options(headers if ruled is None else ruled)
    kept: Headers = []
    for field in headers:
        name = field[0]
        use = _use_by_backend(name)
        if use is _PASSES and name not in named:
            kept.append(field)
        elif use is _COOKIE:
            value = _without_cookies(field[1], dropped_cookies)
            if value:
                kept.append((name, value))
        elif use is _CREDENTIAL and keep_authorization and name not in named:
            kept.append(field)
    return kept


def forwarded_fields(peer: ForwardedFor) -> Headers:
    """What the backend is told of the client's connection, each exactly once."""
    return checked(
        [(b"x-forwarded-for", peer.client), (b"x-forwarded-proto", peer.proto), (b"x-forwarded-host", peer.host)]
    )


def checked(ours: Headers) -> Headers:
    """Return fields of our own making. Raises ValueError for one that can't be sent as a header field."""
    for name, value in ours:
        if not is_token(name) or not are_values([value]) or not value.isascii():
            # The value may be a person's name: it is not repeated here.
            raise ValueError(f"the value of {name!r} can't be sent as a header field")
    return ours


def response_headers(headers: Headers, *, own_cookies: CookieNames) -> Headers:
    """What the client gets: the backend's fields less hop-by-hop fields, our names and our cookies."""
    named = _connection_options(headers)
    kept: Headers = []
    says_how_to_cache = False
    for field in headers:
        name, value = field
        if not _passes_to_client(name) or name in named:
            continue
        if name == b"set-cookie" and _is_ours(_set_cookie_name(value), own_cookies):
            continue
        if name == b"cache-control":
            says_how_to_cache = True
        kept.append(field)
    if not says_how_to_cache:
        # What one person may see must not be kept for the next (RFC 9111 3).
        kept.append((b"cache-control", b"no-store"))
    return kept


def lines_of(fields: Headers) -> bytes:
    """Fields as lines (RFC 9112 5). Raises ValueError if anything in them would end a line early."""
    lines = b"".join([b"%b: %b\r\n" % field for field in fields])
    if lines.count(b"\r") != len(fields) or lines.count(b"\n") != len(fields) or b"\0" in lines:
        raise ValueError("a line of the request would end early")
    return lines


def fields_of(lines: bytes) -> Headers:
    """The same the other way round."""
    return [(name, value) for name, _, value in (line.partition(b": ") for line in lines.split(b"\r\n")[:-1])]


def request_head(method: bytes, target: bytes, lines: bytes) -> bytes:
    """The head of a request (RFC 9112 3). Raises ValueError for what is no target."""
    if b" " in target or b"\r" in target or b"\n" in target or b"\0" in target:
        raise ValueError("the line of the request would end early")
    return b"%b %b HTTP/1.1\r\n%b\r\n" % (method, target, lines)


@lru_cache(maxsize=_NAMES_REMEMBERED)
def is_token(name: bytes) -> bool:
    """Whether this may be the name of a field (RFC 9110 5.6.2)."""
    return TOKEN.fullmatch(name) is not None


def are_values(values: list[bytes]) -> bool:
    """Whether these may be values of fields: no control character in any, and so no line end."""
    return not b"".join(values).translate(None, _GOOD_IN_VALUES)


def values_of(headers: Headers, wanted: bytes) -> list[bytes]:
    return [value for name, value in headers if name == wanted]


def _connection_options(headers: Headers) -> frozenset[bytes]:
    """The fields that Connection names, except those that it can't take away."""
    values = values_of(headers, b"connection")
    if not values or values == [b"keep-alive"]:
        return _NOTHING_NAMED
    options: Iterable[bytes] = (option.strip().lower() for value in values for option in value.split(b","))
    return frozenset(options) - _NEVER_A_CONNECTION_OPTION


def _as_backends_read(name: bytes) -> bytes:
    """CGI and its descendants read `X_Inkom`, `X.Inkom` and even `X!Inkom` as they read `X-Inkom` (RFC 3875 4.1.18)."""
    return name.lower().translate(_AS_HYPHENS)


class _Use(Enum):
    """What becomes of a client's field."""

    PASSES = "passes"
    COOKIE = "cookie"
    CREDENTIAL = "credential"
    DROPPED = "dropped"


_PASSES, _COOKIE, _CREDENTIAL = _Use.PASSES, _Use.COOKIE, _Use.CREDENTIAL


@lru_cache(maxsize=_NAMES_REMEMBERED)
def _use_by_backend(name: bytes) -> _Use:
    if name in _CREDENTIALS:
        return _Use.CREDENTIAL
    read_as = _as_backends_read(name)
    if b"_" in name or read_as in _CREDENTIALS or read_as in _HOP_BY_HOP or read_as in _CLIENT_MAY_NOT_SAY:
        return _Use.DROPPED
    if read_as.startswith(_CLIENT_MAY_NOT_BEGIN):
        return _Use.DROPPED
    return _Use.COOKIE if name == b"cookie" else _Use.PASSES


@lru_cache(maxsize=_NAMES_REMEMBERED)
def _passes_to_client(name: bytes) -> bool:
    read_as = _as_backends_read(name)
    return not (read_as in _HOP_BY_HOP or read_as in _BACKEND_MAY_NOT_SAY or read_as.startswith(b"x-inkom-"))


def _is_ours(cookie: bytes, ours: CookieNames) -> bool:
    return cookie in ours if isinstance(ours, frozenset) else ours(cookie)


def _without_cookies(value: bytes, dropped: CookieNames) -> bytes:
    """RFC 6265 4.2.1, read as leniently as backends do: only our pairs go, the others stay as they were written."""
    pairs = value.split(b";")
    kept = [pair for pair in pairs if not _is_ours(_cookie_name(pair), dropped)]
    return value if len(kept) == len(pairs) else b";".join(kept).strip()


def _cookie_name(pair: bytes) -> bytes:
    return pair.partition(b"=")[0].strip()


def _set_cookie_name(value: bytes) -> bytes:
    """A cookie without a name is sent back by browsers as its value alone: `=a=b` comes back as `a=b`."""
    return _cookie_name(value.lstrip(b"= \t").partition(b";")[0])
