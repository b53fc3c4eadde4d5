"""What is typed about a right: its days, and the profiles that go from the list *Beschikbaar* to *Geselecteerd*.

The lists work as forms: a button sends everything that was typed, and the same page comes back with the profile moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mock_idp.days import Period
from mock_idp.idm import rules
from mock_idp.idm.counter import Turn
from mock_idp.idm.rules import Problem, RuleBrokenError
from mock_idp.world.facts import RightKind
from pagekit.languages import message

ADD, TAKE_AWAY = "toevoegen", "verwijderen"  # values of the buttons named `doen`


@dataclass(frozen=True, slots=True, kw_only=True)
class RightForm:
    """What the fields hold. `ticked` are profiles that are ticked in either list, and not moved yet."""

    first: str
    last: str
    profiles: tuple[str, ...]
    reason: str = ""
    ticked: Sequence[str] = field(default=())


def typed_form(turn: Turn, kind: RightKind) -> RightForm:
    """The form as it is after the button that was pressed. Forged profiles stay in it, for the rules to refuse."""
    chosen, added, removed = (_texts(turn, name) for name in ("profiles", "erbij", "eruit"))
    pressed = turn.fields.get("doen", "")
    if pressed == ADD:
        chosen, added = [*chosen, *(one for one in added if one not in chosen)], []
    elif pressed == TAKE_AWAY:
        chosen, removed = [one for one in chosen if one not in removed], []
    return RightForm(
        first=turn.fields.get("first", ""),
        last=turn.fields.get("last", ""),
        profiles=tuple(sorted(chosen, key=lambda one: _place(kind, one))),
        reason=turn.fields.get("reason", ""),
        ticked=(*added, *removed),
    )


def is_moving(turn: Turn) -> bool:
    """Whether a button of the lists was pressed, so that the form isn't finished."""
    return turn.fields.get("doen") in (ADD, TAKE_AWAY)


def moving_problems(turn: Turn) -> list[Problem]:
    """A button was pressed with nothing ticked in its list."""
    name = {ADD: "erbij", TAKE_AWAY: "eruit"}.get(turn.fields.get("doen", ""), "")
    if not name or _texts(turn, name):
        return []
    return [Problem(field="profiles", text=message("First tick a profile in the list, then press the button."))]


def read_right(form: RightForm) -> Period:
    """The days, when they are days and nothing ticked is left behind. Raises RuleBrokenError."""
    problems: list[Problem] = []
    days = {}
    for name, text in (("first", form.first), ("last", form.last)):
        try:
            days[name] = rules.read_day(name, text)
        except RuleBrokenError as broken:
            problems += broken.problems
    if form.ticked:
        problems.append(
            Problem(
                field="profiles",
                text=message("You ticked %(profile)s. Press the button below that list to move it, or untick it."),
                values={"profile": ", ".join(form.ticked)},
            )
        )
    rules.require(problems)
    return Period(first=days["first"], last=days["last"])


def _texts(turn: Turn, name: str) -> list[str]:
    return [value for value in turn.form.getlist(name) if isinstance(value, str)]


def _place(kind: RightKind, profile: str) -> int:
    return kind.profiles.index(profile) if profile in kind.profiles else len(kind.profiles)
