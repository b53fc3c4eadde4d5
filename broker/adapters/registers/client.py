"""Asking IDM and KBO over HTTP: the Registers port.

Bounded in time, in size and in questions at once; a read on a connection that broke is tried once more. A national
number travels in a body and never in an address. An answer that we do not understand is RegisterUnavailable, which
names the register and the path and never what it said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import msgspec

from broker.adapters.http import Answer, BackChannel, NoAnswer
from broker.adapters.registers.documents import (
    EnterpriseDocument,
    read_administrators,
    read_enterprise,
    read_person,
)
from broker.adapters.wire import NotUnderstood, read_json
from broker.domain.numbers import EnterpriseNumber, NationalNumber
from broker.domain.people import Enterprise, PersonRecord
from broker.ports import Clock, Contacts, RegisterUnavailable

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Register:
    name: str
    address: str


class HttpRegisters:
    """IDM and KBO. Every method raises RegisterUnavailable and nothing else."""

    def __init__(
        self,
        *,
        idm: str,
        kbo: str,
        token: str,
        channel: BackChannel,
        clock: Clock,
        time_limit: float = 5.0,
        questions_at_once: int = 20,
    ) -> None:
        """`idm` and `kbo` are addresses up to and with the version (`…/idm/v1`); `time_limit` is in seconds."""
        self._idm = _Register(name="IDM", address=idm.rstrip("/"))
        self._kbo = _Register(name="KBO", address=kbo.rstrip("/"))
        self._headers = {"authorization": f"Bearer {token}"}
        self._channel = channel
        self._clock = clock
        self._time_limit = time_limit
        self._places = asyncio.Semaphore(questions_at_once)

    async def person(self, number: NationalNumber) -> PersonRecord:
        """Return all functions, rights and organisations of a person (an empty record for somebody unknown)."""
        question = msgspec.json.encode({"national_number": number.digits})
        rights, functions = await asyncio.gather(
            self._ask(self._idm, "/person-rights", question=question),
            self._ask(self._kbo, "/person-functions", question=question),
        )
        return _understood(
            lambda: read_person(_content(rights), _content(functions)), "IDM /person-rights or KBO /person-functions"
        )

    async def enterprise(self, number: EnterpriseNumber) -> Enterprise | None:
        """Return an enterprise as of today, or None when KBO does not know it."""
        document = await self._enterprise(number)
        return None if document is None else document.on(self._clock.today())

    async def contacts(self, number: EnterpriseNumber, *, day: date) -> Contacts:
        """Return the names of those who may bind an organisation that day, and of its local administrators."""
        document, administrators = await asyncio.gather(self._enterprise(number), self._administrators(number))
        return Contacts(
            organisation=None if document is None else document.organisation,
            representatives=() if document is None else document.representatives_on(day),
            administrators=administrators,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._channel.aclose()

    async def _enterprise(self, number: EnterpriseNumber) -> EnterpriseDocument | None:
        answer = await self._ask(self._kbo, "/enterprises/{number}", number=number)
        if answer.status == 404:
            return None
        document = _understood(lambda: read_enterprise(_content(answer)), "KBO /enterprises/{number}")
        if document.organisation.number != number:
            raise RegisterUnavailable("KBO /enterprises/{number} answered about another enterprise")
        return document

    async def _administrators(self, number: EnterpriseNumber) -> tuple[str, ...]:
        path = "/organisations/{number}/administrators"
        answer = await self._ask(self._idm, path, number=number)
        if answer.status == 404:
            return ()
        return _understood(lambda: read_administrators(_content(answer)), f"IDM {path}")

    async def _ask(
        self, register: _Register, path: str, *, number: EnterpriseNumber | None = None, question: bytes | None = None
    ) -> Answer:
        """Return the answer: 200, or 404 when the register does not know the number in the path."""
        url = register.address + (path if number is None else path.replace("{number}", number.digits))
        try:
            async with asyncio.timeout(self._time_limit), self._places:
                answer = await self._send(url, question)
        except TimeoutError:
            raise RegisterUnavailable(f"{register.name} {path} did not answer in time") from None
        except NoAnswer as error:
            raise RegisterUnavailable(f"{register.name} {path}: {error}") from None
        # A register's own 404 is a problem document; another may come from whatever stands at a wrong address.
        unknown = answer.status == 404 and number is not None and answer.media_type == "application/problem+json"
        if answer.status != 200 and not unknown:
            raise RegisterUnavailable(f"{register.name} {path} answered {answer.status}")
        return answer

    async def _send(self, url: str, question: bytes | None) -> Answer:
        try:
            return await self._send_once(url, question)
        except NoAnswer as error:
            if not error.connection:
                raise
            return await self._send_once(url, question)

    async def _send_once(self, url: str, question: bytes | None) -> Answer:
        if question is None:
            return await self._channel.get(url, headers=self._headers)
        return await self._channel.post_json(url, question, headers=self._headers)


def _understood(read: Callable[[], T], where: str) -> T:
    try:
        return read()
    except NotUnderstood as error:
        raise RegisterUnavailable(f"{where} answered what we do not understand: {error}") from None


def _content(answer: Answer) -> object:
    return read_json(answer.body, object)
