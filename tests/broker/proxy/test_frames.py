"""Following WebSocket frames without touching them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from broker.proxy.frames import FrameLimits, FrameRefusedError, FrameScanner, close_frame


def frame(opcode: Opcode, payload: bytes, *, fin: bool = True, mask: bool = True) -> bytes:
    return Frame(opcode, payload, fin=fin).serialize(mask=mask)


@given(
    st.lists(st.integers(0, 200) | st.sampled_from([125, 126, 127, 65535, 65536]), min_size=1, max_size=4),
    st.integers(1, 70_000),
    st.booleans(),
)
def test_the_scanner_is_at_a_boundary_exactly_between_frames(sizes: list[int], step: int, mask: bool) -> None:
    frames = [frame(Opcode.BINARY, b"x" * size, mask=mask) for size in sizes]
    ends = {sum(map(len, frames[:count])) for count in range(len(frames) + 1)}
    whole = b"".join(frames)
    scanner = FrameScanner(masked=mask, limits=None)
    for at in range(0, len(whole), step):
        assert scanner.at_boundary == (at in ends)
        scanner.feed(whole[at : at + step])
    assert scanner.at_boundary


LIMITS = FrameLimits(message=100, fragments=3)
REFUSED = {
    "too large": ([frame(Opcode.BINARY, b"x" * 101)], 1009),
    "too large in all": ([frame(Opcode.TEXT, b"x" * 60, fin=False), frame(Opcode.CONT, b"x" * 60)], 1009),
    "announces much": ([b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff" + b"mask"], 1009),
    "many pieces": ([frame(Opcode.TEXT, b"", fin=False), *[frame(Opcode.CONT, b"", fin=False)] * 3], 1008),
    "unmasked": ([frame(Opcode.TEXT, b"x", mask=False)], 1002),
    "long ping": ([b"\x89\xfe\x00\x7e" + b"mask"], 1002),
    "split ping": ([b"\x09\x81" + b"mask"], 1002),
    "unknown kind": ([b"\x83\x81" + b"mask"], 1002),
}


@pytest.mark.parametrize(("frames", "code"), REFUSED.values(), ids=REFUSED)
def test_what_breaks_the_limits_or_the_rules_is_refused(frames: list[bytes], code: int) -> None:
    scanner = FrameScanner(masked=True, limits=LIMITS)
    with pytest.raises(FrameRefusedError) as caught:
        scanner.feed(b"".join(frames))
    assert caught.value.code == code


def test_messages_within_the_limits_pass_again_and_again() -> None:
    scanner = FrameScanner(masked=True, limits=LIMITS)
    for _ in range(5):
        scanner.feed(frame(Opcode.TEXT, b"x" * 50, fin=False))
        scanner.feed(frame(Opcode.PING, b"x" * 125))
        scanner.feed(frame(Opcode.CONT, b"x" * 50))
        scanner.feed(frame(Opcode.CLOSE, b""))
    assert scanner.at_boundary


@pytest.mark.parametrize("masked", [True, False])
def test_a_close_frame_says_why(masked: bool) -> None:
    octets = close_frame(1008, "session ended", masked=masked)
    scanner = FrameScanner(masked=masked, limits=None)
    scanner.feed(octets)
    assert scanner.at_boundary
    if not masked:
        assert octets == b"\x88\x0f\x03\xf0session ended"


def test_a_long_reason_is_cut_at_a_character() -> None:
    octets = close_frame(1008, "é" * 100, masked=False)
    assert len(octets) == 2 + 2 + 122
    octets[4:].decode("utf-8")
