"""Activating the app or SMS before first use: prove who you are with eID, connect, confirm with a code.

As in reality the new means is only as good as the identity proven when it was activated. After that the person is known
well enough to go on with this sign-in, so nobody has to wait for the app's next code.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import segno
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mock_idp.acm.methods import Method
from mock_idp.signin.desk import Desk
from mock_idp.signin.eid import CardReader
from mock_idp.signin.enrolments import Enrolments
from mock_idp.signin.kept import Kept
from mock_idp.signin.people import TestPerson, find_by_phone, phone_ending, phone_text
from mock_idp.signin.sms import NO_MORE, TOO_OLD, Expected, Messages
from mock_idp.signin.totp import Right, judge, otpauth_uri, same_digits, secret_text
from mock_idp.signin.turn import Notice, Turn
from mock_idp.signin.wording import wording
from pagekit.languages import message

ISSUER = "ACM (test)"
SECRET_BYTES = 20  # RFC 4226 section 4, R6: 160 bits are recommended

NO_SUCH_PHONE = message("There is no test phone with that number. Type the number of one of the test phones.")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApp:
    """An app that is being connected. `is_confirmed` once it has shown a right code."""

    person: str
    secret: bytes
    is_confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPhone:
    """A phone number that is being connected. `is_confirmed` once a code sent to it came back."""

    person: str
    expected: Expected | None = None
    is_confirmed: bool = False


class AppActivation:
    PATH = "/activate/app"

    def __init__(self, desk: Desk, reader: CardReader, enrolments: Enrolments) -> None:
        self._desk = desk
        self._reader = reader
        self._enrolments = enrolments
        self._open: Kept[NewApp] = Kept()

    def reset(self) -> None:
        self._open.clear()

    def routes(self) -> list[BaseRoute]:
        page, root = self._desk.page, "/signin/{interaction}" + self.PATH
        return [
            Route(root, page(self.show_card), methods=["GET"]),
            Route(root, page(self.check_card), methods=["POST"]),
            Route(root + "/connect", page(self.show_secret), methods=["GET"]),
            Route(root + "/connect", page(self.check_code), methods=["POST"]),
            Route(root + "/done", page(self.show_done), methods=["GET"]),
            Route(root + "/done", page(self.go_on), methods=["POST"]),
        ]

    async def show_card(self, turn: Turn) -> Response:
        return self._reader.show(turn, path=self.PATH, activating=Method.APP)

    async def check_card(self, turn: Turn) -> Response:
        outcome = self._reader.check(turn, path=self.PATH)
        if isinstance(outcome, Response):
            return outcome
        new = NewApp(person=outcome.key, secret=secrets.token_bytes(SECRET_BYTES))
        self._open.put(turn.interaction.id, new)
        self._enrolments.scan(new.person, new.secret)
        return self._desk.back(turn, self.PATH + "/connect")

    async def show_secret(self, turn: Turn) -> Response:
        new, person = self._current(turn)
        if new is None or person is None:
            return self._desk.back(turn, self.PATH)
        uri = otpauth_uri(new.secret, issuer=ISSUER, account=person.name)
        return self._desk.blocked(turn, person, Method.APP) or self._desk.show(
            turn,
            "signin/activate_app.html",
            person=person,
            qr=segno.make(uri, error="m", micro=False).svg_data_uri(scale=5, border=4, light="#fff", dark="#000"),
            secret=_in_fours(secret_text(new.secret)),
            uri=uri,
            has_old_app=self._enrolments.app(person.key) is not None,
        )

    async def check_code(self, turn: Turn) -> Response:
        new, person = self._current(turn)
        if new is None or person is None:
            return self._desk.back(turn, self.PATH)
        if self._desk.minutes_blocked(person, Method.APP):
            return self._desk.back(turn, self.PATH + "/connect")
        verdict = judge(new.secret, turn.form.get("code", ""), seconds=self._desk.clock.seconds(), last_step=None)
        if not isinstance(verdict, Right):
            return self._desk.back(turn, self.PATH + "/connect", self._desk.count_wrong(person, Method.APP))
        self._desk.attempts.right(person.key, Method.APP)
        self._enrolments.activate_app(person.key, secret=new.secret, last_step=verdict.step)
        self._open.put(turn.interaction.id, NewApp(person=person.key, secret=new.secret, is_confirmed=True))
        return self._desk.back(turn, self.PATH + "/done")

    async def show_done(self, turn: Turn) -> Response:
        new, person = self._current(turn)
        if new is None or person is None or not new.is_confirmed:
            return self._desk.back(turn, self.PATH)
        return _show_done(self._desk, turn, person, Method.APP)

    async def go_on(self, turn: Turn) -> Response:
        new, person = self._current(turn)
        if new is None or person is None or not new.is_confirmed:
            return self._desk.back(turn, self.PATH)
        self._open.take(turn.interaction.id)
        return _go_on(self._desk, turn, person, Method.APP)

    def _current(self, turn: Turn) -> tuple[NewApp | None, TestPerson | None]:
        new = self._open.get(turn.interaction.id)
        return new, self._desk.cast.find(new.person) if new else None


class SmsActivation:
    PATH = "/activate/sms"

    def __init__(self, desk: Desk, reader: CardReader, enrolments: Enrolments, messages: Messages) -> None:
        self._desk = desk
        self._reader = reader
        self._enrolments = enrolments
        self._messages = messages
        self._open: Kept[NewPhone] = Kept()

    def reset(self) -> None:
        self._open.clear()

    def routes(self) -> list[BaseRoute]:
        page, root = self._desk.page, "/signin/{interaction}" + self.PATH
        return [
            Route(root, page(self.show_card), methods=["GET"]),
            Route(root, page(self.check_card), methods=["POST"]),
            Route(root + "/connect", page(self.show_phone), methods=["GET"]),
            Route(root + "/connect", page(self.send), methods=["POST"]),
            Route(root + "/confirm", page(self.show_code), methods=["GET"]),
            Route(root + "/confirm", page(self.check_code), methods=["POST"]),
            Route(root + "/done", page(self.show_done), methods=["GET"]),
            Route(root + "/done", page(self.go_on), methods=["POST"]),
        ]

    async def show_card(self, turn: Turn) -> Response:
        return self._reader.show(turn, path=self.PATH, activating=Method.SMS)

    async def check_card(self, turn: Turn) -> Response:
        outcome = self._reader.check(turn, path=self.PATH)
        if isinstance(outcome, Response):
            return outcome
        self._open.put(turn.interaction.id, NewPhone(person=outcome.key))
        return self._desk.back(turn, self.PATH + "/connect")

    async def show_phone(self, turn: Turn) -> Response:
        new, person = self._current(turn)
        if new is None or person is None:
            return self._desk.back(turn, self.PATH)
        return self._desk.blocked(turn, person, Method.SMS) or self._desk.show(
            turn, "signin/activate_sms.html", person=person, phone=phone_text(person.phone)
        )

    async def send(self, turn: Turn) -> Response:
        new, person = self._current(turn)
        if new is None or person is None:
            return self._desk.back(turn, self.PATH)
        owner = find_by_phone(self._desk.cast, turn.form.get("phone", ""))
        if owner is None or self._desk.minutes_blocked(person, Method.SMS):
            return self._desk.back(turn, self.PATH + "/connect", None if owner else Notice(text=NO_SUCH_PHONE))
        now = self._desk.clock.seconds()
        sent = self._messages.send(phone=owner.phone, client_name=turn.visit.client_name, now=now)
        if sent is None:
            return self._desk.back(turn, self.PATH + "/connect", Notice(text=NO_MORE))
        expected = Expected(person=person.key, message=sent)
        self._open.put(turn.interaction.id, NewPhone(person=person.key, expected=expected))
        return self._desk.back(turn, self.PATH + "/confirm")

    async def show_code(self, turn: Turn) -> Response:
        new, person = self._current(turn)
        if new is None or person is None or new.expected is None:
            return self._desk.back(turn, self.PATH)
        phone = new.expected.message.phone
        return self._desk.blocked(turn, person, Method.SMS) or self._desk.show(
            turn,
            "signin/activate_sms_code.html",
            person=person,
            owner=find_by_phone(self._desk.cast, phone),
            ending=phone_ending(phone),
        )

    async def check_code(self, turn: Turn) -> Response:
        new, person = self._current(turn)
        if new is None or person is None or new.expected is None:
            return self._desk.back(turn, self.PATH)
        if self._desk.minutes_blocked(person, Method.SMS):
            return self._desk.back(turn, self.PATH + "/confirm")
        if not same_digits(turn.form.get("code", ""), new.expected.message.code):
            return self._desk.back(turn, self.PATH + "/confirm", self._desk.count_wrong(person, Method.SMS))
        if new.expected.is_old(self._desk.clock.seconds()):
            return self._desk.back(turn, self.PATH + "/connect", Notice(text=TOO_OLD))
        self._desk.attempts.right(person.key, Method.SMS)
        self._enrolments.activate_sms(person.key, phone=new.expected.message.phone)
        self._open.put(turn.interaction.id, NewPhone(person=person.key, is_confirmed=True))
        return self._desk.back(turn, self.PATH + "/done")

    async def show_done(self, turn: Turn) -> Response:
        new, person = self._current(turn)
        if new is None or person is None or not new.is_confirmed:
            return self._desk.back(turn, self.PATH)
        return _show_done(self._desk, turn, person, Method.SMS)

    async def go_on(self, turn: Turn) -> Response:
        new, person = self._current(turn)
        if new is None or person is None or not new.is_confirmed:
            return self._desk.back(turn, self.PATH)
        self._open.take(turn.interaction.id)
        return _go_on(self._desk, turn, person, Method.SMS)

    def _current(self, turn: Turn) -> tuple[NewPhone | None, TestPerson | None]:
        new = self._open.get(turn.interaction.id)
        return new, self._desk.cast.find(new.person) if new else None


def _show_done(desk: Desk, turn: Turn, person: TestPerson, method: Method) -> Response:
    acceptable = method in turn.interaction.acceptable_methods
    return desk.show(
        turn,
        "signin/activated.html",
        person=person,
        method=method.value,
        method_name=wording(method).name,
        acceptable=acceptable,
    )


def _go_on(desk: Desk, turn: Turn, person: TestPerson, method: Method) -> Response:
    if method not in turn.interaction.acceptable_methods:
        return desk.back(turn, "")
    return desk.proven(turn, person, method)


def _in_fours(text: str) -> str:
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))
