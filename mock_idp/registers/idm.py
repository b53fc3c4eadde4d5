"""IDM, user management: the working relations, rights and administrators, with their raw dates.

Nothing is filtered by day: whether a right is valid is the asker's decision, on the asker's clock.
"""

from __future__ import annotations

from mock_idp.numbers import parse_enterprise_number
from mock_idp.registers.answers import ProblemError
from mock_idp.world import Person, Relation, World


def person_rights(world: World, national_number: str) -> dict[str, object]:
    """An unknown person is no error: the answer is that there is none."""
    person = world.person_by_national_number(national_number)
    if person is None:
        return {"person": None, "relations": [], "administers": []}
    return {
        "person": {
            "given_name": person.given_name,
            "family_name": person.family_name,
            "status": person.status,
        },
        "relations": [_relation(world, relation) for relation in person.relations],
        "administers": [
            {"organisation": number, "organisation_name": _name(world, number)} for number in person.administers
        ],
    }


def administrators(world: World, number: str) -> dict[str, object]:
    """Raises ProblemError 404 for an organisation that isn't there."""
    if parse_enterprise_number(number) is None or world.enterprise(number) is None:
        raise ProblemError(404, "Not Found", "No organisation has that number.")
    return {"administrators": [_named(person) for person in world.administrators_of(number)]}


def _relation(world: World, relation: Relation) -> dict[str, object]:
    return {
        "organisation": relation.organisation,
        "organisation_name": _name(world, relation.organisation),
        "category": relation.category,
        "status": relation.status,
        "from": relation.period.first.isoformat(),
        "until": relation.period.last.isoformat(),
        "rights": [
            {
                "name": right.name,
                "profiles": list(right.profiles),
                "from": right.period.first.isoformat(),
                "until": right.period.last.isoformat(),
            }
            for right in relation.rights
        ],
    }


def _named(person: Person) -> dict[str, str]:
    return {"given_name": person.given_name, "family_name": person.family_name}


def _name(world: World, number: str) -> str:
    enterprise = world.enterprise(number)
    return "" if enterprise is None else enterprise.name
