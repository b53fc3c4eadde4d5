"""Sign in with itsme: a request goes to the person's phone, and the page here waits until it is answered there.

`ItsmeRequests` is what lies on the phones; `phone.py` shows and answers it. The waiting page goes on by itself with the
small script `wait.js`; without JavaScript the person presses a button.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from enum import StrEnum

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from mock_idp.acm.methods import Method
from mock_idp.signin.desk import Desk
from mock_idp.signin.kept import Kept
from mock_idp.signin.people import TestPerson, find_by_phone, list_of
from mock_idp.signin.turn import Notice, Turn
from pagekit.languages import message

LIFETIME = 180  # seconds that a request waits on the phone
ICONS = (
    message("bicycle"),
    message("boat"),
    message("key"),
    message("sun"),
    message("tree"),
    message("umbrella"),
)  # names of drawings in the static folder; pages translate them

UNKNOWN_PHONE = message("No itsme account is known for that phone number. Check the number, or pick a test phone.")
NOT_YET = message("The request has not been confirmed on the phone yet.")


class Answer(StrEnum):
    """Where a request stands."""

    WAITING = "waiting"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItsmeRequest:
    """A request on a phone. Icon and number are shown on both sides, so that the person can compare them.

    `asked_at` is seconds since 1970.
    """

    id: str
    person: str
    client_name: str
    icon: str
    number: str
    asked_at: int
    answer: Answer = Answer.WAITING

    def at(self, now: int) -> ItsmeRequest:
        """The request as it stands at that second: nobody answers it after its time."""
        if self.answer is Answer.WAITING and now - self.asked_at > LIFETIME:
            return replace(self, answer=Answer.EXPIRED)
        return self


class ItsmeRequests:
    """The requests by sign-in; at most one each, a new one takes the place of the old."""

    def __init__(self) -> None:
        self._by_interaction: Kept[ItsmeRequest] = Kept()
        self._interaction_of: Kept[str] = Kept()

    def ask(self, *, interaction: str, person: str, client_name: str, now: int) -> None:
        request = ItsmeRequest(
            id=secrets.token_urlsafe(12),
            person=person,
            client_name=client_name,
            icon=secrets.choice(ICONS),
            number=f"{secrets.randbelow(90) + 10}",
            asked_at=now,
        )
        self._by_interaction.put(interaction, request)
        self._interaction_of.put(request.id, interaction)

    def of(self, interaction: str, *, now: int) -> ItsmeRequest | None:
        request = self._by_interaction.get(interaction)
        return request.at(now) if request else None

    def waiting_for(self, person: str, *, now: int) -> tuple[ItsmeRequest, ...]:
        """What the person's phone shows, newest first."""
        standing = (request.at(now) for request in self._by_interaction.values() if request.person == person)
        waiting = (request for request in standing if request.answer is Answer.WAITING)
        return tuple(sorted(waiting, key=lambda request: request.asked_at, reverse=True))

    def answer(self, request_id: str, *, person: str, answer: Answer, now: int) -> bool:
        """Answer one request of this person; False when it no longer waits."""
        interaction = self._interaction_of.get(request_id)
        request = self.of(interaction, now=now) if interaction else None
        if interaction is None or request is None or request.id != request_id or request.person != person:
            return False
        if request.answer is not Answer.WAITING:
            return False
        self._by_interaction.put(interaction, replace(request, answer=answer))
        return True

    def take(self, interaction: str) -> None:
        self._by_interaction.take(interaction)

    def clear(self) -> None:
        self._by_interaction.clear()
        self._interaction_of.clear()


class ItsmePages:
    def __init__(self, desk: Desk, requests: ItsmeRequests) -> None:
        self._desk = desk
        self._requests = requests

    def routes(self) -> list[BaseRoute]:
        page = self._desk.method
        return [
            Route("/signin/{interaction}/itsme", page(Method.ITSME, self.show), methods=["GET"]),
            Route("/signin/{interaction}/itsme", page(Method.ITSME, self.ask), methods=["POST"]),
            Route("/signin/{interaction}/itsme/wait", page(Method.ITSME, self.wait), methods=["GET"]),
            Route("/signin/{interaction}/itsme/wait", page(Method.ITSME, self.go_on), methods=["POST"]),
            Route("/signin/{interaction}/itsme/state", page(Method.ITSME, self.state), methods=["GET"]),
        ]

    async def show(self, turn: Turn) -> Response:
        blocked = self._desk.cast.find(turn.request.query_params.get("user", ""))
        page = self._desk.blocked(turn, blocked, Method.ITSME) if blocked else None
        listed = list_of(self._desk.cast.people(), turn.request.query_params.get("q", ""))
        return page or self._desk.show(turn, "signin/itsme.html", listed=listed)

    async def ask(self, turn: Turn) -> Response:
        picked = self._desk.cast.find(turn.form.get("user", ""))
        person = picked or find_by_phone(self._desk.cast, turn.form.get("phone", ""))
        if person is None:
            return self._desk.back(turn, "/itsme", Notice(text=UNKNOWN_PHONE))
        if self._desk.minutes_blocked(person, Method.ITSME):
            return self._desk.back(turn, f"/itsme?user={person.key}")
        self._requests.ask(
            interaction=turn.interaction.id,
            person=person.key,
            client_name=turn.visit.client_name,
            now=self._desk.clock.seconds(),
        )
        return self._desk.back(turn, "/itsme/wait")

    async def wait(self, turn: Turn) -> Response:
        request, person = self._standing(turn)
        if request is None or person is None:
            return self._desk.back(turn, "/itsme")
        if request.answer in (Answer.REFUSED, Answer.EXPIRED):
            blocked = self._desk.blocked(turn, person, Method.ITSME)
            return blocked or self._desk.show(turn, "signin/itsme_ended.html", asked=request, person=person)
        return self._desk.show(turn, "signin/itsme_wait.html", live=True, asked=request, person=person)

    async def go_on(self, turn: Turn) -> Response:
        request, person = self._standing(turn)
        if request is None or person is None:
            return self._desk.back(
                turn, "/organisation" if self._desk.identified.get(turn.interaction.id) else "/itsme"
            )
        if request.answer is Answer.CONFIRMED:
            self._requests.take(turn.interaction.id)
            return self._desk.proven(turn, person, Method.ITSME)
        return self._desk.back(turn, "/itsme/wait", Notice(text=NOT_YET) if request.answer is Answer.WAITING else None)

    async def state(self, turn: Turn) -> Response:
        """For the script of the waiting page."""
        request, _ = self._standing(turn)
        state = request.answer.value if request else "none"
        return JSONResponse({"state": state}, headers={"cache-control": "no-store"})

    def _standing(self, turn: Turn) -> tuple[ItsmeRequest | None, TestPerson | None]:
        request = self._requests.of(turn.interaction.id, now=self._desk.clock.seconds())
        return request, self._desk.cast.find(request.person) if request else None
