"""A line between a front proxy and the gateway that keeps, for each connection, every octet in both directions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.security.listening import listening


@dataclass(eq=False)
class Tapped:
    """One connection: what the front said, and what the gateway answered."""

    said: bytearray = field(default_factory=bytearray)
    answered: bytearray = field(default_factory=bytearray)


@dataclass(eq=False)
class Tap:
    """A running line."""

    port: int = 0
    connections: list[Tapped] = field(default_factory=list)
    moved: int = 0  # grows with every piece that passes


@contextmanager
def running_tap(to: int) -> Iterator[Tap]:
    """Run a line to this port of the loopback for the length of a block."""
    tap = Tap()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray) -> None:
        with suppress(OSError):
            while octets := await reader.read(65536):
                kept += octets
                tap.moved += 1
                writer.write(octets)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tapped = Tapped()
        tap.connections.append(tapped)
        behind_reader, behind = await asyncio.open_connection("127.0.0.1", to)
        upwards = asyncio.create_task(carry(reader, behind, tapped.said))
        try:
            await carry(behind_reader, writer, tapped.answered)
        finally:
            upwards.cancel()
            behind.transport.abort()

    with listening(serve) as port:
        tap.port = port
        yield tap
