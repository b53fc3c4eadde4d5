"""May this person, for this organisation, use an application on this day, at this instant? One function says so.

The gateway, `inkom policy explain` and `inkom policy test` all call `decide`. It looks at every clause, so that the
answer can be explained whole, and it refuses unless every requirement holds and one opening does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import Enum
from typing import assert_never

from broker.domain.people import Facts, RelationStatus, UserRight, WorkingRelation
from broker.domain.policy import (
    AssuranceAtLeast,
    Condition,
    HoldsRight,
    IsLegalRepresentative,
    MethodIsOneOf,
    OrganisationIs,
    Policy,
    SignedInWithin,
)


class Cause(Enum):
    """Why one condition holds or does not: a closed list, each with a text in every language."""

    METHOD_ACCEPTED = "method-accepted"
    ASSURANCE_REACHED = "assurance-reached"
    SIGNED_IN_RECENTLY = "signed-in-recently"
    ORGANISATION_IN_ORDER = "organisation-in-order"
    REPRESENTS = "represents"
    RIGHT_VALID = "right-valid"

    METHOD_NOT_ACCEPTED = "method-not-accepted"
    LEVEL_TOO_LOW = "level-too-low"
    SIGNED_IN_TOO_LONG_AGO = "signed-in-too-long-ago"
    ORGANISATION_CEASED = "organisation-ceased"
    ORGANISATION_NOT_REGISTERED = "organisation-not-registered"

    KBO_LISTS_NOBODY = "kbo-lists-nobody"
    FUNCTION_MISSING = "function-missing"
    FUNCTION_DOES_NOT_REPRESENT = "function-does-not-represent"
    FUNCTION_NOT_YET_VALID = "function-not-yet-valid"
    FUNCTION_ENDED = "function-ended"

    RIGHT_MISSING = "right-missing"
    RIGHT_ELSEWHERE = "right-elsewhere"
    WRONG_PROFILE = "wrong-profile"
    RELATION_MISSING = "relation-missing"
    RELATION_PENDING = "relation-pending"
    RELATION_PAUSED = "relation-paused"
    RELATION_NOT_YET_VALID = "relation-not-yet-valid"
    RELATION_ENDED = "relation-ended"
    RIGHT_NOT_YET_VALID = "right-not-yet-valid"
    RIGHT_EXPIRED = "right-expired"


# The nearer a road came to opening, the more useful it is as the reason: missing < other organisation < wrong profile <
# relation not active < not yet valid < expired. A failed function ranks below any right.
_NEARNESS = {
    Cause.KBO_LISTS_NOBODY: 0,
    Cause.FUNCTION_MISSING: 0,
    Cause.FUNCTION_DOES_NOT_REPRESENT: 1,
    Cause.FUNCTION_NOT_YET_VALID: 2,
    Cause.FUNCTION_ENDED: 3,
    Cause.RIGHT_MISSING: 4,
    Cause.RIGHT_ELSEWHERE: 5,
    Cause.WRONG_PROFILE: 6,
    Cause.RELATION_MISSING: 7,
    Cause.RELATION_PENDING: 8,
    Cause.RELATION_PAUSED: 9,
    Cause.RELATION_NOT_YET_VALID: 10,
    Cause.RELATION_ENDED: 11,
    Cause.RIGHT_NOT_YET_VALID: 12,
    Cause.RIGHT_EXPIRED: 13,
}


class Role(Enum):
    """By which road the person is in, as backends read it."""

    LEGAL_REPRESENTATIVE = "legal-representative"
    USER = "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one condition came to: whether it holds, why, and the day, the right or the age that made it so.

    `holds_until` is the last instant at which it holds, where seconds count and not days.
    """

    holds: bool
    cause: Cause
    day: date | None = None
    right: UserRight | None = None
    profile: str | None = None
    age: timedelta | None = None
    holds_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One clause and what it came to."""

    clause: str
    condition: Condition
    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer with all its steps.

    `reason` is the clause that settled it (the opening that matched, or the requirement that failed); when no opening
    matched it is the nearest miss, as the word of its cause. `cause` is always from the closed list.
    """

    allowed: bool
    reason: str
    cause: Cause
    application: str
    organisation: str
    day: date
    policy: str
    version: str
    steps: tuple[Step, ...]
    settled_by: Step
    role: Role | None = None

    @property
    def valid_until(self) -> datetime | None:
        """The last instant of `day` at which the same facts give the same answer; None for the whole day.

        No answer becomes better by waiting within a day, so a refusal has no such instant.
        """
        ends = [step.finding.holds_until for step in self.steps if step.finding.holds_until is not None]
        return min(ends, default=None) if self.allowed else None


def decide(policy: Policy, *, application: str, facts: Facts, day: date, now: datetime) -> Decision:
    """Decide about one application on one calendar day in Brussels, at one instant. Never raises for any facts.

    Rights and functions are judged by the day, and the age of the sign-in by the instant.
    """
    requirements = tuple(_step(clause.id, clause.condition, facts, day, now) for clause in policy.require)
    openings = tuple(_step(clause.id, clause.condition, facts, day, now) for clause in policy.allow)

    def answer(*, allowed: bool, reason: str, settled_by: Step) -> Decision:
        return Decision(
            allowed=allowed,
            reason=reason,
            cause=settled_by.finding.cause,
            application=application,
            organisation=facts.organisation.digits,
            day=day,
            policy=policy.id,
            version=policy.version,
            steps=requirements + openings,
            settled_by=settled_by,
            role=_role(settled_by) if allowed else None,
        )

    for step in requirements:
        if not step.finding.holds:
            return answer(allowed=False, reason=step.clause, settled_by=step)
    for step in openings:
        if step.finding.holds:
            return answer(allowed=True, reason=step.clause, settled_by=step)
    nearest = max(openings, key=lambda step: _NEARNESS[step.finding.cause])
    return answer(allowed=False, reason=nearest.finding.cause.value, settled_by=nearest)


def _step(clause: str, condition: Condition, facts: Facts, day: date, now: datetime) -> Step:
    return Step(clause=clause, condition=condition, finding=_examine(condition, facts, day, now))


def _role(step: Step) -> Role:
    return Role.LEGAL_REPRESENTATIVE if isinstance(step.condition, IsLegalRepresentative) else Role.USER


def _examine(condition: Condition, facts: Facts, day: date, now: datetime) -> Finding:
    match condition:
        case MethodIsOneOf():
            holds = facts.method is not None and facts.method in condition.methods
            return Finding(holds=holds, cause=Cause.METHOD_ACCEPTED if holds else Cause.METHOD_NOT_ACCEPTED)
        case AssuranceAtLeast():
            holds = facts.assurance is not None and facts.assurance >= condition.level
            return Finding(holds=holds, cause=Cause.ASSURANCE_REACHED if holds else Cause.LEVEL_TOO_LOW)
        case SignedInWithin():
            return _age(condition, facts, now)
        case OrganisationIs():
            return _organisation(condition, facts)
        case IsLegalRepresentative():
            return _representation(facts, day)
        case HoldsRight():
            return _right(condition, facts, day)
        case _:
            assert_never(condition)


def _age(condition: SignedInWithin, facts: Facts, now: datetime) -> Finding:
    if facts.authenticated_at is None:
        return Finding(holds=False, cause=Cause.SIGNED_IN_TOO_LONG_AGO)
    # A provider whose clock is ahead of ours is not refused: its `auth_time` was held against the leeway at sign-in.
    age = max(now - facts.authenticated_at, timedelta(0))
    if age > condition.limit:
        return Finding(holds=False, cause=Cause.SIGNED_IN_TOO_LONG_AGO, age=age)
    return Finding(
        holds=True,
        cause=Cause.SIGNED_IN_RECENTLY,
        age=age,
        holds_until=facts.authenticated_at + condition.limit,
    )


def _organisation(condition: OrganisationIs, facts: Facts) -> Finding:
    if condition.active and not facts.active:
        return Finding(holds=False, cause=Cause.ORGANISATION_CEASED)
    if condition.registered and not facts.registered:
        return Finding(holds=False, cause=Cause.ORGANISATION_NOT_REGISTERED)
    return Finding(holds=True, cause=Cause.ORGANISATION_IN_ORDER)


def _representation(facts: Facts, day: date) -> Finding:
    held = [function for function in facts.functions if function.organisation == facts.organisation]
    representing = [function for function in held if function.represents]
    if any(function.period.holds_on(day) for function in representing):
        return Finding(holds=True, cause=Cause.REPRESENTS)
    ends = [one.period.until for one in representing if one.period.until and one.period.ended_before(day)]
    if ends:
        return Finding(holds=False, cause=Cause.FUNCTION_ENDED, day=max(ends))
    if representing:
        first = min(function.period.begins for function in representing)
        return Finding(holds=False, cause=Cause.FUNCTION_NOT_YET_VALID, day=first)
    if held:
        return Finding(holds=False, cause=Cause.FUNCTION_DOES_NOT_REPRESENT)
    if not facts.has_representative:
        return Finding(holds=False, cause=Cause.KBO_LISTS_NOBODY)
    return Finding(holds=False, cause=Cause.FUNCTION_MISSING)


def _right(condition: HoldsRight, facts: Facts, day: date) -> Finding:
    names = {condition.name, *condition.predecessors}
    findings = [_one_right(right, condition, facts, day) for right in facts.rights if right.name in names]
    for finding in findings:
        if finding.holds:
            return finding
    missing = Finding(holds=False, cause=Cause.RIGHT_MISSING)
    return max([missing, *findings], key=lambda one: (_NEARNESS[one.cause], one.day or date.min))


def _one_right(right: UserRight, condition: HoldsRight, facts: Facts, day: date) -> Finding:
    """Go from the farthest miss to the nearest, so that the first check that fails is the reason."""
    if right.organisation != facts.organisation:
        return Finding(holds=False, cause=Cause.RIGHT_ELSEWHERE, right=right)
    profile = next((one for one in condition.profiles if one in right.profiles), None)
    if profile is None:
        return Finding(holds=False, cause=Cause.WRONG_PROFILE, right=right)
    relation = _relation(right.relation, day)
    if relation is not None:
        return replace(relation, right=right)
    if right.period.begins_after(day):
        return Finding(holds=False, cause=Cause.RIGHT_NOT_YET_VALID, day=right.period.begins, right=right)
    if right.period.ended_before(day):
        return Finding(holds=False, cause=Cause.RIGHT_EXPIRED, day=right.period.until, right=right)
    return Finding(holds=True, cause=Cause.RIGHT_VALID, day=right.period.until, right=right, profile=profile)


def _relation(relation: WorkingRelation | None, day: date) -> Finding | None:
    """Return what is wrong with a working relation that day, if anything is."""
    if relation is None:
        return Finding(holds=False, cause=Cause.RELATION_MISSING)
    if relation.status is RelationStatus.PENDING:
        return Finding(holds=False, cause=Cause.RELATION_PENDING)
    if relation.status is RelationStatus.PAUSED:
        return Finding(holds=False, cause=Cause.RELATION_PAUSED)
    if relation.period.begins_after(day):
        return Finding(holds=False, cause=Cause.RELATION_NOT_YET_VALID, day=relation.period.begins)
    if relation.period.ended_before(day):
        return Finding(holds=False, cause=Cause.RELATION_ENDED, day=relation.period.until)
    return None
