"""A whole gateway behind its entrance: what a backend is told of a client that came through a proxy, or in HTTP/2."""

from __future__ import annotations

import ssl
from pathlib import Path

from broker.adapters.clock import SystemClock
from broker.adapters.metrics import PrometheusMeasures
from broker.proxy.certificates import Certificates, Pair
from broker.proxy.crowd import Crowd
from broker.proxy.entrance import EntranceSettings
from tests.broker.adapters.registers.magda.authority import Authority
from tests.broker.gateway import World, gateway
from tests.broker.proxy.arriving import LOOPBACK, arriving
from tests.broker.proxy.http2_client import asking, http2
from tests.broker.proxy.test_proxy_protocol import header
from tests.broker.proxy.world import say, status_of

_HOST = b"localhost:8000"


def cookies(world: World) -> bytes:
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in world.client.cookies.jar).encode()


async def test_a_backend_is_told_the_address_that_the_proxy_told_and_none_that_the_client_wrote() -> None:
    async with gateway() as world:
        await world.sign_in()
        entrance = EntranceSettings(crowd=Crowd(connections=10, per_address=None), proxies=LOOPBACK)
        async with arriving(world.gate, entrance) as running:
            asked = b"\r\n".join(
                [
                    b"GET /kmo-portefeuille/ HTTP/1.1",
                    b"Host: " + _HOST,
                    b"Cookie: " + cookies(world),
                    b"X-Forwarded-For: 198.51.100.1",
                    b"Connection: close",
                    b"",
                    b"",
                ]
            )
            assert status_of(await say(running.port, header("192.0.2.7") + asked)) == 200
        (received,) = world.backend.received
        assert received.values(b"x-forwarded-for") == [b"192.0.2.7"]


async def test_a_person_is_known_in_http_2_and_a_stranger_is_not(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    papers = authority.issue("gateway")
    certificates = Certificates(
        {"listen.tls": Pair(certificate=papers.certificate, key=papers.key)},
        clock=SystemClock(),
        measures=PrometheusMeasures(),
        protocols=("h2", "http/1.1"),
    )
    async with gateway() as world:
        await world.sign_in()
        entrance = EntranceSettings(crowd=Crowd(connections=10, per_address=None), tls=certificates.context)
        trusting = ssl.create_default_context(cafile=authority.file)
        async with arriving(world.gate, entrance) as running, http2(running.port, trusting) as client:
            own, forged = (b"cookie", cookies(world)), (b"x-inkom-role", b"legal-representative")
            path = b"/kmo-portefeuille/a%20b?x=1"
            assert (await client.ask(asking(path, own, forged, authority=_HOST))).status == 200
            assert (await client.ask(asking(path, forged, authority=_HOST))).status == 401
        (received,) = world.backend.received
        assert received.target == path
        assert received.values(b"x-inkom-role") == [b"user"]
        assert received.values(b"x-forwarded-for") == [b"127.0.0.1"]
        assert b"inkom-localhost" not in b"".join(received.values(b"cookie"))
