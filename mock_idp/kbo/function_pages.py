"""The counter's pages about functions: what waits, the term, adding, ending, withdrawing, recording at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.responses import Response
from starlette.routing import Route

from mock_idp.idm.rules import Problem, RuleBrokenError, written_day
from mock_idp.kbo import reports
from mock_idp.kbo.counter import Counter, Turn
from mock_idp.kbo.pages import COUNTER
from mock_idp.kbo.reports import FunctionForm, GoneError, Report
from mock_idp.kbo.rubric import line_of, rubric_of
from mock_idp.kbo.term import CHOICES
from mock_idp.kbo.waiting import waiting
from mock_idp.numbers import format_enterprise_number
from mock_idp.world.facts import FunctionHolder
from mock_idp.world.tables import EnterpriseRow, FunctionRow
from pagekit.languages import message


class FunctionPages:
    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def routes(self) -> list[Route]:
        page = self._counter.page
        return [
            Route(COUNTER, page(self.start), methods=["GET"]),
            Route(f"{COUNTER}/termijn", page(self.choose_term), methods=["POST"]),
            Route(f"{COUNTER}/functie/{{row:int}}/einde", page(self.end), methods=["GET", "POST"]),
            Route(f"{COUNTER}/functie/{{row:int}}/intrekken", page(self.withdraw), methods=["POST"]),
            Route(f"{COUNTER}/functie/{{row:int}}/registreren", page(self.record), methods=["POST"]),
            Route(f"{COUNTER}/{{number}}", page(self.enterprise), methods=["GET"]),
            Route(f"{COUNTER}/{{number}}/functie", page(self.add), methods=["GET", "POST"]),
        ]

    async def start(self, turn: Turn) -> Response:
        return self._start(turn)

    def _start(self, turn: Turn, *, problems: Sequence[Problem] = ()) -> Response:
        counter, today = self._counter, self._counter.clock.today()
        with counter.world.reading() as session:
            waits = waiting(session, catalogue=counter.world.current.catalogue, today=today)
            working_days = counter.term.working_days(session)
            public_from = counter.term.public_from(session, today)
        return counter.show(
            turn,
            "kbo/counter.html",
            problems=problems,
            waits=waits,
            working_days=working_days,
            choices=CHOICES,
            public_from=public_from,
        )

    async def choose_term(self, turn: Turn) -> Response:
        text = turn.fields.get("working_days", "")

        def change(report: Report) -> str:
            if text not in {str(choice) for choice in CHOICES}:
                raise RuleBrokenError(Problem(field="working_days", text=message("From 0 to 5 working days.")))
            self._counter.term.choose(report.session, int(text))
            return f"{COUNTER}?gedaan=termijn"

        try:
            return self._counter.submit(turn, change)
        except RuleBrokenError as error:
            return self._start(turn, problems=error.problems)

    async def enterprise(self, turn: Turn) -> Response:
        counter, today = self._counter, self._counter.clock.today()
        catalogue = counter.world.current.catalogue
        with counter.world.reading() as session:
            row = session.get(EnterpriseRow, turn.number)
            if row is None:
                raise GoneError
            rubric = rubric_of(session, turn.number, catalogue=catalogue, today=today)
            waits = waiting(session, catalogue=catalogue, today=today, organisation=turn.number)
        return counter.show(
            turn,
            "kbo/counter_enterprise.html",
            enterprise=row,
            dotted=format_enterprise_number(row.number),
            is_ceased=row.ceased_on is not None and row.ceased_on <= today,
            rubric=rubric,
            waits=waits,
            told={one.line.row for one in waits},
        )

    async def add(self, turn: Turn) -> Response:
        """Who holds it decides which fields there are: it stands in the address, so that each is a plain form."""
        try:
            holder = FunctionHolder(turn.request.query_params.get("houder", FunctionHolder.NATURAL_PERSON))
        except ValueError as error:
            raise GoneError from error
        if turn.request.method == "GET":
            return self._add(turn, holder)
        form = FunctionForm(
            holder=holder,
            person=turn.fields.get("person", ""),
            national_number=turn.fields.get("national_number", ""),
            company=turn.fields.get("company", ""),
            code=turn.fields.get("code", ""),
            first=turn.fields.get("first", ""),
        )

        def change(report: Report) -> str:
            reports.add_function(report, turn.number, form)
            return f"{COUNTER}/{turn.number}?gedaan=toegevoegd"

        try:
            return self._counter.submit(turn, change)
        except RuleBrokenError as error:
            return self._add(turn, holder, problems=error.problems)

    def _add(self, turn: Turn, holder: FunctionHolder, *, problems: Sequence[Problem] = ()) -> Response:
        counter, today = self._counter, self._counter.clock.today()
        world = counter.world.current
        with counter.world.reading() as session:
            row = session.get(EnterpriseRow, turn.number)
            if row is None:
                raise GoneError
            public_from = counter.term.public_from(session, today)
        return counter.show(
            turn,
            "kbo/add_function.html",
            problems=problems,
            enterprise=row,
            dotted=format_enterprise_number(row.number),
            holder=holder,
            kinds=FunctionHolder,
            cast=sorted((person.name, person.key) for person in world.cast),
            functions=tuple(world.catalogue.functions.values()),
            first_day=written_day(today),
            public_from=public_from,
        )

    async def end(self, turn: Turn) -> Response:
        if turn.request.method == "GET":
            return self._end(turn)

        def change(report: Report) -> str:
            row = report.function(turn.row)
            reports.end_function(report, row, last=turn.fields.get("last", ""), reason=turn.fields.get("reason", ""))
            return f"{COUNTER}/{row.organisation}?gedaan=beeindigd"

        try:
            return self._counter.submit(turn, change)
        except RuleBrokenError as error:
            return self._end(turn, problems=error.problems)

    def _end(self, turn: Turn, *, problems: Sequence[Problem] = ()) -> Response:
        counter, today = self._counter, self._counter.clock.today()
        with counter.world.reading() as session:
            row = session.get(FunctionRow, turn.row)
            enterprise = None if row is None else session.get(EnterpriseRow, row.organisation)
            if row is None or enterprise is None:
                raise GoneError
            line = line_of(row, catalogue=counter.world.current.catalogue, today=today)
            public_from = counter.term.public_from(session, today)
        return counter.show(
            turn,
            "kbo/end_function.html",
            problems=problems,
            enterprise=enterprise,
            dotted=format_enterprise_number(enterprise.number),
            line=line,
            last_day=written_day(today),
            public_from=public_from,
        )

    async def withdraw(self, turn: Turn) -> Response:
        return self._decide(turn, reports.withdraw, "ingetrokken")

    async def record(self, turn: Turn) -> Response:
        return self._decide(turn, reports.record_now, "geregistreerd")

    def _decide(self, turn: Turn, write: Callable[[Report, FunctionRow], None], done: str) -> Response:
        """Back to the list on which the button stood."""

        def change(report: Report) -> str:
            row = report.function(turn.row)
            organisation = row.organisation
            write(report, row)
            back = f"{COUNTER}/{organisation}" if turn.fields.get("from") == "enterprise" else COUNTER
            return f"{back}?gedaan={done}"

        return self._counter.submit(turn, change)
