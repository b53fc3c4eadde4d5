"""The PROXY protocol, version 2: what whoever stands in front says about the connection that it passes on.

Written against https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt, section 2.2. Sans-io: bytes in, an address
out. The parser never asks for more than the header, so that what follows it stays in the socket. Version 1 is refused:
it is text of unknown length. Whose headers are believed is not decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
MAX_HEADER = 4096  # bytes; with every field of TLS that haproxy can send it stays below 1024
_START = 16
_VERSION = 2
_LOCAL, _PROXY = 0, 1
_STREAMS = {0x11: 4, 0x21: 16}  # family and transport: TCP over IPv4, TCP over IPv6; to the bytes of one address
_PADDING_OF_FIELD = 3  # bytes of a field's type and length


class BadHeaderError(Exception):
    """What came is no header of this protocol, or one that says nothing about a TCP connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The address of a client, in its shortest form, and its port."""

    address: str
    port: int


class HeaderReader:
    """Reads one header: give it what `wanted` asks for until that is 0.

    `source` is None where the sender speaks for itself, as in a health check. `feed` raises BadHeaderError as early as
    something is wrong.
    """

    def __init__(self) -> None:
        self._read = bytearray()
        self._length = _START
        self.source: Source | None = None

    @property
    def wanted(self) -> int:
        """How many bytes are still to come, as far as it is known."""
        return self._length - len(self._read)

    def feed(self, octets: bytes) -> None:
        """Take at most `wanted` bytes."""
        if len(octets) > self.wanted:
            raise ValueError("more than was asked for")
        self._read += octets
        if not SIGNATURE.startswith(bytes(self._read[: len(SIGNATURE)])):
            raise BadHeaderError("no PROXY header of version 2")
        if len(self._read) == _START and self._length == _START:
            self._length += int.from_bytes(self._read[14:16], "big")
            if self._length > MAX_HEADER:
                raise BadHeaderError("the header is too long")
        if self.wanted == 0:
            self.source = _source(bytes(self._read))


def _source(header: bytes) -> Source | None:
    version, command = header[12] >> 4, header[12] & 0x0F
    if version != _VERSION or command not in (_LOCAL, _PROXY):
        raise BadHeaderError("another version or command")
    if command == _LOCAL:
        # The sender speaks for itself: everything else in the header is to be ignored.
        return None
    size = _STREAMS.get(header[13])
    if size is None:
        raise BadHeaderError("no TCP connection over IPv4 or IPv6")
    addresses = header[_START:]
    if len(addresses) < 2 * size + 4:
        raise BadHeaderError("the addresses are cut off")
    _check_fields(addresses[2 * size + 4 :])
    port = int.from_bytes(addresses[2 * size : 2 * size + 2], "big")
    return Source(address=canonical(ip_address(addresses[:size])), port=port)


def _check_fields(fields: bytes) -> None:
    """Pass over the fields (type, length, value) that follow the addresses; none of them is used."""
    while fields:
        if len(fields) < _PADDING_OF_FIELD:
            raise BadHeaderError("a field is cut off")
        end = _PADDING_OF_FIELD + int.from_bytes(fields[1:3], "big")
        if end > len(fields):
            raise BadHeaderError("a field is cut off")
        fields = fields[end:]


def canonical(address: IPv4Address | IPv6Address) -> str:
    """The one spelling of an address: an IPv4 client on an IPv6 socket is an IPv4 client."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
