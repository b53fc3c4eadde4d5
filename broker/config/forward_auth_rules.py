"""The rules about proxies that ask at `/_inkom/auth`: whose address is whose. No address belongs to two products.

Each product says in a way of its own what it asks about; which way counts follows from the address it asks from.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network

from broker.config.topics import ForwardAuth, Settings
from broker.documents import Document

PROXIES = ("nginx", "haproxy", "caddy", "traefik", "envoy")
Network = IPv4Network | IPv6Network
_HOST = re.compile(r"[A-Za-z0-9._-]+(?::[0-9]{1,5})?", re.ASCII)


def check_forward_auth(document: Document, settings: Settings) -> None:
    """Note what is wrong with the proxies that may ask."""
    topic = settings.forward_auth
    if topic is None:
        return
    owners: list[tuple[Network, str]] = []
    for proxy in PROXIES:
        where = f"forward_auth.{proxy}"
        for text in getattr(topic, proxy):
            network = _network(text)
            if network is None:
                document.wrong_at(where, f"{text!r} is no address and no network; write 10.0.0.7 or 10.0.0.0/24")
            elif network.prefixlen == 0:
                document.wrong_at(where, f"{text} is everybody: whoever asks is told who somebody is; name the proxies")
            elif any(proxy != other and _overlap(network, taken) for taken, other in owners):
                document.wrong_at(where, f"{text} asks as another product too; an address belongs to one")
            else:
                owners.append((network, proxy))
    if not any(getattr(topic, proxy) for proxy in PROXIES):
        document.wrong_at("forward_auth", f"names no proxy; write the addresses of one of {', '.join(PROXIES)}")
    if topic.host is not None and not _HOST.fullmatch(topic.host):
        document.wrong_at("forward_auth.host", "write a host and its port, as in inkom-gateway:8000")


def peers_of(topic: ForwardAuth) -> dict[str, tuple[Network, ...]]:
    """Return the networks of each product that has any, of a topic that was checked."""
    named = {proxy: tuple(ip_network(text) for text in getattr(topic, proxy)) for proxy in PROXIES}
    return {proxy: networks for proxy, networks in named.items() if networks}


def _network(text: str) -> Network | None:
    try:
        return ip_network(text)
    except ValueError:
        return None


def _overlap(one: Network, other: Network) -> bool:
    if isinstance(one, IPv4Network) and isinstance(other, IPv4Network):
        return one.overlaps(other)
    return isinstance(one, IPv6Network) and isinstance(other, IPv6Network) and one.overlaps(other)
