"""What happens to a request for an application: the order of the gate, as one pure function.

    signed in, and accepted? -> organisation chosen? -> decided -> forward, or the one thing that stands in the way

Facts that are too old never arrive here: whoever calls reads them anew first, or answers 503.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from broker.domain.decide import Cause, Decision, decide
from broker.domain.demand import Demand
from broker.domain.machine import MachineSession
from broker.domain.policy import AssuranceAtLeast, Policy, SignedInWithin
from broker.domain.session import FIRST_PROVIDER, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Nobody is signed in, or only at a provider that the application does not accept.

    `afresh` when somebody is, but not as recently as the application asks.
    """

    afresh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChooseOrganisation:
    """The person has not chosen an organisation yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUp:
    """Only the sign-in itself stands in the way: sign in again, as demanded.

    `tried` when the person has just come back from that very errand: then they are told, and not sent again. `decision`
    is a permission where the policy is content and a backend asks.
    """

    decision: Decision
    demand: Demand
    tried: bool = False


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


# Coming back from the provider and being sent there again within this time would be a loop; later it is a new need.
ONE_ERRAND = timedelta(minutes=2)


def admit(
    session: Session | MachineSession | None,
    *,
    application: str,
    policy: Policy,
    day: date,
    now: datetime,
    providers: Collection[str] = (FIRST_PROVIDER,),
) -> Outcome:
    """Return the outcome for a request to `application` on a calendar day in Brussels, at an instant.

    `providers` are the ids of those whose sign-ins the application accepts; which programs it accepts, its tokens say.
    """
    if session is None or (isinstance(session, Session) and session.identity.provider not in providers):
        return SignIn()
    if session.acting is None:
        return ChooseOrganisation()
    decision = decide(policy, application=application, facts=session.acting.facts, day=day, now=now)
    if decision.allowed:
        return Forward(decision=decision)
    if not _within_reach(decision, policy):
        return Refuse(decision=decision)
    if decision.cause is Cause.ORGANISATION_NOT_REGISTERED:
        return Register(decision=decision)
    demand = demand_of(policy)
    return StepUp(decision=decision, demand=demand, tried=just_asked(session, demand, now))


def demand_of(policy: Policy) -> Demand:
    """Return all that a policy asks of a sign-in at once, so that nobody has to sign in twice in a row."""
    demand = policy.sign_in
    for clause in policy.require:
        match clause.condition:
            case AssuranceAtLeast(level=level):
                demand = demand.joined(Demand(level=level))
            case SignedInWithin(limit=limit):
                demand = demand.joined(Demand(max_age=int(limit.total_seconds())))
            case _:
                pass
    return demand


def just_asked(session: Session | MachineSession, demand: Demand, now: datetime) -> bool:
    """Whether the person of a session has just come back from an errand with this demand, or a stricter one."""
    if isinstance(session, MachineSession) or session.asked is None:
        return False
    return session.asked.just_now(demand, now, within=ONE_ERRAND)


# What the person can cure on the spot, by signing in again or by registering the organisation.
_CURABLE = frozenset({Cause.LEVEL_TOO_LOW, Cause.SIGNED_IN_TOO_LONG_AGO, Cause.ORGANISATION_NOT_REGISTERED})


def _within_reach(decision: Decision, policy: Policy) -> bool:
    """Whether only curable requirements stand in the way: nobody is sent on an errand that cannot help."""
    openings = {clause.id for clause in policy.allow}
    failed = [step for step in decision.steps if not step.finding.holds and step.clause not in openings]
    opened = any(step.finding.holds for step in decision.steps if step.clause in openings)
    return opened and all(step.finding.cause in _CURABLE for step in failed)
