"""The HTTP rules of the gateway, without any I/O: which requests and answers are refused, and on what grounds.

Each rule names its source. Which fields of an accepted message pass is in `fields`, what a target may be in `targets`;
both are offered from here too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from broker.proxy.fields import (
    CookieNames,
    ForwardedFor,
    Headers,
    are_values,
    checked,
    client_fields,
    forwarded_fields,
    is_token,
    request_headers,
    response_headers,
    values_of,
)
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
    "Look",
    "MessageLimits",
    "Problem",
    "application_path",
    "body_of",
    "check_request",
    "check_response",
    "checked",
    "client_fields",
    "forwarded_fields",
    "look_at",
    "origin_form",
    "request_headers",
    "response_headers",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageLimits:
    """Largest request that is read, in bytes, and in number of fields."""

    target: int = 8 * 1024
    headers: int = 32 * 1024
    fields: int = 100
    cookies: int = 16 * 1024


class Body(Enum):
    """How a request's body is delimited (RFC 9112 6.3)."""

    NONE = "none"
    LENGTH = "length"
    CHUNKED = "chunked"


DEFAULT_LIMITS = MessageLimits()
MAX_RESPONSE_HEAD = 64 * 1024

_LONGEST_NAME = 256  # bytes
_LONGEST_HOST = 261  # bytes of a name (RFC 1035 2.3.4), a dot at its end and a port
_LOOKED_AT = frozenset(b"host cookie content-length transfer-encoding expect connection authorization dpop".split())
_PLAIN, _RULED, _STRANGE = "plain", "ruled", "strange"  # kinds of field names

# RFC 9110 9.1 and RFC 4918; CONNECT and TRACE (RFC 9110 9.3.6, 9.3.8) have no place behind a gateway.
_METHODS = frozenset(
    b"GET HEAD POST PUT PATCH DELETE OPTIONS PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK SEARCH REPORT QUERY".split()
)
_METHOD_FORM = re.compile(rb"[A-Z][A-Z-]{0,31}")
_LENGTH = re.compile(rb"[0-9]{1,18}")  # RFC 9110 8.6, and small enough for every reader


@dataclass(slots=True)
class Look:
    """What one look at the fields of a head tells: their size, and which of them rules are about, in their order.

    It serves for every head with the same fields: `accepted` says that they were found in order, for this version of
    HTTP and `host`, and `prepared` is what the fast path has made out of them.
    """

    headers: Headers
    size: int
    ruled: Headers
    are_tokens: bool
    accepted: bytes = b""
    host: bytes = b""
    prepared: object = None


def look_at(headers: Headers) -> Look:
    """Look at all fields once: most rules need to see few of them."""
    size, are_tokens = 4 * len(headers), True
    ruled: Headers = []
    for field in headers:
        name, value = field
        size += len(name) + len(value)
        # What is longer is no field in use, and is not remembered: a stranger's names would fill the memory.
        kind = _kind(name) if len(name) <= _LONGEST_NAME else _STRANGE
        if kind is _PLAIN:
            continue
        if kind is _RULED:
            ruled.append(field)
        else:
            are_tokens = False
    return Look(headers, size, ruled, are_tokens)


def check_request(
    method: bytes,
    target: bytes,
    headers: Headers,
    *,
    hosts: frozenset[bytes] | None,
    version: bytes = b"1.1",
    limits: MessageLimits = DEFAULT_LIMITS,
    look: Look | None = None,
) -> Problem | None:
    """The first reason to refuse this request, or None; `hosts` None accepts any well-formed host.

    A `look` that was accepted before is for the same hosts and limits.
    """
    look = look or look_at(headers)
    if look.accepted == version:
        return _check_length(target, limits) or _check_method(method, version) or check_target(target, host=look.host)
    problem = (
        _check_length(target, limits)
        or _check_size(headers, look, limits)
        or _check_method(method, version)
        or _check_fields(headers, look)
        or _check_host_and_target(target, look, hosts)
        or _check_framing(look.ruled, version)
    )
    if problem is None:
        look.accepted = version
    return problem


def body_of(headers: Headers) -> Body:
    """How the body of an accepted request is delimited; a length of zero is no body."""
    for name, value in headers:
        if name == b"transfer-encoding":
            return Body.CHUNKED
        if name == b"content-length" and int(value) > 0:
            return Body.LENGTH
    return Body.NONE


def check_response(status: int, version: bytes, headers: Headers, *, look: Look | None = None) -> str | None:
    """What is wrong with the head of a backend's answer, in words for the log, or None."""
    if version not in (b"1.0", b"1.1"):
        return "not HTTP/1.1"
    if not 100 <= status <= 599:
        return "a status outside 100 to 599"
    look = look or look_at(headers)
    if not look.are_tokens:
        return "a header name that is no token"
    if not are_values([value for _, value in headers]):
        return "a control character in a header value"
    lengths = values_of(look.ruled, b"content-length")
    codings = values_of(look.ruled, b"transfer-encoding")
    if lengths and codings:
        return "both Content-Length and Transfer-Encoding"  # RFC 9112 6.3 rule 3
    if lengths and (len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0])):
        return "no single valid Content-Length"  # RFC 9112 6.3 rule 5
    if codings and version == b"1.0":
        return "a transfer coding in HTTP/1.0"  # RFC 9112 6.1: its framing is faulty
    if codings and [coding.lower() for coding in codings] != [b"chunked"]:
        return "a transfer coding other than chunked"  # RFC 9112 6.1
    if status < 200 and (lengths or codings):
        return "an interim answer with a body"  # RFC 9110 8.6, RFC 9112 6.1
    return None


@lru_cache(maxsize=1024)
def _kind(name: bytes) -> str:
    if not is_token(name):
        return _STRANGE
    return _RULED if name in _LOOKED_AT else _PLAIN


def _check_length(target: bytes, limits: MessageLimits) -> Problem | None:
    if len(target) > limits.target:
        return Problem(status=414, title="The target is too long")  # RFC 9110 15.5.15
    return None


def _check_size(headers: Headers, look: Look, limits: MessageLimits) -> Problem | None:
    if len(headers) > limits.fields:
        return Problem(status=431, title="Too many header fields")  # RFC 6585 5
    if look.size > limits.headers:
        return Problem(status=431, title="The header fields are too large")
    if sum(map(len, values_of(look.ruled, b"cookie"))) > limits.cookies:
        return Problem(status=431, title="The cookies are too large")
    return None


def _check_method(method: bytes, version: bytes) -> Problem | None:
    if version not in (b"1.0", b"1.1"):
        return Problem(status=505, title="Only HTTP versions 1.0 and 1.1 are spoken here")  # RFC 9110 15.6.6
    if method in _METHODS:
        return None
    if not _METHOD_FORM.fullmatch(method):
        return Problem(status=400, title="The method is not a method")  # RFC 9110 9.1: case-sensitive
    return Problem(status=501, title="The method is not supported")  # RFC 9110 15.6.2


def _check_fields(headers: Headers, look: Look) -> Problem | None:
    if not look.are_tokens:
        return Problem(status=400, title="A header name is not a token")
    # obs-fold (RFC 9112 5.2) would show as CR or LF in the value.
    if not are_values([value for _, value in headers]):
        return Problem(status=400, title="A header value holds a control character")
    return None


def _check_host_and_target(target: bytes, look: Look, hosts: frozenset[bytes] | None) -> Problem | None:
    values = values_of(look.ruled, b"host")
    if len(values) != 1:
        return Problem(status=400, title="There must be exactly one Host field")  # RFC 9112 3.2
    host = canonical_host(values[0]) if len(values[0]) <= _LONGEST_HOST else None
    if host is None:
        return Problem(status=400, title="The Host field is not a host")
    problem = check_target(target, host=host)
    if problem is not None:
        return problem
    if hosts is not None and not is_known_host(host, hosts):
        return Problem(status=421, title="This host is not served here")  # RFC 9110 15.5.20
    look.host = host
    return None


def _check_framing(ruled: Headers, version: bytes) -> Problem | None:
    lengths = values_of(ruled, b"content-length")
    codings = values_of(ruled, b"transfer-encoding")
    if lengths and codings:
        return Problem(status=400, title="Both Content-Length and Transfer-Encoding")  # RFC 9112 6.3 rule 3
    if len(lengths) > 1 or any(not _LENGTH.fullmatch(length) for length in lengths):
        return Problem(status=400, title="No single valid Content-Length")  # RFC 9112 6.3 rule 5
    if codings and version == b"1.0":
        return Problem(status=400, title="Transfer-Encoding in HTTP/1.0")  # RFC 9112 6.1
    if codings and [coding.lower() for coding in codings] != [b"chunked"]:
        return Problem(status=501, title="The transfer coding is not supported")  # RFC 9112 6.1
    if any(value.lower() != b"100-continue" for value in values_of(ruled, b"expect")):
        return Problem(status=417, title="The expectation is not supported")  # RFC 9110 10.1.1
    return None
