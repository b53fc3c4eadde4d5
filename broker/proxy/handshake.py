"""The WebSocket handshake (RFC 6455 4), from either side, without any I/O."""

from __future__ import annotations

import base64
import binascii
import hashlib

from broker.proxy.messages import Body, Headers, body_of

_ACCEPT_SALT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3


def check_handshake(method: bytes, headers: Headers) -> tuple[int, str] | None:
    """RFC 6455 4.2.1, and no body: what follows the head belongs to the tunnel."""
    if method != b"GET" or body_of(headers) is not Body.NONE:
        return 400, "A WebSocket begins with GET and without a body"
    if b"websocket" not in _tokens(headers, b"upgrade") or b"upgrade" not in _tokens(headers, b"connection"):
        return 400, "This is not a WebSocket handshake"
    if [value for name, value in headers if name == b"sec-websocket-version"] != [b"13"]:
        return 426, "WebSocket version 13 is needed"
    keys = [value for name, value in headers if name == b"sec-websocket-key"]
    if len(keys) != 1 or not _is_key(keys[0]):
        return 400, "The handshake has no valid key"
    return None


def _is_key(value: bytes) -> bool:
    try:
        return len(base64.b64decode(value, validate=True)) == 16
    except binascii.Error:
        return False


def accept_for(headers: Headers) -> bytes:
    key = dict(headers)[b"sec-websocket-key"]
    # RFC 6455 4.2.2 names SHA-1; it proves that the other side speaks WebSocket and protects nothing.
    return base64.b64encode(hashlib.sha1(key + _ACCEPT_SALT, usedforsecurity=False).digest())


def is_switch(headers: Headers, accept: bytes) -> bool:
    """RFC 6455 4.1: a 101 from a server that doesn't speak WebSocket must not become a tunnel."""
    return b"websocket" in _tokens(headers, b"upgrade") and (b"sec-websocket-accept", accept) in headers


def _tokens(headers: Headers, wanted: bytes) -> set[bytes]:
    return {part.strip().lower() for name, value in headers if name == wanted for part in value.split(b",")}
