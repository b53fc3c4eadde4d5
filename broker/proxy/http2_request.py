"""A request of HTTP/2 in the words of HTTP/1.1, so that the same rules judge it and the same gate sees it.

Sans-io. Pseudo-fields become method, target and Host (RFC 9113, section 8.3.1), cookies one field again (8.2.3), a body
of unknown length a chunked one. Form and order of fields were checked by h2; what is allowed is checked by `messages`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from broker.proxy.messages import Headers, MessageLimits, Problem, check_request

_MISSING = Problem(status=400, title="A pseudo-field is missing or of another scheme")
# RFC 9113 8.1.1: such a request is malformed.
_NO_BODY = Problem(status=400, title="A body was announced, and none comes")
# Between a client and us only: there is nothing of them to pass on, and `te` may only say "trailers" (RFC 9113 8.2.2).
_OWN = frozenset((b"te", b"expect", b"http2-settings"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """A request that may be judged; `target` is byte for byte the client's `:path`."""

    method: bytes
    target: bytes
    headers: Headers
    expects: bool


def translate(
    fields: Iterable[tuple[bytes, bytes]],
    *,
    has_body: bool,
    scheme: bytes,
    hosts: frozenset[bytes] | None,
    limits: MessageLimits,
) -> Translated | Problem:
    """Return the request, or what is wrong with it by the rules that HTTP/1.1 is held to."""
    pseudo: dict[bytes, bytes] = {}
    plain: Headers = []
    cookies: list[bytes] = []
    for name, value in fields:
        if name.startswith(b":"):
            pseudo[name] = value
        elif name == b"cookie":
            cookies.append(value)
        else:
            plain.append((name, value.strip(b" \t")))
    if set(pseudo) != {b":method", b":scheme", b":authority", b":path"} or pseudo[b":scheme"] != scheme:
        return _MISSING
    # Host, if it came too, is the same as :authority; h2 has seen to that.
    headers: Headers = [(b"host", pseudo[b":authority"])]
    headers += [field for field in plain if field[0] != b"host"]
    if cookies:
        headers.append((b"cookie", b"; ".join(cookies)))
    if has_body and not any(name == b"content-length" for name, _ in plain):
        headers.append((b"transfer-encoding", b"chunked"))
    method, target = pseudo[b":method"], pseudo[b":path"]
    problem = check_request(method, target, headers, hosts=hosts, version=b"1.1", limits=limits)
    if problem is not None:
        return problem
    if not has_body and any(name == b"content-length" and int(value) > 0 for name, value in plain):
        return _NO_BODY
    expects = has_body and any(name == b"expect" for name, _ in plain)
    kept = [field for field in headers if field[0] not in _OWN]
    return Translated(method=method, target=target, headers=kept, expects=expects)
