"""Follow the frames of one direction of a WebSocket (RFC 6455 5.2) without touching them.

Only the few bytes at the start of each frame are read: enough to know where a frame ends, so that a close frame can be
put between two frames, and to refuse what is too large or against the rules. Payloads are neither kept nor unmasked.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

_CONTINUATION, _CLOSE = 0x0, 0x8
_KNOWN_OPCODES = frozenset((0x0, 0x1, 0x2, 0x8, 0x9, 0xA))


class FrameRefusedError(Exception):
    """A frame is against the rules or the limits; `code` is the close code (RFC 6455 7.4.1) that says which."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameLimits:
    """Bytes of one message as sent (that is, compressed), and the frames that it may be split into."""

    message: int = 1024 * 1024
    fragments: int = 1024


class FrameScanner:
    """The position within the frames of one direction; `masked` says if it comes from the client."""

    def __init__(self, *, masked: bool, limits: FrameLimits | None) -> None:
        self._masked = masked
        self._limits = limits
        self._start = bytearray()
        self._left = 0
        self._size = 0
        self._fragments = 0

    @property
    def at_boundary(self) -> bool:
        """Whether a frame may begin here."""
        return not self._start and self._left == 0

    def feed(self, octets: bytes) -> None:
        """Move on over these bytes. Raises FrameRefusedError; the scanner is of no use after that."""
        at = 0
        while at < len(octets):
            if self._left:
                step = min(self._left, len(octets) - at)
                self._left -= step
            else:
                step = min(self._needed() - len(self._start), len(octets) - at)
                self._start += octets[at : at + step]
                if len(self._start) == self._needed():
                    self._begin_frame()
            at += step

    def _needed(self) -> int:
        """Length of the start of the frame, as far as can be told from the bytes at hand."""
        if len(self._start) < 2:
            return 2
        marker = self._start[1] & 0x7F
        return 2 + {126: 2, 127: 8}.get(marker, 0) + (4 if self._start[1] & 0x80 else 0)

    def _begin_frame(self) -> None:
        start = self._start
        final, opcode, masked = bool(start[0] & 0x80), start[0] & 0x0F, bool(start[1] & 0x80)
        marker = start[1] & 0x7F
        length = int.from_bytes(start[2 : {126: 4, 127: 10}[marker]]) if marker > 125 else marker
        self._start = bytearray()
        self._left = length
        if masked != self._masked:
            raise FrameRefusedError(1002, "frame masked by the wrong side")  # RFC 6455 5.1
        if opcode not in _KNOWN_OPCODES:
            raise FrameRefusedError(1002, "unknown kind of frame")  # RFC 6455 5.2
        if opcode >= _CLOSE:
            if length > 125 or not final:
                raise FrameRefusedError(1002, "control frame too long or split")  # RFC 6455 5.5
            return
        self._count(length, final=final, first=opcode != _CONTINUATION)

    def _count(self, length: int, *, final: bool, first: bool) -> None:
        self._size = length if first else self._size + length
        self._fragments = 1 if first else self._fragments + 1
        if self._limits is not None:
            if self._size > self._limits.message:
                raise FrameRefusedError(1009, "message too big")
            if self._fragments > self._limits.fragments:
                raise FrameRefusedError(1008, "message in too many pieces")
        if final:
            self._size = self._fragments = 0


def close_frame(code: int, reason: str, *, masked: bool) -> bytes:
    """A close frame (RFC 6455 5.5.1); the reason is cut to what fits in a control frame."""
    payload = code.to_bytes(2) + reason.encode("utf-8")[:123].decode("utf-8", "ignore").encode("utf-8")
    if not masked:
        return bytes((0x88, len(payload))) + payload
    key = secrets.token_bytes(4)
    hidden = bytes(octet ^ key[at % 4] for at, octet in enumerate(payload))
    return bytes((0x88, 0x80 | len(payload))) + key + hidden
