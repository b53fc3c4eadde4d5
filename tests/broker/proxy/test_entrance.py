"""Where connections arrive, on raw sockets: PROXY headers, TLS, both, and how many may come."""

from __future__ import annotations

import asyncio
import socket
import ssl
from ipaddress import IPv4Network, ip_network
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from broker.adapters.clock import SystemClock
from broker.adapters.metrics import PrometheusMeasures
from broker.proxy.certificates import Certificates, Pair
from broker.proxy.crowd import Crowd
from broker.proxy.cycle import EdgeSettings
from broker.proxy.entrance import EntranceSettings
from tests.broker.adapters.registers.magda.authority import Authority
from tests.broker.proxy.arriving import LOOPBACK, TlsClient, arriving, whose
from tests.broker.proxy.test_proxy_protocol import LINE, LOCAL, TCP6, WRONG, header
from tests.broker.proxy.world import HOST, answer, parts_of, read_all, request, say, status_of, until


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def certificates(authority: Authority) -> Certificates:
    papers = authority.issue("gateway")
    pair = Pair(certificate=papers.certificate, key=papers.key)
    return Certificates({"listen.tls": pair}, clock=SystemClock(), measures=PrometheusMeasures())


def crowd(connections: int = 100, per_address: int | None = None) -> Crowd:
    return Crowd(connections=connections, per_address=per_address)


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority.file)


def body(answered: bytes) -> bytes:
    return parts_of(answered)[2]


# Without anything in front


async def test_a_client_that_comes_directly_is_who_it_is() -> None:
    async with arriving(whose, EntranceSettings(crowd=crowd())) as running:
        assert body(await say(running.port, request())).startswith(b"http 127.0.0.1 ")


@pytest.mark.parametrize("wrong", [header(), LINE])
@pytest.mark.parametrize("proxies", [(), (ip_network("192.0.2.0/24"),)])
async def test_a_header_from_anybody_else_is_a_protocol_error(wrong: bytes, proxies: tuple[IPv4Network, ...]) -> None:
    async with arriving(whose, EntranceSettings(crowd=crowd(), proxies=proxies)) as running:
        assert status_of(await say(running.port, wrong + request())) == 400


# PROXY headers


@pytest.mark.parametrize("step", [1, 7, 1000])
@pytest.mark.parametrize(
    ("told", "source"),
    [
        (LINE, b"http 192.0.2.7 40000"),
        (header(), b"http 192.0.2.7 40000"),
        (header("2001:db8::7", family=TCP6), b"http 2001:db8::7 40000"),
    ],
)
async def test_the_client_is_the_one_that_the_header_tells(told: bytes, source: bytes, step: int) -> None:
    async with arriving(whose, EntranceSettings(crowd=crowd(), proxies=LOOPBACK)) as running:
        octets = told + request()
        parts = [octets[at : at + step] for at in range(0, len(octets), step)]
        assert body(await say(running.port, *parts)) == source


async def test_every_request_of_the_connection_is_that_clients() -> None:
    async with arriving(whose, EntranceSettings(crowd=crowd(), proxies=LOOPBACK)) as running:
        answered = await say(running.port, header() + request(close=False), request())
        assert answered.count(b"http 192.0.2.7 40000") == 2


async def test_a_health_check_of_the_peer_itself_is_served_under_its_own_address() -> None:
    async with arriving(whose, EntranceSettings(crowd=crowd(), proxies=LOOPBACK)) as running:
        assert body(await say(running.port, header(command=LOCAL) + request())).startswith(b"http 127.0.0.1 ")


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_peer_without_a_good_header_is_closed_without_an_answer(wrong: str) -> None:
    async with arriving(whose, EntranceSettings(crowd=crowd(), proxies=LOOPBACK)) as running:
        assert await say(running.port, WRONG[wrong] + request()) == b""


@pytest.mark.parametrize("part", [b"", header()[:5], header()[:20]])
async def test_a_peer_that_never_finishes_its_header_is_closed(part: bytes) -> None:
    async with arriving(whose, EntranceSettings(crowd=crowd(), proxies=LOOPBACK, header_time=0.1)) as running:
        assert await say(running.port, part) == b""


async def test_a_second_header_is_a_protocol_error() -> None:
    async with arriving(whose, EntranceSettings(crowd=crowd(), proxies=LOOPBACK)) as running:
        assert status_of(await say(running.port, header() + header("192.0.2.8") + request())) == 400


# TLS


async def test_requests_and_answers_of_any_size_travel_through_tls(
    authority: Authority, certificates: Certificates
) -> None:
    size = 3_000_000

    async def echo(scope: Scope, receive: Receive, send: Send) -> None:
        got = b""
        while (message := await receive()).get("more_body"):
            got += message["body"]
        got += message["body"]
        await answer(send, 200, scope["scheme"].encode() + got)

    async with arriving(echo, EntranceSettings(crowd=crowd(), tls=certificates.context)) as running:
        reader, writer = await asyncio.open_connection(HOST, running.port, ssl=trusting(authority))
        writer.write(request(b"Content-Length: %d" % size, method=b"POST", body=b"x" * size))
        status, _, got = parts_of(await read_all(reader))
        assert (status, got) == (200, b"https" + b"x" * size)
        writer.close()


async def test_tls_speaks_http_1_1_and_nothing_older_than_1_2(authority: Authority, certificates: Certificates) -> None:
    async with arriving(whose, EntranceSettings(crowd=crowd(), tls=certificates.context)) as running:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = trusting(authority)
            context.set_alpn_protocols(["h2", "http/1.1"])
            context.minimum_version = context.maximum_version = version
            client = TlsClient(context)
            await client.connect(running.port)
            assert client.tls.selected_alpn_protocol() == "http/1.1"
            assert body(await client.ask(request())).startswith(b"https 127.0.0.1 ")
            await client.close()


@pytest.mark.parametrize("ciphers", ["AES256-SHA", "ECDHE-ECDSA-AES128-SHA", "AES128-GCM-SHA256"])
async def test_ciphers_without_forward_secrecy_or_authentication_are_refused(
    authority: Authority, certificates: Certificates, ciphers: str
) -> None:
    context = trusting(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(ciphers)
    async with arriving(whose, EntranceSettings(crowd=crowd(), tls=certificates.context)) as running:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await TlsClient(context).connect(running.port)


@pytest.mark.parametrize("octets", [request(), b"\x16\x03\x01\x00\x05nonse", header() + request(), bytes(1000)])
async def test_what_is_no_handshake_is_never_answered_by_http(certificates: Certificates, octets: bytes) -> None:
    async with arriving(whose, EntranceSettings(crowd=crowd(), tls=certificates.context)) as running:
        assert b"HTTP" not in await say(running.port, octets)


@pytest.mark.parametrize("octets", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
async def test_a_handshake_that_never_ends_is_cut(certificates: Certificates, octets: bytes) -> None:
    settings = EntranceSettings(crowd=crowd(), tls=certificates.context, handshake_time=0.15)
    async with arriving(whose, settings) as running:
        assert await say(running.port, octets) == b""
        await until(lambda: running.crowd.present == 0)


async def test_a_client_that_leaves_in_the_handshake_leaves_nothing_behind(certificates: Certificates) -> None:
    async with arriving(whose, EntranceSettings(crowd=crowd(), tls=certificates.context)) as running:
        for octets in (b"", b"\x16\x03\x01\x02\x00\x01"):
            with socket.create_connection((HOST, running.port)) as link:
                await until(lambda: running.crowd.present == 1)
                link.sendall(octets)
            await until(lambda: running.crowd.present == 0)
        await until(lambda: not running.state.connections)


async def test_a_refusal_arrives_through_tls(authority: Authority, certificates: Certificates) -> None:
    async with arriving(whose, EntranceSettings(crowd=crowd(), tls=certificates.context)) as running:
        reader, writer = await asyncio.open_connection(HOST, running.port, ssl=trusting(authority))
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert status_of(await read_all(reader)) == 400
        writer.close()


async def test_new_connections_see_the_new_certificate_and_the_ones_that_stand_go_on(
    authority: Authority, certificates: Certificates
) -> None:
    async with arriving(whose, EntranceSettings(crowd=crowd(), tls=certificates.context)) as running:
        reader, writer = await asyncio.open_connection(HOST, running.port, ssl=trusting(authority))
        authority.issue("gateway")  # the same names and files, another key
        certificates.reload()
        later = TlsClient(trusting(authority))
        await later.connect(running.port)
        before = writer.get_extra_info("ssl_object").getpeercert()
        assert before["serialNumber"] != later.tls.getpeercert()["serialNumber"]  # type: ignore[index]  # a dict, once shaken
        writer.write(request())
        assert status_of(await read_all(reader)) == 200
        assert status_of(await later.ask(request())) == 200
        await later.close()
        writer.close()


# A header, then TLS


@pytest.mark.parametrize("step", [1, 50, 1 << 16])
async def test_a_header_before_tls_tells_the_client_in_whatever_parts_it_comes(
    authority: Authority, certificates: Certificates, step: int
) -> None:
    settings = EntranceSettings(crowd=crowd(), tls=certificates.context, proxies=LOOPBACK)
    async with arriving(whose, settings) as running:
        client = TlsClient(trusting(authority))
        await client.connect(running.port, before=header(), step=step)
        assert body(await client.ask(request())) == b"https 192.0.2.7 40000"
        await client.close()


async def test_tls_without_the_header_is_closed(authority: Authority, certificates: Certificates) -> None:
    settings = EntranceSettings(crowd=crowd(), tls=certificates.context, proxies=LOOPBACK)
    async with arriving(whose, settings) as running:
        with pytest.raises(ConnectionError):
            await TlsClient(trusting(authority)).connect(running.port)


# How many


async def test_one_too_many_is_told_so_and_whoever_leaves_makes_room() -> None:
    async with arriving(whose, EntranceSettings(crowd=crowd(2))) as running:
        held = [await asyncio.open_connection(HOST, running.port) for _ in range(2)]
        await until(lambda: running.crowd.present == 2)
        answered = await say(running.port, request())
        assert status_of(answered) == 503
        assert b"Too many connections" in answered
        held[0][1].close()
        await until(lambda: running.crowd.present == 1)
        assert status_of(await say(running.port, request())) == 200
        held[1][1].close()


async def test_far_too_many_are_closed_without_a_word() -> None:
    async with arriving(whose, EntranceSettings(crowd=crowd(1))) as running:
        held = [await asyncio.open_connection(HOST, running.port)]
        await until(lambda: running.crowd.present == 1)
        told = await asyncio.open_connection(HOST, running.port)
        await told[0].readuntil(b"\r\n\r\n")
        assert await say(running.port, request()) == b""
        for _, writer in (*held, told):
            writer.close()


async def test_one_too_many_is_told_through_tls(authority: Authority, certificates: Certificates) -> None:
    async with arriving(whose, EntranceSettings(crowd=crowd(1), tls=certificates.context)) as running:
        _, held = await asyncio.open_connection(HOST, running.port, ssl=trusting(authority))
        reader, writer = await asyncio.open_connection(HOST, running.port, ssl=trusting(authority))
        assert status_of(await read_all(reader)) == 503
        writer.close()
        held.close()


async def test_clients_behind_a_peer_are_counted_one_by_one() -> None:
    async with arriving(whose, EntranceSettings(crowd=crowd(per_address=1), proxies=LOOPBACK)) as running:
        _, held = await asyncio.open_connection(HOST, running.port)
        held.write(header("192.0.2.7"))
        await until(lambda: bool(running.crowd._addresses))
        assert status_of(await say(running.port, header("192.0.2.7") + request())) == 503
        assert status_of(await say(running.port, header("192.0.2.8") + request())) == 200
        held.close()
        await until(lambda: running.crowd.present == 0)
        assert status_of(await say(running.port, header("192.0.2.7") + request())) == 200


async def test_the_last_request_that_a_connection_may_have_says_so() -> None:
    settings = EdgeSettings(requests=3)
    async with arriving(whose, EntranceSettings(crowd=crowd()), settings=settings) as running:
        answered = await say(running.port, request(close=False) * 5)
        assert answered.count(b"HTTP/1.1 200 OK") == 3
        assert answered.count(b"connection: close") == 1
        assert answered.index(b"connection: close") > answered.rindex(b"HTTP/1.1 200 OK")


# Other protocols


async def test_http_2_is_refused_and_the_offer_to_switch_to_it_ignored(
    authority: Authority, certificates: Certificates
) -> None:
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9)
    async with arriving(whose, EntranceSettings(crowd=crowd(), tls=certificates.context)) as running:
        context = trusting(authority)
        context.set_alpn_protocols(["h2"])
        client = TlsClient(context)
        await client.connect(running.port)
        assert client.tls.selected_alpn_protocol() is None
        assert b"The request is not HTTP/1.1" in await client.ask(preface)
        await client.close()
    async with arriving(whose, EntranceSettings(crowd=crowd())) as running:
        assert status_of(await say(running.port, preface)) == 400
        upgrade = request(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")
        assert status_of(await say(running.port, upgrade)) == 200
