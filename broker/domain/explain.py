"""Why a clause holds or not, as an English sentence for operators: `inkom policy explain`, failed tests of a policy.

What a citizen reads is written elsewhere, in the page texts, keyed by the same causes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import assert_never

from broker.domain.decide import Cause, Step
from broker.domain.people import Facts
from broker.domain.policy import (
    AssuranceAtLeast,
    Condition,
    HoldsRight,
    IsLegalRepresentative,
    MethodIsOneOf,
    OrganisationIs,
    SignedInWithin,
)

_SENTENCES = {
    Cause.METHOD_ACCEPTED: "signed in by {method}; wanted is {wanted}",
    Cause.METHOD_NOT_ACCEPTED: "signed in by {method}; wanted is {wanted}",
    Cause.ASSURANCE_REACHED: "signed in at {level} level; wanted is {wanted}",
    Cause.LEVEL_TOO_LOW: "signed in at {level} level; wanted is {wanted}",
    Cause.SIGNED_IN_RECENTLY: "signed in {age}; wanted is {wanted}",
    Cause.SIGNED_IN_TOO_LONG_AGO: "signed in {age}; wanted is {wanted}",
    Cause.ORGANISATION_IN_ORDER: "{organisation} is {wanted}",
    Cause.ORGANISATION_CEASED: "{organisation} is not active in KBO",
    Cause.ORGANISATION_NOT_REGISTERED: "{organisation} is not registered on INKOM",
    Cause.REPRESENTS: "holds a function in KBO that represents {organisation}",
    Cause.KBO_LISTS_NOBODY: "KBO lists nobody who represents {organisation}",
    Cause.FUNCTION_MISSING: "holds no function in KBO for {organisation}",
    Cause.FUNCTION_DOES_NOT_REPRESENT: "holds a function in KBO for {organisation}, but one that does not represent it",
    Cause.FUNCTION_NOT_YET_VALID: "the function in KBO for {organisation} begins on {day}",
    Cause.FUNCTION_ENDED: "the function in KBO for {organisation} ended on {day}",
    Cause.RIGHT_VALID: "has '{right}' with profile '{profile}' for {organisation}, {until}",
    Cause.RIGHT_MISSING: "has no {wanted}",
    Cause.RIGHT_ELSEWHERE: "has '{right}' for {elsewhere}, but not for {organisation}",
    Cause.WRONG_PROFILE: "has '{right}' with {profiles}; wanted is {wanted}",
    Cause.RELATION_MISSING: "has '{right}', but no working relation with {organisation}",
    Cause.RELATION_PENDING: "has '{right}', but the working relation with {organisation} is pending",
    Cause.RELATION_PAUSED: "has '{right}', but the working relation with {organisation} is paused",
    Cause.RELATION_NOT_YET_VALID: "has '{right}', but the working relation with {organisation} begins on {day}",
    Cause.RELATION_ENDED: "has '{right}', but the working relation with {organisation} ended on {day}",
    Cause.RIGHT_NOT_YET_VALID: "has '{right}' for {organisation}, but it begins on {day}",
    Cause.RIGHT_EXPIRED: "had '{right}' for {organisation}, but it expired on {day}",
}


def because(step: Step, facts: Facts) -> str:
    """Return the sentence for one step of a decision about these facts."""
    finding, right = step.finding, step.finding.right
    return _SENTENCES[finding.cause].format(
        wanted=wanted(step.condition),
        organisation=facts.organisation.dotted,
        method=facts.method.value if facts.method else "an unknown method",
        level=facts.assurance.word if facts.assurance else "an unknown",
        age="at an unknown time" if finding.age is None else f"{in_words(finding.age)} ago",
        day=finding.day,
        until=f"until {finding.day}" if finding.day else "without end",
        right=right.name if right else None,
        elsewhere=right.organisation.dotted if right else None,
        profiles=f"profile {_either(right.profiles)}" if right and right.profiles else "no profile",
        profile=finding.profile,
    )


def wanted(condition: Condition) -> str:
    """Return what a condition asks, in a few words."""
    match condition:
        case MethodIsOneOf():
            return "one of " + ", ".join(sorted(method.value for method in condition.methods))
        case AssuranceAtLeast():
            return f"at least {condition.level.word}"
        case SignedInWithin():
            return f"at most {in_words(condition.limit)} ago"
        case OrganisationIs():
            both = (("active in KBO", condition.active), ("registered on INKOM", condition.registered))
            return " and ".join(words for words, asked in both if asked)
        case IsLegalRepresentative():
            return "a function in KBO that represents"
        case HoldsRight():
            names = _either((condition.name, *condition.predecessors))
            return f"right {names} with profile {_either(condition.profiles)}"
        case _:
            assert_never(condition)


def in_words(length: timedelta) -> str:
    """Return a length of time in its largest whole unit, such as `20 minutes`."""
    seconds = int(length.total_seconds())
    for name, unit in (("hour", 3600), ("minute", 60)):
        if seconds and seconds % unit == 0:
            return _several(seconds // unit, name)
    return _several(seconds, "second")


def _several(count: int, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"


def _either(words: Iterable[str]) -> str:
    return " or ".join(f"'{word}'" for word in words)
