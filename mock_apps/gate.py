"""Nobody gets past without an assertion that holds: 403 for requests and WebSockets alike, 503 when keys are away.

Only the health path, which says nothing about anybody, is open. It stands outside the application's prefix, so the
gateway does not forward it.
"""

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from mock_apps.assertion import AssertionVerifier, Identity, Refused
from mock_apps.keys import KeysUnavailable

HEALTH = "/health"


class Gate:
    """ASGI middleware; behind it `identity(scope)` is always there."""

    def __init__(self, app: ASGIApp, *, verifier: AssertionVerifier) -> None:
        self._app = app
        self._verifier = verifier

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope["path"] == HEALTH:
            await self._app(scope, receive, send)
            return
        try:
            scope["inkom.identity"] = await self._verifier.identity(scope["headers"])
        except Refused as refusal:
            await _refuse(scope, receive, send, status=403, reason=str(refusal))
            return
        except KeysUnavailable:
            await _refuse(scope, receive, send, status=503, reason="the gateway's keys can't be read now")
            return
        await self._app(scope, receive, send)


def identity(scope: Scope) -> Identity:
    """Who is calling, as the gate has verified it."""
    found = scope["inkom.identity"]
    assert isinstance(found, Identity)  # noqa: S101 - the gate put it there
    return found


async def _refuse(scope: Scope, receive: Receive, send: Send, *, status: int, reason: str) -> None:
    if scope["type"] == "websocket":
        # Closing before accepting makes the server answer the handshake with 403 (ASGI specification).
        await WebSocketClose(code=1008)(scope, receive, send)
        return
    problem = {"type": "about:blank", "title": "Only through the gateway", "status": status, "reason": reason}
    await JSONResponse(problem, status, media_type="application/problem+json")(scope, receive, send)
