"""*Toon alle personen* and *Persoon zoeken*: everybody whom the organisation knows, by name and by what they hold."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mock_idp.idm import people
from mock_idp.idm.counter import Counter, Turn
from mock_idp.idm.pages.known import PEOPLE
from mock_idp.idm.pages.numbered import neighbours, page_number
from mock_idp.idm.people import Condition
from mock_idp.idm.relations import relations_in
from mock_idp.idm.standing import standing_of_relation, standing_of_right
from mock_idp.numbers import parse_national_number
from mock_idp.world.tables import PersonRow
from pagekit.languages import message


class DirectoryPage:
    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def routes(self) -> list[BaseRoute]:
        return [Route(PEOPLE, self._counter.working(self.everybody), methods=["GET"])]

    async def everybody(self, turn: Turn) -> Response:
        asked = turn.request.query_params
        name = asked.get("q", "").strip()
        if parse_national_number(name) is not None:
            turn.visitor.notice = (message("Search by name: a number of a person does not belong in an address."), {})
            return self._counter.desk.see_other(PEOPLE)
        condition = _condition(asked.get("status", ""))
        with self._counter.world.reading() as session:
            found = people.search(
                session,
                turn.organisation,
                today=self._counter.clock.today(),
                name=name,
                condition=condition,
                page=page_number(turn.request),
            )
            return self._counter.show(
                turn,
                "idm/people.html",
                rows=[self._row(turn, person) for person in found.people],
                found=found,
                neighbours=neighbours(turn.request, page=found.page, pages=found.pages),
                searched=name,
                condition=condition,
                conditions=[(one.value, one.words) for one in Condition],
            )

    def _row(self, turn: Turn, person: PersonRow) -> tuple[object, ...]:
        """Key, name, birth date, and the relations with how they and their rights stand today."""
        today = self._counter.clock.today()
        relations = [
            (
                relation,
                standing_of_relation(relation, today),
                [(right, standing_of_right(right, today)) for right in relation.rights],
            )
            for relation in relations_in(person, turn.organisation)
        ]
        return (person.key, person.name, person.birth_date, relations)


def _condition(text: str) -> Condition:
    try:
        return Condition(text)
    except ValueError:
        return Condition.ALL
