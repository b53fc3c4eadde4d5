"""The HTTP rules of the gateway, without any I/O: which requests and answers are refused, and which fields pass.

Fields are `Headers`: lower-cased names, values without surrounding blanks, in the order in which they came.
The order "take the client's copies out, then put ours in" is fixed in `request_headers`; nothing is added before it.
No Via field (RFC 9110 7.6.3) is sent: it makes widely used backends stop compressing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from broker.proxy.targets import (
    Problem,
    application_path,
    canonical_host,
    check_target,
    is_known_host,
    origin_form,
)

__all__ = [
    "Body",
    "CookieNames",
    "ForwardedFor",
    "Headers",
    "MessageLimits",
    "Problem",
    "application_path",
    "body_of",
    "check_request",
    "check_response",
    "origin_form",
    "request_headers",
    "response_headers",
]

Headers: TypeAlias = list[tuple[bytes, bytes]]
CookieNames: TypeAlias = frozenset[bytes] | Callable[[bytes], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageLimits:
    """Largest request that is read, in bytes, and in number of fields."""

    target: int = 8 * 1024
    headers: int = 32 * 1024
    fields: int = 100
    cookies: int = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardedFor:
    """The client as the gateway sees it: its address, `http` or `https`, and the host that it asked for."""

    client: bytes
    proto: bytes
    host: bytes


class Body(Enum):
    """How a request's body is delimited (RFC 9112 6.3)."""

    NONE = "none"
    LENGTH = "length"
    CHUNKED = "chunked"


DEFAULT_LIMITS = MessageLimits()
MAX_RESPONSE_HEAD = 64 * 1024

# RFC 9110 9.1 and RFC 4918; CONNECT and TRACE (RFC 9110 9.3.6, 9.3.8) have no place behind a gateway.
_METHODS = frozenset(
    b"GET HEAD POST PUT PATCH DELETE OPTIONS PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK SEARCH REPORT QUERY".split()
)
_METHOD_FORM = re.compile(rb"[A-Z][A-Z-]{0,31}")
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 5.6.2
_BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")  # RFC 9110 5.5
_LENGTH = re.compile(rb"[0-9]{1,18}")  # RFC 9110 8.6, and small enough for every reader

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

# A backend shares its origin with the gateway's own pages and with the other backends: it may not empty the browser's
# store, move the origin to another server (RFC 7838), or take a service worker beyond its own path.
_BACKEND_MAY_NOT_SAY = frozenset(b"clear-site-data alt-svc service-worker-allowed proxy-authenticate".split())


def check_request(
    method: bytes,
    target: bytes,
    headers: Headers,
    *,
    hosts: frozenset[bytes] | None,
    version: bytes = b"1.1",
    limits: MessageLimits = DEFAULT_LIMITS,
) -> Problem | None:
    """The first reason to refuse this request, or None; `hosts` None accepts any well-formed host."""
    return (
        _check_size(target, headers, limits)
        or _check_method(method, version)
        or _check_fields(headers)
        or _check_host_and_target(target, headers, hosts)
        or _check_framing(headers, version)
    )


def body_of(headers: Headers) -> Body:
    """How the body of an accepted request is delimited; a length of zero is no body."""
    for name, value in headers:
        if name == b"transfer-encoding":
            return Body.CHUNKED
        if name == b"content-length" and int(value) > 0:
            return Body.LENGTH
    return Body.NONE


def request_headers(
    headers: Headers,
    *,
    identity: Headers,
    peer: ForwardedFor,
    dropped_cookies: CookieNames,
    keep_authorization: bool = False,
) -> Headers:
    """What the backend gets: the client's fields less what a client may not say, then ours, each exactly once."""
    named = _connection_options(headers)
    kept: Headers = []
    for name, value in headers:
        if not _may_pass_to_backend(name, named, keep_authorization=keep_authorization):
            continue
        if name == b"cookie":
            value = _without_cookies(value, dropped_cookies)
            if not value:
                continue
        kept.append((name, value))
    ours = [
        (b"x-forwarded-for", peer.client),
        (b"x-forwarded-proto", peer.proto),
        (b"x-forwarded-host", peer.host),
        *identity,
    ]
    for name, value in ours:
        if not _TOKEN.fullmatch(name) or _BAD_VALUE.search(value) or not value.isascii():
            # The value may be a person's name: it is not repeated here.
            raise ValueError(f"the value of {name!r} can't be sent as a header field")
    return kept + ours


def check_response(status: int, version: bytes, headers: Headers) -> str | None:
    """What is wrong with the head of a backend's answer, in words for the log, or None."""
    if version not in (b"1.0", b"1.1"):
        return "not HTTP/1.1"
    if not 100 <= status <= 599:
        return "a status outside 100 to 599"
    if any(not _TOKEN.fullmatch(name) for name, _ in headers):
        return "a header name that is no token"
    if any(_BAD_VALUE.search(value) for _, value in headers):
        return "a control character in a header value"
    lengths = _values(headers, b"content-length")
    codings = _values(headers, b"transfer-encoding")
    if lengths and codings:
        return "both Content-Length and Transfer-Encoding"  # RFC 9112 6.3 rule 3
    if len(lengths) > 1 or any(not _LENGTH.fullmatch(length) for length in lengths):
        return "no single valid Content-Length"  # RFC 9112 6.3 rule 5
    if codings and [coding.lower() for coding in codings] != [b"chunked"]:
        return "a transfer coding other than chunked"  # RFC 9112 6.1
    if status < 200 and (lengths or codings):
        return "an interim answer with a body"  # RFC 9110 8.6, RFC 9112 6.1
    return None


def response_headers(headers: Headers, *, own_cookies: CookieNames) -> Headers:
    """What the client gets: the backend's fields less hop-by-hop fields, our names and our cookies."""
    named = _connection_options(headers)
    kept = [
        (name, value)
        for name, value in headers
        if _may_pass_to_client(name, named)
        and not (name == b"set-cookie" and _is_ours(_set_cookie_name(value), own_cookies))
    ]
    if not _values(kept, b"cache-control"):
        # What one person may see must not be kept for the next (RFC 9111 3).
        kept.append((b"cache-control", b"no-store"))
    return kept


def _check_size(target: bytes, headers: Headers, limits: MessageLimits) -> Problem | None:
    if len(target) > limits.target:
        return Problem(status=414, title="The target is too long")  # RFC 9110 15.5.15
    if len(headers) > limits.fields:
        return Problem(status=431, title="Too many header fields")  # RFC 6585 5
    if sum(len(name) + len(value) + 4 for name, value in headers) > limits.headers:
        return Problem(status=431, title="The header fields are too large")
    if sum(map(len, _values(headers, b"cookie"))) > limits.cookies:
        return Problem(status=431, title="The cookies are too large")
    return None


def _check_method(method: bytes, version: bytes) -> Problem | None:
    if version not in (b"1.0", b"1.1"):
        return Problem(status=505, title="Only HTTP versions 1.0 and 1.1 are spoken here")  # RFC 9110 15.6.6
    if not _METHOD_FORM.fullmatch(method):
        return Problem(status=400, title="The method is not a method")  # RFC 9110 9.1: case-sensitive
    if method not in _METHODS:
        return Problem(status=501, title="The method is not supported")  # RFC 9110 15.6.2
    return None


def _check_fields(headers: Headers) -> Problem | None:
    for name, value in headers:
        if not _TOKEN.fullmatch(name):
            return Problem(status=400, title="A header name is not a token")
        # obs-fold (RFC 9112 5.2) would show as CR or LF in the value.
        if _BAD_VALUE.search(value):
            return Problem(status=400, title="A header value holds a control character")
    return None


def _check_host_and_target(target: bytes, headers: Headers, hosts: frozenset[bytes] | None) -> Problem | None:
    values = _values(headers, b"host")
    if len(values) != 1:
        return Problem(status=400, title="There must be exactly one Host field")  # RFC 9112 3.2
    host = canonical_host(values[0])
    if host is None:
        return Problem(status=400, title="The Host field is not a host")
    problem = check_target(target, host=host)
    if problem is not None:
        return problem
    if hosts is not None and not is_known_host(host, hosts):
        return Problem(status=421, title="This host is not served here")  # RFC 9110 15.5.20
    return None


def _check_framing(headers: Headers, version: bytes) -> Problem | None:
    lengths = _values(headers, b"content-length")
    codings = _values(headers, b"transfer-encoding")
    if lengths and codings:
        return Problem(status=400, title="Both Content-Length and Transfer-Encoding")  # RFC 9112 6.3 rule 3
    if len(lengths) > 1 or any(not _LENGTH.fullmatch(length) for length in lengths):
        return Problem(status=400, title="No single valid Content-Length")  # RFC 9112 6.3 rule 5
    if codings and version == b"1.0":
        return Problem(status=400, title="Transfer-Encoding in HTTP/1.0")  # RFC 9112 6.1
    if codings and [coding.lower() for coding in codings] != [b"chunked"]:
        return Problem(status=501, title="The transfer coding is not supported")  # RFC 9112 6.1
    if any(value.lower() != b"100-continue" for value in _values(headers, b"expect")):
        return Problem(status=417, title="The expectation is not supported")  # RFC 9110 10.1.1
    return None


def _values(headers: Headers, wanted: bytes) -> list[bytes]:
    return [value for name, value in headers if name == wanted]


def _connection_options(headers: Headers) -> frozenset[bytes]:
    """The fields that Connection names, except those that it can't take away."""
    options: Iterable[bytes] = (
        option.strip().lower() for value in _values(headers, b"connection") for option in value.split(b",")
    )
    return frozenset(options) - _NEVER_A_CONNECTION_OPTION


def _as_backends_read(name: bytes) -> bytes:
    """CGI and its descendants read `X_Inkom` and `X.Inkom` as they read `X-Inkom` (RFC 3875 4.1.18)."""
    return name.lower().replace(b"_", b"-").replace(b".", b"-")


def _may_pass_to_backend(name: bytes, named: frozenset[bytes], *, keep_authorization: bool) -> bool:
    if b"_" in name or name in named:
        return False
    if name == b"authorization":
        return keep_authorization
    read_as = _as_backends_read(name)
    if read_as == b"authorization":
        return False
    return not (read_as in _HOP_BY_HOP or read_as in _CLIENT_MAY_NOT_SAY or read_as.startswith(_CLIENT_MAY_NOT_BEGIN))


def _may_pass_to_client(name: bytes, named: frozenset[bytes]) -> bool:
    read_as = _as_backends_read(name)
    return not (
        name in named or read_as in _HOP_BY_HOP or read_as in _BACKEND_MAY_NOT_SAY or read_as.startswith(b"x-inkom-")
    )


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
