"""The header that whoever stands in front sends: read in any parts, and refused as soon as it is wrong."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.proxy.proxy_protocol import MAX_HEADER, SIGNATURE, BadHeaderError, HeaderReader, Source

LOCAL, PROXY, TCP4, TCP6, UDP4, UNIX = 0x20, 0x21, 0x11, 0x21, 0x12, 0x31
LINE = b"PROXY TCP4 192.0.2.7 192.0.2.1 40000 443\r\n"
A_FIELD = b"\x04\x00\x02ok"


def header(
    source: str = "192.0.2.7",
    port: int = 40_000,
    *,
    command: int = PROXY,
    family: int = TCP4,
    fields: bytes = b"",
    length: int | None = None,
) -> bytes:
    """A header as haproxy writes it."""
    packed = ip_address(source).packed
    block = packed + packed + struct.pack("!HH", port, 443) + fields
    return SIGNATURE + struct.pack("!BBH", command, family, len(block) if length is None else length) + block


def read(octets: bytes, *, step: int = MAX_HEADER) -> HeaderReader:
    reader, at = HeaderReader(), 0
    while reader.wanted and at < len(octets):
        part = octets[at : at + min(step, reader.wanted)]
        reader.feed(part)
        at += len(part)
    return reader


@pytest.mark.parametrize(
    ("octets", "source"),
    [
        (header(), Source(address="192.0.2.7", port=40_000)),
        (header(fields=A_FIELD * 3), Source(address="192.0.2.7", port=40_000)),
        (header("2001:db8::7", family=TCP6), Source(address="2001:db8::7", port=40_000)),
        (header("::ffff:192.0.2.7", family=TCP6), Source(address="192.0.2.7", port=40_000)),
        (header(command=LOCAL), None),
        (SIGNATURE + b"\x20\x00\x00\x00", None),
        (LINE, Source(address="192.0.2.7", port=40_000)),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 443\r\n", Source(address="2001:db8::7", port=40_000)),
        (b"PROXY TCP6 ::ffff:192.0.2.7 ::1 0 443\r\n", Source(address="192.0.2.7", port=0)),
    ],
)
def test_the_address_is_the_one_told_and_a_health_check_tells_none(octets: bytes, source: Source | None) -> None:
    reader = read(octets)
    assert reader.wanted == 0
    assert reader.source == source


@given(
    parts=st.integers(1, 40),
    fields=st.binary(max_size=40),
    port=st.integers(0, 65535),
    after=st.binary(max_size=30),
)
def test_no_byte_behind_the_header_is_asked_for_however_it_comes(
    parts: int, fields: bytes, port: int, after: bytes
) -> None:
    whole = header(port=port, fields=b"\xe0" + struct.pack("!H", len(fields)) + fields)
    reader, at = HeaderReader(), 0
    stream = whole + after
    while reader.wanted:
        part = stream[at : at + min(parts, reader.wanted)]
        reader.feed(part)
        at += len(part)
    assert stream[at:] == after
    assert reader.source == Source(address="192.0.2.7", port=port)


@pytest.mark.parametrize("whole", [header(), LINE], ids=["block", "line"])
def test_a_header_that_is_cut_off_is_never_taken_for_whole(whole: bytes) -> None:
    for length in range(1, len(whole)):
        for step in (1, 5, MAX_HEADER):
            assert read(whole[:length], step=step).wanted > 0


@pytest.mark.parametrize("step", [1, 3, MAX_HEADER])
def test_a_line_is_read_to_its_end_and_no_further(step: int) -> None:
    stream, reader, at = LINE + b"GET /", HeaderReader(), 0
    while reader.wanted:
        part = stream[at : at + min(step, reader.wanted)]
        reader.feed(part)
        at += len(part)
    assert at == len(LINE)


WRONG = {
    "an unknown client": b"PROXY UNKNOWN\r\n",
    "a line without an end": b"PROXY TCP4 " + b"1" * 200,
    "a line that ends in a line feed": LINE.replace(b"\r", b"") + b"x" * 100,
    "a line of another family": LINE.replace(b"TCP4", b"TCP6"),
    "a line in lower case": LINE.lower(),
    "a line with two spaces": LINE.replace(b"TCP4 ", b"TCP4  "),
    "a line with more words": LINE.replace(b"443", b"443 1"),
    "a line with an address that is none": LINE.replace(b"192.0.2.7", b"192.0.2.07"),
    "a line with a name": LINE.replace(b"192.0.2.7", b"localhost"),
    "a line with a zone": b"PROXY TCP6 fe80::1%eth0 ::1 40000 443\r\n",
    "a line with letters of other scripts": LINE.replace(b"443", b"\xd9\xa4"),
    "a line with a port too high": LINE.replace(b"40000", b"65536"),
    "a line with a port in another spelling": LINE.replace(b"40000", b"040"),
    "http": b"GET / HTTP/1.1\r\nHost: gw.example\r\n\r\n",
    "a tls hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(20),
    "the last byte of the signature": SIGNATURE[:-1] + b"\r" + header()[12:],
    "another version": header(command=0x11),
    "another command": header(command=0x22),
    "udp": header(family=UDP4),
    "unix": header(family=UNIX) + bytes(300),
    "unspecified": header(family=0),
    "addresses that are cut off": header(length=11),
    "an ipv4 block for ipv6": header(family=TCP6),
    "a field without a length": header(fields=b"\x04\x00"),
    "a field longer than the header": header(fields=b"\x04\x00\x09ok"),
    "too long": header(length=MAX_HEADER - 15, fields=bytes(MAX_HEADER)),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("step", [1, 5, MAX_HEADER])
def test_what_is_no_good_header_is_refused(wrong: str, step: int) -> None:
    with pytest.raises(BadHeaderError):
        read(WRONG[wrong], step=step)


@given(octets=st.binary(min_size=1, max_size=80))
def test_noise_is_refused_or_waits_and_nothing_else(octets: bytes) -> None:
    try:
        assert read(SIGNATURE[: len(octets) % 13] + octets).wanted >= 0
    except BadHeaderError:
        return


def test_more_than_was_asked_for_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="more than was asked for"):
        HeaderReader().feed(header())
