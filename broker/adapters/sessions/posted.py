"""Answers of providers that came as a form, in Redis: the PostedAnswers port.

An answer stands at the hash of its ticket, sealed with a key that the ticket is half of, for a minute and for one
reading. The browser's address shows the ticket only: neither the code nor the state.
"""

from __future__ import annotations

import secrets as randomness
from collections.abc import Sequence
from datetime import timedelta

import msgspec
from redis.asyncio import Redis

from broker.adapters.sessions.connection import store_errors
from broker.adapters.sessions.sealing import SealedValues, address_of

_PURPOSE = "posted"
_LIFETIME = timedelta(minutes=1)
_TICKET_LENGTH = 43  # what `token_urlsafe(32)` makes


class _Record(msgspec.Struct, frozen=True):
    provider: str
    answer: tuple[tuple[str, str], ...]


class RedisPostedAnswers:
    """Answers by ticket. Every method raises StoreUnavailable and nothing else."""

    def __init__(self, redis: Redis, *, secrets: tuple[str, ...], lifetime: timedelta = _LIFETIME) -> None:
        """`secrets` are newest first. Raises ValueError."""
        self._redis = redis
        self._answers = SealedValues(_PURPOSE, _Record, secrets=secrets)
        self._lifetime = lifetime

    async def keep(self, answer: Sequence[tuple[str, str]], *, provider: str) -> str:
        """Keep an answer and return its ticket."""
        ticket = randomness.token_urlsafe(32)
        token = ticket.encode("ascii")
        address = address_of(_PURPOSE, token)
        record = _Record(provider=provider, answer=tuple(answer))
        with store_errors():
            await self._redis.set(address, self._answers.seal(record, token=token, address=address), px=self._lifetime)
        return ticket

    async def take(self, ticket: str, *, provider: str) -> tuple[tuple[str, str], ...] | None:
        """Return the answer and forget it, exactly once."""
        if len(ticket) != _TICKET_LENGTH or not ticket.isascii():
            return None
        token = ticket.encode("ascii")
        address = address_of(_PURPOSE, token)
        with store_errors():
            sealed = await self._redis.getdel(address)
        record = self._answers.open(sealed, token=token, address=address)
        return record.answer if record is not None and record.provider == provider else None
