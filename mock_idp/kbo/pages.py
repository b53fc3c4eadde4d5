"""KBO's public pages: search, an enterprise, an establishment unit. Anyone may look, and nothing changes."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mock_idp.clock import Clock
from mock_idp.desk import Desk
from mock_idp.kbo.query import (
    LONGEST_QUERY,
    EnterpriseQuery,
    NameQuery,
    NoQuery,
    Slip,
    SlipQuery,
    UnitQuery,
    read_query,
)
from mock_idp.kbo.rubric import rubric_of, unit_of, units_of
from mock_idp.kbo.search import PER_PAGE, Hits, find
from mock_idp.kbo.term import Term
from mock_idp.kbo.wording import HOLDERS, slip_text
from mock_idp.numbers import format_enterprise_number, format_establishment_number
from mock_idp.world.live import LiveWorld
from mock_idp.world.tables import EnterpriseRow, EstablishmentUnitRow
from pagekit.languages import message

SPACE = "/kbo"
COUNTER = f"{SPACE}/loket"
CEASED_TOO = "stopgezet"  # the box in the search


class PublicPages:
    def __init__(self, *, desk: Desk, world: LiveWorld, clock: Clock, term: Term) -> None:
        self._desk = desk
        self._world = world
        self._clock = clock
        self._term = term

    def routes(self) -> list[Route]:
        return [
            Route(SPACE, self.search, methods=["GET"]),
            Route(f"{SPACE}/onderneming/{{number}}", self.enterprise, methods=["GET"]),
            Route(f"{SPACE}/vestiging/{{number}}", self.unit, methods=["GET"]),
        ]

    async def search(self, request: Request) -> Response:
        typed = request.query_params.get("q", "").strip()[:LONGEST_QUERY]
        query = read_query(typed)
        match query:
            case EnterpriseQuery(number=number):
                return self._found(request, typed, enterprise=number)
            case UnitQuery(number=number):
                return self._found(request, typed, unit=number)
            case SlipQuery(slip=slip, digits=digits):
                # A person's number is not written back: a page need not hold it.
                kept = "" if slip is Slip.NATIONAL else typed
                problem = self._desk.text(request, slip_text(slip), digits=digits)
                return self._search_page(request, typed=kept, problem=problem, status=422)
            case NoQuery():
                if not typed:
                    return self._search_page(request, typed="")
                problem = self._desk.text(request, message("Write a number or a part of a name."))
                return self._search_page(request, typed=typed, problem=problem, status=422)
            case NameQuery():
                return self._by_name(request, typed, query)

    async def enterprise(self, request: Request) -> Response:
        number: str = request.path_params["number"]
        today = self._clock.today()
        with self._world.reading() as session:
            row = session.get(EnterpriseRow, number)
            if row is None:
                return self.gone(request)
            rubric = rubric_of(session, number, catalogue=self._world.current.catalogue, today=today)
            units = units_of(session, number)
            working_days = self._term.working_days(session)
        return self._desk.page(
            request,
            "kbo/enterprise.html",
            space=SPACE,
            counter=COUNTER,
            enterprise=row,
            dotted=format_enterprise_number(number),
            is_ceased=row.ceased_on is not None and row.ceased_on <= today,
            today=today,
            rubric=rubric,
            holders=HOLDERS,
            units=units,
            working_days=working_days,
        )

    async def unit(self, request: Request) -> Response:
        number: str = request.path_params["number"]
        with self._world.reading() as session:
            row = session.get(EstablishmentUnitRow, number)
            if row is None:
                return self.gone(request)
            enterprise = session.get(EnterpriseRow, row.organisation)
        return self._desk.page(
            request,
            "kbo/unit.html",
            space=SPACE,
            unit=unit_of(row),
            today=self._clock.today(),
            enterprise=enterprise,
            dotted=format_enterprise_number(row.organisation),
        )

    def gone(self, request: Request) -> Response:
        return self._desk.page(request, "kbo/gone.html", status=404, space=SPACE)

    def _found(self, request: Request, typed: str, *, enterprise: str = "", unit: str = "") -> Response:
        with self._world.reading() as session:
            if enterprise and session.get(EnterpriseRow, enterprise) is not None:
                return self._desk.see_other(f"{SPACE}/onderneming/{enterprise}")
            if unit and session.get(EstablishmentUnitRow, unit) is not None:
                return self._desk.see_other(f"{SPACE}/vestiging/{unit}")
        dotted = format_enterprise_number(enterprise) if enterprise else format_establishment_number(unit)
        return self._search_page(request, typed=typed, unknown=dotted)

    def _by_name(self, request: Request, typed: str, query: NameQuery) -> Response:
        ceased_too = CEASED_TOO in request.query_params
        with self._world.reading() as session:
            hits = find(
                session,
                query,
                today=self._clock.today(),
                ceased_too=ceased_too,
                page=_whole_number(request.query_params.get("pagina", "")),
            )
        return self._search_page(request, typed=typed, hits=hits, begins=query.begins)

    def _search_page(
        self,
        request: Request,
        *,
        typed: str,
        status: int = 200,
        problem: str | None = None,
        unknown: str | None = None,
        hits: Hits | None = None,
        begins: bool = False,
    ) -> Response:
        ceased_too = CEASED_TOO in request.query_params

        def page(number: int) -> str:
            kept = {"q": typed, **({CEASED_TOO: "ja"} if ceased_too else {}), "pagina": number}
            return f"{SPACE}?{urlencode(kept)}"

        shown = 1 if hits is None else hits.page
        return self._desk.page(
            request,
            "kbo/search.html",
            status=status,
            space=SPACE,
            counter=COUNTER,
            typed=typed,
            ceased_box=CEASED_TOO,
            ceased_too=ceased_too,
            problem=problem,
            unknown=unknown,
            hits=hits,
            first_shown=(shown - 1) * PER_PAGE + 1,
            begins=begins,
            previous=page(shown - 1) if shown > 1 else None,
            next=page(shown + 1) if hits is not None and shown < hits.pages else None,
        )


def _whole_number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
