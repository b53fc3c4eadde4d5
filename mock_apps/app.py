"""Puts one sample backend together: pages, endpoints and streams, all behind the gate."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from mock_apps import api, streams
from mock_apps.assertion import AssertionVerifier
from mock_apps.gate import Gate
from mock_apps.measures import Measure
from mock_apps.pages import Pages
from pagekit import STATIC

OWN_STATIC = Path(__file__).parent / "static"


def sample_backend(measure: Measure, verifier: AssertionVerifier) -> Starlette:
    """The application of one measure. It serves below `measure.prefix` only: the gateway forwards paths unchanged."""
    prefix = measure.prefix
    pages = Pages(measure)
    app = Starlette(
        routes=[
            *pages.routes(),
            *api.routes(prefix),
            Route(f"{prefix}/events", streams.events),
            WebSocketRoute(f"{prefix}/socket", streams.socket),
            Mount(f"{prefix}/static/kit", StaticFiles(directory=STATIC)),
            Mount(f"{prefix}/static", StaticFiles(directory=OWN_STATIC)),
        ],
        middleware=[Middleware(Gate, verifier=verifier)],
        exception_handlers={404: pages.not_found, ClientDisconnect: _nobody_reads_this},
    )
    # Its redirect would be an absolute address made from the Host header, which the gateway sets for its own ends.
    app.router.redirect_slashes = False
    return app


async def _nobody_reads_this(_: Request, __: Exception) -> Response:
    """The client left while its body came in: no fault of ours, so nothing for the log."""
    return Response(status_code=400)
