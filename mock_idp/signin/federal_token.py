"""Sign in with the federal token: user name, password, and the code at one position of a paper card.

The real token is given out no more since 25/09/2020 and ACM's table of means no longer lists it; its `acr` here is our
own (see `mock_idp.acm.methods`). The card itself is shown by `phone.py`, in the simulated wallet.
"""

from __future__ import annotations

import hmac
import secrets

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mock_idp.acm.methods import Method
from mock_idp.signin.desk import Desk
from mock_idp.signin.kept import Kept
from mock_idp.signin.people import CARD_POSITIONS, TestPerson, card_code, password, user_name
from mock_idp.signin.totp import same_digits
from mock_idp.signin.turn import Notice, Turn
from pagekit.languages import message

NOT_KNOWN = message("The user name or the password is not right.")


class FederalTokenPages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._knew_password: Kept[str] = Kept()
        self._positions: dict[str, int] = {}

    def reset(self) -> None:
        self._knew_password.clear()
        self._positions.clear()

    def routes(self) -> list[BaseRoute]:
        page = self._desk.method
        return [
            Route("/signin/{interaction}/federal-token", page(Method.FEDERAL_TOKEN, self.show), methods=["GET"]),
            Route("/signin/{interaction}/federal-token", page(Method.FEDERAL_TOKEN, self.check), methods=["POST"]),
            Route(
                "/signin/{interaction}/federal-token/code", page(Method.FEDERAL_TOKEN, self.show_code), methods=["GET"]
            ),
            Route(
                "/signin/{interaction}/federal-token/code",
                page(Method.FEDERAL_TOKEN, self.check_code),
                methods=["POST"],
            ),
        ]

    async def show(self, turn: Turn) -> Response:
        person = self._by_user_name(turn.request.query_params.get("user", ""))
        blocked = self._desk.blocked(turn, person, Method.FEDERAL_TOKEN) if person else None
        values = tuple((person, user_name(person), password(person)) for person in self._desk.cast.people())
        return blocked or self._desk.show(turn, "signin/token_password.html", test_values=values, person=person)

    async def check(self, turn: Turn) -> Response:
        person = self._by_user_name(turn.form.get("user", ""))
        if person is None:
            return self._desk.back(turn, "/federal-token", Notice(text=NOT_KNOWN))
        again = f"/federal-token?user={user_name(person)}"
        if self._desk.minutes_blocked(person, Method.FEDERAL_TOKEN):
            return self._desk.back(turn, again)
        if not hmac.compare_digest(turn.form.get("password", "").encode(), password(person).encode()):
            self._desk.count_wrong(person, Method.FEDERAL_TOKEN)
            return self._desk.back(turn, again, Notice(text=NOT_KNOWN))
        self._knew_password.put(turn.interaction.id, person.key)
        return self._desk.back(turn, "/federal-token/code")

    async def show_code(self, turn: Turn) -> Response:
        person = self._who_knew_password(turn)
        if person is None:
            return self._desk.back(turn, "/federal-token")
        return self._desk.blocked(turn, person, Method.FEDERAL_TOKEN) or self._desk.show(
            turn, "signin/token_code.html", person=person, position=self._position(person)
        )

    async def check_code(self, turn: Turn) -> Response:
        person = self._who_knew_password(turn)
        if person is None:
            return self._desk.back(turn, "/federal-token")
        if self._desk.minutes_blocked(person, Method.FEDERAL_TOKEN):
            return self._desk.back(turn, "/federal-token/code")
        if not same_digits(turn.form.get("code", ""), card_code(person, self._position(person))):
            return self._desk.back(turn, "/federal-token/code", self._desk.count_wrong(person, Method.FEDERAL_TOKEN))
        self._positions.pop(person.key, None)
        return self._desk.proven(turn, person, Method.FEDERAL_TOKEN)

    def _position(self, person: TestPerson) -> int:
        """The position asked for. It stays the same until answered, so that nobody waits for one that they know."""
        return self._positions.setdefault(person.key, secrets.randbelow(CARD_POSITIONS) + 1)

    def _by_user_name(self, typed: str) -> TestPerson | None:
        return next((person for person in self._desk.cast.people() if user_name(person) == typed.lower()), None)

    def _who_knew_password(self, turn: Turn) -> TestPerson | None:
        return self._desk.cast.find(self._knew_password.get(turn.interaction.id) or "")
