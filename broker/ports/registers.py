"""What is known of people and organisations elsewhere, and which of these are registered on INKOM."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from broker.domain.numbers import EnterpriseNumber
from broker.domain.people import Enterprise, Organisation, PersonRecord
from broker.domain.registration import Registration
from broker.domain.session import Identity


class Registers(Protocol):
    """IDM and KBO, or what stands in their place. Every method raises RegisterUnavailable."""

    async def person(self, identity: Identity) -> PersonRecord:
        """Return all functions, rights and organisations of a person (an empty record for somebody unknown)."""

    async def enterprise(self, number: EnterpriseNumber) -> Enterprise | None:
        """Return an enterprise as of today, or None when KBO does not know it."""

    async def contacts(self, number: EnterpriseNumber, *, day: date) -> Contacts:
        """Return who can help in an organisation that day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacts:
    """Names of the people who can help in an organisation; not `known` when there is no register that has them."""

    organisation: Organisation | None
    representatives: tuple[str, ...] = ()
    administrators: tuple[str, ...] = ()
    known: bool = True


class Registrations(Protocol):
    """Which organisations are registered on INKOM. Every method raises RegistrationsUnavailable."""

    async def find(self, number: EnterpriseNumber) -> Registration | None:
        """Return an organisation's registration, if there is one."""

    async def register(self, registration: Registration) -> Registration:
        """Store a registration unless there is one, and return the one in force: the first wins, on all machines."""

    def all(self, *, since: datetime | None = None) -> AsyncIterator[Registration]:
        """Return the registrations made since an instant, oldest first."""

    async def ping(self) -> None:
        """Return when the database works and has the tables of this version."""

    async def aclose(self) -> None:
        """Close what is open."""
