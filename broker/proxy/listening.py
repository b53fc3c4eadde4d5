"""From the configuration of `listen` to a socket that listens, and to what each client's connection is given."""

from __future__ import annotations

import socket
from ipaddress import ip_network
from typing import Any

from broker.config import Listen
from broker.proxy.certificates import Certificates
from broker.proxy.crowd import Crowd
from broker.proxy.cycle import EdgeSettings
from broker.proxy.entrance import EntranceSettings
from broker.proxy.messages import MessageLimits

_BACKLOG = 2048  # connections that wait to be accepted; the kernel allows 4096 by default


def connection_state(listen: Listen, *, hosts: frozenset[bytes], certificates: Certificates | None) -> dict[str, Any]:
    """Return "entrance" and "edge" for one worker, whose connections are counted together; `hosts` are served."""
    limits, proxies = listen.limits, listen.proxy_protocol
    entrance = EntranceSettings(
        crowd=Crowd(connections=limits.connections, per_address=limits.connections_per_address),
        tls=None if certificates is None else certificates.context,
        proxies=() if proxies is None else tuple(ip_network(network) for network in proxies.peers),
        header_time=3.0 if proxies is None else proxies.time_limit,
        handshake_time=limits.head_time,
    )
    edge = EdgeSettings(
        hosts=hosts,
        messages=MessageLimits(
            target=limits.target, headers=limits.headers, fields=limits.fields, cookies=limits.cookies
        ),
        head_time=limits.head_time,
        body_time=limits.body_time,
        body_floor=limits.body_floor,
        reader_time=limits.reader_time,
        linger=limits.linger,
        swallow=limits.swallow,
        pipelined=limits.pipelined,
        requests=limits.requests,
    )
    return {"entrance": entrance, "edge": edge}


def listener(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Return a listening socket; `shared` with other processes that ask for the same. `::` is IPv4 too where it can be.

    Raises OSError.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    both = host == "::" and socket.has_dualstack_ipv6()
    return socket.create_server((host, port), family=family, backlog=_BACKLOG, reuse_port=shared, dualstack_ipv6=both)
