"""People and faults, as the addresses and the verbs of those names list them. Never a national number."""

from __future__ import annotations

from mock_idp.faults import Fault
from mock_idp.world.facts import Outcome, Person
from mock_idp.world.questions import World


def listed_person(world: World, person: Person) -> dict[str, object]:
    enterprise = None if person.acts_for is None else world.enterprise(person.acts_for)
    return {
        "key": person.key,
        "name": person.name,
        "story": dict(person.story),
        "activated_methods": list(person.activated),
        "acts_for": None if enterprise is None else {"number": enterprise.number, "name": enterprise.name},
        "outcome": {outcome.application: _listed_outcome(outcome) for outcome in person.outcomes},
    }


def listed_fault(fault: Fault) -> dict[str, object]:
    return {
        "fault": fault.name,
        "stage": fault.stage,
        "description": fault.description,
        "expected": fault.expected,
        "statements": list(fault.statements),
    }


def _listed_outcome(outcome: Outcome) -> dict[str, str]:
    return {"expect": "allowed" if outcome.allowed else "refused", "reason": outcome.reason}
