"""IDM, user management: the working relations, rights and administrators, with their raw dates.

Nothing is filtered by day: whether a right is valid is the asker's decision, on the asker's clock.
"""

from __future__ import annotations

from collections.abc import Mapping

from mock_idp.numbers import parse_enterprise_number
from mock_idp.registers.answers import ProblemError
from mock_idp.world.facts import Person, Relation
from mock_idp.world.questions import World


def person_rights(world: World, national_number: str) -> dict[str, object]:
    """An unknown person is no error: the answer is that there is none."""
    person = world.person_by_national_number(national_number)
    if person is None:
        return {"person": None, "relations": [], "administers": []}
    relations, administers = world.relations_of(person), world.administers(person)
    names = world.names_of([*(relation.organisation for relation in relations), *administers])
    return {
        "person": {
            "given_name": person.given_name,
            "family_name": person.family_name,
            "status": person.status,
        },
        "relations": [_relation(relation, names) for relation in relations],
        "administers": [{"organisation": number, "organisation_name": names[number]} for number in administers],
    }


def administrators(world: World, number: str) -> dict[str, object]:
    """Raises ProblemError 404 for an organisation that isn't there."""
    if parse_enterprise_number(number) is None or world.enterprise(number) is None:
        raise ProblemError(404, "Not Found", "No organisation has that number.")
    return {"administrators": [_named(person) for person in world.administrators_of(number)]}


def _relation(relation: Relation, names: Mapping[str, str]) -> dict[str, object]:
    return {
        "organisation": relation.organisation,
        "organisation_name": names[relation.organisation],
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
