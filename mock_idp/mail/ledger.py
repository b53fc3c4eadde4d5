"""Which reminder was sent on which day: one for a person and a day, whoever runs the job, and however often.

Claim, send, settle. A claim is one statement, so that of two jobs at once only one gets it. A job that dies between
claim and settlement leaves a claim that goes stale and is taken over: **at least once**. In the rare case that it died
after the server had said yes, the second copy bears the same Message-ID, by which mail systems recognise it. At most
once would instead lose the day's mail whenever a job dies, and the person would not be told.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from enum import StrEnum

from sqlalchemy import and_, or_, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import IntegrityError

from mock_idp.clock import Clock
from mock_idp.world.live import LiveWorld
from mock_idp.world.tables import ReminderRow

# Longer than one attempt can last (`sending.LONGEST_ATTEMPT`), so that a job that is alive is never robbed.
STALE_AFTER = timedelta(minutes=10)
_LONGEST_ANSWER = 300


class ReminderStatus(StrEnum):
    """`WAITING`: a temporary failure; the next job of that day tries again."""

    CLAIMED = "claimed"
    SENT = "sent"
    WAITING = "waiting"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to send one reminder. `attempt` tells a claim from one that took it over."""

    person_id: int
    day: date
    attempt: int
    message_id: str


class Ledger:
    def __init__(self, world: LiveWorld, clock: Clock, *, domain: str) -> None:
        """`domain` is the right-hand side of each Message-ID."""
        self._world = world
        self._clock = clock
        self._domain = domain

    def status(self, person_id: int, day: date) -> ReminderStatus | None:
        wanted = select(ReminderRow.status).where(ReminderRow.person_id == person_id, ReminderRow.day == day)
        with self._world.reading() as session:
            found = session.scalars(wanted).one_or_none()
        return None if found is None else ReminderStatus(found)

    def claim(self, person_id: int, day: date) -> Claim | None:
        """None when it was sent, when it failed for good, or when another job has it in hand."""
        now = self._clock.now().astimezone(UTC)
        new = insert(ReminderRow).values(
            person_id=person_id,
            day=day,
            status=ReminderStatus.CLAIMED.value,
            message_id=f"<{secrets.token_hex(16)}@{self._domain}>",
            claimed_at=now,
            attempts=1,
        )
        claim = new.on_conflict_do_update(
            index_elements=[ReminderRow.person_id, ReminderRow.day],
            set_={
                "status": ReminderStatus.CLAIMED.value,
                "claimed_at": now,
                "attempts": ReminderRow.attempts + 1,
            },
            where=or_(
                ReminderRow.status == ReminderStatus.WAITING.value,
                and_(
                    ReminderRow.status == ReminderStatus.CLAIMED.value,
                    ReminderRow.claimed_at < now - STALE_AFTER,
                ),
            ),
        ).returning(ReminderRow.attempts, ReminderRow.message_id)
        try:
            with self._world.changing() as session:
                claimed = session.execute(claim).one_or_none()
        except IntegrityError:
            return None  # the person went: the world was planted anew by another process
        if claimed is None:
            return None
        return Claim(person_id=person_id, day=day, attempt=claimed[0], message_id=claimed[1])

    def settle(self, claim: Claim, status: ReminderStatus, answer: str = "") -> None:
        """Nothing happens when another job took the claim over meanwhile. `answer` is what the mail server said."""
        with self._world.changing() as session:
            session.execute(
                update(ReminderRow)
                .where(
                    ReminderRow.person_id == claim.person_id,
                    ReminderRow.day == claim.day,
                    ReminderRow.attempts == claim.attempt,
                    ReminderRow.status == ReminderStatus.CLAIMED.value,
                )
                .values(status=status.value, answer=answer[:_LONGEST_ANSWER])
            )
