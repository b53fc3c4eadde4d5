"""The mock's own pages: the start page, the tables of people and faults, and the ends of a logout or a bad request.

The pages of a sign-in are `mock_idp.signin`'s. Nothing here changes anything; the forms of tests are in `control`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from mock_idp.clock import Clock
from mock_idp.faults import Faults
from mock_idp.numbers import format_enterprise_number
from mock_idp.settings import Settings
from mock_idp.world.facts import Person
from mock_idp.world.live import LiveWorld
from pagekit.headers import security_headers
from pagekit.kit import Link, PageKit, Site
from pagekit.languages import choose_language, message

HERE = Path(__file__).parent
KIT_URL = "/kit"
ACCESSIBILITY_URL = "/signin-accessibility"

REASONS = {
    "legal-representative": message("legal representative"),
    "inkom-user": message("user with a valid right"),
    "right-missing": message("no right"),
    "right-elsewhere": message("the right is for another organisation"),
    "wrong-profile": message("wrong profile"),
    "relation-paused": message("working relation paused"),
    "relation-pending": message("working relation pending"),
    "relation-ended": message("working relation ended"),
    "right-not-yet-valid": message("the right has not begun"),
    "right-expired": message("the right has expired"),
    "organisation-ceased": message("the organisation has ceased"),
    "organisation-not-registered": message("the organisation is to be registered first"),
    "no-organisation": message("no organisation"),
}


def site() -> Site:
    return Site(
        name=message("Mock government"),
        home="/",
        static_url=KIT_URL,
        accessibility_url=ACCESSIBILITY_URL,
        footer=(Link(label=message("About this mock"), href="/"),),
    )


class Pages:
    def __init__(self, *, settings: Settings, world: LiveWorld, clock: Clock, faults: Faults) -> None:
        self._settings = settings
        self._world = world
        self._clock = clock
        self._faults = faults
        self._kit = PageKit(templates=HERE / "templates", locales=HERE / "locales", site=site())

    async def start(self, request: Request) -> Response:
        return self._page(
            request,
            "mock/start.html",
            today=self._clock.today(),
            moved_by_days=self._clock.moved_by_days,
            issuer=self._settings.issuer,
            number_of_people=len(self._world.current.cast),
            number_of_faults=len(self._faults.known),
        )

    async def people(self, request: Request) -> Response:
        language = self._language(request)
        rows = [self._person(person, language) for person in self._world.current.cast]
        return self._page(request, "mock/people.html", people=rows)

    async def faults(self, request: Request) -> Response:
        return self._page(
            request, "mock/faults.html", faults=tuple(self._faults.known.values()), armed=self._faults.armed
        )

    def signed_out(self, request: Request) -> Response:
        return self._page(request, "mock/signed_out.html")

    def signing_out(self, request: Request, *, frames: tuple[str, ...], to: str | None) -> Response:
        """Tell applications in frames (OpenID Connect Front-Channel Logout 1.0, section 3), then go on."""
        origins = tuple(sorted({"/".join(frame.split("/", 3)[:3]) for frame in frames}))
        return self._page(
            request, "mock/signing_out.html", headers=security_headers(frames=origins), frames=frames, to=to
        )

    def logout_refused(self, request: Request, why: str) -> Response:
        return self._page(request, "mock/logout_refused.html", status=400, why=why)

    def request_refused(self, request: Request, why: str) -> Response:
        return self._page(request, "mock/request_refused.html", status=400, why=why)

    def _person(self, person: Person, language: str) -> Mapping[str, object]:
        enterprise = None if person.acts_for is None else self._world.current.enterprise(person.acts_for)
        outcomes = {(outcome.allowed, outcome.reason) for outcome in person.outcomes}
        return {
            "key": person.key,
            "name": person.name,
            "story": person.story.get(language, ""),
            "organisation": enterprise,
            "organisation_number": "" if enterprise is None else format_enterprise_number(enterprise.number),
            "outcomes": [
                (allowed, self._kit.text(REASONS[reason], language=language)) for allowed, reason in sorted(outcomes)
            ],
        }

    def _language(self, request: Request) -> str:
        return choose_language(
            chosen=request.query_params.get("lang"),
            remembered=None,
            accept_language=request.headers.get("accept-language"),
        )

    def _page(
        self,
        request: Request,
        template: str,
        *,
        status: int = 200,
        headers: tuple[tuple[bytes, bytes], ...] | None = None,
        **context: object,
    ) -> Response:
        address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        text = self._kit.render(template, language=self._language(request), address=address, **context)
        answer = HTMLResponse(text, status_code=status)
        answer.raw_headers.extend(security_headers() if headers is None else headers)
        return answer
