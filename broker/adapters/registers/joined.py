"""The Registers port made of two registers, IDM and KBO, of whatever kind each is; they are asked at the same time."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Protocol

from broker.adapters.registers.told import EnterpriseDocument, Granted, Held, person_record
from broker.domain.numbers import EnterpriseNumber, NationalNumber
from broker.domain.people import Enterprise, PersonRecord
from broker.domain.session import Identity
from broker.ports import Clock, Contacts


class Idm(Protocol):
    """Who was given which rights. Every method raises RegisterUnavailable."""

    async def granted(self, number: NationalNumber) -> Granted:
        """Return the relations, rights and administered organisations of a person."""

    async def administrators(self, number: EnterpriseNumber) -> tuple[str, ...]:
        """Return the names of an organisation's local administrators, in order."""


class Kbo(Protocol):
    """Which enterprises there are, and who holds a function in them. Every method raises RegisterUnavailable."""

    async def functions(self, number: NationalNumber) -> tuple[Held, ...]:
        """Return the functions that a person holds."""

    async def enterprise(self, number: EnterpriseNumber) -> EnterpriseDocument | None:
        """Return an enterprise, or None when KBO does not know it."""


class JoinedRegisters:
    """IDM and KBO together. Every method raises RegisterUnavailable and nothing else."""

    def __init__(self, *, idm: Idm, kbo: Kbo, clock: Clock) -> None:
        self._idm = idm
        self._kbo = kbo
        self._clock = clock

    async def person(self, identity: Identity) -> PersonRecord:
        """Return all functions, rights and organisations of a person (an empty record for somebody unknown)."""
        number = identity.national_number
        granted, functions = await asyncio.gather(self._idm.granted(number), self._kbo.functions(number))
        return person_record(granted, functions)

    async def enterprise(self, number: EnterpriseNumber) -> Enterprise | None:
        """Return an enterprise as of today, or None when KBO does not know it."""
        document = await self._kbo.enterprise(number)
        return None if document is None else document.on(self._clock.today())

    async def contacts(self, number: EnterpriseNumber, *, day: date) -> Contacts:
        """Return the names of those who may bind an organisation that day, and of its local administrators."""
        document, administrators = await asyncio.gather(self._kbo.enterprise(number), self._idm.administrators(number))
        return Contacts(
            organisation=None if document is None else document.organisation,
            representatives=() if document is None else document.representatives_on(day),
            administrators=administrators,
        )
