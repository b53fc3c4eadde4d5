"""Reads what is posted to our own pages: whole and bounded, or not at all."""

from __future__ import annotations

from starlette.requests import ClientDisconnect, Request


async def whole_body(request: Request, *, longest: int) -> bytes | None:
    """Return the body; None when it is longer than that, or its sender left: a part is not the whole."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > longest:
                return None
    except ClientDisconnect:
        return None
    return bytes(body)
