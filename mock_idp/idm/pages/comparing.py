"""*Vergelijk meerdere personen*: choose two to four people, then see side by side what they hold, differences marked.

Everything is in the address (keys of people, never numbers), so that a comparison can be kept and needs no script.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mock_idp.idm import people
from mock_idp.idm.counter import Counter, Turn
from mock_idp.idm.pages.known import PEOPLE, known
from mock_idp.idm.pages.numbered import neighbours, page_number
from mock_idp.idm.relations import relations_in
from mock_idp.idm.standing import Standing, standing_of_relation, standing_of_right
from mock_idp.world.tables import PersonRow, RelationRow, RightRow

COMPARE = f"{PEOPLE}/vergelijken"
LEAST, MOST = 2, 4


class ComparingPage:
    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def routes(self) -> list[BaseRoute]:
        return [Route(COMPARE, self._counter.working(self.compare), methods=["GET"])]

    async def compare(self, turn: Turn) -> Response:
        asked = turn.request.query_params
        keys = list(dict.fromkeys(asked.getlist("persoon")))[:MOST]
        with self._counter.world.reading() as session:
            chosen = [people.person_in(session, key, turn.organisation) for key in keys]
            if asked.get("toon") and len(chosen) >= LEAST:
                return self._side_by_side(turn, chosen)
            name = asked.get("q", "").strip()
            found = people.search(
                session,
                turn.organisation,
                today=self._counter.clock.today(),
                name=name,
                page=page_number(turn.request),
                leave_out=keys,
            )
            return self._counter.show(
                turn,
                "idm/compare_choose.html",
                chosen=[(one.name, _address([key for key in keys if key != one.key], name)) for one in chosen],
                offered=[(one.name, one.birth_date, _address([*keys, one.key], name)) for one in found.people],
                found=found,
                neighbours=neighbours(turn.request, page=found.page, pages=found.pages),
                searched=name,
                keys=keys,
                can_show=len(chosen) >= LEAST,
                is_full=len(chosen) == MOST,
                shown_at=_address(keys, "", shown=True),
                most=MOST,
            )

    def _side_by_side(self, turn: Turn, chosen: Sequence[PersonRow]) -> Response:
        today = self._counter.clock.today()
        held = [relations_in(person, turn.organisation) for person in chosen]
        names = sorted({right.name for relations in held for relation in relations for right in relation.rights})

        def grants(name: str, relations: Sequence[RelationRow]) -> list[tuple[RightRow, Standing]]:
            return [(right, standing_of_right(right, today)) for right in _named(relations, name)]

        rights = [(name, [grants(name, relations) for relations in held]) for name in names]
        return self._counter.show(
            turn,
            "idm/compare.html",
            people=[known(person, self._counter.clock) for person in chosen],
            relations=[[(one, standing_of_relation(one, today)) for one in relations] for relations in held],
            rights=rights,
            differing=_differing(held, names),
            change=_address([person.key for person in chosen], ""),
        )


def _named(relations: Sequence[RelationRow], name: str) -> list[RightRow]:
    return [right for relation in relations for right in relation.rights if right.name == name]


def _differing(held: Sequence[Sequence[RelationRow]], names: Sequence[str]) -> frozenset[str]:
    """The rows in which not everybody has the same: of the relation, and of each right by its name."""

    def differs(values: Sequence[object]) -> bool:
        return any(value != values[0] for value in values)

    rows: dict[str, Sequence[object]] = {
        "relation": [[(one.category, one.status) for one in relations] for relations in held],
        "period": [[(one.first, one.last) for one in relations] for relations in held],
    }
    for name in names:
        rows[f"right {name}"] = [
            [(right.first, right.last, sorted(right.profiles)) for right in _named(relations, name)]
            for relations in held
        ]
    return frozenset(name for name, values in rows.items() if differs(values))


def _address(keys: Sequence[str], searched: str, *, shown: bool = False) -> str:
    pairs = [("persoon", key) for key in keys]
    if searched:
        pairs.append(("q", searched))
    if shown:
        pairs.append(("toon", "1"))
    return f"{COMPARE}?{urlencode(pairs)}" if pairs else COMPARE
