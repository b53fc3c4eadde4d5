"""Pages and answers that need nobody to be signed in: start, health, keys, accessibility, not found."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from broker.ports import Assertions, InkomError
from broker.web.return_to import path_of
from broker.web.site import Pages, new_reference, spoken
from broker.web.visitors import shows_pages

_log = logging.getLogger("inkom.pages")
Check = Callable[[], Awaitable[None]]


class StatusPages:
    """The start page at `/`, and below `/_inkom/`: `health/live`, `health/ready`, `jwks.json`, `accessibility`.

    `vital` are the checks without which the gateway can let nobody in; `useful` ones only degrade it.
    """

    def __init__(
        self, *, pages: Pages, assertions: Assertions, vital: Mapping[str, Check], useful: Mapping[str, Check]
    ) -> None:
        self._pages = pages
        self._assertions = assertions
        self._vital = vital
        self._useful = useful

    def routes(self) -> list[BaseRoute]:
        """The routes below `/_inkom/`."""
        return [
            Route("/health/live", self.live, methods=["GET"]),
            Route("/health/ready", self.ready, methods=["GET"]),
            Route("/jwks.json", self.keys, methods=["GET"]),
            Route("/accessibility", self.accessibility, methods=["GET"]),
        ]

    async def start(self, request: Request) -> Response:
        """Show the applications."""
        return self._pages.page(request, "start.html", applications=self._pages.titles(self._pages.language(request)))

    async def live(self, _: Request) -> Response:
        """The process answers."""
        return PlainTextResponse("ok\n", headers={"cache-control": "no-store"})

    async def ready(self, _: Request) -> Response:
        """Whether people can be let in now, part by part: 503 when a vital part is away."""
        parts, ready = {}, True
        for name, check in {**self._vital, **self._useful}.items():
            try:
                await check()
                parts[name] = "ok"
            except InkomError as error:
                parts[name] = str(error)
                ready = ready and name not in self._vital
        degraded = any(state != "ok" for state in parts.values())
        state = ("degraded" if degraded else "ok") if ready else "unavailable"
        return JSONResponse(
            {"status": state, "parts": parts},
            status_code=200 if ready else 503,
            headers={"cache-control": "no-store"},
        )

    async def keys(self, _: Request) -> Response:
        """The public keys, which may be kept for five minutes."""
        return JSONResponse(
            self._assertions.published_keys(),
            media_type="application/jwk-set+json",
            headers={"cache-control": "public, max-age=300"},
        )

    async def accessibility(self, request: Request) -> Response:
        """The statement on accessibility that public bodies owe (Directive (EU) 2016/2102, article 7)."""
        return self._pages.page(request, "accessibility.html")

    async def missing(self, request: Request, _: Exception | None = None) -> Response:
        """Nothing stands at this address; an application without its final slash is sent on."""
        path = request.url.path
        if request.method in {"GET", "HEAD"} and any(path == f"/{name}" for name, _title in self._pages.titles("nl")):
            return self._pages.see_other(f"{path}/")
        if not shows_pages(request):
            problem = {"type": "about:blank", "title": "Nothing stands here", "status": 404, "reason": "not-found"}
            return JSONResponse(problem, status_code=404, media_type="application/problem+json")
        titles = self._pages.titles(self._pages.language(request))
        return self._pages.page(request, "not-found.html", status=404, applications=titles)

    async def method_not_allowed(self, _: Request, error: Exception) -> Response:
        """The address exists, but not for this method (RFC 9110, section 15.5.6)."""
        problem = {"type": "about:blank", "title": "Not with this method", "status": 405, "reason": "method"}
        headers = getattr(error, "headers", None) or {}
        return JSONResponse(problem, status_code=405, media_type="application/problem+json", headers=headers)

    async def broken(self, request: Request, error: Exception) -> Response:
        """Say that something went wrong; what it was stands in the log beside the reference."""
        reference = new_reference()
        _log.error("a page broke", extra={"reference": reference, "error": type(error).__name__})
        return self._pages.page(
            request,
            "failure.html",
            status=500,
            part="gateway",
            retry=path_of(request),
            reference=spoken(reference),
        )
