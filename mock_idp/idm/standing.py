"""How a right stands on a day, in the words of its page: valid, not begun, over, or held up by its working relation."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from mock_idp.world.facts import RelationStatus
from mock_idp.world.tables import RelationRow, RightRow
from pagekit.languages import message


class Standing(StrEnum):
    VALID = "valid"
    NOT_BEGUN = "not-begun"
    EXPIRED = "expired"
    PAUSED = "paused"
    PENDING = "pending"

    @property
    def word(self) -> str:
        return WORDS[self]

    @property
    def tone(self) -> str:
        """The colour of a badge."""
        return {"valid": "success", "expired": "error", "paused": "warning"}.get(self.value, "neutral")


WORDS = {
    Standing.VALID: message("valid"),
    Standing.NOT_BEGUN: message("not begun yet"),
    Standing.EXPIRED: message("expired"),
    Standing.PAUSED: message("paused"),
    Standing.PENDING: message("pending"),
}


def standing_of_relation(relation: RelationRow, today: date) -> Standing:
    if relation.last < today:
        return Standing.EXPIRED
    match RelationStatus(relation.status):
        case RelationStatus.PAUSED:
            return Standing.PAUSED
        case RelationStatus.PENDING:
            return Standing.PENDING
        case RelationStatus.ACTIVE:
            return Standing.NOT_BEGUN if today < relation.first else Standing.VALID


def standing_of_right(right: RightRow, today: date) -> Standing:
    """A right stands no better than its relation."""
    if right.last < today:
        return Standing.EXPIRED
    of_relation = standing_of_relation(right.relation, today)
    if of_relation is not Standing.VALID:
        return of_relation
    return Standing.NOT_BEGUN if today < right.first else Standing.VALID
