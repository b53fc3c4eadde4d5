"""Step 2 of the guide: the administrator chooses the organisation to work for; the last choice is marked."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mock_idp.idm.authority import NotAllowedError, administered_by, administers
from mock_idp.idm.counter import CHOICE, Counter, Turn
from mock_idp.idm.signin import SPACE
from mock_idp.numbers import format_enterprise_number

SEARCHABLE_FROM = 10


class ChoicePage:
    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def routes(self) -> list[BaseRoute]:
        return [
            Route(CHOICE, self._counter.page(self.choose), methods=["GET"]),
            Route(CHOICE, self._counter.page(self.chosen), methods=["POST"]),
        ]

    async def choose(self, turn: Turn) -> Response:
        with self._counter.world.reading() as session:
            administered = administered_by(session, self._counter.person(session, turn))
        if not administered:
            return self._counter.show(turn, "idm/no_organisation.html", status=403)
        searched = turn.request.query_params.get("q", "").strip()
        wanted = searched.casefold().replace(".", "")
        found = [
            (one.number, format_enterprise_number(one.number), one.name)
            for one in administered
            if wanted in one.name.casefold().replace(".", "") or wanted in one.number
        ]
        return self._counter.show(
            turn,
            "idm/organisation.html",
            organisations=found,
            last=self._counter.visitors.last_organisation(turn.visitor),
            searchable=len(administered) >= SEARCHABLE_FROM,
            searched=searched,
        )

    async def chosen(self, turn: Turn) -> Response:
        number = turn.fields.get("organisation", "")
        with self._counter.world.reading() as session:
            if not administers(session, self._counter.person(session, turn), number):
                raise NotAllowedError("not an administrator there")
        self._counter.visitors.chose(turn.visitor, number)
        return self._counter.desk.see_other(SPACE)
