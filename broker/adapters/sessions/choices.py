"""The organisation that each person chose last: the LastChoices port.

A national number has too little chance in it to be hashed plainly: whoever holds a copy of Redis could try them all. So
the record's token is a keyed pseudonym, and the key is not in Redis.
"""

from __future__ import annotations

from datetime import timedelta

from redis.asyncio import Redis

from broker.adapters.sessions.connection import store_errors
from broker.adapters.sessions.sealing import Sealing, address_of
from broker.domain.identity_headers import pseudonym
from broker.domain.numbers import EnterpriseNumber, InvalidNumberError, NationalNumber

_PURPOSE = "choice"
_LIFETIME = timedelta(days=365)


class RedisChoices:
    """Last choices by person. Every method raises StoreUnavailable and nothing else."""

    def __init__(self, redis: Redis, *, secrets: tuple[str, ...], pseudonym_key: bytes) -> None:
        """`secrets` are newest first. Raises ValueError."""
        self._redis = redis
        self._sealing = Sealing(_PURPOSE, secrets=secrets)
        self._key = pseudonym_key

    async def remember(self, number: NationalNumber, organisation: EnterpriseNumber) -> None:
        """Remember a choice, for a year after it was made last."""
        token, address = self._place(number)
        sealed = self._sealing.seal(organisation.digits.encode(), token=token, address=address)
        with store_errors():
            await self._redis.set(address, sealed, px=_LIFETIME)

    async def recall(self, number: NationalNumber) -> EnterpriseNumber | None:
        """Return the last choice, if it is known."""
        token, address = self._place(number)
        with store_errors():
            sealed = await self._redis.get(address)
        record = self._sealing.open(sealed, token=token, address=address) if isinstance(sealed, bytes) else None
        try:
            return None if record is None else EnterpriseNumber(record.decode("ascii", "replace"))
        except InvalidNumberError:
            return None

    def _place(self, number: NationalNumber) -> tuple[bytes, str]:
        token = pseudonym(number, application="last choice", key=self._key).encode()
        return token, address_of(_PURPOSE, token)
