"""*Snel recht toekennen*: pick the person, and their working relation leads to the steps of granting."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mock_idp.idm import people
from mock_idp.idm.counter import Counter, Turn
from mock_idp.idm.pages.granting import GRANTING
from mock_idp.idm.pages.known import address_of
from mock_idp.idm.pages.numbered import neighbours, page_number
from mock_idp.idm.pages.relations import RELATIONS
from mock_idp.idm.relations import relations_in
from mock_idp.idm.standing import Standing, standing_of_relation, standing_of_right
from mock_idp.numbers import format_enterprise_number, parse_national_number
from mock_idp.world.tables import PersonRow, RelationRow, RightRow
from pagekit.languages import message


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A person, with the working relation in which a right can be granted: none when they must be linked first."""

    person: PersonRow
    relation: RelationRow | None
    standing: Standing | None
    over: RelationRow | None
    rights: tuple[RightRow, ...]

    @property
    def address(self) -> str:
        return address_of(self.person.key)

    @property
    def grant_at(self) -> str:
        return "" if self.relation is None else f"{RELATIONS}/{self.relation.id}/recht-toekennen"

    @property
    def extend_at(self) -> str:
        return "" if self.over is None else f"{RELATIONS}/{self.over.id}/verlengen"


class QuickGrantPage:
    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def routes(self) -> list[BaseRoute]:
        return [Route(GRANTING, self._counter.working(self.pick), methods=["GET"])]

    async def pick(self, turn: Turn) -> Response:
        name = turn.request.query_params.get("q", "").strip()
        if any(parse_national_number(part) is not None for part in (name, *name.split())):
            turn.visitor.notice = (message("Search by name: a number of a person does not belong in an address."), {})
            return self._counter.desk.see_other(GRANTING)
        today = self._counter.clock.today()
        with self._counter.world.reading() as session:
            found = people.search(session, turn.organisation, today=today, name=name, page=page_number(turn.request))
            return self._counter.show(
                turn,
                "idm/quick_grant.html",
                number=format_enterprise_number(turn.organisation),
                searched=name,
                found=found,
                rows=[self._candidate(turn, person) for person in found.people],
                neighbours=neighbours(turn.request, page=found.page, pages=found.pages),
            )

    def _candidate(self, turn: Turn, person: PersonRow) -> Candidate:
        today = self._counter.clock.today()
        held = [(one, standing_of_relation(one, today)) for one in relations_in(person, turn.organisation)]
        # The one that gives access comes first, then one that will.
        open_ones = sorted(
            (pair for pair in held if pair[1] is not Standing.EXPIRED),
            key=lambda pair: (pair[1] is not Standing.VALID, pair[0].first),
        )
        relation, standing = open_ones[0] if open_ones else (None, None)
        return Candidate(
            person=person,
            relation=relation,
            standing=standing,
            over=held[-1][0] if held and not open_ones else None,
            rights=tuple(
                right
                for one, _ in held
                for right in one.rights
                if standing_of_right(right, today) is not Standing.EXPIRED
            ),
        )
