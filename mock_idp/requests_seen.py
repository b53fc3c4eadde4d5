"""Counts what relying parties asked, so that a test can see that something was asked once, or not at all.

The provider's and the registers' addresses only; no parameter, token or person is kept.
"""

from __future__ import annotations

from collections import Counter

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COUNTED = ("/op/", "/idm/v1/", "/kbo/v1/", "/signals/")


class RequestsSeen:
    """`GET /mock/requests`: how often each endpoint was asked, and with which status it answered, since the reset."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, int]] = Counter()

    def count(self, endpoint: str, status: int) -> None:
        self._seen[endpoint, status] += 1

    def reset(self) -> None:
        self._seen.clear()

    def routes(self) -> list[Route]:
        return [Route("/mock/requests", self.answer, methods=["GET"])]

    async def answer(self, request: Request) -> Response:
        told: dict[str, dict[str, int]] = {}
        for (endpoint, status), times in sorted(self._seen.items()):
            told.setdefault(endpoint, {})[str(status)] = times
        return JSONResponse({"requests": told}, headers={"cache-control": "no-store"})


class CountRequests:
    """Middleware that counts."""

    def __init__(self, app: ASGIApp, *, seen: RequestsSeen) -> None:
        self._app = app
        self._seen = seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if scope["type"] != "http" or not path.startswith(COUNTED):
            await self._app(scope, receive, send)
            return

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._seen.count(f"{scope['method']} {_endpoint(path)}", message["status"])
            await send(message)

        await self._app(scope, receive, counted)


def _endpoint(path: str) -> str:
    """The path without what differs from one enterprise to the next."""
    parts = path.split("/")
    return "/".join("{number}" if part.isdigit() else part for part in parts)
