"""The back channel's bounds, against a server that keeps none."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator
from functools import partial

import pytest

from broker.adapters.http import Answer, BackChannel, Limits, NoAnswer, read_by
from tests.broker.adapters.small_server import Reply, SmallServer


@pytest.fixture
async def channel() -> AsyncIterator[BackChannel]:
    channel = BackChannel(Limits(connect=0.5, total=0.5, body=1000, connections=5))
    yield channel
    await channel.aclose()


async def test_an_answer_of_any_status_is_an_answer(channel: BackChannel, small: SmallServer) -> None:
    small.on("/", Reply(status=418, headers={"Content-Type": "Application/Problem+JSON; charset=utf-8"}, body=b"{}"))
    answer = await channel.get(small.origin + "/")
    assert (answer.status, answer.media_type, answer.body) == (418, "application/problem+json", b"{}")


async def test_a_json_text_is_posted_as_it_is(channel: BackChannel, small: SmallServer) -> None:
    small.on("/", Reply())
    await channel.post_json(small.origin + "/", b'{"a":1}', headers={"authorization": "Bearer x"})
    (request,) = small.requests
    assert (request.method, request.body) == ("POST", b'{"a":1}')
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == "Bearer x"


async def test_redirects_are_not_followed(channel: BackChannel, small: SmallServer) -> None:
    small.on("/", Reply(status=307, headers={"Location": "/elsewhere"}))
    assert (await channel.get(small.origin + "/")).status == 307
    assert small.asked("/elsewhere") == []


async def test_one_person_s_cookie_is_never_sent_with_the_next_person_s_call(
    channel: BackChannel, small: SmallServer
) -> None:
    small.on("/", Reply(headers={"Set-Cookie": "who=an; Path=/"}))
    for _ in range(2):
        await channel.get(small.origin + "/")
    assert [request.headers.get("cookie") for request in small.requests] == [None, None]


async def test_proxies_of_the_environment_are_ignored(small: SmallServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    small.on("/", Reply())
    channel = BackChannel()
    assert (await channel.get(small.origin + "/")).status == 200
    await channel.aclose()


async def test_no_compression_is_asked_for_and_none_accepted(channel: BackChannel, small: SmallServer) -> None:
    small.on("/", Reply(headers={"Content-Encoding": "gzip"}, body=gzip.compress(b"x" * 500)))
    with pytest.raises(NoAnswer, match="compressed"):
        await channel.get(small.origin + "/")
    assert small.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b"x" * 1001),
        Reply(raw=b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5000),
        Reply(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"400\r\n" + b"x" * 1024 + b"\r\n"),
        Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"),
    ],
    ids=["declared", "until closed", "chunked", "only declared"],
)
async def test_an_answer_that_is_too_large_is_none(channel: BackChannel, small: SmallServer, reply: Reply) -> None:
    small.on("/", reply)
    with pytest.raises(NoAnswer, match="too large"):
        await channel.get(small.origin + "/")


async def test_the_largest_answer_allowed_is_read(channel: BackChannel, small: SmallServer) -> None:
    small.on("/", Reply(body=b"x" * 1000))
    assert len((await channel.get(small.origin + "/")).body) == 1000


async def test_a_server_that_hangs_is_waited_for_no_longer_than_the_limit(
    channel: BackChannel, small: SmallServer
) -> None:
    small.on("/", Reply(hold=asyncio.Event()))
    async with asyncio.timeout(10):
        with pytest.raises(NoAnswer, match="in time"):
            await channel.get(small.origin + "/")


async def test_a_server_that_drips_is_waited_for_no_longer_than_the_limit(channel: BackChannel) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
        while not reader.at_eof():
            writer.write(b"x")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.05)
        writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with asyncio.timeout(10):
        with pytest.raises(NoAnswer, match="in time"):
            await channel.get(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    server.close()


@pytest.mark.parametrize(
    "raw",
    [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"],
    ids=["nothing", "no HTTP", "cut"],
)
async def test_a_connection_that_breaks_is_named_as_such(channel: BackChannel, small: SmallServer, raw: bytes) -> None:
    small.on("/", Reply(raw=raw))
    with pytest.raises(NoAnswer, match="connection") as trouble:
        await channel.get(small.origin + "/")
    assert trouble.value.connection


async def test_an_address_that_is_none_of_http_is_no_answer(channel: BackChannel) -> None:
    with pytest.raises(NoAnswer, match="UnsupportedProtocol") as trouble:
        await channel.get("ftp://127.0.0.1/")
    assert not trouble.value.connection


async def test_a_server_that_is_away_is_named_without_its_address(channel: BackChannel) -> None:
    with pytest.raises(NoAnswer, match="ConnectError") as trouble:
        await channel.get("http://127.0.0.1:1/secret")
    assert trouble.value.connection
    assert "127.0.0.1" not in str(trouble.value)


async def test_what_only_reads_is_asked_once_more_when_the_connection_broke(
    channel: BackChannel, small: SmallServer
) -> None:
    replies = iter([Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), Reply(body=b"whole")])
    small.on("/", lambda _: next(replies))
    assert (await read_by(lambda: channel.get(small.origin + "/"))).body == b"whole"


async def test_it_is_asked_no_third_time_and_not_at_all_after_another_trouble(
    channel: BackChannel, small: SmallServer
) -> None:
    small.on("/broken", Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"))
    small.on("/large", Reply(body=b"x" * 1001))
    for path, times in (("/broken", 2), ("/large", 1)):
        with pytest.raises(NoAnswer):
            await read_by(partial(channel.get, small.origin + path))
        assert len(small.asked(path)) == times


def test_no_token_is_shown_with_an_answer() -> None:
    assert "secret" not in repr(Answer(status=200, media_type="application/json", body=b'{"access_token": "secret"}'))
