"""The PROXY protocol: what whoever stands in front says about the connection that it passes on.

Written against https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt, sections 2.1 (a line of text, all that
nginx can send) and 2.2 (a binary block). Sans-io: bytes in, an address out; never asks for more than the header. Whose
headers are believed is not decided here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
MAX_HEADER = 4096  # bytes; with every field of TLS that haproxy can send it stays below 1024
TEXT = b"PROXY "
MAX_LINE = 107  # bytes of version 1, its CRLF included
_START = 16
_VERSION = 2
_LOCAL, _PROXY = 0, 1
_STREAMS = {0x11: 4, 0x21: 16}  # family and transport: TCP over IPv4, TCP over IPv6; to the bytes of one address
_WORDS = 6
_PORT = re.compile(rb"0|[1-9][0-9]{0,4}")
_LAST_PORT = 65_535
_FIELD_START = 3  # bytes of a field's type and length


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
        self._length = len(TEXT)  # enough to know which version it is
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
        if TEXT.startswith(self._read[: len(TEXT)]):
            self._feed_line()
        elif SIGNATURE.startswith(self._read[: len(SIGNATURE)]):
            self._feed_block()
        else:
            raise BadHeaderError("no PROXY header")

    def _feed_line(self) -> None:
        if self._read.endswith(b"\r\n"):
            self.source = _source_in(bytes(self._read))
        elif len(self._read) >= MAX_LINE:
            raise BadHeaderError("the line is too long")
        elif self.wanted == 0:
            # Its end is known only when it is there: the line is read byte by byte.
            self._length += 1

    def _feed_block(self) -> None:
        if self.wanted == 0 and self._length == len(TEXT):
            self._length = _START
        elif self.wanted == 0 and self._length == _START:
            self._length += int.from_bytes(self._read[14:16], "big")
            if self._length > MAX_HEADER:
                raise BadHeaderError("the header is too long")
        if self.wanted == 0:
            self.source = _source(bytes(self._read))


def _source_in(line: bytes) -> Source:
    """Read a line of version 1: `PROXY TCP4 192.0.2.7 192.0.2.1 40000 443`."""
    parts = line.removesuffix(b"\r\n").split(b" ")
    # UNKNOWN says nothing about a client.
    if len(parts) != _WORDS or parts[1] not in (b"TCP4", b"TCP6"):
        raise BadHeaderError("no TCP connection over IPv4 or IPv6")
    if b"%" in line:
        raise BadHeaderError("an address with a zone means something on another machine only")
    kind = IPv4Address if parts[1] == b"TCP4" else IPv6Address
    try:
        source, _ = (kind(part.decode("ascii")) for part in parts[2:4])
    except ValueError:
        raise BadHeaderError("an address is none") from None
    if not all(_PORT.fullmatch(part) and int(part) <= _LAST_PORT for part in parts[4:]):
        raise BadHeaderError("a port is none")
    return Source(address=canonical(source), port=int(parts[4]))


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
        if len(fields) < _FIELD_START:
            raise BadHeaderError("a field is cut off")
        end = _FIELD_START + int.from_bytes(fields[1:3], "big")
        if end > len(fields):
            raise BadHeaderError("a field is cut off")
        fields = fields[end:]


def canonical(address: IPv4Address | IPv6Address) -> str:
    """The one spelling of an address: an IPv4 client on an IPv6 socket is an IPv4 client."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
