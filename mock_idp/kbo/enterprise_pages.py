"""The counter's pages about enterprises: a new one, and one that ceases or is opened again."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import Route

from mock_idp.idm.rules import Problem, RuleBrokenError, written_day
from mock_idp.kbo import enterprises
from mock_idp.kbo.counter import Counter, Turn
from mock_idp.kbo.enterprises import EnterpriseForm
from mock_idp.kbo.pages import COUNTER
from mock_idp.kbo.reports import GoneError, Report
from mock_idp.numbers import format_enterprise_number
from mock_idp.world.tables import EnterpriseRow


class EnterprisePages:
    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def routes(self) -> list[Route]:
        """To stand before those of FunctionPages, where any word could be a number."""
        page = self._counter.page
        return [
            Route(f"{COUNTER}/nieuw", page(self.add), methods=["GET", "POST"]),
            Route(f"{COUNTER}/{{number}}/stopzetting", page(self.cease), methods=["GET", "POST"]),
            Route(f"{COUNTER}/{{number}}/heropening", page(self.reopen), methods=["POST"]),
        ]

    async def add(self, turn: Turn) -> Response:
        if turn.request.method == "GET":
            return self._add(turn)
        form = EnterpriseForm(
            name=turn.fields.get("name", ""),
            address=turn.fields.get("address", ""),
            number=turn.fields.get("number", ""),
            began_on=turn.fields.get("began_on", ""),
        )

        def change(report: Report) -> str:
            return f"{COUNTER}/{enterprises.add_enterprise(report, form).number}?gedaan=nieuw"

        try:
            return self._counter.submit(turn, change)
        except RuleBrokenError as error:
            return self._add(turn, problems=error.problems)

    def _add(self, turn: Turn, *, problems: Sequence[Problem] = ()) -> Response:
        today = written_day(self._counter.clock.today())
        return self._counter.show(turn, "kbo/add_enterprise.html", problems=problems, first_day=today)

    async def cease(self, turn: Turn) -> Response:
        if turn.request.method == "GET":
            return self._cease(turn)

        def change(report: Report) -> str:
            enterprises.cease(report, report.enterprise(turn.number), turn.fields.get("ceased_on", ""))
            return f"{COUNTER}/{turn.number}?gedaan=stopgezet"

        try:
            return self._counter.submit(turn, change)
        except RuleBrokenError as error:
            return self._cease(turn, problems=error.problems)

    def _cease(self, turn: Turn, *, problems: Sequence[Problem] = ()) -> Response:
        with self._counter.world.reading() as session:
            row = session.get(EnterpriseRow, turn.number)
        if row is None or row.ceased_on is not None:
            raise GoneError
        return self._counter.show(
            turn,
            "kbo/cease.html",
            problems=problems,
            enterprise=row,
            dotted=format_enterprise_number(row.number),
            first_day=written_day(self._counter.clock.today()),
        )

    async def reopen(self, turn: Turn) -> Response:
        def change(report: Report) -> str:
            enterprises.reopen(report.enterprise(turn.number))
            return f"{COUNTER}/{turn.number}?gedaan=heropend"

        return self._counter.submit(turn, change)
