"""Rules for the request target and the Host field: what is refused, and the path that a policy is decided on.

Refusing wins over repairing: two programs that read one target differently are how a path slips past a policy. What
is accepted is sent on byte for byte, and any reader that decodes it once comes to `application_path`. No I/O.
A query is only checked for bytes that can't be in a target: it never takes part in a decision.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a request is refused: the HTTP status and one line that is safe to show to anybody."""

    status: int
    title: str


_Rule = tuple[re.Pattern[bytes], str]

# RFC 9112 3.2: a target is visible ASCII; RFC 9110 7.1: a fragment is no part of it.
_TARGET_RULES: tuple[_Rule, ...] = (
    (re.compile(rb"[^\x21-\x7e]"), "The target holds a byte that is not visible ASCII"),
    (re.compile(rb"#"), "The target holds a fragment"),
    (re.compile(rb"%00"), "The target holds an encoded NUL"),
)

# RFC 3986 2.1, 3.3 and 6.2.2: each of these is read in two ways by programs in use.
_PATH_RULES: tuple[_Rule, ...] = (
    (re.compile(rb"\\"), "The path holds a backslash"),
    (re.compile(rb"%(?![0-9A-Fa-f]{2})"), "The path holds a percent sign without two hexadecimal digits"),
    (re.compile(rb"%(?:[01][0-9A-Fa-f]|7[Ff])"), "The path holds an encoded control character"),
    (re.compile(rb"%(?:2[Ff]|5[Cc])"), "The path holds an encoded slash or backslash"),
    # Some servers cut parameters off a segment before they look at it (RFC 3986 3.3), others don't.
    (re.compile(rb";|%3[Bb]"), "The path holds a path parameter"),
    (re.compile(rb"//"), "The path holds an empty segment"),
    # `[`, `]` and `|` are no path characters in RFC 3986, but browsers send them as they are.
    (re.compile(rb"[^A-Za-z0-9\-._~!$&'()*+,=:@/%\[\]|]"), "The path holds a character that must be encoded"),
)

# On the path with its unreserved characters decoded, so that `%2e%2e` is `..` (RFC 3986 5.2.4 and 6.2.2.2).
_SEGMENT_RULES: tuple[_Rule, ...] = (
    (re.compile(rb"/\.{1,2}(?:/|$)"), "The path holds a dot segment"),
    # Windows file systems drop a dot or a space at the end of a name.
    (re.compile(rb"(?:\.|%20)(?:/|$)"), "A path segment ends in a dot or a space"),
    (re.compile(rb"/%20"), "A path segment begins with a space"),
)

# Most targets: nothing in them is what any rule is about, so none has to be asked. A test holds it against the rules.
_PLAIN = re.compile(rb"(?:/[A-Za-z0-9_~\-]+(?:\.[A-Za-z0-9_~\-]+)*)*/?(?:\?[\x21\x22\x24\x26-\x7e]*)?")

_ABSOLUTE = re.compile(rb"(?P<scheme>[Hh][Tt][Tt][Pp][Ss]?)://(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL)
_ESCAPE = re.compile(rb"%[0-9A-Fa-f]{2}")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_C1_CONTROL = re.compile("[\x80-\x9f]")

_HOST = re.compile(rb"(?P<name>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
_DEFAULT_PORTS = {b"http": b":80", b"https": b":443"}


def origin_form(target: bytes) -> bytes:
    """The target as it is sent to a backend: path and query (RFC 9112 3.2.1); an origin-form target is unchanged."""
    if target.startswith(b"/"):
        return target
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        return target
    rest = absolute["rest"]
    return rest if rest.startswith(b"/") else b"/" + rest


def application_path(target: bytes) -> bytes:
    """The path that a policy is matched on: no query, unreserved characters decoded, other escapes in capitals.

    Case-sensitive and without Unicode folding (RFC 3986 6.2.2). Only for targets that `check_target` accepted.
    """
    return _canonical(origin_form(target).partition(b"?")[0])


def check_target(target: bytes, *, host: bytes) -> Problem | None:
    """Refuse every target that could mean two things; `host` is the canonical Host of the same request."""
    if target.startswith(b"/") and _PLAIN.fullmatch(target):
        return None
    return check_by_rules(target, host=host)


def check_by_rules(target: bytes, *, host: bytes) -> Problem | None:
    """The same for targets of any kind."""
    for pattern, title in _TARGET_RULES:
        if pattern.search(target):
            return Problem(status=400, title=title)
    if not target.startswith(b"/"):
        # RFC 9112 3.2.2: absolute-form must be understood; authority-form and `*` have no meaning for a gateway.
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute is None:
            return Problem(status=400, title="The target is neither a path nor an http address")
        if not _same_host(absolute["authority"], host, scheme=absolute["scheme"].lower()):
            return Problem(status=400, title="The target names another host than the Host field")
    return _check_path(origin_form(target).partition(b"?")[0])


@lru_cache(maxsize=256)
def canonical_host(value: bytes) -> bytes | None:
    """The Host value in lower case without a trailing dot, or None if it is no host with an optional port."""
    match = _HOST.fullmatch(value)
    if match is None:
        return None
    name, port = match["name"].lower(), match["port"]
    # RFC 1034 3.1: one dot at the end is the root; no label is empty.
    if name.startswith(b".") or b".." in name:
        return None
    name = name.removesuffix(b".")
    if port is None:
        return name
    # RFC 9110 4.2 and RFC 6335 6: a port is 16 bits, and 0 is reserved.
    if not 0 < int(port) < 65536:
        return None
    return name + b":%d" % int(port)


def is_known_host(host: bytes, hosts: frozenset[bytes]) -> bool:
    """An entry without a port also stands for the default ports; an entry with a port stands for that port only."""
    return host in hosts or any(host.endswith(port) and host[: -len(port)] in hosts for port in _DEFAULT_PORTS.values())


def _check_path(path: bytes) -> Problem | None:
    for pattern, title in _PATH_RULES:
        if pattern.search(path):
            return Problem(status=400, title=title)
    canonical = _canonical(path)
    for pattern, title in _SEGMENT_RULES:
        if pattern.search(canonical):
            return Problem(status=400, title=title)
    try:
        # RFC 3629 3: strict decoding refuses overlong forms such as %c0%af, which a lax reader takes for a slash.
        text = unquote_to_bytes(path).decode("utf-8")
    except UnicodeDecodeError:
        return Problem(status=400, title="The path is not UTF-8")
    if _C1_CONTROL.search(text):
        return Problem(status=400, title="The path holds an encoded control character")
    return None


def _canonical(path: bytes) -> bytes:
    if b"%" not in path:
        return path
    return _ESCAPE.sub(_decode_unreserved, path)


def _decode_unreserved(escape: re.Match[bytes]) -> bytes:
    code = int(escape[0][1:], 16)
    return bytes((code,)) if code in _UNRESERVED else escape[0].upper()


def _same_host(authority: bytes, host: bytes, *, scheme: bytes) -> bool:
    named = canonical_host(authority)
    default = _DEFAULT_PORTS[scheme]
    return named is not None and named.removesuffix(default) == host.removesuffix(default)
