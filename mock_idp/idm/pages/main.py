"""The main page (*Hoofdpagina*) with the blocks of the guide, and the page behind *Help*."""

from __future__ import annotations

from sqlalchemy import func, select
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mock_idp.idm.counter import Counter, Turn
from mock_idp.idm.requests import RequestStatus
from mock_idp.idm.signin import SPACE
from mock_idp.numbers import format_enterprise_number
from mock_idp.world.tables import RequestRow

HELP = f"{SPACE}/help"


class MainPage:
    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def routes(self) -> list[BaseRoute]:
        return [
            Route(SPACE, self._counter.working(self.main), methods=["GET"]),
            Route(HELP, self._counter.page(self.help), methods=["GET"]),
        ]

    async def main(self, turn: Turn) -> Response:
        with self._counter.world.reading() as session:
            open_tasks = session.scalar(
                select(func.count())
                .select_from(RequestRow)
                .where(RequestRow.organisation == turn.organisation, RequestRow.status == RequestStatus.OPEN.value)
            )
        return self._counter.show(
            turn, "idm/main.html", open_tasks=open_tasks, number=format_enterprise_number(turn.organisation)
        )

    async def help(self, turn: Turn) -> Response:
        return self._counter.show(turn, "idm/help.html")
