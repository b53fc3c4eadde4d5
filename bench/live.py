"""The backend for what stays open or comes in large: event streams, WebSocket echo, uploads that are read to the end.

`python -m bench.live PORT`. It trusts whoever calls, reads one request at a time, and is nothing to learn from.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import signal
import sys

import uvloop

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3
_STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n\r\ndata: hello\n\n"
_TAKEN = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\ntaken"
_HERE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nhere"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_END_OF_CHUNKS = b"0\r\n\r\n"


class Live(asyncio.Protocol):
    """One connection: `left` is what is still to come of a body with a length, -1 while chunks come."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.waiting = b""
        self.left = 0
        self.tunnel = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # what servers get
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.left:
            data = self._swallow(data)
        self.waiting += data
        while self.waiting and not self.left:
            before = len(self.waiting)
            if self.tunnel:
                self._echo()
            else:
                self._answer()
            if len(self.waiting) == before:
                return

    def _answer(self) -> None:
        head, found, rest = self.waiting.partition(b"\r\n\r\n")
        if not found:
            return
        self.waiting = rest
        line, *lines = head.split(b"\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (one.partition(b":") for one in lines)}
        path = line.split(b" ")[1]
        if b"sec-websocket-key" in fields:
            accept = base64.b64encode(hashlib.sha1(fields[b"sec-websocket-key"] + _GUID).digest())  # noqa: S324  # RFC 6455
            self.transport.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            )
            self.tunnel = True
        elif path.endswith(b"/events"):
            self.transport.write(_STREAM)
        elif line.startswith(b"POST"):
            self._take(fields)
        else:
            self.transport.write(_HERE)

    def _take(self, fields: dict[bytes, bytes]) -> None:
        if fields.get(b"expect", b"").lower() == b"100-continue":
            self.transport.write(_CONTINUE)
        self.left = -1 if b"transfer-encoding" in fields else int(fields.get(b"content-length", b"0"))
        early, self.waiting = self.waiting, b""
        if self.left:
            self.waiting = self._swallow(early)
        else:
            self.waiting = early
            self.transport.write(_TAKEN)

    def _swallow(self, data: bytes) -> bytes:
        """Drop what belongs to the body, answer at its end, return what comes behind it."""
        if self.left < 0:
            # Good enough for the bodies of our own load, which hold no such line.
            if data.endswith(_END_OF_CHUNKS):
                self.left = 0
                self.transport.write(_TAKEN)
            return b""
        taken = min(self.left, len(data))
        self.left -= taken
        if not self.left:
            self.transport.write(_TAKEN)
        return data[taken:]

    def _echo(self) -> None:
        """Send a message of at most 125 bytes back unmasked (RFC 6455 5.2)."""
        frame = self.waiting
        if len(frame) < 6 or len(frame) < 6 + (frame[1] & 0x7F):
            return
        size = frame[1] & 0x7F
        mask, masked = frame[2:6], frame[6 : 6 + size]
        self.waiting = frame[6 + size :]
        if frame[0] & 0x0F == 8:
            self.transport.close()
            return
        key = int.from_bytes(mask * (size // 4 + 1), "big") >> (8 * (4 - size % 4))
        plain = (int.from_bytes(masked, "big") ^ key).to_bytes(size, "big")
        self.transport.write(bytes((0x80 | frame[0] & 0x0F, size)) + plain)


async def _serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Live, "127.0.0.1", port, backlog=4096)
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()
    server.close()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
