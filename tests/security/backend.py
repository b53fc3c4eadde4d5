"""A backend that keeps every byte it gets, by connection, reads strictly, and answers as it is told.

It runs in a thread of its own, on a free port, so that tests may block. By default an answer says which request it
belongs to; a target whose last segment is one of `plays` gets what that play says, byte for byte.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum

from tests.security.listening import listening
from tests.security.strict import Request, read_requests


class Then(Enum):
    """What a play does besides saying something: end the connection, break it, or hold it until the other side ends."""

    CLOSE = "close"
    RESET = "reset"
    HOLD = "hold"
    GO_ON = "go on"


Play = tuple[bytes | float | Then, ...]  # bytes are said, numbers are waits in seconds; the last one is a Then


@dataclass(eq=False)
class Seen:
    """One connection as the backend saw it."""

    raw: bytearray = field(default_factory=bytearray)
    requests: list[Request] = field(default_factory=list)
    rest: bytes = b""  # of a request that is unfinished
    wrong: str | None = None
    ended: bool = False


class Backend:
    """What the backend saw. Written by its own thread, read by tests."""

    def __init__(self, plays: Mapping[bytes, Play]) -> None:
        self.connections: list[Seen] = []
        self.requests: list[Request] = []
        self.port = 0
        self._plays = plays

    def connection_of(self, target: bytes) -> Seen:
        """The one connection that a request with this target came over."""
        (found,) = [seen for seen in self.connections if any(one.target == target for one in seen.requests)]
        return found

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        seen = Seen()
        self.connections.append(seen)
        try:
            with suppress(ConnectionError):
                await self._converse(seen, reader, writer)
        finally:
            seen.ended = True

    async def _converse(self, seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while octets := await reader.read(65536):
            seen.raw += octets
            reading = read_requests(seen.rest + octets)
            seen.rest, seen.wrong = reading.rest, reading.wrong
            for request in reading.requests:
                seen.requests.append(request)
                self.requests.append(request)
                play = self._plays.get(request.target.partition(b"?")[0].rpartition(b"/")[2], ())
                if not play:
                    writer.write(echo(request))
                elif not await perform(play, reader, writer):
                    return


def echo(request: Request) -> bytes:
    """An answer that says which request it belongs to."""
    body = request.method + b" " + request.target
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n" % len(body)
    return head if request.method == b"HEAD" else head + body


async def perform(play: Play, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Say what a play says; whether the connection goes on."""
    for part in play:
        match part:
            case bytes():
                writer.write(part)
                await writer.drain()
            case float() | int():
                await asyncio.sleep(part)
            case Then.HOLD:
                await reader.read()
            case Then.RESET:
                _reset(writer)
            case Then.GO_ON:
                return True
            case Then.CLOSE:
                pass
    return False


def _reset(writer: asyncio.StreamWriter) -> None:
    # SO_LINGER with no time sends RST in place of FIN (socket(7)).
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def running_backend(plays: Mapping[bytes, Play] | None = None) -> Iterator[Backend]:
    """Run a backend for the length of a block."""
    backend = Backend(plays or {})
    with listening(backend.serve) as port:
        backend.port = port
        yield backend
