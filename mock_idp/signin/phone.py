"""What a test person has in hand: a simulated phone (itsme requests, the app's code, text messages) and a paper card.

Opens in another tab. Anybody may look, as these are test people; still a form here only works from the page it was on.
"""

from __future__ import annotations

import hmac

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from mock_idp.acm.methods import Method
from mock_idp.signin.browser import BROWSER_COOKIE, browser_of, new_browser, remember
from mock_idp.signin.desk import LIMITS, Desk, form_of
from mock_idp.signin.enrolments import Enrolments
from mock_idp.signin.itsme import Answer, ItsmeRequests
from mock_idp.signin.people import (
    CARD_POSITIONS,
    ITSME_CODE,
    TestPerson,
    card_code,
    list_of,
    password,
    phone_text,
    user_name,
)
from mock_idp.signin.sms import LIFETIME, Messages
from mock_idp.signin.totp import code_for, seconds_left, step_at
from pagekit.languages import message

# What the last form on a phone led to, by the word in the address.
OUTCOMES = {
    "confirmed": message("Confirmed. You can go back to the sign-in page."),
    "refused": message("Refused. Nobody gets in with this request."),
    "gone": message("That request has been answered already, or it came too late."),
    "wrong": message("That itsme code is not right."),
    "blocked": message(
        "Too many wrong codes: itsme is blocked on this phone for a few minutes. The request has been refused."
    ),
    "stale": message("That form was too old. Please try again."),
}
GOOD_OUTCOMES = ("confirmed", "refused")


class PhonePages:
    def __init__(self, desk: Desk, enrolments: Enrolments, requests: ItsmeRequests, messages: Messages) -> None:
        self._desk = desk
        self._enrolments = enrolments
        self._requests = requests
        self._messages = messages

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/phone", self.all_phones, methods=["GET"]),
            Route("/phone/{person}", self.show, methods=["GET"]),
            Route("/phone/{person}", self.answer, methods=["POST"]),
            Route("/phone/{person}/state", self.state, methods=["GET"]),
            Route("/wallet/{person}", self.wallet, methods=["GET"]),
            Route("/signin-accessibility", self.accessibility, methods=["GET"]),
        ]

    async def all_phones(self, request: Request) -> Response:
        language = self._desk.language(request)
        listed = list_of(self._desk.cast.people(), request.query_params.get("q", ""))
        page = self._desk.plain(request, "signin/phones.html", language=language, listed=listed)
        return self._desk.with_language(request, page)

    async def show(self, request: Request) -> Response:
        person = self._person(request)
        if person is None:
            return self._unknown(request)
        known = browser_of(request)
        browser = known or new_browser()
        now = self._desk.clock.seconds()
        app, scanned = self._enrolments.app(person.key), self._enrolments.scanned(person.key)
        outcome = request.query_params.get("outcome", "")
        language = self._desk.language(request)
        response = self._desk.plain(
            request,
            "signin/phone.html",
            language=language,
            live=True,
            person=person,
            number=phone_text(person.phone),
            token=self._desk.tokens.make(browser=browser, purpose=f"phone {person.key}"),
            requests=self._requests.waiting_for(person.key, now=now),
            itsme_minutes=self._desk.minutes_blocked(person, Method.ITSME),
            new_app_code=code_for(scanned, step_at(now)) if scanned else None,
            app_code=code_for(app.secret, step_at(now)) if app else None,
            app_seconds=seconds_left(now),
            messages=tuple((sent, now - sent.sent_at > LIFETIME) for sent in self._messages.on(person.phone)),
            itsme_code=ITSME_CODE,
            state=self._state(person, now),
            outcome=self._desk.text(OUTCOMES[outcome], language=language) if outcome in OUTCOMES else None,
            outcome_is_good=outcome in GOOD_OUTCOMES,
        )
        if known is None:
            remember(response, request, BROWSER_COOKIE, browser)
        return self._desk.with_language(request, response)

    async def answer(self, request: Request) -> Response:
        """Confirm a request with the itsme code, or refuse it."""
        person = self._person(request)
        if person is None:
            return self._unknown(request)
        form = await form_of(request)
        outcome = self._outcome(person, form, browser=browser_of(request) or "", now=self._desk.clock.seconds())
        return RedirectResponse(f"/phone/{person.key}?outcome={outcome}", status_code=303)

    async def state(self, request: Request) -> Response:
        """For the script that shows news on the phone without a reload by hand."""
        person = self._person(request)
        if person is None:
            return JSONResponse({"state": "none"}, status_code=404)
        state = self._state(person, self._desk.clock.seconds())
        return JSONResponse({"state": state}, headers={"cache-control": "no-store"})

    async def wallet(self, request: Request) -> Response:
        person = self._person(request)
        if person is None:
            return self._unknown(request)
        page = self._desk.plain(
            request,
            "signin/wallet.html",
            language=self._desk.language(request),
            person=person,
            user_name=user_name(person),
            password=password(person),
            codes=tuple((place, card_code(person, place)) for place in range(1, CARD_POSITIONS + 1)),
        )
        return self._desk.with_language(request, page)

    async def accessibility(self, request: Request) -> Response:
        page = self._desk.plain(request, "signin/accessibility.html", language=self._desk.language(request))
        return self._desk.with_language(request, page)

    def _outcome(self, person: TestPerson, form: dict[str, str], *, browser: str, now: int) -> str:
        if not self._desk.tokens.fits(form.get("token", ""), browser=browser, purpose=f"phone {person.key}"):
            return "stale"
        asked = form.get("request", "")
        if form.get("do") == "refuse":
            done = self._requests.answer(asked, person=person.key, answer=Answer.REFUSED, now=now)
            return "refused" if done else "gone"
        if not hmac.compare_digest(form.get("code", "").encode(), ITSME_CODE.encode()):
            return self._wrong(person, asked, now=now)
        done = self._requests.answer(asked, person=person.key, answer=Answer.CONFIRMED, now=now)
        return "confirmed" if done else "gone"

    def _wrong(self, person: TestPerson, asked: str, *, now: int) -> str:
        """Count a wrong itsme code; one too many refuses the request, so that the waiting page can say why."""
        self._desk.attempts.wrong(person.key, Method.ITSME, LIMITS[Method.ITSME], now=now)
        if not self._desk.minutes_blocked(person, Method.ITSME):
            return "wrong"
        self._requests.answer(asked, person=person.key, answer=Answer.REFUSED, now=now)
        return "blocked"

    def _state(self, person: TestPerson, now: int) -> str:
        """Changes whenever the page would look different, save for the seconds that count down."""
        requests = ",".join(request.id for request in self._requests.waiting_for(person.key, now=now))
        messages = ",".join(f"{sent.sent_at}.{sent.code}" for sent in self._messages.on(person.phone))
        apps = [self._enrolments.app(person.key) is not None, self._enrolments.scanned(person.key) is not None]
        step = step_at(now) if any(apps) else 0
        return f"{requests}/{messages}/{apps}/{step}"

    def _person(self, request: Request) -> TestPerson | None:
        return self._desk.cast.find(request.path_params["person"])

    def _unknown(self, request: Request) -> Response:
        return self._desk.plain(request, "signin/no_person.html", language=self._desk.language(request), status=404)
