"""The sentences for operators: one for every cause, complete, and without a person's number."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from broker.domain.decide import Cause, Finding, Step, decide
from broker.domain.explain import because, wanted
from broker.domain.people import Assurance, Facts, RelationStatus, SignInMethod
from broker.domain.policy import (
    AssuranceAtLeast,
    Condition,
    HoldsRight,
    MethodIsOneOf,
    OrganisationIs,
    Requirement,
    SignedInWithin,
)
from tests.broker.domain.world import (
    DAY,
    NOON,
    OTHER_ENTERPRISE,
    POLICY,
    SERVICE_PROVIDER,
    facts,
    function,
    period,
    relation,
    right,
)

REPRESENTATION, HOLDS_RIGHT = POLICY.allow[0].condition, POLICY.allow[1].condition


def sentences(about: Facts) -> dict[str, str]:
    decision = decide(POLICY, application="kmo-portefeuille", facts=about, day=DAY, now=NOON)
    return {step.clause: because(step, about) for step in decision.steps}


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_has_a_sentence_without_gaps(cause: Cause) -> None:
    step = Step(
        clause="any",
        condition=HOLDS_RIGHT,
        finding=Finding(holds=False, cause=cause, day=DAY, right=right(), profile="Gebruiker"),
    )
    sentence = because(step, facts())
    assert sentence
    assert "None" not in sentence
    assert "{" not in sentence


@pytest.mark.parametrize(
    ("change", "clause", "sentence"),
    [
        ({}, "sign-in-method", "signed in by itsme; wanted is one of app, eid, federal-token, itsme, sms"),
        (
            {"method": None},
            "sign-in-method",
            "signed in by an unknown method; wanted is one of app, eid, federal-token, itsme, sms",
        ),
        ({}, "organisation-active", "1999.999.943 is active in KBO and registered on INKOM"),
        ({"active": False}, "organisation-active", "1999.999.943 is not active in KBO"),
        (
            {"functions": (function("10021"),)},
            "legal-representative",
            "holds a function in KBO for 1999.999.943, but one that does not represent it",
        ),
        (
            {"rights": (right(),)},
            "inkom-user",
            "has 'VLAIO Inkom Gebruiker Nieuw' with profile 'Gebruiker' for 1999.999.943, until 2022-06-26",
        ),
        (
            {"rights": (right(period=period(until=None)),)},
            "inkom-user",
            "has 'VLAIO Inkom Gebruiker Nieuw' with profile 'Gebruiker' for 1999.999.943, without end",
        ),
        (
            {},
            "inkom-user",
            "has no right 'VLAIO Inkom Gebruiker Nieuw' or 'VLAIO Inkom Gebruiker' with profile 'Gebruiker'",
        ),
        (
            {"rights": (right(organisation=OTHER_ENTERPRISE),)},
            "inkom-user",
            "has 'VLAIO Inkom Gebruiker Nieuw' for 1999.999.844, but not for 1999.999.943",
        ),
        (
            {"rights": (right(profiles=(SERVICE_PROVIDER,)),)},
            "inkom-user",
            "has 'VLAIO Inkom Gebruiker Nieuw' with profile 'Dienstverlener kmo-portefeuille'; wanted is right "
            "'VLAIO Inkom Gebruiker Nieuw' or 'VLAIO Inkom Gebruiker' with profile 'Gebruiker'",
        ),
        (
            {"rights": (right(relation=relation(status=RelationStatus.PAUSED)),)},
            "inkom-user",
            "has 'VLAIO Inkom Gebruiker Nieuw', but the working relation with 1999.999.943 is paused",
        ),
    ],
)
def test_a_sentence_says_what_was_found(change: dict[str, Any], clause: str, sentence: str) -> None:
    assert sentences(facts(**change))[clause] == sentence


def test_a_right_without_profiles_is_told_as_such() -> None:
    assert "with no profile;" in sentences(facts(rights=(right(profiles=()),)))["inkom-user"]


def test_a_name_with_braces_is_only_a_name() -> None:
    odd = replace(right(profiles=("{organisation}",)))
    assert "profile '{organisation}'" in sentences(facts(rights=(odd,)))["inkom-user"]


@pytest.mark.parametrize("assurance", [None, Assurance.LOW])
def test_a_level_is_told_in_a_word(assurance: Assurance | None) -> None:
    step = Step(
        clause="level",
        condition=AssuranceAtLeast(level=Assurance.HIGH),
        finding=Finding(holds=False, cause=Cause.LEVEL_TOO_LOW),
    )
    told = "low" if assurance else "an unknown"
    assert because(step, facts(assurance=assurance)) == f"signed in at {told} level; wanted is at least high"


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (MethodIsOneOf(methods=frozenset({SignInMethod.SMS, SignInMethod.APP})), "one of app, sms"),
        (OrganisationIs(active=True, registered=False), "active in KBO"),
        (OrganisationIs(active=False, registered=True), "registered on INKOM"),
        (REPRESENTATION, "a function in KBO that represents"),
        (HoldsRight(name="A", predecessors=(), profiles=("B", "C")), "right 'A' with profile 'B' or 'C'"),
    ],
)
def test_what_a_condition_asks_is_told_in_a_few_words(condition: Condition, words: str) -> None:
    assert wanted(condition) == words


@pytest.mark.parametrize(
    ("ago", "sentence"),
    [
        (timedelta(minutes=20), "signed in 20 minutes ago; wanted is at most 1 hour ago"),
        (timedelta(hours=2), "signed in 2 hours ago; wanted is at most 1 hour ago"),
        (timedelta(seconds=61), "signed in 61 seconds ago; wanted is at most 1 hour ago"),
        (timedelta(0), "signed in 0 seconds ago; wanted is at most 1 hour ago"),
        (None, "signed in at an unknown time; wanted is at most 1 hour ago"),
    ],
)
def test_an_age_is_told_in_words(ago: timedelta | None, sentence: str) -> None:
    age = Requirement(id="age", condition=SignedInWithin(limit=timedelta(hours=1)))
    about = facts(authenticated_at=None if ago is None else NOON - ago)
    policy = replace(POLICY, require=(age,))
    decision = decide(policy, application="kmo-portefeuille", facts=about, day=DAY, now=NOON)
    assert because(decision.steps[0], about) == sentence
