"""Sign in with a code by SMS: it goes to the person's test phone, lasts five minutes, and works once.

`Messages` is what arrived on the test phones; `phone.py` shows it. Activating a number is `activation.py`.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mock_idp.acm.methods import Method
from mock_idp.signin.desk import Desk
from mock_idp.signin.enrolments import Enrolments
from mock_idp.signin.kept import Kept
from mock_idp.signin.people import TestPerson, find_by_phone, list_of, phone_ending
from mock_idp.signin.totp import same_digits
from mock_idp.signin.turn import Notice, Turn
from pagekit.languages import message

LIFETIME = 300  # seconds that a code lasts
AT_MOST = 5  # messages to one phone number …
WITHIN = 600  # … in so many seconds

TOO_OLD = message("That code is older than five minutes. Ask for a new one.")
NO_MORE = message(
    "No more messages can be sent to this phone for the moment. Use the last code, or try again in ten minutes."
)
SENT_AGAIN = message("A new code has been sent. The one before it works no more.")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextMessage:
    """A message on a test phone. `sent_at` is seconds since 1970."""

    phone: str
    code: str
    client_name: str
    sent_at: int


class Messages:
    """What was sent to each phone number, newest first, and whether more may be sent."""

    def __init__(self) -> None:
        self._sent: dict[str, tuple[TextMessage, ...]] = {}

    def on(self, phone: str) -> tuple[TextMessage, ...]:
        return self._sent.get(phone, ())

    def send(self, *, phone: str, client_name: str, now: int) -> TextMessage | None:
        """Send a new code, or None when this phone has had its share for now."""
        recent = [sent for sent in self.on(phone) if now - sent.sent_at < WITHIN]
        if len(recent) >= AT_MOST:
            return None
        sent = TextMessage(
            phone=phone, code=f"{secrets.randbelow(1_000_000):06d}", client_name=client_name, sent_at=now
        )
        self._sent[phone] = (sent, *recent)
        return sent

    def clear(self) -> None:
        self._sent.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The code that one sign-in waits for, and from whom."""

    person: str
    message: TextMessage

    def is_old(self, now: int) -> bool:
        return now - self.message.sent_at > LIFETIME


class SmsPages:
    def __init__(self, desk: Desk, enrolments: Enrolments, messages: Messages) -> None:
        self._desk = desk
        self._enrolments = enrolments
        self._messages = messages
        self._expected: Kept[Expected] = Kept()

    def reset(self) -> None:
        self._expected.clear()

    def routes(self) -> list[BaseRoute]:
        page = self._desk.method
        return [
            Route("/signin/{interaction}/sms", page(Method.SMS, self.people), methods=["GET"]),
            Route("/signin/{interaction}/sms", page(Method.SMS, self.send), methods=["POST"]),
            Route("/signin/{interaction}/sms/code", page(Method.SMS, self.show), methods=["GET"]),
            Route("/signin/{interaction}/sms/code", page(Method.SMS, self.check), methods=["POST"]),
        ]

    async def people(self, turn: Turn) -> Response:
        blocked = self._desk.cast.find(turn.request.query_params.get("user", ""))
        page = self._desk.blocked(turn, blocked, Method.SMS) if blocked else None
        people = tuple(person for person in self._desk.cast.people() if self._enrolments.phone(person.key))
        listed = list_of(people, turn.request.query_params.get("q", ""))
        return page or self._desk.show(turn, "signin/sms_person.html", listed=listed)

    async def send(self, turn: Turn) -> Response:
        """Send a code to the person who was picked, or a new one to the same person ('send again')."""
        person = self._desk.cast.find(turn.form.get("user", ""))
        phone = self._enrolments.phone(person.key) if person else None
        if person is None or phone is None:
            return self._desk.back(turn, "/sms")
        if self._desk.minutes_blocked(person, Method.SMS):
            return self._desk.back(turn, f"/sms?user={person.key}")
        waited_before = self._waiting(turn) == person
        sent = self._messages.send(phone=phone, client_name=turn.visit.client_name, now=self._desk.clock.seconds())
        if sent is None:
            return self._desk.back(turn, "/sms/code" if waited_before else "/sms", Notice(text=NO_MORE))
        self._expected.put(turn.interaction.id, Expected(person=person.key, message=sent))
        return self._desk.back(turn, "/sms/code", Notice(text=SENT_AGAIN, error=False) if waited_before else None)

    async def show(self, turn: Turn) -> Response:
        person, expected = self._waiting(turn), self._expected.get(turn.interaction.id)
        if person is None or expected is None:
            return self._desk.back(turn, "/sms")
        owner = find_by_phone(self._desk.cast, expected.message.phone)
        return self._desk.blocked(turn, person, Method.SMS) or self._desk.show(
            turn, "signin/sms_code.html", person=person, owner=owner, ending=phone_ending(expected.message.phone)
        )

    async def check(self, turn: Turn) -> Response:
        person, expected = self._waiting(turn), self._expected.get(turn.interaction.id)
        if person is None or expected is None:
            # Used up. The same form sent twice by a double click goes on to where the first one led.
            return self._desk.back(turn, "/organisation" if self._desk.identified.get(turn.interaction.id) else "/sms")
        if self._desk.minutes_blocked(person, Method.SMS):
            return self._desk.back(turn, "/sms/code")
        if not same_digits(turn.form.get("code", ""), expected.message.code):
            return self._desk.back(turn, "/sms/code", self._desk.count_wrong(person, Method.SMS))
        if expected.is_old(self._desk.clock.seconds()):
            return self._desk.back(turn, "/sms/code", Notice(text=TOO_OLD))
        self._expected.take(turn.interaction.id)
        return self._desk.proven(turn, person, Method.SMS)

    def _waiting(self, turn: Turn) -> TestPerson | None:
        expected = self._expected.get(turn.interaction.id)
        return self._desk.cast.find(expected.person) if expected else None
