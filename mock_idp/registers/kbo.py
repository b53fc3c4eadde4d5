"""KBO, the Crossroads Bank for Enterprises: enterprises and the functions held in them, with their raw dates.

A question by person finds only rows that the person itself holds. A company that is director has no national number,
so no person is ever found through it.
"""

from __future__ import annotations

from datetime import date

from mock_idp.registers.answers import ProblemError
from mock_idp.world.facts import EstablishmentUnit, KboFunction
from mock_idp.world.questions import World


def person_functions(world: World, national_number: str) -> dict[str, object]:
    person = world.person_by_national_number(national_number)
    functions = () if person is None else world.functions_of(person)
    names = world.names_of(function.organisation for function in functions)
    return {"functions": [_for_person(function, names[function.organisation]) for function in functions]}


def enterprise(world: World, number: str, *, today: date) -> dict[str, object]:
    """Raises ProblemError 404. An enterprise ceases on the mock's own day."""
    found = world.enterprise(number)
    if found is None:
        raise ProblemError(404, "Not Found", "No enterprise has that number.")
    ceased = found.is_ceased(today)
    return {
        "number": found.number,
        "name": found.name,
        "address": found.address,
        "began_on": found.began_on.isoformat() if found.began_on else None,
        "status": "ceased" if ceased else "active",
        "ceased_on": found.ceased_on.isoformat() if ceased and found.ceased_on else None,
        "functions": [_for_enterprise(function) for function in world.functions_in(number)],
        "establishment_units": [_unit(unit) for unit in world.establishment_units_of(number)],
    }


def _for_person(function: KboFunction, name: str) -> dict[str, object]:
    return {
        "organisation": function.organisation,
        "organisation_name": name,
        "code": function.kind.code,
        "label": function.kind.label,
        "from": function.period.first.isoformat(),
        "until": function.period.last.isoformat(),
    }


def _for_enterprise(function: KboFunction) -> dict[str, object]:
    return {
        "code": function.kind.code,
        "label": function.kind.label,
        "holder": function.holder,
        "holder_name": function.holder_name,
        "from": function.period.first.isoformat(),
        "until": function.period.last.isoformat(),
    }


def _unit(unit: EstablishmentUnit) -> dict[str, object]:
    return {
        "number": unit.number,
        "name": unit.name,
        "address": unit.address,
        "from": unit.period.first.isoformat(),
        "until": unit.period.last.isoformat(),
    }
