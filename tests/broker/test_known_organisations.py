"""What is known of organisations, for programs: read once for everybody, kept for a while, never guessed."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from broker.domain.numbers import EnterpriseNumber
from broker.domain.people import Enterprise
from broker.machines import KnownOrganisations
from broker.ports import RegisterUnavailable
from tests.broker.gateway import BAKERY, FLORIST, Hands, MemoryRegistrations, StandInRegisters

MINUTE = timedelta(minutes=1)


@dataclass
class CountingRegisters(StandInRegisters):
    """Counts the questions about enterprises."""

    numbers: list[EnterpriseNumber] = field(default_factory=list)

    async def enterprise(self, number: EnterpriseNumber) -> Enterprise | None:
        self.numbers.append(number)
        await asyncio.sleep(0)
        if self.away:
            raise RegisterUnavailable("KBO does not answer (for this test)")
        return await super().enterprise(number)


def known(registers: StandInRegisters, clock: Hands | None = None) -> KnownOrganisations:
    return KnownOrganisations(
        registers=registers, registrations=MemoryRegistrations(missing={FLORIST.number}), clock=clock or Hands()
    )


async def test_many_requests_about_one_organisation_ask_once() -> None:
    registers = CountingRegisters()
    organisations = known(registers)
    found = await asyncio.gather(*(organisations.find(BAKERY.number, younger_than=MINUTE) for _ in range(20)))
    assert {(one.enterprise is not None, one.registered) for one in found} == {(True, True)}
    assert registers.numbers == [BAKERY.number]


async def test_one_organisation_is_never_another() -> None:
    organisations = known(CountingRegisters())
    bakery = await organisations.find(BAKERY.number, younger_than=MINUTE)
    florist = await organisations.find(FLORIST.number, younger_than=MINUTE)
    assert (bakery.registered, florist.registered) == (True, False)
    assert florist.enterprise is None


async def test_what_is_too_old_is_read_anew() -> None:
    registers, clock = CountingRegisters(), Hands()
    organisations = known(registers, clock)
    for seconds, questions in ((0, 1), (59, 1), (1, 2)):
        clock.forward(seconds=seconds)
        await organisations.find(BAKERY.number, younger_than=MINUTE)
        assert len(registers.numbers) == questions


async def test_a_register_that_is_away_is_asked_again_and_nothing_is_taken_for_granted() -> None:
    registers = CountingRegisters(away=True)
    organisations = known(registers)
    for _ in range(2):
        with pytest.raises(RegisterUnavailable):
            await organisations.find(BAKERY.number, younger_than=MINUTE)
    registers.away = False
    assert (await organisations.find(BAKERY.number, younger_than=MINUTE)).enterprise is not None
    assert len(registers.numbers) == 3


async def test_a_reading_that_fails_after_everybody_left_troubles_nobody() -> None:
    told: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    registers = CountingRegisters()
    registers.away = True
    organisations = known(registers)
    asked = asyncio.ensure_future(organisations.find(BAKERY.number, younger_than=MINUTE))
    await asyncio.sleep(0)
    (reading,) = asyncio.all_tasks() - {asked, asyncio.current_task()}
    asked.cancel()
    await asyncio.wait({asked, reading})
    del asked, reading
    gc.collect()
    assert told == []
