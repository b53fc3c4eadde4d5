"""How long KBO takes to record what it is told: five working days at most (guide), or what was set on the page.

What was told before the setting changed keeps the day that it was given.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy.orm import Session

from mock_idp.kbo.working_days import after_working_days
from mock_idp.world.tables import MarkRow

LONGEST = 5
CHOICES = tuple(range(LONGEST + 1))
_MARK = "kbo_working_days"


class Term:
    """`default` is in force until another is chosen, and again after a reset of the world."""

    def __init__(self, default: int) -> None:
        if default not in CHOICES:
            raise ValueError(f"from 0 to {LONGEST} working days")
        self._default = default

    def working_days(self, session: Session) -> int:
        mark = session.get(MarkRow, _MARK)
        return self._default if mark is None else int(mark.value)

    def choose(self, session: Session, working_days: int) -> None:
        """In the caller's transaction; raises ValueError."""
        if working_days not in CHOICES:
            raise ValueError(f"from 0 to {LONGEST} working days")
        session.merge(MarkRow(name=_MARK, value=str(working_days)))

    def public_from(self, session: Session, today: date) -> date:
        """The day on which everybody sees what KBO is told today."""
        return after_working_days(today, self.working_days(session))
