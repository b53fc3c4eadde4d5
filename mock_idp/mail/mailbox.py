"""The messages that the catcher took, newest first. A bounded number: the oldest go."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from sqlalchemy import ColumnElement, String, cast, delete, func, select, true

from mock_idp.clock import Clock
from mock_idp.mail.contents import subject_of
from mock_idp.world.live import LiveWorld
from mock_idp.world.tables import MailRow

MOST_MESSAGES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """`received_at` is the real moment, in UTC; `received_on` the day that the mock believed it was."""

    id: int
    received_at: datetime
    received_on: date
    sender: str
    recipients: tuple[str, ...]
    subject: str
    message: bytes = field(repr=False)


class Mailbox:
    def __init__(self, world: LiveWorld, clock: Clock) -> None:
        self._world = world
        self._clock = clock

    def keep(self, *, sender: str, recipients: Sequence[str], message: bytes) -> None:
        with self._world.changing() as session:
            row = MailRow(
                received_at=self._clock.now().astimezone(UTC),
                received_on=self._clock.today(),
                sender=sender,
                recipients=list(recipients),
                subject=subject_of(message),
                message=message,
            )
            session.add(row)
            session.flush()
            session.execute(delete(MailRow).where(MailRow.id <= row.id - MOST_MESSAGES))

    def count(self, recipient: str = "") -> int:
        with self._world.reading() as session:
            return session.scalars(select(func.count(MailRow.id)).where(_to(recipient))).one()

    def newest(self, *, recipient: str = "", skip: int = 0, most: int) -> tuple[Received, ...]:
        wanted = select(MailRow).where(_to(recipient)).order_by(MailRow.id.desc()).offset(skip).limit(most)
        with self._world.reading() as session:
            return tuple(_received(row) for row in session.scalars(wanted))

    def one(self, number: int) -> Received | None:
        with self._world.reading() as session:
            row = session.get(MailRow, number)
            return None if row is None else _received(row)

    def empty(self) -> int:
        """How many there were."""
        count = self.count()
        with self._world.changing() as session:
            session.execute(delete(MailRow))
        return count


def _to(recipient: str) -> ColumnElement[bool]:
    """Any part of an address, in any case. The column is JSON, so what is sought is written as JSON writes it."""
    if not recipient:
        return true()
    return func.lower(cast(MailRow.recipients, String)).contains(json.dumps(recipient)[1:-1].lower(), autoescape=True)


def _received(row: MailRow) -> Received:
    return Received(
        id=row.id,
        received_at=row.received_at.replace(tzinfo=UTC),
        received_on=row.received_on,
        sender=row.sender,
        recipients=tuple(row.recipients),
        subject=row.subject,
        message=row.message,
    )
