"""KBO, the Crossroads Bank for Enterprises: enterprises and the functions held in them, with their raw dates.

A question by person finds only rows that the person itself holds. A company that is director has no national number,
so no person is ever found through it.
"""

from __future__ import annotations

from datetime import date

from mock_idp.registers.answers import ProblemError
from mock_idp.world import Enterprise, KboFunction, World


def person_functions(world: World, national_number: str) -> dict[str, object]:
    person = world.person_by_national_number(national_number)
    functions = () if person is None else world.functions_of(person)
    return {"functions": [_for_person(world, function) for function in functions]}


def enterprise(world: World, number: str, *, today: date) -> dict[str, object]:
    """Raises ProblemError 404. An enterprise ceases on the mock's own day."""
    found = world.enterprise(number)
    if found is None:
        raise ProblemError(404, "Not Found", "No enterprise has that number.")
    ceased = found.is_ceased(today)
    return {
        "number": found.number,
        "name": found.name,
        "status": "ceased" if ceased else "active",
        "ceased_on": found.ceased_on.isoformat() if ceased and found.ceased_on else None,
        "functions": _for_enterprise(found),
    }


def _for_person(world: World, function: KboFunction) -> dict[str, object]:
    held_in = world.enterprise(function.organisation)
    return {
        "organisation": function.organisation,
        "organisation_name": "" if held_in is None else held_in.name,
        "code": function.kind.code,
        "label": function.kind.label,
        "from": function.period.first.isoformat(),
        "until": function.period.last.isoformat(),
    }


def _for_enterprise(found: Enterprise) -> list[dict[str, object]]:
    return [
        {
            "code": function.kind.code,
            "label": function.kind.label,
            "holder": function.holder,
            "holder_name": function.holder_name,
            "from": function.period.first.isoformat(),
            "until": function.period.last.isoformat(),
        }
        for function in found.functions
    ]
