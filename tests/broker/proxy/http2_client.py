"""A client of HTTP/2 that does what a test says, wrong things too: h2 over TLS, without its checks of what it sends."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, ResponseReceived, StreamEnded, StreamReset

from tests.broker.proxy.world import HOST

Fields = list[tuple[bytes, bytes]]


def asking(
    path: bytes = b"/", *more: tuple[bytes, bytes], method: bytes = b"GET", authority: bytes = b"gw.example"
) -> Fields:
    """The fields of a good request."""
    return [(b":method", method), (b":scheme", b"https"), (b":authority", authority), (b":path", path), *more]


@dataclass
class Answer:
    """What came for one request."""

    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""
    ended: bool = False
    reset: int | None = None


class Http2Client:
    """One connection. `takes` is whether it lets the server go on sending."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.frames = H2Connection(
            H2Configuration(
                client_side=True,
                header_encoding=None,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
            )
        )
        self.answers: dict[int, Answer] = {}
        self.goodbye: int | None = None
        self.closed = False
        self.takes = True

    async def flush(self) -> None:
        """Send what is to be sent."""
        self._writer.write(self.frames.data_to_send())
        await self._writer.drain()

    async def raw(self, octets: bytes) -> None:
        """Send bytes that h2 would not."""
        self._writer.write(octets)
        await self._writer.drain()

    async def begin(self, fields: Fields, body: bytes | None = None, *, end: bool = True) -> int:
        """Ask, with a small body perhaps, and return the stream's number."""
        number = self.frames.get_next_available_stream_id()
        self.answers[number] = Answer()
        self.frames.send_headers(number, fields, end_stream=end and body is None)
        if body is not None:
            self.frames.send_data(number, body, end_stream=end)
        await self.flush()
        return number

    async def ask(self, fields: Fields, body: bytes | None = None) -> Answer:
        """Ask, and return the whole answer."""
        number = await self.begin(fields, body)
        return await self.answer(number)

    async def answer(self, number: int) -> Answer:
        answer = self.answers[number]
        await self.until(lambda: answer.ended or answer.reset is not None)
        return answer

    async def upload(self, number: int, body: bytes) -> None:
        """Send a body as fast as the server lets us."""
        while body:
            room = min(self.frames.local_flow_control_window(number), self.frames.max_outbound_frame_size)
            if room == 0:
                await self.read()
                continue
            self.frames.send_data(number, body[:room])
            body = body[room:]
            await self.flush()
        self.frames.end_stream(number)
        await self.flush()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Read until something is true, or the connection has ended."""
        async with asyncio.timeout(5):
            while not condition() and not self.closed:
                await self.read()

    async def read(self) -> None:
        """Take in what comes next."""
        try:
            octets = await self._reader.read(1 << 16)
        except ConnectionError:
            octets = b""
        if not octets:
            self.closed = True
            return
        for event in self.frames.receive_data(octets):
            match event:
                case ResponseReceived(stream_id=int(number), headers=list(headers)):
                    found = {bytes(name): bytes(value) for name, value in headers}
                    self.answers[number].status = int(found[b":status"])
                    self.answers[number].headers = found
                case DataReceived(stream_id=int(number), data=bytes(data), flow_controlled_length=int(size)):
                    self.answers[number].body += data
                    if self.takes:
                        self.frames.acknowledge_received_data(size, number)
                case StreamEnded(stream_id=int(number)):
                    self.answers[number].ended = True
                case StreamReset(stream_id=number, error_code=code) if number in self.answers:
                    self.answers[number].reset = int(code or 0)
                case ConnectionTerminated(error_code=code):
                    self.goodbye = int(code or 0)
                case _:
                    pass
        await self.flush()


@asynccontextmanager
async def http2(port: int, context: ssl.SSLContext, *, before: bytes = b"") -> AsyncIterator[Http2Client]:
    """Connect, send these bytes, agree on HTTP/2, and exchange settings."""
    context.set_alpn_protocols(["h2"])
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(before)
    await writer.start_tls(context, server_hostname="localhost")
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
    client = Http2Client(reader, writer)
    client.frames.initiate_connection()
    await client.flush()
    try:
        yield client
    finally:
        writer.transport.abort()
