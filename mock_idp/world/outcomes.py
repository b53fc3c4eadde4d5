"""The `outcome` of a person in `world.yaml`: what the story expects at each application, and for which reason.

The reasons are a closed list, so that a typing error cannot make a story that no test could ever meet.
"""

from __future__ import annotations

from mock_idp.strict_yaml import Fields, Place
from mock_idp.world.facts import Outcome

REASONS_TO_ALLOW = frozenset({"legal-representative", "inkom-user"})
REASONS_TO_REFUSE = frozenset(
    {
        "right-missing",
        "right-elsewhere",
        "wrong-profile",
        "relation-paused",
        "relation-pending",
        "relation-ended",
        "right-not-yet-valid",
        "right-expired",
        "organisation-ceased",
        "organisation-not-registered",
        "no-organisation",
    }
)


def read_outcomes(place: Place, applications: tuple[str, ...]) -> tuple[Outcome, ...]:
    """One for each application, none left out."""
    fields = Fields(place)
    outcomes = tuple(_outcome(name, fields.required(name)) for name in applications)
    fields.finish()
    return outcomes


def _outcome(application: str, place: Place) -> Outcome:
    fields = Fields(place)
    expect, reason = fields.required("expect"), fields.required("reason")
    fields.finish()
    allowed = {"allowed": True, "refused": False}.get(expect.text())
    if allowed is None:
        raise expect.problem("'expect' is 'allowed' or 'refused'")
    if reason.text() not in (REASONS_TO_ALLOW if allowed else REASONS_TO_REFUSE):
        raise reason.problem(f"{reason.text()!r} is not a reason for {expect.text()!r}")
    return Outcome(application=application, allowed=allowed, reason=reason.text())
