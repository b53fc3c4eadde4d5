"""User management (IDM) as JSON over HTTP: rights of a person, local administrators of an organisation.

There is no public interface of Gebruikersbeheer; this is the form that docs/decisions/0015 describes, and that the mock
government speaks. A national number travels in a body and never in an address.
"""

from __future__ import annotations

import msgspec

from broker.adapters.http import BackChannel
from broker.adapters.registers.asking import QUESTIONS_AT_ONCE, Asking
from broker.adapters.registers.documents import read_administrators, read_rights
from broker.adapters.registers.told import Granted
from broker.adapters.wire import read_json
from broker.domain.numbers import EnterpriseNumber, NationalNumber


class JsonIdm:
    """The register of rights. Every method raises RegisterUnavailable and nothing else."""

    def __init__(
        self,
        address: str,
        *,
        token: str,
        channel: BackChannel,
        time_limit: float = 5.0,
        questions_at_once: int = QUESTIONS_AT_ONCE,
    ) -> None:
        """`address` goes up to and with the version (`…/idm/v1`)."""
        self._address = address.rstrip("/")
        self._headers = {"authorization": f"Bearer {token}"}
        self._channel = channel
        self._asking = Asking("IDM", time_limit=time_limit, questions_at_once=questions_at_once)

    async def granted(self, number: NationalNumber) -> Granted:
        """Return the relations, rights and administered organisations of a person."""
        path = "/person-rights"
        question = msgspec.json.encode({"national_number": number.digits})
        answer = await self._asking.answer(
            path, lambda: self._channel.post_json(self._address + path, question, headers=self._headers)
        )
        return self._asking.understood(path, lambda: read_rights(read_json(answer.body, object)))

    async def administrators(self, number: EnterpriseNumber) -> tuple[str, ...]:
        """Return the names of an organisation's local administrators, in order."""
        path = "/organisations/{number}/administrators"
        url = self._address + path.replace("{number}", number.digits)
        answer = await self._asking.answer(path, lambda: self._channel.get(url, headers=self._headers), by_number=True)
        if answer.status == 404:
            return ()
        return self._asking.understood(path, lambda: read_administrators(read_json(answer.body, object)))
