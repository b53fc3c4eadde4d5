"""Reads a received message for showing: headers, text, HTML, names of attachments.

Anybody may send the catcher anything, so nothing in here fails on a malformed message: what cannot be decoded is shown
as far as it can.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.policy import compat32

LONGEST_TEXT = 200_000
_LONGEST_SUBJECT = 200
_LINK = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?')\]]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """`headers` in their order, decoded. `html` is the sender's own: never put it into a page of ours."""

    headers: tuple[tuple[str, str], ...]
    text: str | None
    html: str | None
    attachments: tuple[str, ...]


def contents_of(message: bytes) -> Contents:
    parsed = message_from_bytes(message, policy=compat32)
    text: str | None = None
    html: str | None = None
    attachments = []
    for part in parsed.walk():
        if part.is_multipart():
            continue
        if part.get_content_disposition() == "attachment":
            attachments.append(_readable(part.get_filename() or part.get_content_type()))
        elif part.get_content_type() == "text/plain" and text is None:
            text = _decoded(part)
        elif part.get_content_type() == "text/html" and html is None:
            html = _decoded(part)
        else:
            attachments.append(part.get_content_type())
    return Contents(headers=tuple(_headers(parsed)), text=text, html=html, attachments=tuple(attachments))


def subject_of(message: bytes) -> str:
    head = message_from_bytes(message, policy=compat32)
    return next((value for name, value in _headers(head) if name.lower() == "subject"), "")[:_LONGEST_SUBJECT]


def with_links(text: str) -> tuple[tuple[str, bool], ...]:
    """The text in pieces, and for each whether it is a web address."""
    pieces: list[tuple[str, bool]] = []
    at = 0
    for link in _LINK.finditer(text):
        pieces += [(text[at : link.start()], False), (link[0], True)]
        at = link.end()
    return (*pieces, (text[at:], False))


def _headers(message: Message) -> Iterator[tuple[str, str]]:
    for name, value in message.raw_items():
        yield name, _readable(str(value))


def _readable(value: str) -> str:
    """RFC 2047 words decoded, on one line, without lone surrogates (bytes that were not ASCII)."""
    try:
        pieces = decode_header(value)
    except (HeaderParseError, ValueError):
        pieces = [(value, None)]
    text = "".join(piece if isinstance(piece, str) else _text(piece, charset) for piece, charset in pieces)
    return " ".join(_whole(text).split())


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    octets = payload if isinstance(payload, bytes) else b""
    text = _text(octets[:LONGEST_TEXT], part.get_content_charset())
    return _whole(text).replace("\r\n", "\n")


def _text(octets: bytes, charset: str | None) -> str:
    try:
        return octets.decode(charset or "utf-8", errors="replace")
    except (LookupError, ValueError):
        return octets.decode("utf-8", errors="replace")


def _whole(text: str) -> str:
    return text.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace").replace("\x00", "\ufffd")
