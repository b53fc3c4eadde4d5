"""What must have happened after a case was sent in all its ways: to the client, and at the backend."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter

from tests.security.cases.form import COOKIE, Case, Good
from tests.security.delivery import Delivery, deliveries, good, send
from tests.security.gateway import Gateway
from tests.security.strict import Answer, Request, read_answers

_UNRESERVED = re.compile(rb"%(?:2[dDeE]|3[0-9]|4[1-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aAeE])")
_STRICTLY_AFTER = b"/public/afterwards"


async def assert_refused(gateway: Gateway, case: Case) -> None:
    """One answer with the right status in each way, then the end; the backend got the good requests and no more."""
    ways = list(deliveries(case.raw, gateway.cookie))
    since, known = len(gateway.backend.requests), len(gateway.backend.connections)
    came = await asyncio.gather(*(send(gateway.port, way) for way in ways))
    # What the gateway would forward late has been forwarded before another client is answered.
    await assert_served(gateway, _STRICTLY_AFTER)
    for way, octets in zip(ways, came, strict=True):
        _assert_one_refusal(case, way, octets)
    seen = gateway.backend.requests[since:]
    expected = Counter(target for way in ways for target in way.good_before) + Counter([_STRICTLY_AFTER])
    assert Counter(one.target for one in seen) == expected
    for connection in gateway.backend.connections[known:]:
        assert connection.wrong is None
        assert case.half or connection.rest == b"", f"the backend saw {connection.rest[:200]!r}"


def _assert_one_refusal(case: Case, way: Delivery, octets: bytes) -> None:
    answers, rest = read_answers(octets)
    assert case.flood or rest == b"", f"{way.way}: {rest[:200]!r} behind the answers"
    served, last = answers[: len(way.good_before)], answers[len(way.good_before) :]
    assert [one.body for one in served] == [b"GET " + target for target in way.good_before], way.way
    if case.flood and not last:
        return
    assert len(last) == 1, f"{way.way}: {[one.status for one in answers]}"
    (answer,) = last
    assert answer.status in case.statuses, f"{way.way}: {answer.status} {answer.body!r}"
    assert_closing_problem(answer)


def assert_closing_problem(answer: Answer) -> None:
    """A problem that says that the connection ends, leads nowhere and is not to be kept; in words for a WebSocket."""
    assert answer.values(b"connection") == [b"close"]
    assert answer.values(b"cache-control") == [b"no-store"]
    assert answer.values(b"location") == answer.values(b"set-cookie") == []
    (kind,) = answer.values(b"content-type")
    if kind == b"application/problem+json":
        assert json.loads(answer.body)["status"] == answer.status
    else:
        assert kind == b"text/plain; charset=utf-8"


async def assert_accepted(gateway: Gateway, case: Good) -> None:
    """In each way the answers come in order, and the backend gets exactly what was decided."""
    end = good(b"/public/end", gateway.cookie, b"Connection: close")
    raw = case.raw.replace(COOKIE, gateway.cookie)
    methods = [method for method, _, _ in case.sent]
    ways = [
        one for one in deliveries(raw if case.ends else raw + end, gateway.cookie) if one.way != "before a good one"
    ]
    for way in ways:
        since = len(gateway.backend.requests)
        octets = await send(gateway.port, way)
        answers, rest = read_answers(octets, [*([b"GET"] * len(way.good_before)), *methods])
        assert case.flood or rest == b"", way.way
        ending = () if case.ends else (200,)
        statuses = [*([200] * len(way.good_before)), *case.statuses, *ending]
        lost = case.flood and len(answers) == len(way.good_before)
        assert lost or [one.status for one in answers] == statuses, f"{way.way}: {octets[:2000]!r}"
        seen = gateway.backend.requests[since + len(way.good_before) :]
        expected = [*case.sent, *(() if case.ends else ((b"GET", b"/public/end", b""),))]
        assert [(one.method, one.target, one.body) for one in seen] == expected, way.way
        for request in seen:
            assert_sent_as_decided(gateway, request)
            assert not case.absent & {name for name, _ in request.fields}


def assert_sent_as_decided(gateway: Gateway, request: Request) -> None:
    """A request that a backend got was decided on, or noted under its decision, with exactly this path and method."""
    (record,) = request.values(b"x-inkom-decision")
    decided = gateway.decision(record.decode())
    assert decided["allowed"] is True
    assert (request.method.decode(), path_of(request.target).decode()) in gateway.forwarded(record.decode())


def path_of(target: bytes) -> bytes:
    """The path of a target as RFC 3986 6.2.2 writes it: unreserved characters plain, other escapes in capitals."""
    path = target.partition(b"?")[0]
    plain = _UNRESERVED.sub(lambda match: bytes((int(match[0][1:], 16),)), path)
    return re.sub(rb"%[0-9a-f]{2}", lambda match: match[0].upper(), plain, flags=re.IGNORECASE)


async def assert_served(gateway: Gateway, target: bytes) -> None:
    """Another client gets the answer to its own request."""
    one = Delivery(way="alone", pieces=(good(target, gateway.cookie, b"Connection: close"),))
    answers, _ = read_answers(await send(gateway.port, one))
    assert [(answer.status, answer.body) for answer in answers] == [(200, b"GET " + target)]
