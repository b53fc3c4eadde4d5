"""The operators' pages, on a port of their own that listens on loopback unless configured: metrics and health."""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from broker.web.status import StatusPages

_INDEX = """\
INKOM gateway, for operators

/metrics        figures in Prometheus' text form
/health/live    the process answers
/health/ready   people can be let in, part by part
"""


def operators_pages(*, status: StatusPages, exposition: Callable[[], bytes], content_type: str) -> Starlette:
    """Return the application that the operators' port serves."""

    async def index(_: Request) -> Response:
        return PlainTextResponse(_INDEX)

    async def metrics(_: Request) -> Response:
        return Response(exposition(), headers={"content-type": content_type, "cache-control": "no-store"})

    return Starlette(
        routes=[
            Route("/", index, methods=["GET"]),
            Route("/metrics", metrics, methods=["GET"]),
            Route("/health/live", status.live, methods=["GET"]),
            Route("/health/ready", status.ready, methods=["GET"]),
        ]
    )
