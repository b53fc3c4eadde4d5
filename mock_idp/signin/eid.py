"""Sign in with an eID: pick the card that lies in the reader, then type its PIN code.

`CardReader` is used by activation too, which begins with the eID as it does in reality.
"""

from __future__ import annotations

import hmac

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mock_idp.acm.methods import Method
from mock_idp.signin.desk import Desk
from mock_idp.signin.people import PIN, TestPerson, matching
from mock_idp.signin.turn import Turn


class CardReader:
    """Shows the cards and checks the PIN code, for whatever page asks for a card."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def show(self, turn: Turn, *, path: str, activating: Method | None = None) -> Response:
        """The page for the step that the request is at: no card yet, or a card that waits for its PIN code."""
        person = self._desk.cast.find(turn.request.query_params.get("card", ""))
        address = turn.address(path)
        if person is None:
            searched = turn.request.query_params.get("q", "").strip()
            people = matching(self._desk.cast.people(), searched)
            return self._desk.show(
                turn,
                "signin/eid_card.html",
                address_of_step=address,
                people=people,
                searched=searched,
                activating=activating and activating.value,
            )
        blocked = self._desk.blocked(turn, person, Method.EID)
        return blocked or self._desk.show(
            turn,
            "signin/eid_pin.html",
            address_of_step=address,
            person=person,
            activating=activating and activating.value,
        )

    def check(self, turn: Turn, *, path: str) -> TestPerson | Response:
        """The person whose card and PIN code were given, or the answer to give instead."""
        person = self._desk.cast.find(turn.form.get("card", ""))
        if person is None:
            return self._desk.back(turn, path)
        again = f"{path}?card={person.key}"
        if self._desk.minutes_blocked(person, Method.EID):
            return self._desk.back(turn, again)
        if not hmac.compare_digest(turn.form.get("pin", "").encode(), PIN.encode()):
            return self._desk.back(turn, again, self._desk.count_wrong(person, Method.EID))
        self._desk.attempts.right(person.key, Method.EID)
        return person


class EidPages:
    def __init__(self, desk: Desk, reader: CardReader) -> None:
        self._desk = desk
        self._reader = reader

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/signin/{interaction}/eid", self._desk.method(Method.EID, self.show), methods=["GET"]),
            Route("/signin/{interaction}/eid", self._desk.method(Method.EID, self.check), methods=["POST"]),
        ]

    async def show(self, turn: Turn) -> Response:
        return self._reader.show(turn, path="/eid")

    async def check(self, turn: Turn) -> Response:
        outcome = self._reader.check(turn, path="/eid")
        return outcome if isinstance(outcome, Response) else self._desk.proven(turn, outcome, Method.EID)
