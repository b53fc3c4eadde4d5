"""Sign in with the code that an authenticator app shows.

Activating an app is `activation.py`, the arithmetic is `totp.py`.
"""

from __future__ import annotations

from typing import assert_never

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mock_idp.acm.methods import Method
from mock_idp.signin.desk import Desk
from mock_idp.signin.enrolments import Enrolments
from mock_idp.signin.people import TestPerson, list_of
from mock_idp.signin.totp import Refusal, Right, judge
from mock_idp.signin.turn import Notice, Turn
from pagekit.languages import message

CODE_USED = message("That code has been used already. Wait until the app shows the next one.")


class AppPages:
    def __init__(self, desk: Desk, enrolments: Enrolments) -> None:
        self._desk = desk
        self._enrolments = enrolments

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/signin/{interaction}/app", self._desk.method(Method.APP, self.show), methods=["GET"]),
            Route("/signin/{interaction}/app", self._desk.method(Method.APP, self.check), methods=["POST"]),
        ]

    async def show(self, turn: Turn) -> Response:
        person = self._activated(turn.request.query_params.get("user", ""))
        if person is None:
            people = tuple(person for person in self._desk.cast.people() if self._enrolments.app(person.key))
            listed = list_of(people, turn.request.query_params.get("q", ""))
            return self._desk.show(turn, "signin/app_person.html", listed=listed)
        return self._desk.blocked(turn, person, Method.APP) or self._desk.show(
            turn, "signin/app_code.html", person=person
        )

    async def check(self, turn: Turn) -> Response:
        person = self._activated(turn.form.get("user", ""))
        enrolment = self._enrolments.app(person.key) if person else None
        if person is None or enrolment is None:
            return self._desk.back(turn, "/app")
        again = f"/app?user={person.key}"
        if self._desk.minutes_blocked(person, Method.APP):
            return self._desk.back(turn, again)
        verdict = judge(
            enrolment.secret,
            turn.form.get("code", ""),
            seconds=self._desk.clock.seconds(),
            last_step=enrolment.last_step,
        )
        match verdict:
            case Right(step=step):
                self._enrolments.app_used(person.key, step)
                return self._desk.proven(turn, person, Method.APP)
            case Refusal.USED if self._desk.is_proven(turn, person, Method.APP):
                return self._desk.back(turn, "/organisation")  # the same form sent twice by a double click
            case Refusal.USED:
                return self._desk.back(turn, again, Notice(text=CODE_USED))
            case Refusal.WRONG:
                return self._desk.back(turn, again, self._desk.count_wrong(person, Method.APP))
            case _:
                assert_never(verdict)

    def _activated(self, key: str) -> TestPerson | None:
        person = self._desk.cast.find(key)
        return person if person is not None and self._enrolments.app(person.key) else None
