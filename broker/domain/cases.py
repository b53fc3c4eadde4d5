"""Test cases of a policy: facts and a day, the answer they must get, and the answer they do get.

The answer comes from `decide`, as everywhere. Where cases are written down is `adapters/policy_files.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import assert_never

from broker.domain.decide import Cause, Decision, decide
from broker.domain.people import Facts
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The answer that a case must get. `steps` may say of single clauses what they must come to."""

    allowed: bool
    reason: str
    cause: Cause | None = None
    steps: tuple[tuple[str, Cause], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case: what is known, on which day, and what must follow."""

    name: str
    day: date
    facts: Facts
    expected: Expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one case came to; `differences` is empty when it passed, and else says expected against got."""

    case: Case
    decision: Decision
    differences: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the answer was the expected one."""
        return not self.differences


def noon(day: date) -> datetime:
    """Return the instant at which a written case is judged; how long ago somebody signed in is counted back from it."""
    return datetime.combine(day, time(12), UTC)


def judge(policy: Policy, case: Case) -> Verdict:
    """Decide one case; which of the policy's applications is asked for makes no difference."""
    now = noon(case.day)
    decision = decide(policy, application=policy.applications[0], facts=case.facts, day=case.day, now=now)
    return Verdict(case=case, decision=decision, differences=tuple(_differences(case.expected, decision)))


def answer(*, allowed: bool, reason: str) -> str:
    """Return an answer in few words, such as `refused, right-expired`."""
    return f"{'allowed' if allowed else 'refused'}, {reason}"


def _differences(expected: Expected, decision: Decision) -> list[str]:
    found: list[str] = []
    wanted = answer(allowed=expected.allowed, reason=expected.reason)
    got = answer(allowed=decision.allowed, reason=decision.reason)
    if wanted != got:
        found.append(f"expected {wanted}; got {got}")
    if expected.cause not in {None, decision.cause}:
        found.append(f"expected the cause {expected.cause.value}; got {decision.cause.value}")
    causes = {step.clause: step.finding.cause for step in decision.steps}
    for clause, cause in expected.steps:
        if causes.get(clause) is not cause:
            got = causes[clause].value if clause in causes else "no such clause"
            found.append(f"expected {clause} to come to {cause.value}; got {got}")
    return found


def reasons(policy: Policy, *, allowed: bool) -> tuple[str, ...]:
    """Return every reason that the policy can give for one of the two answers."""
    if allowed:
        return tuple(clause.id for clause in policy.allow)
    misses = [cause.value for clause in policy.allow for cause in misses_of(clause.condition)]
    return (*(clause.id for clause in policy.require), *dict.fromkeys(misses))


def misses_of(condition: Condition) -> tuple[Cause, ...]:
    """Return every cause for which a condition may fail."""
    match condition:
        case MethodIsOneOf():
            return (Cause.METHOD_NOT_ACCEPTED,)
        case AssuranceAtLeast():
            return (Cause.LEVEL_TOO_LOW,)
        case SignedInWithin():
            return (Cause.SIGNED_IN_TOO_LONG_AGO,)
        case OrganisationIs():
            ceased = (Cause.ORGANISATION_CEASED,) if condition.active else ()
            return (*ceased, Cause.ORGANISATION_NOT_REGISTERED) if condition.registered else ceased
        case IsLegalRepresentative():
            return (
                Cause.KBO_LISTS_NOBODY,
                Cause.FUNCTION_MISSING,
                Cause.FUNCTION_DOES_NOT_REPRESENT,
                Cause.FUNCTION_NOT_YET_VALID,
                Cause.FUNCTION_ENDED,
            )
        case HoldsRight():
            return (
                Cause.RIGHT_MISSING,
                Cause.RIGHT_ELSEWHERE,
                Cause.WRONG_PROFILE,
                Cause.RELATION_MISSING,
                Cause.RELATION_PENDING,
                Cause.RELATION_PAUSED,
                Cause.RELATION_NOT_YET_VALID,
                Cause.RELATION_ENDED,
                Cause.RIGHT_NOT_YET_VALID,
                Cause.RIGHT_EXPIRED,
            )
        case _:
            assert_never(condition)
