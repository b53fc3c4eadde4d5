"""The history (*Historiek*): each change with who made it, when, about whom, and the reason given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.orm import Session

from mock_idp.clock import Clock
from mock_idp.world.tables import HistoryRow, PersonRow


class Action(StrEnum):
    PERSON_ADDED = "person-added"
    PERSON_EDITED = "person-edited"
    RELATION_ADDED = "relation-added"
    RELATION_EDITED = "relation-edited"
    RELATION_EXTENDED = "relation-extended"
    RELATION_PAUSED = "relation-paused"
    RELATION_RESUMED = "relation-resumed"
    RELATION_REMOVED = "relation-removed"
    RIGHT_GRANTED = "right-granted"
    RIGHT_EDITED = "right-edited"
    RIGHT_EXTENDED = "right-extended"
    RIGHT_REMOVED = "right-removed"
    RIGHT_REQUESTED = "right-requested"
    REQUEST_APPROVED = "request-approved"
    REQUEST_REFUSED = "request-refused"
    ADMINISTRATOR_DESIGNATED = "administrator-designated"
    ADMINISTRATOR_WITHDRAWN = "administrator-withdrawn"
    FUNCTION_ADDED = "function-added"
    FUNCTION_ENDED = "function-ended"
    FUNCTION_WITHDRAWN = "function-withdrawn"
    FUNCTION_RECORDED = "function-recorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """One transaction of somebody: the session, the clock, who acts, and the reason that was typed."""

    session: Session
    clock: Clock
    actor: PersonRow
    reason: str = ""

    def record(
        self,
        action: Action,
        person: PersonRow,
        *,
        organisation: str | None,
        before: Mapping[str, str] | None = None,
        after: Mapping[str, str] | None = None,
    ) -> None:
        """`before` and `after` are texts by name of what changed; days as yyyy-mm-dd. Never a national number."""
        self.session.flush()  # a person that was just added has an id only then
        self.session.add(
            HistoryRow(
                at=self.clock.now(),
                day=self.clock.today(),
                actor_id=self.actor.id,
                person_id=person.id,
                organisation=organisation,
                action=action.value,
                change={"before": dict(before or {}), "after": dict(after or {})},
                reason=self.reason,
            )
        )
