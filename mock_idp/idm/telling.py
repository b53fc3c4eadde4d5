"""What pages say about a person, in words: their history, their ways of signing in, what they can enter now."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from mock_idp.acm.methods import Method
from mock_idp.clock import BRUSSELS
from mock_idp.idm.history import Action
from mock_idp.idm.standing import Standing, standing_of_right
from mock_idp.world.tables import HistoryRow, RelationRow
from pagekit.languages import message

# What opens the measures: the right of the guide, and the name that it had before.
INKOM_RIGHTS = ("VLAIO Inkom Gebruiker Nieuw", "VLAIO Inkom Gebruiker")
INKOM_PROFILE = "Gebruiker"
MEASURES = ("kmo-portefeuille", "Ecologiepremie Plus")  # as the guide's last slide of the demo lists them

_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})")

ACTIONS = {
    Action.PERSON_ADDED: message("Person added"),
    Action.PERSON_EDITED: message("Person changed"),
    Action.RELATION_ADDED: message("Working relation added"),
    Action.RELATION_EDITED: message("Working relation changed"),
    Action.RELATION_EXTENDED: message("Working relation and user rights extended"),
    Action.RELATION_PAUSED: message("Working relation paused"),
    Action.RELATION_RESUMED: message("Working relation resumed"),
    Action.RELATION_REMOVED: message("Working relation removed"),
    Action.RIGHT_GRANTED: message("User right granted"),
    Action.RIGHT_EDITED: message("User right changed"),
    Action.RIGHT_EXTENDED: message("User right extended"),
    Action.RIGHT_REMOVED: message("User right removed"),
    Action.RIGHT_REQUESTED: message("User right asked for"),
    Action.REQUEST_APPROVED: message("Request approved"),
    Action.REQUEST_REFUSED: message("Request refused"),
    Action.ADMINISTRATOR_DESIGNATED: message("Designated as local administrator"),
    Action.ADMINISTRATOR_WITHDRAWN: message("Withdrawn as local administrator"),
    Action.FUNCTION_ADDED: message("Function reported to KBO"),
    Action.FUNCTION_ENDED: message("End of a function reported to KBO"),
    Action.FUNCTION_WITHDRAWN: message("Report to KBO withdrawn"),
    Action.FUNCTION_RECORDED: message("Report recorded by KBO"),
}
FIELDS = {
    "name": message("Name"),
    "call_name": message("Call name"),
    "initials": message("Initials"),
    "category": message("Category"),
    "first": message("Begin date"),
    "last": message("End date"),
    "phone": message("Phone number"),
    "email": message("E-mail address"),
    "status": message("Status"),
    "right": message("User right"),
    "rights": message("User rights"),
    "profiles": message("Profile"),
    "level": message("Kind"),
    "function": message("Function"),
}
# What the line is about: shown even when it is the same before and after.
NAMING = ("right", "function")
VALUES = {
    ("status", "active"): message("active"),
    ("status", "paused"): message("paused"),
    ("status", "pending"): message("pending"),
    ("level", "main"): message("main local administrator"),
    ("level", "local"): message("local administrator"),
}
METHODS = {
    Method.EID: message("eID and connected card reader"),
    Method.ITSME: "itsme®",
    Method.FEDERAL_TOKEN: message("Federal token"),
    Method.APP: message("Security code by mobile app"),
    Method.SMS: message("Security code by SMS"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """Either a word of ours, a message id, or (`is_typed`) what somebody typed, to be shown as it is."""

    text: str
    is_typed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that changed: a message id, and its values, none where there was or is nothing."""

    field: str
    before: Value | None
    after: Value | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of *Historiek*."""

    at: datetime
    actor: str
    action: str
    differences: Sequence[Difference]
    reason: str


def event(row: HistoryRow) -> Event:
    """The mock's own day, with the time of the real one."""
    at = row.at.replace(tzinfo=UTC).astimezone(BRUSSELS)
    before, after = row.change.get("before", {}), row.change.get("after", {})
    return Event(
        at=datetime.combine(row.day, at.timetz()),
        actor="" if row.actor is None else row.actor.name,
        action=ACTIONS[Action(row.action)],
        differences=[
            Difference(
                field=FIELDS.get(name, name),
                before=_value(name, before.get(name)),
                after=_value(name, after.get(name)),
            )
            for name in dict.fromkeys([*before, *after])
            if before.get(name) != after.get(name) or name in NAMING
        ],
        reason=row.reason,
    )


def opens(relations: Sequence[RelationRow], today: date) -> tuple[str, ...]:
    """What an INKOM right in one of these relations gives access to today; nothing without one that is in force."""
    held = [
        right
        for relation in relations
        for right in relation.rights
        if right.name in INKOM_RIGHTS
        and INKOM_PROFILE in right.profiles
        and standing_of_right(right, today) is Standing.VALID
    ]
    return MEASURES if held else ()


def _value(name: str, value: str | None) -> Value | None:
    if not value:
        return None
    word = VALUES.get((name, value))
    return Value(text=_DAY.sub(r"\3/\2/\1", value) if word is None else word, is_typed=word is None)
