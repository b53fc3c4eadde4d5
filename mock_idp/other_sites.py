"""Keeps the pages of other sites, which a developer's browser has open too, from pulling the strings of `/mock/`.

Programs send neither `Sec-Fetch-Site` nor `Origin` and pass. A site that makes its own name lead to this address (DNS
rebinding) passes as well: against that only a closed port helps.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from mock_idp.desk import is_from_other_site

STRINGS = "/mock/"


class OtherSites:
    """Middleware: a POST below `/mock/` that a browser says comes from another site's page is refused."""

    def __init__(self, app: ASGIApp, *, origin: str) -> None:
        self._app = app
        self._origin = origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._pulls_a_string(scope) and is_from_other_site(Request(scope), self._origin):
            refusal = {"error": "a page of another site may not do this in your browser"}
            await JSONResponse(refusal, status_code=403)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _pulls_a_string(self, scope: Scope) -> bool:
        path: str = scope.get("path", "")
        return scope["type"] == "http" and scope["method"] == "POST" and path.startswith(STRINGS)
