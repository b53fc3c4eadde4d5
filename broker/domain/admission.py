"""What happens to a request for an application: the order of the gate, as one pure function.

    signed in? -> organisation chosen? -> decided -> forward, or the one thing that stands in the way

Facts that are too old never arrive here: whoever calls reads them anew first, or answers 503.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from broker.domain.decide import Cause, Decision, decide
from broker.domain.machine import MachineSession
from broker.domain.people import Assurance
from broker.domain.policy import AssuranceAtLeast, Policy
from broker.domain.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Nobody is signed in. `afresh` when somebody is, but not as recently as the application asks."""

    afresh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChooseOrganisation:
    """The person has not chosen an organisation yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUp:
    """Only the level of the sign-in stands in the way: sign in again at this level."""

    decision: Decision
    level: Assurance


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """Only the organisation's registration on INKOM stands in the way."""

    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """The policy does not let this person in."""

    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """The person may pass."""

    decision: Decision


Outcome = SignIn | ChooseOrganisation | StepUp | Register | Refuse | Forward


def admit(session: Session | MachineSession | None, *, application: str, policy: Policy, day: date) -> Outcome:
    """Return the outcome for a request to `application` on a calendar day in Brussels."""
    if session is None:
        return SignIn()
    if session.acting is None:
        return ChooseOrganisation()
    decision = decide(policy, application=application, facts=session.acting.facts, day=day)
    if decision.allowed:
        return Forward(decision=decision)
    if not _within_reach(decision, policy):
        return Refuse(decision=decision)
    condition = decision.settled_by.condition
    if isinstance(condition, AssuranceAtLeast):
        return StepUp(decision=decision, level=condition.level)
    return Register(decision=decision)


# What the person can cure on the spot, by signing in again at a higher level or by registering the organisation.
_CURABLE = frozenset({Cause.LEVEL_TOO_LOW, Cause.ORGANISATION_NOT_REGISTERED})


def _within_reach(decision: Decision, policy: Policy) -> bool:
    """Whether only curable requirements stand in the way: nobody is sent on an errand that cannot help."""
    openings = {clause.id for clause in policy.allow}
    failed = [step for step in decision.steps if not step.finding.holds and step.clause not in openings]
    opened = any(step.finding.holds for step in decision.steps if step.clause in openings)
    return opened and all(step.finding.cause in _CURABLE for step in failed)
