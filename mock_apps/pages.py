"""The pages of a sample backend: start, upload, live counter, WebSocket. All they know of the visitor was verified."""

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from mock_apps.assertion import ASSERTION, PREFIX
from mock_apps.gate import identity
from mock_apps.measures import Measure
from mock_apps.signing import CHALLENGE, is_certain_enough
from mock_apps.upload import NotAnUpload, receive_file
from pagekit import LANGUAGES, Link, PageKit, Site, choose_language, message, security_headers

HERE = Path(__file__).parent
LANGUAGE_COOKIE = "app-language"
NATIONAL_NUMBER = f"{PREFIX}national-number"

ROLES = {
    "legal-representative": message("legal representative"),
    "user": message("user right"),
}
LEVELS = {"low": message("low"), "substantial": message("substantial"), "high": message("high")}


class Pages:
    """The pages of one measure."""

    def __init__(self, measure: Measure) -> None:
        self._measure = measure
        self.kit = PageKit(
            templates=HERE / "templates",
            locales=HERE / "locales",
            site=Site(
                name=measure.title,
                home=f"{measure.prefix}/",
                static_url=f"{measure.prefix}/static/kit",
                accessibility_url="/_inkom/accessibility",
                footer=(Link(label=message("Your access"), href="/_inkom/profile"),),
            ),
        )

    def routes(self) -> list[Route]:
        prefix = self._measure.prefix
        return [
            Route(prefix, self.to_start),
            Route(f"{prefix}/", self.start),
            Route(f"{prefix}/upload", self.upload, methods=["GET", "POST"]),
            Route(f"{prefix}/live", self.live),
            Route(f"{prefix}/talk", self.talk),
            *([Route(f"{prefix}/sign", self.sign, methods=["GET", "POST"])] if self._measure.signs else []),
        ]

    async def to_start(self, _: Request) -> Response:
        return RedirectResponse(f"{self._measure.prefix}/", 308)

    async def start(self, request: Request) -> Response:
        return self._page(request, "app/start.html", arrived=_arrived(request))

    async def upload(self, request: Request) -> Response:
        if request.method != "POST":
            return self._page(request, "app/upload.html", wrong=False)
        try:
            received = await receive_file(request.headers.get("content-type", ""), request.stream())
        except NotAnUpload:
            return self._page(request, "app/upload.html", wrong=True, status=400)
        return self._page(request, "app/uploaded.html", received=received)

    async def live(self, request: Request) -> Response:
        return self._page(request, "app/live.html")

    async def talk(self, request: Request) -> Response:
        return self._page(request, "app/talk.html")

    async def sign(self, request: Request) -> Response:
        if not is_certain_enough(identity(request.scope)):
            response = self._page(request, "app/sign.html", step="refused", status=401)
            response.headers["www-authenticate"] = CHALLENGE
            return response
        return self._page(request, "app/sign.html", step="signed" if request.method == "POST" else "ready")

    async def not_found(self, request: Request, _: Exception) -> Response:
        return self._page(request, "app/missing.html", status=404)

    def _page(self, request: Request, template: str, *, status: int = 200, **context: object) -> Response:
        chosen = request.query_params.get("lang")
        language = choose_language(
            chosen=chosen,
            remembered=request.cookies.get(LANGUAGE_COOKIE),
            accept_language=request.headers.get("accept-language"),
        )
        caller = identity(request.scope)
        text = self.kit.render(
            template,
            language=language,
            address=f"?{request.url.query}",
            measure=self._measure,
            caller=caller,
            number=_dotted(caller.organisation),
            road=ROLES.get(caller.role, caller.role),
            level=LEVELS.get(caller.assurance or "", message("unknown")),
            issued_at=datetime.fromtimestamp(caller.issued_at, UTC),
            expires_at=datetime.fromtimestamp(caller.expires_at, UTC),
            **context,
        )
        response = HTMLResponse(text, status)
        response.raw_headers.extend(security_headers(live=True))
        if chosen in LANGUAGES:
            response.set_cookie(LANGUAGE_COOKIE, chosen, path=f"{self._measure.prefix}/", httponly=True, samesite="lax")
        return response


def _arrived(request: Request) -> tuple[tuple[str, str, str | None], ...]:
    """The gateway's headers for the table: name, value as received, value decoded, None for the assertion."""
    rows: list[tuple[str, str, str | None]] = []
    for name, value in request.headers.items():
        if name == NATIONAL_NUMBER:
            rows.append((name, _masked(value), _masked(value)))
        elif name == ASSERTION:
            rows.append((name, f"{value[:12]}…", None))
        elif name.startswith(PREFIX):
            rows.append((name, value, unquote(value)))
    return tuple(sorted(rows, key=lambda row: row[0]))


def _masked(value: str) -> str:
    return f"{'•' * (len(value) - 2)}{value[-2:]}"


def _dotted(number: str) -> str:
    """1999999943 as 1999.999.943, the way enterprise numbers are written."""
    return f"{number[:4]}.{number[4:7]}.{number[7:]}"
