"""The path through ASGI is the oracle of the fast path: the same traffic gives the same bytes, on both sides.

Both edges stand before one gate, so that they use the same passes. What no two answers have in common (references of
failures) is left out before comparing; where a body is cut into chunks is not compared, as no reader may rely on it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from broker.config import TimeLimits
from broker.domain.people import PersonRecord
from broker.proxy.carriage import Carriage
from broker.proxy.edge import EdgeProtocol
from broker.proxy.fast import FastPath
from broker.proxy.messages import Look
from tests.broker.gateway import BAKERY, World, gateway
from tests.broker.proxy.world import HOST, Received, edge, parts_of, read_all, say, status_of, until

COOKIE = b"Cookie: inkom-localhost=cookie-1; theme=dark"
PATH = b"/kmo-portefeuille/pagina"
ROOM = b"\r\n\r\n"


@dataclass
class Standing:
    """Tells that nothing changed, until a test says so."""

    changed: bool = False

    def holds(self) -> bool:
        return not self.changed


@dataclass(kw_only=True)
class Paths:
    """Two edges before one gate: `slow` passes through ASGI, `fast` does not where it need not."""

    world: World
    slow: int
    fast: int
    carried: list[bytes] = field(default_factory=list)

    async def both(self, *parts: bytes, within: float = 5.0) -> tuple[bytes, bytes]:
        """Send the same over both, and return what came back; the backend must have got the same."""
        (slow, slow_raw), (fast, fast_raw) = await self.each(*parts, within=within)
        assert fast_raw == slow_raw
        return slow, fast

    async def each(self, *parts: bytes, within: float = 5.0) -> list[tuple[bytes, bytes]]:
        """Send the same over both; return what came back, and what the backend got, for each."""
        seen = []
        for port in (self.slow, self.fast):
            self.world.backend.raw = b""
            answered = await say(port, *parts, within=within)
            seen.append((_comparable(answered), self.world.backend.raw))
        return seen


def _comparable(answered: bytes) -> bytes:
    answered = re.sub(rb"[A-Z0-9]{4}-[A-Z0-9]{4}(?:-[A-Z0-9]{4})*", b"(reference)", answered)
    return re.sub(rb'"reference": ?"[^"]*"', b'"reference": "(reference)"', answered)


class _Counted(FastPath):
    """The fast path, which also tells what it carried on a decision that stood already."""

    def __init__(self, gate: Any, carried: list[bytes], **limits: Any) -> None:
        super().__init__(gate, **limits)
        self._carried = carried

    def carriage(self, edge: EdgeProtocol, method: bytes, look: Look, *, keep_alive: bool) -> Any:
        carriage = super().carriage(edge, method, look, keep_alive=keep_alive)
        if isinstance(carriage, Carriage):
            self._carried.append(edge.url)
        return carriage


@asynccontextmanager
async def two_paths(**application: Any) -> AsyncIterator[Paths]:
    async with gateway(application=application) as world:
        world.sessions.memory = Standing()
        await world.sign_in()
        assert (await world.get("/kmo-portefeuille/")).status_code == 200
        world.backend.received.clear()
        carried: list[bytes] = []
        fast = _Counted(world.gate, carried, interval=timedelta(seconds=0.05))
        async with edge(world.gate, gate=world.gate) as slow, edge(world.gate, gate=world.gate, fast=fast) as quick:
            yield Paths(world=world, slow=slow.port, fast=quick.port, carried=carried)


@pytest_asyncio.fixture
async def paths() -> AsyncIterator[Paths]:
    async with two_paths() as paths:
        yield paths


def request(
    *lines: bytes, method: bytes = b"GET", target: bytes = PATH, body: bytes = b"", close: bool = True
) -> bytes:
    last = [b"Connection: close"] if close else []
    return b"\r\n".join(
        [method + b" " + target + b" HTTP/1.1", b"Host: localhost:8000", COOKIE, *lines, *last, b"", body]
    )


def with_length(body: bytes) -> bytes:
    return b"Content-Length: %d" % len(body)


REQUESTS = {
    "a page": request(b"Accept: text/html", b"X-Inkom-Person: me", b"Forwarded: for=me"),
    "a query": request(target=PATH + b"?a=1&b=%C3%A9"),
    "an escaped path": request(target=PATH + b"/%C3%A9%7Ex"),
    "an absolute target": request(target=b"http://localhost:8000" + PATH),
    "a head": request(method=b"HEAD"),
    "options": request(method=b"OPTIONS"),
    "a deletion": request(method=b"DELETE"),
    "a body": request(with_length(b"hello"), b"Content-Type: text/plain", method=b"PUT", body=b"hello"),
    "a form": request(with_length(b"a=1"), method=b"POST", body=b"a=1"),
    "an empty body": request(with_length(b""), method=b"POST"),
    "a large body": request(with_length(b"x" * 300_000), method=b"PATCH", body=b"x" * 300_000),
    "a body with GET": request(with_length(b"hello"), body=b"hello"),
    "a range": request(b"Range: bytes=0-3"),
    "hop by hop": request(b"Connection: x-mine, close", b"X-Mine: 1", b"Keep-Alive: 5", b"TE: trailers", close=False),
    "two cookie lines": request(b"Cookie: inkom-localhost-signin=x; other=1"),
    "only our cookie": request().replace(b"; theme=dark", b""),
}


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_request_goes_on_and_is_answered_by_the_same_bytes(paths: Paths, name: str) -> None:
    slow, fast = await paths.both(REQUESTS[name])
    assert status_of(fast) == 200
    assert fast == slow
    assert len(paths.carried) == 1
    one, two = paths.world.backend.received
    assert one == two
    assert one.values(b"x-inkom-decision") == [b"record-1"]
    assert b"inkom-localhost" not in b"".join(one.values(b"cookie"))


def answer(*lines: bytes, status: bytes = b"200 OK", body: bytes = b"") -> Callable[[Received], bytes]:
    return lambda received: b"\r\n".join([b"HTTP/1.1 " + status, *lines, b"", body])


ANSWERS = {
    "nothing": answer(status=b"204 No Content"),
    "nothing with a length": answer(b"Content-Length: 0", status=b"204 No Content"),
    "not modified": answer(b"ETag: x", b"Content-Length: 17", status=b"304 Not Modified"),
    "a length": answer(b"Content-Length: 5", body=b"hello"),
    "an empty body": answer(b"Content-Length: 0"),
    "chunks": answer(b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n6\r\n there\r\n0\r\n\r\n"),
    "chunks with trailers": answer(
        b"Transfer-Encoding: chunked", b"Trailer: X-T", body=b"5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n"
    ),
    "an early hint": lambda _: (
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    ),
    "a date": answer(b"Date: Mon, 01 Jun 2026 08:00:00 GMT", b"Server: me", b"Content-Length: 0"),
    "cookies": answer(
        b"Set-Cookie: inkom-localhost=mine; Path=/", b"Set-Cookie: theme=light", b"Content-Length: 2", body=b"ok"
    ),
    "what only a gateway says": answer(b"X-Inkom-Role: x", b"Alt-Svc: h3", b"Clear-Site-Data: *", b"Content-Length: 0"),
    "how to cache": answer(b"Cache-Control: max-age=5", b"Content-Length: 0"),
    "a redirect": answer(b"Location: /x", b"Content-Length: 0", status=b"302 Found"),
    "an error": answer(b"Content-Length: 4", status=b"503 Away", body=b"away"),
    "an unknown status": answer(b"Content-Length: 0", status=b"599 Odd"),
    "a large body": answer(b"Content-Length: 400000", body=b"y" * 400_000),
    "two lengths": answer(b"Content-Length: 1", b"Content-Length: 2", body=b"xx"),
    "length and chunks": answer(b"Content-Length: 1", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "no HTTP": lambda _: b"SSH-2.0-x\r\n\r\n",
    "two answers": answer(b"Content-Length: 0", body=b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    "a switch": answer(b"Upgrade: x", b"Connection: upgrade", status=b"101 Switching Protocols"),
    "an obsolete fold": answer(b"X-A: 1", b" 2", b"Content-Length: 0"),
    "a large head": answer(*(b"X-%d: " % number + b"x" * 1000 for number in range(70)), b"Content-Length: 0"),
}


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"POST"])
@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_comes_back_by_the_same_bytes(paths: Paths, name: str, method: bytes) -> None:
    paths.world.backend.answer = ANSWERS[name]
    slow, fast = await paths.both(request(with_length(b""), b"Accept: application/json", method=method))
    assert fast == slow
    assert status_of(fast) != 0
    assert len(paths.carried) == 1


async def test_an_answer_up_to_the_end_of_the_connection_is_chunked_alike(paths: Paths) -> None:
    def answered(_: Received) -> bytes:
        asyncio.get_running_loop().call_later(0.05, paths.world.backend.drop_connections)
        return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nto the end"

    paths.world.backend.answer = answered
    slow, fast = await paths.both(request())
    assert parts_of(fast) == parts_of(slow)
    assert parts_of(fast)[2] == b"to the end"


async def test_a_body_that_breaks_off_is_cut_alike(paths: Paths) -> None:
    def answered(_: Received) -> bytes:
        asyncio.get_running_loop().call_later(0.05, paths.world.backend.drop_connections)
        return b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"

    paths.world.backend.answer = answered
    slow, fast = await paths.both(request())
    assert fast == slow
    assert fast.endswith(b"half")


async def test_requests_follow_each_other_on_one_connection(paths: Paths) -> None:
    wanted = [request(close=False), request(close=False, method=b"HEAD"), request(target=PATH + b"/last")]
    slow, fast = await paths.both(*wanted)
    assert fast == slow
    assert fast.count(b"HTTP/1.1 200") == 3


async def test_pipelined_requests_are_answered_in_their_order(paths: Paths) -> None:
    wanted = b"".join(request(close=False, target=PATH + b"/%d" % number) for number in range(4)) + request()
    slow, fast = await paths.both(wanted)
    assert fast == slow
    assert [received.target for received in paths.world.backend.received[5:]] == [
        *(PATH + b"/%d" % number for number in range(4)),
        PATH,
    ]


OTHER_PATH = {
    "no session": request().replace(b"cookie-1", b"nobody"),
    "two sessions": request(b"Cookie: inkom-localhost=cookie-1"),
    "a body of unknown length": request(b"Transfer-Encoding: chunked", method=b"PUT", body=b"5\r\nhello\r\n0\r\n\r\n"),
    "an expectation": request(b"Expect: 100-continue", with_length(b"hello"), method=b"PUT", body=b"hello"),
    "HTTP/1.0": request(b"Accept: */*").replace(b"HTTP/1.1", b"HTTP/1.0"),
    "another application": request(target=b"/coronamaatregelen/"),
    "no application": request(target=b"/elsewhere/"),
    "our own pages": request(target=b"/_inkom/jwks.json"),
    "a form beside a kept one": request(
        b"Cookie: inkom-localhost-parked=" + b"p" * 43, with_length(b"a=1"), method=b"POST", body=b"a=1"
    ),
    "an upgrade to nothing we know": request(b"Upgrade: h2c", b"Connection: upgrade", close=True),
}


@pytest.mark.parametrize("name", OTHER_PATH)
async def test_what_is_out_of_the_ordinary_goes_through_asgi(paths: Paths, name: str) -> None:
    await paths.both(OTHER_PATH[name])  # whatever has to be decided first is decided
    paths.carried.clear()
    if name == "another application":
        await paths.both(OTHER_PATH[name])
        assert paths.carried == [b"/coronamaatregelen/"]
        return
    slow, fast = await paths.both(OTHER_PATH[name])
    if name != "an upgrade to nothing we know":
        assert paths.carried == []
    assert fast == slow


async def test_a_body_larger_than_the_application_takes_is_refused_alike() -> None:
    async with two_paths(max_body=10) as paths:
        slow, fast = await paths.both(request(with_length(b"x" * 11), method=b"PUT", body=b"x" * 11))
        assert fast == slow
        assert status_of(fast) == 413
        assert paths.world.backend.received == []
        assert paths.carried == []


async def test_where_the_backend_may_ask_for_more_its_answers_are_looked_at_first() -> None:
    async with two_paths(step_up=True) as paths:
        slow, fast = await paths.both(request())
        assert fast == slow
        assert paths.carried == []


async def test_a_kept_connection_that_died_costs_a_safe_request_nothing(paths: Paths) -> None:
    await paths.both(request())
    paths.world.backend.drop_connections()
    await asyncio.sleep(0)
    slow, fast = await paths.both(request())
    assert status_of(fast) == status_of(slow) == 200


async def test_a_backend_that_is_away_is_told_with_a_page_or_a_document(paths: Paths) -> None:
    paths.world.server.close()
    paths.world.backend.drop_connections()
    await until(lambda: paths.world.backend.open == 0)
    for accept in (b"Accept: application/json", b"Accept: text/html\r\nSec-Fetch-Mode: navigate"):
        slow, fast = await paths.both(request(accept))
        assert fast == slow
        assert status_of(fast) == 502
        assert b"reference" in fast
    assert len(paths.carried) == 2


async def test_each_request_under_a_decision_is_noted(paths: Paths) -> None:
    await paths.both(request(target=PATH + b"/82672100108?x=1", method=b"DELETE"))
    note = ("record-1", "DELETE", "/kmo-portefeuille/pagina/(number)")
    assert paths.world.audit.requests == [note, note]
    assert len(paths.world.audit.decisions) == 1


async def test_when_nothing_can_be_noted_nothing_passes(paths: Paths) -> None:
    paths.world.audit.full = True
    slow, fast = await paths.both(request(b"Accept: application/json"))
    assert status_of(fast) == status_of(slow) == 503
    assert paths.world.backend.received == []


@pytest.mark.parametrize("how", ["changed", "later", "next day", "the clock set back"])
async def test_a_decision_that_no_longer_stands_is_made_anew(paths: Paths, how: str) -> None:
    memory = paths.world.sessions.memory
    assert isinstance(memory, Standing)
    match how:
        case "changed":
            memory.changed = True
        case "later":
            paths.world.clock.forward(seconds=11)
        case "the clock set back":
            paths.world.clock.forward(minutes=-5)
        case _:
            paths.world.clock.forward(hours=14, minutes=0)  # the facts are too old as well
    assert status_of(await say(paths.fast, request())) == 200
    assert paths.carried == []
    assert len(paths.world.audit.decisions) == 2


async def test_a_session_that_ended_lets_nothing_more_through(paths: Paths) -> None:
    await paths.world.sessions.end("cookie-1")
    assert isinstance(paths.world.sessions.memory, Standing)
    paths.world.sessions.memory.changed = True
    assert status_of(await say(paths.fast, request(b"Accept: application/json"))) == 401
    assert paths.world.backend.received == []


async def streaming(paths: Paths) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open an event stream that goes on for as long as both sides like."""
    paths.world.backend.answer = answer(b"Content-Type: text/event-stream", b"Transfer-Encoding: chunked")
    reader, writer = await asyncio.open_connection(HOST, paths.fast)
    writer.write(request(close=False))
    await reader.readuntil(ROOM)
    assert paths.carried == [PATH]
    return reader, writer


async def test_a_stream_ends_soon_after_its_session_does(paths: Paths) -> None:
    reader, writer = await streaming(paths)
    await paths.world.sessions.end("cookie-1")
    assert isinstance(paths.world.sessions.memory, Standing)
    paths.world.sessions.memory.changed = True
    async with asyncio.timeout(2):
        assert not (await read_all(reader)).endswith(b"0\r\n\r\n")
    writer.close()
    await until(lambda: paths.world.backend.open == 0 or len(paths.world.backend.received) == 1)


async def test_a_stream_goes_on_while_its_session_would_be_let_in_again(paths: Paths) -> None:
    reader, writer = await streaming(paths)
    assert isinstance(paths.world.sessions.memory, Standing)
    paths.world.sessions.memory.changed = True
    with suppress(TimeoutError):
        async with asyncio.timeout(0.4):
            raise AssertionError(await reader.read())
    writer.close()


async def test_a_client_that_leaves_takes_the_backends_connection_with_it(paths: Paths) -> None:
    _, writer = await streaming(paths)
    assert paths.world.backend.open == 1
    writer.transport.abort()
    await until(lambda: paths.world.backend.open == 0)


async def test_a_slow_client_holds_the_backend_back() -> None:
    async with two_paths() as paths:
        sent = 0

        async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            await reader.readuntil(ROOM)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
            with suppress(ConnectionError):
                for _ in range(1000):
                    writer.write(b"x" * 100_000)
                    await writer.drain()
                    sent += 100_000
            writer.close()

        port = paths.world.backend.port
        paths.world.server.close()
        paths.world.backend.drop_connections()
        server = await asyncio.start_server(endless, HOST, port, reuse_port=False)
        reader, writer = await asyncio.open_connection(HOST, paths.fast, limit=1000)
        writer.write(request(close=False))
        await reader.readuntil(ROOM)
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.3)
        assert sent < 30_000_000
        got = 0
        while got < 100_000_000 and (data := await reader.read(1_000_000)):
            got += len(data)
        assert got == 100_000_000
        writer.close()
        server.close()


@pytest.mark.parametrize(("limit", "status"), [("first_byte", 504), ("idle", 0)])
async def test_a_backend_that_stops_is_given_up(limit: str, status: int) -> None:
    async with two_paths(time_limits=TimeLimits(**{limit: 0.2})) as paths:
        begun = b"" if limit == "first_byte" else b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
        paths.world.backend.answer = lambda _: begun
        slow, fast = await paths.both(request(b"Accept: application/json"))
        assert paths.carried == [PATH]
        assert fast == slow
        assert status_of(fast) == (status or 200)
        assert status or fast.endswith(b"half")


async def test_a_body_that_the_client_never_finishes_is_worth_nothing(paths: Paths) -> None:
    reader, writer = await asyncio.open_connection(HOST, paths.fast)
    writer.write(request(b"Content-Length: 10", method=b"PUT", body=b"half", close=False))
    await until(lambda: paths.carried == [PATH])
    writer.close()
    await read_all(reader)
    await until(lambda: paths.world.backend.open == 0)
    assert paths.world.backend.received == []


async def test_a_client_that_asks_for_it_is_told_that_the_connection_closes(paths: Paths) -> None:
    slow, fast = await paths.both(request(b"Accept: text/html"))
    assert parts_of(fast)[1][b"connection"] == [b"close"]
    assert fast == slow


def anew(paths: Paths) -> None:
    """Let every decision be made anew from now on: nothing tells of changes."""
    paths.world.sessions.memory = None
    paths.world.gate.passes._kept.clear()


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_request_whose_decision_is_made_first_goes_the_same_way(paths: Paths, name: str) -> None:
    anew(paths)
    slow, fast = await paths.each(REQUESTS[name])
    assert status_of(fast[0]) == 200
    # Answers echo what the backend got.
    assert _without_decision(fast[1]) == _without_decision(slow[1])
    assert paths.carried == []
    assert len(paths.world.audit.decisions) == 3


def _without_decision(raw: bytes) -> bytes:
    raw = re.sub(rb"x-inkom-assertion: [^\r]*", b"x-inkom-assertion: (signed)", raw)
    return re.sub(rb"x-inkom-decision: record-\d+", b"x-inkom-decision: (record)", raw)


NOT_ADMITTED = {
    "a script": (b"Accept: application/json",),
    "a browser": (b"Accept: text/html", b"Sec-Fetch-Mode: navigate"),
}


@pytest.mark.parametrize("method", [b"GET", b"POST", b"PUT"])
@pytest.mark.parametrize("name", NOT_ADMITTED)
@pytest.mark.parametrize("why", ["nobody", "no right", "the store is away", "a mistake of ours"])
async def test_whoever_may_not_pass_is_told_alike(
    paths: Paths, why: str, name: str, method: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    anew(paths)
    match why:
        case "nobody":
            await paths.world.sessions.end("cookie-1")
        case "no right":
            paths.world.registers.record = PersonRecord(organisations=(BAKERY,))
            paths.world.forget_facts()
        case "the store is away":
            paths.world.sessions.away = True
        case _:
            monkeypatch.setattr(paths.world.audit, "decided", None)
    form = (b"Content-Type: application/x-www-form-urlencoded", with_length(b"a=1")) if method != b"GET" else ()
    raw = request(*NOT_ADMITTED[name], *form, method=method, body=b"a=1" if form else b"")
    slow, fast = await paths.each(raw)
    assert _without_the_own(fast[0]) == _without_the_own(slow[0])
    assert status_of(fast[0]) in (303, 401, 403, 500, 503)
    assert paths.world.backend.received == []


def _without_the_own(answered: bytes) -> bytes:
    return re.sub(rb"RECO-RD-\d|record-\d", b"(record)", re.sub(rb"set-cookie: [^\r]*", b"set-cookie: (one)", answered))


async def test_a_client_that_leaves_during_the_decision_is_forgotten(paths: Paths) -> None:
    anew(paths)
    asked, leave = asyncio.Event(), asyncio.Event()

    async def slow_store(cookie: str, *, counts_as_use: bool = True) -> None:
        asked.set()
        await leave.wait()

    paths.world.sessions.marked = slow_store  # type: ignore[method-assign]
    _, writer = await asyncio.open_connection(HOST, paths.fast)
    writer.write(request(close=False))
    await asyncio.wait_for(asked.wait(), 5)
    writer.transport.abort()
    await asyncio.sleep(0.05)
    leave.set()
    await asyncio.sleep(0.05)
    assert paths.world.backend.received == []


async def test_requests_behind_one_that_is_being_decided_wait_for_their_turn(paths: Paths) -> None:
    anew(paths)
    wanted = b"".join(request(close=False, target=PATH + b"/%d" % number) for number in range(3)) + request()
    slow, fast = await paths.each(wanted)
    assert fast[0].count(b"HTTP/1.1 200 OK") == slow[0].count(b"HTTP/1.1 200 OK") == 4
    targets = [received.target for received in paths.world.backend.received]
    assert targets == [PATH + b"/0", PATH + b"/1", PATH + b"/2", PATH] * 2


async def test_a_failure_is_answered_without_regard_to_what_the_next_request_expects(paths: Paths) -> None:
    """The head behind it was read already when the answer of a request that was carried is made."""
    paths.world.backend.answer = ANSWERS["no HTTP"]
    expecting = request(b"Expect: 100-continue", with_length(b"hello"), method=b"PUT", body=b"hello")
    slow, fast = await paths.both(request(b"Accept: application/json", close=False) + expecting)
    assert fast == slow
    assert fast.startswith(b"HTTP/1.1 502")
    assert b"connection: close" not in fast.partition(ROOM)[0]
