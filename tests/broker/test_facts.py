"""Reading facts: about the organisation alone, with just enough of elsewhere to explain a refusal."""

from __future__ import annotations

import pytest

from broker.domain.people import PersonRecord
from broker.facts import FactsReader
from broker.ports import RegisterUnavailable, RegistrationsUnavailable
from tests.broker.gateway import (
    BAKERY,
    FLORIST,
    Hands,
    MemoryAnnouncements,
    MemoryRegistrations,
    StandInRegisters,
    a_function,
    a_right,
    an_identity,
)


def reader(registers: StandInRegisters, registrations: MemoryRegistrations | None = None) -> FactsReader:
    return FactsReader(
        registers=registers,
        registrations=registrations or MemoryRegistrations(),
        announcements=MemoryAnnouncements(),
        clock=Hands(),
    )


async def test_functions_of_other_organisations_are_left_out_and_rights_elsewhere_lose_their_relation() -> None:
    record = PersonRecord(
        functions=(a_function(), a_function(FLORIST)),
        rights=(a_right(), a_right(FLORIST), a_right(FLORIST)),
        administers=(BAKERY.number,),
        organisations=(BAKERY, FLORIST),
    )
    acting = await reader(StandInRegisters(record=record)).acting(an_identity(), BAKERY.number)
    assert acting is not None
    assert acting.organisation == BAKERY
    assert [function.organisation for function in acting.facts.functions] == [BAKERY.number]
    assert [(right.organisation, right.relation is None) for right in acting.facts.rights] == [
        (BAKERY.number, False),
        (FLORIST.number, True),
    ]
    assert acting.facts.administrator
    assert acting.read_at == Hands().now()


async def test_an_organisation_that_one_has_nothing_to_do_with_gives_nothing() -> None:
    assert await reader(StandInRegisters()).acting(an_identity(), FLORIST.number) is None


async def test_what_kbo_says_and_whether_it_is_registered_are_two_things() -> None:
    ceased = await reader(StandInRegisters(active=False)).acting(an_identity(), BAKERY.number)
    assert ceased is not None
    assert (ceased.facts.active, ceased.facts.registered) == (False, True)
    without = MemoryRegistrations(missing={BAKERY.number})
    new = await reader(StandInRegisters(), without).acting(an_identity(), BAKERY.number)
    assert new is not None
    assert (new.facts.active, new.facts.registered) == (True, False)


async def test_a_database_that_is_away_is_an_error_and_never_a_registration() -> None:
    with pytest.raises(RegistrationsUnavailable):
        await reader(StandInRegisters(), MemoryRegistrations(away=True)).acting(an_identity(), BAKERY.number)


async def test_an_enterprise_that_kbo_does_not_know_is_not_active() -> None:
    class WithoutKbo(StandInRegisters):
        async def enterprise(self, number: object) -> None:
            return None

    acting = await reader(WithoutKbo()).acting(an_identity(), BAKERY.number)
    assert acting is not None
    assert acting.organisation.name == "Voorbeeld Bakkerij BV"
    assert (acting.facts.active, acting.facts.has_representative) == (False, False)


async def test_a_register_that_is_away_is_an_error_and_no_facts() -> None:
    with pytest.raises(RegisterUnavailable):
        await reader(StandInRegisters(away=True)).acting(an_identity(), BAKERY.number)
    with pytest.raises(RegisterUnavailable):
        await reader(StandInRegisters(away=True)).organisations(an_identity())
