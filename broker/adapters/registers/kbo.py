"""KBO as JSON over HTTP: functions of a person, an enterprise and who may bind it. The mock government speaks it.

The government's own way to KBO is `magda`. A national number travels in a body and never in an address.
"""

from __future__ import annotations

import msgspec

from broker.adapters.http import BackChannel
from broker.adapters.registers.asking import QUESTIONS_AT_ONCE, Asking
from broker.adapters.registers.documents import read_enterprise, read_functions
from broker.adapters.registers.told import EnterpriseDocument, Held
from broker.adapters.wire import read_json
from broker.domain.numbers import EnterpriseNumber, NationalNumber
from broker.ports import RegisterUnavailable


class JsonKbo:
    """The register of enterprises. Every method raises RegisterUnavailable and nothing else."""

    def __init__(
        self,
        address: str,
        *,
        token: str,
        channel: BackChannel,
        time_limit: float = 5.0,
        questions_at_once: int = QUESTIONS_AT_ONCE,
    ) -> None:
        """`address` goes up to and with the version (`…/kbo/v1`)."""
        self._address = address.rstrip("/")
        self._headers = {"authorization": f"Bearer {token}"}
        self._channel = channel
        self._asking = Asking("KBO", time_limit=time_limit, questions_at_once=questions_at_once)

    async def functions(self, number: NationalNumber) -> tuple[Held, ...]:
        """Return the functions that a person holds."""
        path = "/person-functions"
        question = msgspec.json.encode({"national_number": number.digits})
        answer = await self._asking.answer(
            path, lambda: self._channel.post_json(self._address + path, question, headers=self._headers)
        )
        return self._asking.understood(path, lambda: read_functions(read_json(answer.body, object)))

    async def enterprise(self, number: EnterpriseNumber) -> EnterpriseDocument | None:
        """Return an enterprise, or None when KBO does not know it."""
        path = "/enterprises/{number}"
        url = self._address + path.replace("{number}", number.digits)
        answer = await self._asking.answer(path, lambda: self._channel.get(url, headers=self._headers), by_number=True)
        if answer.status == 404:
            return None
        document = self._asking.understood(path, lambda: read_enterprise(read_json(answer.body, object)))
        if document.organisation.number != number:
            raise RegisterUnavailable(f"KBO {path} answered about another enterprise")
        return document
