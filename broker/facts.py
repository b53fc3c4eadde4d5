"""Reads what the registers say of a person in one organisation, and turns it into the facts of a decision.

Until registration on INKOM exists, an organisation that is active in KBO counts as registered.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from broker.domain.numbers import EnterpriseNumber
from broker.domain.people import Enterprise, Facts, Organisation, PersonRecord, UserRight
from broker.domain.session import Acting, Identity
from broker.ports import Clock, Registers


class FactsReader:
    """Facts, freshly read."""

    def __init__(self, *, registers: Registers, clock: Clock) -> None:
        self._registers = registers
        self._clock = clock

    async def organisations(self, identity: Identity) -> tuple[Organisation, ...]:
        """Return the organisations that the person has anything to do with. Raises RegisterUnavailable."""
        return (await self._registers.person(identity.national_number)).organisations

    async def acting(self, identity: Identity, number: EnterpriseNumber) -> Acting | None:
        """Return the person acting for an organisation, or None when they have nothing to do with it.

        Raises RegisterUnavailable.
        """
        record, enterprise = await asyncio.gather(
            self._registers.person(identity.national_number), self._registers.enterprise(number)
        )
        organisation = record.organisation(number)
        if organisation is None:
            return None
        return Acting(
            organisation=enterprise.organisation if enterprise else organisation,
            facts=self._facts(identity, number, record, enterprise),
            read_at=self._clock.now(),
        )

    def _facts(
        self, identity: Identity, number: EnterpriseNumber, record: PersonRecord, enterprise: Enterprise | None
    ) -> Facts:
        active = enterprise is not None and enterprise.active_on(self._clock.today())
        return Facts(
            organisation=number,
            active=active,
            registered=active,
            method=identity.method,
            assurance=identity.assurance,
            functions=tuple(one for one in record.functions if one.organisation == number),
            rights=_rights(record, number),
            administrator=number in record.administers,
            has_representative=enterprise is not None and enterprise.has_representative,
        )


def _rights(record: PersonRecord, number: EnterpriseNumber) -> tuple[UserRight, ...]:
    """Keep the organisation's rights, and of each right held elsewhere one example: it only explains a refusal."""
    here = tuple(one for one in record.rights if one.organisation == number)
    elsewhere = {one.name: replace(one, relation=None) for one in record.rights if one.organisation != number}
    return here + tuple(elsewhere.values())
