"""Reads and writes registrations. The first of an organisation stays; nothing here changes or removes one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from broker.adapters.registrations.database import SECONDS, Database, told_apart
from broker.adapters.registrations.tables import REGISTRATIONS
from broker.domain.numbers import EnterpriseNumber
from broker.domain.people import Organisation
from broker.domain.registration import Contact, ContactField, Registration
from broker.ports import RegistrationsUnavailable

_AT_ONCE = 500  # rows in one transaction of an import, and fetched at once for an export


class SqlRegistrations:
    """Fulfils the port `Registrations`. Connects when it is first used."""

    def __init__(self, database: Database) -> None:
        self._file = database.file
        self._engine = database.engine()
        # SQLite waits for a lock no longer than its engine says; its thread could not be interrupted anyway.
        self._seconds = SECONDS if database.file is None else None

    async def find(self, number: EnterpriseNumber) -> Registration | None:
        """Return an organisation's registration, if there is one."""
        async with self._reading() as connection:
            chosen = select(REGISTRATIONS).where(REGISTRATIONS.c.number == number.digits)
            row = (await connection.execute(chosen)).mappings().first()
        return _registration(row) if row is not None else None

    async def register(self, registration: Registration) -> Registration:
        """Store a registration unless there is one, and return the one in force."""
        try:
            async with self._writing() as connection:
                await connection.execute(insert(REGISTRATIONS).values(_row(registration)))
        except IntegrityError:  # somebody was first
            pass
        in_force = await self.find(registration.organisation.number)
        if in_force is None:
            raise RegistrationsUnavailable("the registrations database does not keep what is written to it")
        return in_force

    async def register_all(self, registrations: Sequence[Registration]) -> int:
        """Store many, those that are there already excepted, and return how many were stored."""
        stored = 0
        for begins in range(0, len(registrations), _AT_ONCE):
            some = registrations[begins : begins + _AT_ONCE]
            async with self._reading() as connection:
                numbers = [one.organisation.number.digits for one in some]
                chosen = select(REGISTRATIONS.c.number).where(REGISTRATIONS.c.number.in_(numbers))
                known = set((await connection.scalars(chosen)).all())
            new = [one for one in some if one.organisation.number.digits not in known]
            stored += await self._store(new)
        return stored

    async def _store(self, registrations: Sequence[Registration]) -> int:
        if not registrations:
            return 0
        try:
            async with self._writing() as connection:
                await connection.execute(insert(REGISTRATIONS), [_row(one) for one in registrations])
        except IntegrityError:  # somebody registered one of them in this very moment: each by itself, then
            return sum([await self.register(one) == one for one in registrations])
        return len(registrations)

    async def all(self, *, since: datetime | None = None) -> AsyncIterator[Registration]:
        """Return the registrations made since an instant, oldest first."""
        chosen = select(REGISTRATIONS).order_by(REGISTRATIONS.c.registered_at, REGISTRATIONS.c.number)
        if since is not None:
            chosen = chosen.where(REGISTRATIONS.c.registered_at >= since)
        with told_apart():
            self._require_file()
            async with self._engine.connect() as connection:
                streaming = await connection.stream(chosen, execution_options={"yield_per": _AT_ONCE})
                async for row in streaming.mappings():
                    yield _registration(row)

    async def count(self) -> int:
        """Return how many there are."""
        async with self._reading() as connection:
            return (await connection.execute(select(func.count()).select_from(REGISTRATIONS))).scalar_one()

    async def ping(self) -> None:
        """Return when the database works and has every column of this version."""
        async with self._reading() as connection:
            await connection.execute(select(REGISTRATIONS).where(REGISTRATIONS.c.number == ""))

    async def aclose(self) -> None:
        """Close what is open."""
        await self._engine.dispose()

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        with told_apart():
            self._require_file()
            async with asyncio.timeout(self._seconds), self._engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        """One transaction. Raises IntegrityError as it is: a number that is there already is an answer."""
        with told_apart(but=IntegrityError):
            self._require_file()
            async with asyncio.timeout(self._seconds), self._engine.begin() as connection:
                yield connection

    def _require_file(self) -> None:
        """SQLite would make a file that is not there: empty, and for everybody to read."""
        if self._file is not None and not self._file.exists():
            raise RegistrationsUnavailable(
                f"there is no {self._file}: `inkom serve` makes it, and `inkom registrations migrate`"
            )


def _row(registration: Registration) -> dict[str, Any]:
    contact = registration.contact
    return {
        "number": registration.organisation.number.digits,
        "name": _storable(registration.organisation.name),
        **{field.value: _storable(getattr(contact, field.value)) for field in ContactField},
        "registered_by": _storable(registration.registered_by),
        "registered_by_name": _storable(registration.registered_by_name),
        "registered_at": registration.registered_at,
    }


def _storable(text: str) -> str:
    """PostgreSQL takes no NUL and no half of a pair; a name from a register must not stop a registration."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _registration(row: RowMapping) -> Registration:
    return Registration(
        organisation=Organisation(number=EnterpriseNumber(row["number"]), name=row["name"]),
        contact=Contact(**{field.value: row[field.value] for field in ContactField}),
        registered_by=row["registered_by"],
        registered_by_name=row["registered_by_name"],
        registered_at=row["registered_at"],
    )
