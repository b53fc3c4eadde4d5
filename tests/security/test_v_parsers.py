"""What libraries leave open (V rows of the acceptance list), on raw sockets: memories, spoofing, slow heads."""

from __future__ import annotations

import gzip
import re

import pytest

from broker.proxy.cycle import EdgeSettings
from tests.broker.proxy.world import chain, edge
from tests.project.places import ROOT
from tests.security.cases.answers import GZIPPED
from tests.security.delivery import Delivery, good, send
from tests.security.gateway import Gateway
from tests.security.judging import assert_sent_as_decided
from tests.security.strict import Answer, Request, read_answers


async def ask(gateway: Gateway, target: bytes, *lines: bytes) -> Answer:
    """One request of its own connection."""
    octets = good(target, gateway.cookie, b"Connection: close", *lines)
    answers, rest = read_answers(await send(gateway.port, Delivery(way="alone", pieces=(octets,))))
    assert rest == b""
    (only,) = answers
    return only


async def arrived(gateway: Gateway, target: bytes, *lines: bytes) -> Request:
    """What the backend got of one request."""
    assert (await ask(gateway, target, *lines)).status == 200
    request = gateway.backend.requests[-1]
    assert request.target == target
    assert_sent_as_decided(gateway, request)
    return request


async def test_v14_a_cookie_that_a_backend_sets_is_nobody_elses(gateway: Gateway) -> None:
    first = await ask(gateway, b"/awkward/sets-a-cookie")
    assert first.values(b"set-cookie") == [b"theirs=of-the-first-one"]
    await ask(gateway, b"/awkward/next")
    request = gateway.awkward.requests[-1]
    assert request.target == b"/awkward/next"
    assert request.values(b"cookie") == []


async def test_v15_a_proxy_in_the_environment_is_not_used(gateway: Gateway) -> None:
    await arrived(gateway, b"/public/no-detour")
    await ask(gateway, b"/admin/no-detour")  # which asks the registers once more
    assert gateway.detour.connections == []


async def test_v16_a_name_with_an_accent_arrives_in_ascii(gateway: Gateway) -> None:
    request = await arrived(gateway, b"/public/name")
    assert request.values(b"x-inkom-name") == [b"Ana%C3%AFs%20Testers"]
    assert all(value.isascii() for _, value in request.fields)


async def test_v18_compressed_answers_and_the_wish_for_them_pass_as_they_are(gateway: Gateway) -> None:
    one = await ask(gateway, b"/awkward/compressed", b"Accept-Encoding: gzip;q=1.0, *;q=0")
    assert one.body == GZIPPED
    assert gzip.decompress(one.body) == b"ok" * 100
    assert one.values(b"content-encoding") == [b"gzip"]
    assert gateway.awkward.requests[-1].values(b"accept-encoding") == [b"gzip;q=1.0, *;q=0"]
    await ask(gateway, b"/awkward/without")
    assert gateway.awkward.requests[-1].values(b"accept-encoding") == []


SPOOFED = (
    b"X-Forwarded-For: 6.6.6.6",
    b"X-Forwarded-For: 127.0.0.1",
    b"X-Forwarded-Proto: http",
    b"X-Forwarded-Host: evil.example",
    b"X-Forwarded-Port: 1",
    b"X-Forwarded-Server: evil",
    b"X-Forwarded-Prefix: /admin",
    b"X_Forwarded_For: 6.6.6.6",
    b"Forwarded: for=6.6.6.6;host=evil.example",
    b"X-Real-IP: 6.6.6.6",
    b"X-Original-URL: /admin/",
    b"X-Rewrite-URL: /admin/",
    b"X-Inkom-Person: root",
    b"X-Host: evil.example",
    b"Via: 1.1 evil",
)


@pytest.mark.parametrize("line", SPOOFED)
async def test_v27_nothing_that_a_client_says_of_itself_is_believed_from_loopback_either(
    gateway: Gateway, line: bytes
) -> None:
    request = await arrived(gateway, b"/public/spoofed", line)
    assert request.values(b"x-forwarded-for") == [b"127.0.0.1"]
    assert request.values(b"x-forwarded-proto") == [b"https"]
    assert request.values(b"x-forwarded-host") == [b"gw.example"]
    assert request.values(b"host") == [b"gw.example"]
    assert len(request.values(b"x-inkom-person")) == 1
    if not line.startswith(b"Via"):
        assert not [value for _, value in request.fields if value == line.partition(b": ")[2] and value != b"127.0.0.1"]


@pytest.mark.parametrize(
    "said",
    [
        b"G",
        b"GET / HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nHost: gw.example\r\nX: ",
        b"POST / HTTP/1.1\r\nHost: gw.example\r\n\r",
    ],
)
async def test_v28_a_head_that_stops_half_way_is_cut(said: bytes) -> None:
    async with chain() as links, edge(links.forwarder, settings=EdgeSettings(head_time=0.2, linger=0.2)) as running:
        answers, rest = read_answers(await send(running.port, Delivery(way="half", pieces=(said,))))
        assert [one.status for one in answers] == [408]
        assert rest == b""
        assert links.backend.raw == b""


def test_v31_no_release_below_the_floor_is_locked() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for name, floor in [("starlette", (1, 0, 1)), ("authlib", (1, 6, 11))]:
        (locked,) = re.findall(rf"^{name}==([0-9.]+)", lock, re.MULTILINE | re.IGNORECASE)
        assert tuple(map(int, locked.split("."))) >= floor
