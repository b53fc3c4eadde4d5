"""The page where a person chooses how to sign in, with the help behind it and the way out.

Follows the guide's page 'Kies manier van aanmelden': five cards, the last choice and the easiest one marked.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mock_idp.acm.methods import Method
from mock_idp.signin.browser import METHOD_COOKIE
from mock_idp.signin.desk import Desk
from mock_idp.signin.turn import Turn
from mock_idp.signin.wording import EASIEST, Wording, why_not_selectable, wording

# The order of the guide's page, which reads across in two columns.
ON_PAGE = (Method.EID, Method.APP, Method.ITSME, Method.SMS, Method.FEDERAL_TOKEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One method on the page. `refusal` says why it can't be chosen; None when it can."""

    method: Method
    wording: Wording
    refusal: str | None
    is_last: bool
    is_easiest: bool


class ChoicePages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/signin/{interaction}", self._desk.page(self.show), methods=["GET"]),
            Route("/signin/{interaction}/help", self._desk.page(self.help), methods=["GET"]),
            Route("/signin/{interaction}/cancel", self._desk.page(self.cancel), methods=["POST"]),
        ]

    async def show(self, turn: Turn) -> Response:
        if turn.interaction.signed_in_as is not None:
            return self._desk.back(turn, "/organisation")
        cards = cards_for(turn.interaction.acceptable_methods, last=turn.request.cookies.get(METHOD_COOKIE))
        nothing = not turn.interaction.acceptable_methods
        return self._desk.show(turn, "signin/choice.html", cards=cards, nothing_selectable=nothing)

    async def help(self, turn: Turn) -> Response:
        return self._desk.show(turn, "signin/help.html")

    async def cancel(self, turn: Turn) -> Response:
        return self._desk.cancel(turn)


def cards_for(acceptable: tuple[Method, ...], *, last: str | None) -> tuple[Card, ...]:
    return tuple(
        Card(
            method=method,
            wording=wording(method),
            refusal=None if method in acceptable else why_not_selectable(method, acceptable),
            is_last=method.value == last,
            is_easiest=method is EASIEST,
        )
        for method in ON_PAGE
    )
