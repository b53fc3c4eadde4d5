"""Ports to listen on that nobody's outgoing connections take meanwhile: below those that the kernel hands out.

A port of the kernel's own range may be free now and be the near end of some connection when a server begins to listen.
"""

from __future__ import annotations

import random
import socket
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST, _USUAL_END = 12_000, 32_768
_TRIES = 200


class NoPort(Exception):
    """No port is free where we look."""


def free_port() -> int:
    """A port of the loopback address that nobody listens on, and that no connection will be given. Raises NoPort."""
    for _ in range(_TRIES):
        port = random.randrange(_LOWEST, _end())
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise NoPort(f"no port is free between {_LOWEST} and {_end()}")


def _end() -> int:
    """Where the kernel's own range begins (ip(7), ip_local_port_range)."""
    try:
        first = int(_RANGE.read_text().split()[0])
    except OSError:
        first = _USUAL_END
    return first if first > _LOWEST + _TRIES else _USUAL_END
