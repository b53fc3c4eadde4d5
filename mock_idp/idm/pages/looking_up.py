"""*Zoek gebruikersrecht toekenning*: the search form with its advanced part, the result, and the same as CSV."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mock_idp.idm import authority, grant_search, rules
from mock_idp.idm.counter import Counter, Turn
from mock_idp.idm.grant_search import Asked, Found, Operator
from mock_idp.idm.pages.known import address_of
from mock_idp.idm.pages.numbered import neighbours, page_number
from mock_idp.idm.rules import Problem, RuleBrokenError
from mock_idp.idm.signin import SPACE
from mock_idp.idm.spreadsheet import csv_of
from mock_idp.idm.standing import WORDS, standing_of_right
from mock_idp.numbers import format_enterprise_number, parse_enterprise_number, parse_national_number
from mock_idp.world.tables import RightRow
from pagekit.headers import security_headers
from pagekit.languages import message

GRANTS = f"{SPACE}/toekenningen"
ON_A_PAGE = 25
OPERATORS = {Operator.ON: "=", Operator.BEFORE: message("before"), Operator.AFTER: message("after")}
ADVANCED = ("profiel", "status", "categorie", "binnen")
FIELDS = ("organisatie", "recht", "begin_op", "begin", "eind_op", "eind", "naam", *ADVANCED)
COLUMNS = (
    message("Family name"),
    message("Given name"),
    message("Organisation"),
    message("Organisation code"),
    message("Category"),
    message("User right"),
    message("Profile"),
    message("Begin date"),
    message("End date"),
    message("Status"),
)


class LookingUpPages:
    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def routes(self) -> list[BaseRoute]:
        working = self._counter.working
        return [
            Route(GRANTS, working(self.look_up), methods=["GET"]),
            Route(f"{GRANTS}.csv", working(self.download), methods=["GET"]),
            Route(f"{GRANTS}/organisatie", working(self.work_there), methods=["POST"]),
        ]

    async def look_up(self, turn: Turn) -> Response:
        asked = turn.request.query_params
        if any(_is_a_persons_number(text) for text in asked.values()):
            turn.visitor.notice = (message("Search by name: a number of a person does not belong in an address."), {})
            return self._counter.desk.see_other(GRANTS)
        fields = _fields(turn)
        number = self._organisation(turn, fields)
        problems: tuple[Problem, ...] = ()
        search: Asked | None = None
        try:
            search = grant_search.read_search(fields, self._counter.world.current.catalogue)
        except RuleBrokenError as broken:
            problems = broken.problems
        return self._show(turn, fields, number, search, problems)

    async def download(self, turn: Turn) -> Response:
        fields = _fields(turn)
        number = self._organisation(turn, fields)
        try:
            search = grant_search.read_search(fields, self._counter.world.current.catalogue)
        except RuleBrokenError:
            return self._counter.desk.see_other(_address(fields))  # where the problems are told
        today = self._counter.clock.today()
        with self._counter.world.reading() as session:
            rows = grant_search.find_all(session, number, search, today=today)
            lines = [self._line(turn, row) for row in rows]
        heading = [self._counter.desk.text(turn.request, column) for column in COLUMNS]
        answer = Response(csv_of(heading, lines), media_type="text/csv; charset=utf-8")
        answer.raw_headers.extend(security_headers())
        answer.headers["content-disposition"] = f'attachment; filename="toekenningen-{number}-{today}.csv"'
        return answer

    async def work_there(self, turn: Turn) -> Response:
        """Work for the organisation of the search from now on, and see the same search again."""
        number = turn.fields.get("werken_voor", "")
        with self._counter.world.reading() as session:
            authority.require_administrator(session, self._counter.person(session, turn), number)
        self._counter.visitors.chose(turn.visitor, number)
        kept = {name: turn.fields.get(name, "") for name in FIELDS if name != "organisatie"}
        return self._counter.desk.see_other(_address(kept))

    # -- all of them

    def _organisation(self, turn: Turn, fields: Mapping[str, str]) -> str:
        """The number of the organisation searched in. Raises NotAllowedError for one that isn't administered."""
        if not fields["organisatie"]:
            return turn.organisation
        number = parse_enterprise_number(fields["organisatie"]) or ""
        with self._counter.world.reading() as session:
            authority.require_administrator(session, self._counter.person(session, turn), number)
        return number

    def _show(
        self,
        turn: Turn,
        fields: Mapping[str, str],
        number: str,
        search: Asked | None,
        problems: tuple[Problem, ...],
    ) -> Response:
        today = self._counter.clock.today()
        catalogue = self._counter.world.current.catalogue
        with self._counter.world.reading() as session:
            administered = authority.administered_by(session, self._counter.person(session, turn))
            found = Found()
            if search is not None:
                page = page_number(turn.request)
                found = grant_search.find(session, number, search, today=today, page=page, size=ON_A_PAGE)
            names = {one.number: one.name for one in administered}
            return self._counter.show(
                turn,
                "idm/grants.html",
                problems=problems,
                typed=fields,
                organisations=[
                    (one.number, f"{one.name} ({format_enterprise_number(one.number)})") for one in administered
                ],
                searched_in=number,
                searched_name=names.get(number, ""),
                elsewhere=number != turn.organisation,
                rights=[(one, one) for one in catalogue.rights],
                profiles=sorted({(one, one) for kind in catalogue.rights.values() for one in kind.profiles}),
                operators=[(one.value, words) for one, words in OPERATORS.items()],
                standings=[(one.value, word) for one, word in WORDS.items()],
                categories=[(one, one) for one in rules.CATEGORIES],
                is_advanced=any(fields[name] for name in ADVANCED),
                was_searched=bool(turn.request.url.query),
                found=found,
                rows=[(row, address_of(row.relation.person.key), standing_of_right(row, today)) for row in found.rows],
                neighbours=neighbours(turn.request, page=found.page, pages=found.pages),
                csv_address=f"{GRANTS}.csv?{urlencode({name: value for name, value in fields.items() if value})}",
                failed=search is None,
            )

    def _line(self, turn: Turn, row: RightRow) -> list[str]:
        person, relation = row.relation.person, row.relation
        standing = standing_of_right(row, self._counter.clock.today())
        return [
            person.family_name,
            person.given_name,
            relation.enterprise.name,
            format_enterprise_number(relation.organisation),
            relation.category,
            row.name,
            ", ".join(row.profiles),
            rules.written_day(row.first),
            rules.written_day(row.last),
            self._counter.desk.text(turn.request, standing.word),
        ]


def _fields(turn: Turn) -> dict[str, str]:
    return {name: turn.request.query_params.get(name, "").strip() for name in FIELDS}


def _address(fields: Mapping[str, str]) -> str:
    kept = {name: value for name, value in fields.items() if value}
    return f"{GRANTS}?{urlencode(kept)}" if kept else GRANTS


def _is_a_persons_number(text: str) -> bool:
    return any(parse_national_number(part) is not None for part in (text, *text.split()))
