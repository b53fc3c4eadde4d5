"""The Registers port without any register: what ACM's claims say, until the ID Token's end (docs/decisions/0015).

A person acts for the organisation that they chose at ACM, and for no other. They represent it when ACM says so of that
very organisation. A role counts when its right is in the table, without regard to capitals and never by its beginning.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from broker.domain.claims import Claimed, RoleTable
from broker.domain.numbers import EnterpriseNumber
from broker.domain.people import Enterprise, KboFunction, Organisation, PersonRecord
from broker.domain.session import Identity
from broker.domain.validity import Period
from broker.ports import Clock, Contacts

# ACM says that the person represents and not by which function; any that represents will do (a director's).
_REPRESENTS = "10002"
# ACM delivers what is valid at the sign-in, without days. The session ends with the token, so no end is needed here.
_NOW = Period(begins=date.min, until=None)


class ClaimedRegisters:
    """What ACM's claims say, in the place of registers."""

    def __init__(self, *, rights: Mapping[str, str], profiles: Mapping[str, str], clock: Clock) -> None:
        """`rights` and `profiles` lead from ACM's codes to the names that policies use."""
        self._table = RoleTable(rights=rights, profiles=profiles)
        self._clock = clock

    async def person(self, identity: Identity) -> PersonRecord:
        """Return what the person's claims say: nothing once the token they came in has ended."""
        claimed = identity.claimed
        if claimed is None or claimed.organisation is None or self._clock.now() >= claimed.valid_until:
            return PersonRecord()
        chosen = claimed.organisation
        return PersonRecord(
            functions=_functions(claimed, chosen.number),
            rights=self._table.granted(claimed.roles),
            organisations=(Organisation(number=chosen.number, name=chosen.name or chosen.number.dotted),),
        )

    async def enterprise(self, number: EnterpriseNumber) -> Enterprise | None:
        """Return the enterprise as active: ACM lets nobody choose one that is not, and there is nobody else to ask."""
        return Enterprise(organisation=Organisation(number=number, name=""), active=True)

    async def contacts(self, number: EnterpriseNumber, *, day: date) -> Contacts:
        """Return nobody: claims speak of the person who signed in only."""
        return Contacts(organisation=None, known=False)


def _functions(claimed: Claimed, chosen: EnterpriseNumber) -> tuple[KboFunction, ...]:
    if claimed.represents != chosen:
        return ()
    return (KboFunction(organisation=chosen, code=_REPRESENTS, period=_NOW),)
