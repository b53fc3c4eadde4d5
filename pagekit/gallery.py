"""One page with every piece of the kit: `/?lang=nl|en&scheme=light|dark&plain=1`. An example of an application too.

`plain` shows the fields without their errors. The names in it are awkward on purpose: markup, quotes, other scripts.
"""

from datetime import UTC, date, datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from pagekit.headers import security_headers
from pagekit.kit import LOCALES, STATIC, TEMPLATES, Link, PageKit, Site
from pagekit.languages import choose_language, message

SCHEMES = ("light", "dark")

AWKWARD_NAMES = (
    ("Bakkerij De Korrel", "1999.999.943"),
    ('"Zout & Peper" <script>alert(1)</script>', "1999.999.844"),
    ("שלום ושות׳ (Antwerpen)", "1999.999.745"),
    ("A\u202eB.V. omgekeerd", "1999.999.646"),
    ("Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft", "1999.999.547"),
)


def gallery() -> Starlette:
    """The gallery as an application."""
    site = Site(
        name=message("Gallery of pieces"),
        accessibility_url="#main",
        footer=(Link(label=message("Back to the top"), href="#main"),),
    )
    kit = PageKit(templates=TEMPLATES, locales=LOCALES, site=site)

    async def page(request: Request) -> HTMLResponse:
        query = request.query_params
        language = choose_language(
            chosen=query.get("lang"), remembered=None, accept_language=request.headers.get("accept-language")
        )
        text = kit.render(
            "kit/gallery.html",
            language=language,
            address=str(request.url.replace(scheme="", netloc="")),
            scheme=query.get("scheme") if query.get("scheme") in SCHEMES else None,
            plain="plain" in query,
            names=AWKWARD_NAMES,
            today=date(2026, 11, 24),
            now=datetime(2026, 11, 24, 13, 5, tzinfo=UTC),
        )
        response = HTMLResponse(text)
        response.raw_headers.extend(security_headers())
        return response

    routes = [Route("/", page, methods=["GET", "POST"]), Mount("/static", StaticFiles(directory=STATIC))]
    return Starlette(routes=routes)
