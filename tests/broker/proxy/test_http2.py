"""HTTP/2 towards browsers: the same requests, the same rules, and limits against what only HTTP/2 makes possible."""

from __future__ import annotations

import asyncio
import json
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from starlette.types import ASGIApp, Receive, Scope, Send

from broker.adapters.clock import SystemClock
from broker.adapters.metrics import PrometheusMeasures
from broker.proxy.certificates import Certificates, Pair
from broker.proxy.crowd import Crowd
from broker.proxy.cycle import EdgeSettings
from broker.proxy.entrance import EntranceSettings
from broker.proxy.http2_sending import CHATTER, STREAMS
from broker.proxy.messages import MessageLimits
from tests.broker.adapters.registers.magda.authority import Authority
from tests.broker.proxy.arriving import LOOPBACK, Arriving, TlsClient, arriving, whose
from tests.broker.proxy.http2_client import Http2Client, asking, http2
from tests.broker.proxy.test_proxy_protocol import header
from tests.broker.proxy.world import (
    Forwarder,
    answer,
    backend,
    request,
    saying,
    scripted,
    status_of,
    until,
    upstream_to,
)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@dataclass
class Way:
    """A client that speaks HTTP/2 with an edge."""

    client: Http2Client
    running: Arriving


@asynccontextmanager
async def speaking(
    authority: Authority, app: ASGIApp, *, connections: int = 10, **settings: object
) -> AsyncIterator[Way]:
    entrance = offering(authority, connections=connections)
    edge = EdgeSettings(**settings)  # type: ignore[arg-type]  # as EdgeSettings takes them
    async with (
        arriving(app, entrance, settings=edge) as running,
        http2(running.port, trusting(authority)) as client,
    ):
        yield Way(client, running)


def offering(authority: Authority, *, connections: int = 10) -> EntranceSettings:
    papers = authority.issue("gateway")
    certificates = Certificates(
        {"listen.tls": Pair(certificate=papers.certificate, key=papers.key)},
        clock=SystemClock(),
        measures=PrometheusMeasures(),
        protocols=("h2", "http/1.1"),
    )
    return EntranceSettings(crowd=Crowd(connections=connections, per_address=None), tls=certificates.context)


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority.file)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with what the request was, its body counted."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    told = {
        "method": scope["method"],
        "target": scope["extensions"]["inkom.target"].decode(),
        "query": scope["query_string"].decode(),
        "version": scope["http_version"],
        "headers": [[name.decode(), value.decode()] for name, value in scope["headers"]],
        "size": size,
    }
    await answer(send, 200, json.dumps(told).encode())


# Requests and answers


async def test_a_request_is_an_ordinary_one_with_its_exact_target(authority: Authority) -> None:
    async with speaking(authority, echo) as way:
        got = await way.client.ask(asking(b"/a%20b/c?x=1", (b"cookie", b"a=1"), (b"cookie", b"b=2"), (b"x-own", b"v")))
        told = json.loads(got.body)
        assert (told["method"], told["target"], told["query"], told["version"]) == ("GET", "/a%20b/c?x=1", "x=1", "2")
        assert told["headers"] == [["host", "gw.example"], ["x-own", "v"], ["cookie", "a=1; b=2"]]
        assert got.status == 200


async def test_requests_of_one_connection_do_not_wait_for_each_other(authority: Authority) -> None:
    release = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/slow":
            await release.wait()
        await answer(send, 200, scope["path"].encode())

    async with speaking(authority, app) as way:
        slow = await way.client.begin(asking(b"/slow"))
        assert (await way.client.ask(asking(b"/fast"))).body == b"/fast"
        release.set()
        assert (await way.client.answer(slow)).body == b"/slow"


async def test_bodies_of_any_size_travel_both_ways(authority: Authority) -> None:
    size = 3_000_000

    async def double(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        more = True
        while more:
            message = await receive()
            more = message["more_body"]
            await send({"type": "http.response.body", "body": message["body"] * 2, "more_body": more})

    async with speaking(authority, double) as way:
        number = await way.client.begin(asking(method=b"POST"), end=False)
        await way.client.upload(number, b"x" * size)
        assert (await way.client.answer(number)).body == b"x" * size * 2


async def test_a_body_without_a_length_is_a_chunked_one_for_the_gate(authority: Authority) -> None:
    async with speaking(authority, echo) as way:
        told = json.loads((await way.client.ask(asking(method=b"POST"), b"four")).body)
        assert ["transfer-encoding", "chunked"] in told["headers"]
        assert told["size"] == 4
        length = (b"content-length", b"4")
        told = json.loads((await way.client.ask(asking(b"/", length, method=b"POST"), b"four")).body)
        assert ["content-length", "4"] in told["headers"]
        assert not [name for name, _ in told["headers"] if name == "transfer-encoding"]


async def test_a_request_reaches_a_backend_of_http_1_1_and_its_answer_comes_back(authority: Authority) -> None:
    async with (
        backend() as echoing,
        upstream_to(echoing.port) as upstream,
        speaking(authority, Forwarder(upstream)) as way,
    ):
        got = await way.client.ask(asking(b"/x?y", (b"te", b"trailers"), method=b"POST"), b"four")
        told = json.loads(got.body)
        assert (told["method"], told["target"], told["length"]) == ("POST", "/x?y", 4)
        names = {name for name, _ in told["headers"]}
        assert "te" not in names
        assert not {b"connection", b"transfer-encoding", b"keep-alive"} & set(got.headers)
        head = await way.client.ask(asking(b"/x", method=b"HEAD"))
        assert (head.status, head.body, head.ended) == (200, b"", True)


async def test_an_answer_that_breaks_off_is_reset_and_never_ends_well(authority: Authority) -> None:
    cut = saying(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
    async with (
        scripted(cut) as port,
        upstream_to(port) as upstream,
        speaking(authority, Forwarder(upstream)) as way,
    ):
        got = await way.client.ask(asking())
        assert not got.ended
        assert got.reset == ErrorCodes.INTERNAL_ERROR


@pytest.mark.parametrize("early", [True, False])
async def test_an_application_that_fails_gets_500_or_a_reset(authority: Authority, *, early: bool) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if not early:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise ValueError("broken")

    async with speaking(authority, app) as way:
        got = await way.client.ask(asking())
        assert (got.status, got.ended) == ((500, True) if early else (200, False))


async def test_a_client_that_takes_its_request_back_is_told_to_the_application(authority: Authority) -> None:
    heard = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        heard.set()

    async with speaking(authority, app) as way:
        number = await way.client.begin(asking())
        way.client.frames.reset_stream(number, ErrorCodes.CANCEL)
        await way.client.flush()
        async with asyncio.timeout(5):
            await heard.wait()
        await until(lambda: not way.running.state.tasks)


async def test_a_client_that_waits_for_100_is_told_to_go_on(authority: Authority) -> None:
    async with speaking(authority, echo) as way:
        fields = asking(b"/", (b"expect", b"100-continue"), (b"content-length", b"4"), method=b"POST")
        number = await way.client.begin(fields, end=False)
        way.client.frames.send_data(number, b"four", end_stream=True)
        await way.client.flush()
        assert json.loads((await way.client.answer(number)).body)["size"] == 4


async def test_an_answer_before_the_body_ends_the_request(authority: Authority) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, 403, b"no")

    async with speaking(authority, app) as way:
        number = await way.client.begin(asking(method=b"POST"), b"x" * 16_000, end=False)
        got = await way.client.answer(number)
        assert (got.status, got.body) == (403, b"no")
        for _ in range(80):  # more than all of a connection's window, if it were not given back
            again = await way.client.begin(asking(method=b"POST"), b"x" * 16_000, end=False)
            assert (await way.client.answer(again)).status == 403


async def test_a_client_that_says_goodbye_ends_what_was_under_way(authority: Authority) -> None:
    heard, started = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        started.set()
        while (await receive())["type"] != "http.disconnect":
            pass
        heard.set()

    async with speaking(authority, app) as way:
        await way.client.begin(asking())
        await started.wait()
        await way.client.raw(struct.pack("!BHBBLLL", 0, 8, 7, 0, 0, 0, 0))
        await way.client.until(lambda: False)
        async with asyncio.timeout(5):
            await heard.wait()


@pytest.mark.parametrize("path", [b"/", b"//"])
async def test_a_request_taken_back_in_the_same_breath_costs_no_other_one(authority: Authority, path: bytes) -> None:
    async with speaking(authority, whose) as way:
        number = way.client.frames.get_next_available_stream_id()
        way.client.frames.send_headers(number, asking(path), end_stream=True)
        way.client.frames.reset_stream(number, ErrorCodes.CANCEL)
        await way.client.flush()
        assert (await way.client.ask(asking())).status == 200


# What is refused


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (asking(b"/a/../b"), 400),
        (asking(b"/a%2fb"), 400),
        (asking(b"//a"), 400),
        (asking(b"/a\x80"), 400),
        (asking(b"*", method=b"GET"), 400),
        (asking(b"/", method=b"BREW"), 501),
        (asking(b"/" + b"a" * 9000), 414),
        (asking(b"/", *[(b"x-%d" % number, b"v") for number in range(200)]), 431),
        (asking(b"/", (b"expect", b"else"), method=b"POST"), 417),
        (asking(authority=b"other.example"), 421),
        (asking(authority=b"gw.example, other.example"), 400),
        ([(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"gw.example"), (b":path", b"/")], 400),
    ],
)
async def test_what_http_1_1_refuses_is_refused_alike(
    authority: Authority, fields: list[tuple[bytes, bytes]], status: int
) -> None:
    async with speaking(authority, echo, hosts=frozenset({b"gw.example"})) as way:
        got = await way.client.ask(fields)
        assert got.status == status
        assert json.loads(got.body)["status"] == status
        assert (await way.client.ask(asking())).status == 200


@pytest.mark.parametrize(
    "fields",
    [
        [*asking(), (b"connection", b"close")],
        [*asking(), (b"transfer-encoding", b"chunked")],
        [*asking(), (b"X-Upper", b"v")],
        [*asking(), (b"host", b"other.example")],
        [*asking(), (b":path", b"/other")],
        [*asking(), (b"x", b"a\r\nb")],
        [(b":method", b"GET"), (b":path", b"/")],
        [(b"x", b"v"), *asking()],
    ],
)
async def test_a_malformed_request_never_reaches_the_gate(
    authority: Authority, fields: list[tuple[bytes, bytes]]
) -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)

    async with speaking(authority, app) as way:
        number = await way.client.begin(fields)
        await way.client.until(lambda: way.client.answers[number].ended)
        assert way.client.answers[number].status in {0, 400}
        assert seen == []


async def test_a_body_of_another_length_than_was_said_is_never_whole(authority: Authority) -> None:
    whole: list[bool] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] == "http.request" and message["more_body"]:
            pass
        whole.append(message["type"] == "http.request")

    async with speaking(authority, app) as way:
        await way.client.begin(asking(b"/", (b"content-length", b"9"), method=b"POST"), b"four")
        await way.client.until(lambda: False)
        await until(lambda: not way.running.state.tasks)
        assert whole in ([], [False])


async def test_a_length_without_a_body_is_refused(authority: Authority) -> None:
    reached: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["path"])

    async with speaking(authority, app) as way:
        stream = await way.client.begin(asking(b"/", (b"content-length", b"9"), method=b"POST"), end=True)
        answered = await way.client.answer(stream)
        assert answered.status == 400
        assert reached == []


# Limits


async def test_requests_taken_back_again_and_again_end_the_connection(authority: Authority) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async with speaking(authority, app) as way:
        for _ in range(CHATTER):
            number = await way.client.begin(asking())
            way.client.frames.reset_stream(number, ErrorCodes.CANCEL)
        with suppress(ConnectionError):
            await way.client.flush()
        await way.client.until(lambda: False)
        assert way.client.goodbye == ErrorCodes.ENHANCE_YOUR_CALM


PING = struct.pack("!BHBBL", 0, 8, 6, 0, 0) + bytes(8)
SETTINGS = struct.pack("!BHBBL", 0, 0, 4, 0, 0)


@pytest.mark.parametrize("frame", [PING, SETTINGS])
async def test_frames_that_ask_for_nothing_end_the_connection(authority: Authority, frame: bytes) -> None:
    async with speaking(authority, whose) as way:
        await way.client.until(lambda: way.client.frames.remote_settings.max_concurrent_streams == STREAMS)
        await way.client.raw(frame * (CHATTER + 10))
        await way.client.until(lambda: False)
        assert way.client.goodbye == ErrorCodes.ENHANCE_YOUR_CALM


async def test_a_head_in_too_many_frames_is_refused(authority: Authority) -> None:
    async with speaking(authority, whose) as way:
        start = struct.pack("!BHBBL", 0, 1, 1, 0, 1) + b"\x82"
        more = struct.pack("!BHBBL", 0, 1, 9, 0, 1) + b"\x82"
        await way.client.raw(start + more * 100)
        await way.client.until(lambda: False)
        assert way.client.closed


async def test_fields_that_unpack_to_more_than_the_limit_are_refused(authority: Authority) -> None:
    async with speaking(authority, whose, messages=MessageLimits(headers=2000)) as way:
        await way.client.begin(asking(b"/", (b"x", b"v" * 1000), *[(b"x", b"v" * 1000)] * 20))
        await way.client.until(lambda: False)
        assert way.client.closed


async def test_no_more_streams_than_allowed_run_at_once(authority: Authority) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.Event().wait()

    async with speaking(authority, app) as way:
        way.client.frames.remote_settings.max_concurrent_streams = 1000  # as if it had not been told
        for _ in range(STREAMS + 5):
            await way.client.begin(asking())
        await way.client.until(lambda: False)
        assert way.client.closed


async def test_the_last_request_that_a_connection_may_have_is_answered_and_it_closes(authority: Authority) -> None:
    async with speaking(authority, whose, requests=3) as way:
        for _ in range(3):
            assert (await way.client.ask(asking())).status == 200
        assert (await way.client.ask(asking())).reset == ErrorCodes.REFUSED_STREAM
        await way.client.until(lambda: False)
        assert way.client.goodbye == ErrorCodes.NO_ERROR


async def test_a_client_that_takes_nothing_of_its_answer_gets_no_more(authority: Authority) -> None:
    sent = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(100):
            await send({"type": "http.response.body", "body": b"x" * 10_000, "more_body": True})
            sent += 1
        await send({"type": "http.response.body", "body": b""})

    async with speaking(authority, app, reader_time=0.3) as way:
        way.client.takes = False
        number = await way.client.begin(asking())
        got = await way.client.answer(number)
        assert got.reset == ErrorCodes.CANCEL
        assert len(got.body) == 65_535


async def test_a_client_that_reads_nothing_at_all_is_cut_however_wide_its_windows_are(authority: Authority) -> None:
    sent: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        sending = asyncio.create_task(on_and_on(send))
        while (await receive())["type"] != "http.disconnect":
            pass
        sending.cancel()

    async def on_and_on(send: Send) -> None:
        while True:
            await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
            sent.append(100_000)
            await asyncio.sleep(0)

    async with speaking(authority, app, reader_time=0.3) as way:
        way.client.frames.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 2**31 - 1})
        way.client.frames.increment_flow_control_window(2**31 - 1 - 65_535)
        await way.client.begin(asking())
        await until(lambda: way.running.crowd.present == 0)
        assert 0 < sum(sent) < 30_000_000
        await until(lambda: not way.running.state.tasks)


async def test_a_body_that_stops_coming_is_given_up(authority: Authority) -> None:
    async with speaking(authority, echo, body_time=0.2) as way:
        number = await way.client.begin(asking(method=b"POST"), b"x", end=False)
        assert (await way.client.answer(number)).reset == ErrorCodes.CANCEL


async def test_a_connection_that_never_asks_is_closed(authority: Authority) -> None:
    async with speaking(authority, whose, head_time=0.2) as way:
        await way.client.until(lambda: False)
        assert way.client.goodbye == ErrorCodes.NO_ERROR


async def test_a_stop_lets_requests_under_way_end_and_takes_no_more(authority: Authority) -> None:
    release, started = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        started.set()
        await release.wait()
        await answer(send, 200, b"good")

    async with speaking(authority, app) as way:
        number = await way.client.begin(asking())
        await started.wait()
        for connection in list(way.running.state.connections):
            connection.shutdown()
        assert (await way.client.ask(asking())).reset == ErrorCodes.REFUSED_STREAM
        release.set()
        assert (await way.client.answer(number)).body == b"good"
        await way.client.until(lambda: False)
        assert way.client.goodbye == ErrorCodes.NO_ERROR


async def test_windows_opened_by_settings_let_an_answer_go_on(authority: Authority) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, 200, b"x" * 1000)

    async with speaking(authority, app) as way:
        way.client.frames.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})
        number = await way.client.begin(asking())
        await way.client.until(lambda: way.client.answers[number].status == 200)
        assert way.client.answers[number].body == b""
        way.client.frames.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 5000})
        await way.client.flush()
        assert (await way.client.answer(number)).body == b"x" * 1000


# Beside everything else


async def test_a_header_tells_the_client_of_http_2_too_and_http_1_1_is_still_spoken(authority: Authority) -> None:
    offered = offering(authority)
    entrance = EntranceSettings(crowd=offered.crowd, tls=offered.tls, proxies=LOOPBACK)
    async with arriving(whose, entrance) as running:
        async with http2(running.port, trusting(authority), before=header()) as asked:
            assert (await asked.ask(asking())).body == b"https 192.0.2.7 40000"
        client = TlsClient(trusting(authority))
        await client.connect(running.port, before=header())
        assert status_of(await client.ask(request())) == 200
        await client.close()


async def test_one_too_many_is_sent_away(authority: Authority) -> None:
    async with speaking(authority, whose, connections=1) as way:
        assert (await way.client.ask(asking())).status == 200
        async with http2(way.running.port, trusting(authority)) as other:
            await other.until(lambda: False)
            assert other.goodbye == ErrorCodes.ENHANCE_YOUR_CALM


async def test_curl_speaks_http_2_with_it(authority: Authority) -> None:
    async with arriving(echo, offering(authority)) as running:
        process = await asyncio.create_subprocess_exec(
            "curl", "--silent", "--http2", "--cacert", str(authority.file), "--write-out", "\n%{http_version}",
            "--data-binary", "@-", f"https://localhost:{running.port}/up",
            "--next", "--silent", "--cacert", str(authority.file), f"https://localhost:{running.port}/again",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env={"NO_PROXY": "*", "PATH": "/usr/bin"},
        )  # fmt: skip
        output, _ = await process.communicate(b"x" * 500_000)
        told, version, *_ = output.split(b"\n")
        assert json.loads(told)["size"] == 500_000
        assert version.startswith(b"2")
        assert b'"target": "/again"' in output
