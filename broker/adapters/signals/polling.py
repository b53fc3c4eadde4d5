"""Fetches events from a transmitter (poll, RFC 8936): long polls, each of which acknowledges what the last one brought.

What is acknowledged was passed on to all machines. What we could not decide is neither acknowledged nor refused, and so
comes again. One process of all polls at a time; a second one for a moment does no harm, since each event counts once.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from broker.adapters.http import BackChannel, NoAnswer
from broker.adapters.signals.lease import Lease
from broker.adapters.wire import NotUnderstood, read_json
from broker.ports import (
    AuditUnavailable,
    Measures,
    ProviderUnavailable,
    SignalRefused,
    StoreUnavailable,
)

_LEASE_PAUSE_SECONDS = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0
# Between two polls that a transmitter answers at once with nothing, against what we asked for (section 2.2).
_LEAST_BETWEEN_EMPTY = 0.5
_QUIET = 5.0  # seconds: whoever is silent for longer has a long poll, and no trouble of connecting
_log = logging.getLogger("inkom.signals")

Take = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PollSettings:
    """Where to ask, with which access token, and for how many events at once."""

    endpoint: str
    token: str | None
    max_events: int = 100


class _Fault(msgspec.Struct, frozen=True):
    err: str
    description: str


class _Answer(msgspec.Struct):
    sets: dict[str, str]


class PollFailed(Exception):
    """The transmitter did not answer as it should; the message is for the log. `late`: in time."""

    def __init__(self, trouble: str, *, late: bool = False) -> None:
        super().__init__(trouble)
        self.late = late


class Poller:
    """Polls one transmitter for as long as it runs."""

    def __init__(self, settings: PollSettings, *, channel: BackChannel, lease: Lease, measures: Measures) -> None:
        """`channel` must be patient enough for a long poll."""
        self._settings = settings
        self._channel = channel
        self._lease = lease
        self._measures = measures
        self._acknowledged: list[str] = []
        self._refused: dict[str, _Fault] = {}
        self._chance = random.SystemRandom()

    async def follow(self, take: Take) -> None:
        """Poll until cancelled, whenever the lease is ours."""
        while True:
            with suppress(StoreUnavailable):  # without Redis nothing can be passed on either
                await self._lease.hold(lambda: self._poll_on(take))
            await asyncio.sleep(_LEASE_PAUSE_SECONDS)

    async def _poll_on(self, take: Take) -> None:
        """Poll for as long as the lease is ours; after failures less and less often."""
        pause = _FIRST_PAUSE
        loop = asyncio.get_running_loop()
        self._acknowledged.clear()
        self._refused.clear()
        try:
            while True:
                began, brought, undecided = loop.time(), 0, False
                try:
                    brought, undecided = await self._poll(take)
                except PollFailed as failed:
                    if failed.late and loop.time() - began > _QUIET:
                        continue  # a long poll that was longer than our patience: nothing happened
                    _log.error("events could not be fetched: %s", failed)
                    self._measures.signalled("poll-failed")
                    undecided = True
                if undecided:
                    # Not all at the same moment, where several gateways ask one transmitter.
                    await asyncio.sleep(pause * self._chance.uniform(0.5, 1.0))
                    pause = min(pause * 2, _LONGEST_PAUSE)
                    continue
                pause = _FIRST_PAUSE
                if not brought:
                    await asyncio.sleep(max(0.0, _LEAST_BETWEEN_EMPTY - (loop.time() - began)))
        finally:
            if self._acknowledged or self._refused:
                await asyncio.shield(self._acknowledge())

    async def _poll(self, take: Take) -> tuple[int, bool]:
        """Ask once, and take in what comes: how many came, and whether it is better to wait before asking again."""
        acknowledged, refused = tuple(self._acknowledged), dict(self._refused)
        answer = await self._ask(max_events=self._settings.max_events)
        # Whoever brings again what this very question settled would be asked without end.
        again = bool(answer.sets) and answer.sets.keys() <= {*acknowledged, *refused}
        del self._acknowledged[: len(acknowledged)]
        for event_id in refused:
            self._refused.pop(event_id, None)
        undecided = again
        for event_id, token in answer.sets.items():
            undecided |= not await self._take(event_id, token, take)
        return len(answer.sets), undecided

    async def _take(self, event_id: str, token: str, take: Take) -> bool:
        try:
            await take(token.encode("utf-8", "replace"))
        except SignalRefused as refused:
            self._refused[event_id] = _Fault(refused.code, refused.detail)
        except (ProviderUnavailable, StoreUnavailable, AuditUnavailable):
            return False
        else:
            self._acknowledged.append(event_id)
        return True

    async def _acknowledge(self) -> None:
        """Say what was taken in, and ask for nothing (section 2.4.2): the last word before we stop."""
        with suppress(PollFailed):
            await self._ask(max_events=0)

    async def _ask(self, *, max_events: int) -> _Answer:
        body: dict[str, object] = {"maxEvents": max_events, "returnImmediately": max_events == 0}
        if self._acknowledged:
            body["ack"] = list(self._acknowledged)
        if self._refused:
            body["setErrs"] = dict(self._refused)
        headers = {"accept": "application/json", "content-language": "en"}
        if self._settings.token is not None:
            headers["authorization"] = f"Bearer {self._settings.token}"
        try:
            answer = await self._channel.post_json(self._settings.endpoint, msgspec.json.encode(body), headers=headers)
            if answer.status != 200:
                raise PollFailed(f"status {answer.status}")
            return read_json(answer.body, _Answer)
        except NoAnswer as error:
            raise PollFailed(str(error), late=error.late) from None
        except NotUnderstood as error:
            raise PollFailed(f"the answer is {error}") from None
