"""How many clients are connected to one worker, and how many from one address: who comes in, and who is turned away.

It counts; closing and answering are the business of `entrance`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from enum import Enum
from ipaddress import IPv6Address, IPv6Network, ip_address

_SPARE = 10  # a tenth more may be told that it is full; whoever comes beyond that is not even told


class Room(Enum):
    """What there is for one more connection."""

    FREE = "free"
    FULL = "full"  # it is told so
    NONE = "none"  # it is closed without a word


class Crowd:
    """The connections of one worker. Limits are numbers of connections; None is no limit."""

    def __init__(self, *, connections: int, per_address: int | None) -> None:
        self._connections = connections
        self._per_address = per_address
        self.present = 0
        self._addresses: Counter[str] = Counter()

    def enter(self) -> tuple[Room, Callable[[], None]]:
        """Count a connection; call what is returned once, when it has ended."""
        self.present += 1
        return _room(self.present, self._connections), self._leave

    def _leave(self) -> None:
        self.present -= 1

    def recognise(self, address: str) -> tuple[Room, Callable[[], None]]:
        """Count a connection for its client's address too; call what is returned once, when it has ended."""
        if self._per_address is None:
            return Room.FREE, lambda: None
        place = _place(address)
        self._addresses[place] += 1
        return _room(self._addresses[place], self._per_address), lambda: self._forget(place)

    def _forget(self, place: str) -> None:
        self._addresses[place] -= 1
        if self._addresses[place] == 0:
            del self._addresses[place]


def _room(count: int, limit: int) -> Room:
    if count <= limit:
        return Room.FREE
    return Room.FULL if count <= limit + max(1, limit // _SPARE) else Room.NONE


def _place(address: str) -> str:
    """One subscriber: of IPv6 everybody has at least a /64 (RFC 6177)."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(IPv6Network((found, 64), strict=False))
    return address
