"""Sends the reminders of one day. Several workers, each with a connection of its own, take from one stream of people.

A message that is refused or postponed stops nobody else. A server that cannot be used at all stops the run: what was
not sent waits for the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from email.message import EmailMessage
from typing import assert_never

from mock_idp.clock import Clock
from mock_idp.mail.candidates import due_reminders
from mock_idp.mail.due import Reminder
from mock_idp.mail.ledger import Claim, Ledger, ReminderStatus
from mock_idp.mail.letters import Letters
from mock_idp.mail.sending import Accepted, Connection, Lost, Outcome, Postponed, Refused, Unreachable
from mock_idp.mail.settings import MailServer
from mock_idp.world.live import LiveWorld

WORKERS = 4
MOST_LOST_IN_A_ROW = 3
PROGRESS_EVERY = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Counts of people. `busy`: another job has the mail in hand. `refused_addresses`: of mails that did go out.

    `stopped` says why the run ended before it had seen everybody, or is None.
    """

    day: date
    due: int = 0
    sent: int = 0
    already: int = 0
    busy: int = 0
    waiting: int = 0
    failed: int = 0
    without_address: int = 0
    refused_addresses: int = 0
    stopped: str | None = None

    @property
    def is_complete(self) -> bool:
        """Nothing is left that another run of this day could still send."""
        return self.stopped is None and not self.waiting and not self.busy

    def described(self) -> dict[str, object]:
        return {**asdict(self), "day": self.day.isoformat()}

    def summary(self) -> str:
        parts = (
            (self.sent, "sent"),
            (self.already, "sent earlier"),
            (self.busy, "in hand elsewhere"),
            (self.waiting, "to be tried again"),
            (self.failed, "refused"),
            (self.without_address, "without an address"),
            (self.refused_addresses, "addresses refused"),
        )
        told = ", ".join(f"{count} {what}" for count, what in parts if count or what == "sent")
        return f"{self.day}: {self.due} due, {told}" + (f"; stopped: {self.stopped}" if self.stopped else "")


class Run:
    """One pass over everybody. Made anew for each."""

    def __init__(
        self,
        *,
        world: LiveWorld,
        clock: Clock,
        ledger: Ledger,
        letters: Letters,
        server: MailServer,
        sender: str,
        day: date,
        tell: Callable[[Report], None],
    ) -> None:
        """`tell` is called with the counts so far, now and then."""
        self._clock = clock
        self._ledger = ledger
        self._letters = letters
        self._server = server
        self._sender = sender
        self._tell = tell
        self._due = due_reminders(world, clock, day)
        self.report = Report(day=day)

    async def complete(self) -> Report:
        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(self._work()) for _ in range(WORKERS)]
        gave_up = [worker.result() for worker in workers]
        if all(gave_up):
            self.report = replace(self.report, stopped=gave_up[0])
        return self.report

    async def _work(self) -> str | None:
        """Until nobody is left; or what made this worker give up, while the others may go on."""
        lost = 0
        async with Connection(self._server, sender=self._sender) as connection:
            for claim, reminder in self._claims():
                letter = self._letters.letter(reminder, message_id=claim.message_id, at=self._clock.now())
                outcome = await self._send(connection, claim, letter, reminder.addresses)
                lost = lost + 1 if isinstance(outcome, Lost) else 0
                if isinstance(outcome, Unreachable) or lost >= MOST_LOST_IN_A_ROW:
                    return outcome.answer
        return None

    async def _send(
        self, connection: Connection, claim: Claim, letter: EmailMessage, addresses: Sequence[str]
    ) -> Outcome:
        try:
            outcome = await connection.send(letter, addresses)
        except asyncio.CancelledError:
            # The program stops: whoever starts next need not wait until the claim is stale.
            self._ledger.settle(claim, ReminderStatus.WAITING, "interrupted")
            raise
        self._settle(claim, outcome)
        return outcome

    def _claims(self) -> Iterator[tuple[Claim, Reminder]]:
        """All workers draw from the one stream of `_due`: nobody is given out twice."""
        for reminder in self._due:
            self._count("due")
            if not reminder.addresses:
                self._count("without_address")
                continue
            if self._is_settled(reminder):
                continue
            claim = self._ledger.claim(reminder.person_id, self.report.day)
            if claim is not None:
                yield claim, reminder
            elif not self._is_settled(reminder):  # not by a job that was faster by a hair
                self._count("busy")

    def _is_settled(self, reminder: Reminder) -> bool:
        match self._ledger.status(reminder.person_id, self.report.day):
            case ReminderStatus.SENT:
                self._count("already")
            case ReminderStatus.FAILED:
                self._count("failed")
            case _:
                return False
        return True

    def _settle(self, claim: Claim, outcome: Outcome) -> None:
        match outcome:
            case Accepted(refused=refused):
                self._ledger.settle(claim, ReminderStatus.SENT, outcome.answer)
                self._count("sent")
                self._count("refused_addresses", refused)
            case Refused():
                self._ledger.settle(claim, ReminderStatus.FAILED, outcome.answer)
                self._count("failed")
            case Postponed() | Lost() | Unreachable():
                self._ledger.settle(claim, ReminderStatus.WAITING, outcome.answer)
                self._count("waiting")
            case _:
                assert_never(outcome)

    def _count(self, what: str, by: int = 1) -> None:
        self.report = replace(self.report, **{what: getattr(self.report, what) + by})
        if what == "due" and self.report.due % PROGRESS_EVERY == 0:
            self._tell(self.report)
