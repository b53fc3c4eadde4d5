"""`inkom-mock person KEY`: what the registers would say of somebody of the cast, without a running server.

For programs that want to try a policy on the cast. The national number is left out: nobody needs it for that.
"""

from __future__ import annotations

from datetime import date

from mock_idp.acm.methods import Method
from mock_idp.registers.idm import person_rights
from mock_idp.registers.kbo import enterprise, person_functions
from mock_idp.world.facts import Person
from mock_idp.world.questions import World


def describe(world: World, person: Person, *, today: date) -> dict[str, object]:
    """The answers of IDM and KBO about a person, and of KBO about each of the person's enterprises.

    `organisation` is the one that the story is about, or null; `method` is how the person signs in by default.
    """
    return {
        "key": person.key,
        "method": Method.ITSME.value,
        "organisation": person.acts_for,
        "organisations": sorted(world.connected_organisations(person)),
        "idm": person_rights(world, person.national_number),
        "kbo": person_functions(world, person.national_number),
        "enterprises": {
            number: enterprise(world, number, today=today) for number in sorted(world.connected_organisations(person))
        },
    }
