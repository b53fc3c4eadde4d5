"""The sign-in desk: what every page of a sign-in passes before its own work begins, and how a sign-in ends.

In order: is the sign-in still open, does it belong to this browser, does the form carry its token. Then the page runs
with a Turn in its hand. The pages themselves, and what the methods demand, are in the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mock_idp.acm.authorization import Authorization, UnknownInteractionError
from mock_idp.acm.interactions import Interaction, Interactions
from mock_idp.acm.methods import Method
from mock_idp.clock import Clock
from mock_idp.signin.attempts import Attempts, Limit
from mock_idp.signin.browser import (
    BROWSER_COOKIE,
    LANGUAGE_COOKIE,
    METHOD_COOKIE,
    YEAR,
    FormTokens,
    browser_of,
    new_browser,
    remember,
)
from mock_idp.signin.kept import Kept
from mock_idp.signin.people import Cast, TestPerson
from mock_idp.signin.turn import Endpoint, Identified, Notice, Page, Turn, Visit
from mock_idp.signin.wording import wording
from pagekit.headers import security_headers
from pagekit.kit import PageKit
from pagekit.languages import choose_language, message

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
LOCALES = HERE / "locales"
STATIC = HERE / "static"
STATIC_URL = "/signin-static"

# The chip of an eID itself is closed after three wrong PIN codes; the other four numbers are ours.
LIMITS: Mapping[Method, Limit] = {
    Method.EID: Limit(tries=3, first_block=120.0),
    Method.ITSME: Limit(tries=5, first_block=120.0),
    Method.FEDERAL_TOKEN: Limit(tries=5, first_block=120.0),
    Method.APP: Limit(tries=5, first_block=120.0),
    Method.SMS: Limit(tries=5, first_block=120.0),
}


class Desk:
    def __init__(
        self, *, cast: Cast, interactions: Interactions, authorization: Authorization, clock: Clock, kit: PageKit
    ) -> None:
        self.cast = cast
        self.clock = clock
        self.attempts = Attempts()
        self.tokens = FormTokens()
        self.identified: Kept[Identified] = Kept()
        self.last_organisations: Kept[str | None] = Kept()  # by person: None stands for the citizen
        self._interactions = interactions
        self._authorization = authorization
        self._kit = kit
        self._visits: Kept[Visit] = Kept()

    def reset(self) -> None:
        """Forget every sign-in and every wrong code, for `POST /mock/reset`."""
        self.attempts.clear()
        self.identified.clear()
        self.last_organisations.clear()
        self._visits.clear()

    # ------------------------------------------------------------------ before a page

    def page(self, page: Page) -> Endpoint:
        """The page behind the checks that all pages of a sign-in share."""

        async def endpoint(request: Request) -> Response:
            interaction = self._interactions.find(request.path_params["interaction"])
            if interaction is None:
                return self._over(request)
            known = browser_of(request)
            browser = known or new_browser()
            visit = self._visits.get(interaction.id) or self._open(interaction, browser)
            language = self.language(request, fallback=interaction.language)
            if visit.browser != browser:
                return self.plain(request, "signin/other_browser.html", language=language, status=403)
            form = await form_of(request) if request.method == "POST" else {}
            turn = Turn(request=request, interaction=interaction, visit=visit, language=language, form=form)
            if request.method == "POST" and not self._has_token(turn):
                return self.plain(
                    request, "signin/stale_form.html", language=language, status=403, again=turn.address()
                )
            try:
                response = await page(turn)
            except UnknownInteractionError:  # another tab finished it a moment ago
                return self._over(request)
            if known is None:
                remember(response, request, BROWSER_COOKIE, browser)
            return self.with_language(request, response)

        return endpoint

    def method(self, method: Method, page: Page) -> Endpoint:
        """The same for a page of one method, which only those sign-ins reach that accept the method."""

        async def if_accepted(turn: Turn) -> Response:
            return await page(turn) if method in turn.interaction.acceptable_methods else self.back(turn, "")

        return self.page(if_accepted)

    def _open(self, interaction: Interaction, browser: str) -> Visit:
        target = urlsplit(interaction.request.redirect_uri)
        home = f"{target.scheme}://{target.netloc}/"
        visit = Visit(browser=browser, client_name=interaction.client_name, client_home=home)
        self._visits.put(interaction.id, visit)
        return visit

    def _has_token(self, turn: Turn) -> bool:
        return self.tokens.fits(turn.form.get("token", ""), browser=turn.visit.browser, purpose=turn.interaction.id)

    def language(self, request: Request, *, fallback: str | None = None) -> str:
        return choose_language(
            chosen=request.query_params.get("lang"),
            remembered=request.cookies.get(LANGUAGE_COOKIE, fallback),
            accept_language=request.headers.get("accept-language"),
        )

    def with_language(self, request: Request, response: Response) -> Response:
        """Keep a language that was clicked until the browser closes: chosen per visit, recorded of nobody."""
        chosen = request.query_params.get("lang")
        if chosen is not None:
            remember(
                response,
                request,
                LANGUAGE_COOKIE,
                choose_language(chosen=chosen, remembered=None, accept_language=None),
            )
        return response

    # ------------------------------------------------------------------ answers

    def show(self, turn: Turn, template: str, *, status: int = 200, live: bool = False, **context: object) -> Response:
        """A page of this sign-in, with the notice that the last form left behind."""
        notice, turn.visit.notice = turn.visit.notice, None
        return self.plain(
            turn.request,
            template,
            language=turn.language,
            status=status,
            live=live,
            form_target=turn.visit.client_home.rstrip("/"),
            here=turn.address(),
            token=self.tokens.make(browser=turn.visit.browser, purpose=turn.interaction.id),
            client_name=turn.visit.client_name,
            notice=notice and self._kit.text(notice.text, language=turn.language, **notice.values),
            notice_is_error=notice is not None and notice.error,
            **context,
        )

    def plain(
        self,
        request: Request,
        template: str,
        *,
        language: str,
        status: int = 200,
        live: bool = False,
        form_target: str | None = None,
        **context: object,
    ) -> Response:
        """A page outside any open sign-in."""
        address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        page = self._kit.render(template, language=language, address=address, signin_static=STATIC_URL, **context)
        headers = security_headers(form_targets=(form_target,) if form_target else (), live=live)
        return HTMLResponse(
            page, status_code=status, headers={name.decode(): value.decode() for name, value in headers}
        )

    def text(self, text: str, *, language: str, **values: object) -> str:
        return self._kit.text(text, language=language, **values)

    def back(self, turn: Turn, path: str, notice: Notice | None = None) -> Response:
        """After a form: see the page at `path`, where the notice is shown once (post, redirect, get)."""
        turn.visit.notice = notice
        return RedirectResponse(turn.address(path), status_code=303)

    def _over(self, request: Request) -> Response:
        """The page for a sign-in that is over, too old, or never was; with a way back where one is known."""
        visit = self._visits.get(request.path_params["interaction"])
        known = visit if visit is not None and visit.browser == browser_of(request) else None
        return self.plain(
            request,
            "signin/over.html",
            language=self.language(request),
            status=410,
            client_name=known.client_name if known else None,
            client_home=known.client_home if known else None,
        )

    # ------------------------------------------------------------------ wrong codes

    def minutes_blocked(self, person: TestPerson, method: Method) -> int:
        """Whole minutes, rounded up, until this person may try the method again; 0 when they may now."""
        seconds = self.attempts.seconds_blocked(person.key, method, now=self.clock.seconds())
        return -(-int(seconds) // 60)

    def count_wrong(self, person: TestPerson, method: Method) -> Notice:
        """Count a wrong code, and the message that says how many tries are left."""
        limit = LIMITS[method]
        self.attempts.wrong(person.key, method, limit, now=self.clock.seconds())
        left = self.attempts.tries_left(person.key, method, limit)
        if left == 1:
            return Notice(
                text=message(
                    "That code is not right. You can try once more before this way to sign in is blocked for a while."
                )
            )
        return Notice(text=message("That code is not right. You have %(left)s tries left."), values={"left": left})

    def blocked(self, turn: Turn, person: TestPerson, method: Method) -> Response | None:
        """The page that says so, when wrong codes have closed the method to this person; else None."""
        minutes = self.minutes_blocked(person, method)
        if minutes == 0:
            return None
        turn.visit.notice = None
        name = wording(method).name
        response = self.show(turn, "signin/blocked.html", status=429, person=person, method_name=name, minutes=minutes)
        response.headers["retry-after"] = str(minutes * 60)
        return response

    # ------------------------------------------------------------------ the end of a sign-in

    def proven(self, turn: Turn, person: TestPerson, method: Method) -> Response:
        """The person has proven who they are with the method: on to the organisation, which may finish at once."""
        self.attempts.right(person.key, method)
        self.identified.put(turn.interaction.id, Identified(person=person.key, method=method))
        response = RedirectResponse(turn.address("/organisation"), status_code=303)
        remember(response, turn.request, METHOD_COOKIE, method.value, max_age=YEAR)
        return response

    def identified_in(self, turn: Turn) -> Identified | None:
        """Who has proven who they are, in this sign-in or in an earlier one that ACM still remembers."""
        known = turn.interaction.signed_in_as
        if known is not None:
            # Authorization keeps the method of the remembered session; any acceptable one may be named here.
            return Identified(person=known, method=turn.interaction.acceptable_methods[0])
        return self.identified.get(turn.interaction.id)

    def is_proven(self, turn: Turn, person: TestPerson, method: Method) -> bool:
        return self.identified.get(turn.interaction.id) == Identified(person=person.key, method=method)

    def finish(self, turn: Turn, identified: Identified, organisation: str | None) -> Response:
        """Back to the client with a code."""
        response = self._authorization.complete(
            turn.interaction.id, person_key=identified.person, method=identified.method, organisation=organisation
        )
        self.identified.take(turn.interaction.id)
        return response

    def cancel(self, turn: Turn) -> Response:
        """Back to the client with the standard error (OpenID Connect Core section 3.1.2.6)."""
        return self._authorization.cancel(turn.interaction.id)


async def form_of(request: Request) -> dict[str, str]:
    """The text fields of a form; a file in a field counts as nothing."""
    async with request.form(max_fields=20, max_files=0) as form:
        return {name: value.strip() for name, value in form.items() if isinstance(value, str)}
