"""What another proxy asks about: method and target of the request that it holds, read out of its own question.

Each product writes them in one spelling, and only that spelling is read: a field of another one, a field twice or
a missing one is refused, since a client could have sent it. The target has to pass the checks of a request that comes
by itself. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from broker.proxy.fields import Headers, values_of
from broker.proxy.messages import check_request
from broker.proxy.targets import Problem

PLACE = b"/_inkom/auth"


class Spelling(Enum):
    """Where a question says what it is about."""

    ORIGINAL = "X-Original-Method and X-Original-URI"
    FORWARDED = "X-Forwarded-Method, -Proto, -Host and -Uri"
    ITSELF = "the question's own method, and its target behind /_inkom/auth"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How a product asks. `passes_answers_on`: its visitors see our answer when we don't say yes."""

    spelling: Spelling
    passes_answers_on: bool


ASKING = {
    "nginx": Asking(spelling=Spelling.ORIGINAL, passes_answers_on=False),
    "haproxy": Asking(spelling=Spelling.ORIGINAL, passes_answers_on=False),
    "caddy": Asking(spelling=Spelling.FORWARDED, passes_answers_on=True),
    "traefik": Asking(spelling=Spelling.FORWARDED, passes_answers_on=True),
    "envoy": Asking(spelling=Spelling.ITSELF, passes_answers_on=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The request that a question is about. `target` is in origin-form."""

    method: str
    target: bytes


_ORIGINAL = (b"x-original-method", b"x-original-uri")
_FORWARDED = (b"x-forwarded-method", b"x-forwarded-uri")
_PLACES = {Spelling.ORIGINAL: _ORIGINAL, Spelling.FORWARDED: _FORWARDED, Spelling.ITSELF: ()}


def asked(
    spelling: Spelling, *, method: bytes, target: bytes, headers: Headers, hosts: frozenset[bytes], scheme: bytes
) -> Asked | Problem:
    """Return what a question is about; `method`, `target` and `headers` are the question's own.

    `hosts` and `scheme` are those of our public address: nothing is said of requests to others.
    """
    foreign = {name for names in (_ORIGINAL, _FORWARDED) for name in names}.difference(_PLACES[spelling])
    if any(name in foreign for name, _ in headers):
        return Problem(status=400, title="The question holds a field that this proxy does not ask with")
    if spelling is Spelling.ITSELF:
        if not target.startswith(PLACE + b"/"):
            return Problem(status=400, title="The question does not hold the target that it is about")
        return _checked(method, target.removeprefix(PLACE), _only(headers, b"host"), hosts)
    if target != PLACE or method != b"GET":
        return Problem(status=400, title="The question is not a GET for /_inkom/auth")
    method_field, target_field = _PLACES[spelling]
    host_field = b"host" if spelling is Spelling.ORIGINAL else b"x-forwarded-host"
    if spelling is Spelling.FORWARDED and _only(headers, b"x-forwarded-proto") != scheme:
        return Problem(status=400, title="The request did not come by the scheme of the public address")
    return _checked(_only(headers, method_field), _only(headers, target_field), _only(headers, host_field), hosts)


def _checked(
    method: bytes | None, target: bytes | None, host: bytes | None, hosts: frozenset[bytes]
) -> Asked | Problem:
    if method is None or target is None or host is None:
        return Problem(status=400, title="A field that the proxy asks with is missing, or there more than once")
    if not target.startswith(b"/"):
        return Problem(status=400, title="The target is no path")  # RFC 9112 3.2.1: proxies send the origin-form on
    # The fields of the held request were checked as those of the question.
    problem = check_request(method, target, [(b"host", host)], hosts=hosts)
    return problem or Asked(method=method.decode("ascii"), target=target)


def _only(headers: Headers, name: bytes) -> bytes | None:
    values = values_of(headers, name)
    return values[0] if len(values) == 1 else None
