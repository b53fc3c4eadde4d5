"""Asking a register over HTTP: bounded in time and in questions at once, and once more when the connection broke.

What a question looks like and how its answer is read is each register's own (`idm`, `kbo`, `magda`). Whatever goes
wrong is RegisterUnavailable, which names the register and the question and never what was said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from broker.adapters.http import Answer, NoAnswer, read_by
from broker.adapters.wire import NotUnderstood
from broker.ports import RegisterUnavailable

T = TypeVar("T")
QUESTIONS_AT_ONCE = 20


class Asking:
    """Asks the questions of one register. Every method raises RegisterUnavailable and nothing else."""

    def __init__(self, name: str, *, time_limit: float = 5.0, questions_at_once: int = QUESTIONS_AT_ONCE) -> None:
        """`name` stands in errors (`IDM`, `KBO`); `time_limit` is in seconds, waiting for a place included."""
        self._name = name
        self._time_limit = time_limit
        self._places = asyncio.Semaphore(questions_at_once)

    async def answer(self, what: str, send: Callable[[], Awaitable[Answer]], *, by_number: bool = False) -> Answer:
        """Return the answer to a question that only reads: 200, or 404 when the register does not know the number."""
        try:
            async with asyncio.timeout(self._time_limit), self._places:
                answer = await read_by(send)
        except TimeoutError:
            raise RegisterUnavailable(f"{self._name} {what} did not answer in time") from None
        except NoAnswer as error:
            raise RegisterUnavailable(f"{self._name} {what}: {error}") from None
        # A register's own 404 is a problem document; another may come from whatever stands at a wrong address.
        unknown = answer.status == 404 and by_number and answer.media_type == "application/problem+json"
        if answer.status != 200 and not unknown:
            raise RegisterUnavailable(f"{self._name} {what} answered {answer.status}")
        return answer

    def understood(self, what: str, read: Callable[[], T]) -> T:
        """Return what was read from an answer."""
        try:
            return read()
        except NotUnderstood as error:
            raise RegisterUnavailable(f"{self._name} {what} answered what we do not understand: {error}") from None
