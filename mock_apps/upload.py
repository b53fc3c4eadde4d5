"""Counts and hashes an uploaded file while it streams by; the file itself is kept nowhere."""

import hashlib
from collections.abc import AsyncIterable
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header


class NotAnUpload(Exception):
    """The body is no multipart form with one file in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What arrived: the name the browser gave it, its size in bytes, its SHA-256 in hexadecimal."""

    name: str
    octets: int
    sha256: str


class _OneFile:
    """Callbacks for the parser (RFC 7578): the part that has a file name counts, other fields are skipped."""

    def __init__(self) -> None:
        self.name = ""
        self.octets = 0
        self.digest = hashlib.sha256()
        self._field = self._value = b""
        self._inside = False

    def on_part_begin(self) -> None:
        self._inside = False

    def on_header_field(self, block: bytes, start: int, end: int) -> None:
        self._field += block[start:end]

    def on_header_value(self, block: bytes, start: int, end: int) -> None:
        self._value += block[start:end]

    def on_header_end(self) -> None:
        if self._field.lower() == b"content-disposition":
            name = parse_options_header(self._value)[1].get(b"filename")
            if name:
                self.name, self._inside = name.decode("utf-8", "replace"), True
        self._field = self._value = b""

    def on_part_data(self, block: bytes, start: int, end: int) -> None:
        if self._inside:
            self.octets += end - start
            self.digest.update(memoryview(block)[start:end])


async def receive_file(content_type: str, body: AsyncIterable[bytes]) -> Received:
    """Read the whole body, never holding more than a block of it. Raises NotAnUpload."""
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise NotAnUpload
    file = _OneFile()
    parser = MultipartParser(
        options[b"boundary"],
        {
            "on_part_begin": file.on_part_begin,
            "on_header_field": file.on_header_field,
            "on_header_value": file.on_header_value,
            "on_header_end": file.on_header_end,
            "on_part_data": file.on_part_data,
        },
    )
    try:
        async for block in body:
            parser.write(block)
        parser.finalize()
    except FormParserError as problem:
        raise NotAnUpload from problem
    if not file.name:
        raise NotAnUpload
    return Received(name=file.name, octets=file.octets, sha256=file.digest.hexdigest())
