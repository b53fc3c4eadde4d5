"""Asking MAGDA: one half of the registers, KBO. Who we are is proven by a client certificate on the connection (TLS).

Bounded and repeated like every question to a register (`asking`). A national number travels in the body; no error, log
line or address holds one, nor anything else of an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from uuid import uuid4

from broker.adapters.http import BackChannel
from broker.adapters.registers.asking import QUESTIONS_AT_ONCE, Asking
from broker.adapters.registers.magda.answer import ReportedError
from broker.adapters.registers.magda.envelope import (
    ENTERPRISE,
    FUNCTIONS,
    Party,
    Service,
    enterprise_question,
    functions_question,
)
from broker.adapters.registers.magda.rows import read_enterprise, read_functions
from broker.adapters.registers.told import EnterpriseDocument, Held
from broker.domain.numbers import EnterpriseNumber, NationalNumber
from broker.ports import Clock, RegisterUnavailable

T = TypeVar("T")
# SOAP 1.1, section 6.1.1: the header must be there; MAGDA takes an empty one.
_HEADERS = {"content-type": "text/xml;charset=UTF-8", "soapaction": '""', "accept": "text/xml"}


class MagdaKbo:
    """The register of enterprises, by way of MAGDA. Every method raises RegisterUnavailable and nothing else."""

    def __init__(
        self,
        *,
        functions: str,
        enterprise: str,
        party: Party,
        channel: BackChannel,
        clock: Clock,
        time_limit: float = 5.0,
        questions_at_once: int = QUESTIONS_AT_ONCE,
    ) -> None:
        """`functions` and `enterprise` are the addresses of the two services; `channel` holds the certificate."""
        self._addresses = {FUNCTIONS: functions, ENTERPRISE: enterprise}
        self._party = party
        self._channel = channel
        self._clock = clock
        self._asking = Asking("KBO", time_limit=time_limit, questions_at_once=questions_at_once)

    async def functions(self, number: NationalNumber) -> tuple[Held, ...]:
        """Return the functions that a person holds. MAGDA does not name the organisations here."""
        reference = str(uuid4())
        question = functions_question(number, party=self._party, reference=reference, now=self._clock.now())
        return await self._ask(FUNCTIONS, question, lambda reply: read_functions(reply, number, reference=reference))

    async def enterprise(self, number: EnterpriseNumber) -> EnterpriseDocument | None:
        """Return an enterprise, or None when KBO does not know it."""
        reference = str(uuid4())
        question = enterprise_question(number, party=self._party, reference=reference, now=self._clock.now())
        return await self._ask(ENTERPRISE, question, lambda reply: read_enterprise(reply, number, reference=reference))

    async def _ask(self, service: Service, question: bytes, read: Callable[[bytes], T]) -> T:
        what = f"{service.name} {service.version}"
        url = self._addresses[service]
        answer = await self._asking.answer(what, lambda: self._channel.post(url, question, headers=_HEADERS))
        try:
            return self._asking.understood(what, lambda: read(answer.body))
        except ReportedError as error:
            raise RegisterUnavailable(f"KBO {what} reports error {error.code}") from None
