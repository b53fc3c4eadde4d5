"""From the configuration of listening to what connections are given, and the socket that they come in by."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_network

import msgspec
import pytest

from broker.config import Listen, ListenLimits, ProxyProtocol
from broker.proxy.entrance import EntranceSettings
from broker.proxy.listening import connection_state, listener
from broker.proxy.tunnel import TunnelGranted, TunnelRefused, UpgradeRequest
from tests.broker.proxy.arriving import LOOPBACK, arriving, whose
from tests.broker.proxy.test_entrance import crowd
from tests.broker.proxy.test_proxy_protocol import LINE, header
from tests.broker.proxy.world import say, status_of


def test_every_limit_of_the_configuration_reaches_the_connections() -> None:
    given = {field.name: 300 + place for place, field in enumerate(msgspec.structs.fields(ListenLimits))}
    listen = Listen(
        limits=ListenLimits(**given),
        proxy_protocol=ProxyProtocol(peers=("10.0.0.0/8", "2001:db8::/32"), time_limit=7),
    )
    state = connection_state(listen, hosts=frozenset({b"gw.example"}), certificates=None)
    edge, entrance = state["edge"], state["entrance"]
    reached = {name: getattr(edge, name) for name in given if hasattr(edge, name)}
    reached |= {name: getattr(edge.messages, name) for name in given if hasattr(edge.messages, name)}
    reached |= {"connections": entrance.crowd._connections, "connections_per_address": entrance.crowd._per_address}
    assert {**reached, "keep_alive": given["keep_alive"]} == given  # that one is the server's own
    assert edge.hosts == frozenset({b"gw.example"})
    assert entrance.proxies == (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))
    assert (entrance.header_time, entrance.handshake_time, entrance.tls) == (7, given["head_time"], None)


def test_without_a_proxy_in_front_no_header_is_believed() -> None:
    assert connection_state(Listen(), hosts=frozenset({b"gw.example"}), certificates=None)["entrance"].proxies == ()


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_a_socket_on_all_addresses_takes_both_families() -> None:
    with listener("::", 0) as listening:
        port = listening.getsockname()[1]
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, port), timeout=5).close()


def test_a_port_is_shared_only_among_those_who_say_so() -> None:
    with listener("127.0.0.1", 0, shared=True) as one:
        port = one.getsockname()[1]
        listener("127.0.0.1", port, shared=True).close()
        with pytest.raises(OSError, match="in use"):
            listener("127.0.0.1", port)


class _Asked:
    """A gate that lets no tunnel open, and remembers whose it would have been."""

    def __init__(self) -> None:
        self.clients: list[str] = []

    async def admit_tunnel(self, request: UpgradeRequest) -> TunnelGranted | TunnelRefused:
        self.clients.append(request.client)
        return TunnelRefused(status=403, headers=[], body=b"")


@pytest.mark.parametrize("told", [header(), LINE])
async def test_a_websocket_is_the_told_clients_too_and_leaves_its_place(told: bytes) -> None:
    handshake = (
        b"GET /x HTTP/1.1\r\nHost: gw.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    gate = _Asked()
    settings = EntranceSettings(crowd=crowd(per_address=5), proxies=LOOPBACK)
    async with arriving(whose, settings, gate=gate) as running:
        assert status_of(await say(running.port, told + handshake)) == 403
        assert gate.clients == ["192.0.2.7"]
        async with asyncio.timeout(5):
            while running.crowd.present or running.crowd._addresses:  # noqa: ASYNC110  (it ends in a socket)
                await asyncio.sleep(0.005)
