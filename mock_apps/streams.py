"""What stays open: an event stream that counts seconds, and a WebSocket that echoes."""

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import count

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from mock_apps.gate import identity

SECOND = 1.0


async def events(_: Request) -> Response:
    """`text/event-stream` (HTML standard, section 9.2): one event a second until the reader leaves."""
    # X-Accel-Buffering: some proxies hold a stream back until it ends.
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(_seconds(), media_type="text/event-stream", headers=headers)


async def _seconds() -> AsyncIterator[str]:
    for number in count(1):
        yield f"id: {number}\ndata: {json.dumps({'count': number})}\n\n"
        await asyncio.sleep(SECOND)


async def socket(connection: WebSocket) -> None:
    """Says who is connected, then returns every message as it came, text as text and bytes as bytes.

    The identity is that of the handshake: when the organisation changes, the gateway ends the connection.
    """
    caller = identity(connection.scope)
    await connection.accept()
    await connection.send_json({"name": caller.name, "organisation": caller.organisation, "role": caller.role})
    try:
        while True:
            message = await connection.receive()
            if message["type"] == "websocket.disconnect":
                return
            if message.get("text") is not None:
                await connection.send_text(message["text"])
            else:
                await connection.send_bytes(message["bytes"])
    except WebSocketDisconnect:
        return
