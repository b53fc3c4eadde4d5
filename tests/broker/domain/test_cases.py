"""Test cases of a policy: what passes, and how a difference is told."""

from dataclasses import replace
from datetime import timedelta

import pytest

from broker.domain.cases import Case, Expected, judge, misses_of, reasons
from broker.domain.decide import Cause
from broker.domain.people import Assurance, SignInMethod
from broker.domain.policy import AssuranceAtLeast, Condition, MethodIsOneOf, OrganisationIs, SignedInWithin
from tests.broker.domain.world import DAY, POLICY, facts, function, right

REPRESENTATIVE = facts(functions=(function(),))


def case(expected: Expected) -> Case:
    return Case(name="A representative", day=DAY, facts=REPRESENTATIVE, expected=expected)


@pytest.mark.parametrize(
    "expected",
    [
        Expected(allowed=True, reason="legal-representative"),
        Expected(allowed=True, reason="legal-representative", cause=Cause.REPRESENTS),
        Expected(allowed=True, reason="legal-representative", steps=(("inkom-user", Cause.RIGHT_MISSING),)),
    ],
)
def test_a_case_passes_when_all_that_it_expects_came_true(expected: Expected) -> None:
    verdict = judge(POLICY, case(expected))
    assert verdict.passed
    assert verdict.differences == ()


@pytest.mark.parametrize(
    ("expected", "difference"),
    [
        (
            Expected(allowed=False, reason="right-expired"),
            "expected refused, right-expired; got allowed, legal-representative",
        ),
        (
            Expected(allowed=True, reason="inkom-user"),
            "expected allowed, inkom-user; got allowed, legal-representative",
        ),
        (
            Expected(allowed=True, reason="legal-representative", cause=Cause.RIGHT_VALID),
            "expected the cause right-valid; got represents",
        ),
        (
            Expected(allowed=True, reason="legal-representative", steps=(("inkom-user", Cause.RIGHT_VALID),)),
            "expected inkom-user to come to right-valid; got right-missing",
        ),
        (
            Expected(allowed=True, reason="legal-representative", steps=(("other", Cause.RIGHT_VALID),)),
            "expected other to come to right-valid; got no such clause",
        ),
    ],
)
def test_a_difference_says_expected_and_got(expected: Expected, difference: str) -> None:
    verdict = judge(POLICY, case(expected))
    assert not verdict.passed
    assert verdict.differences == (difference,)


def test_the_reasons_of_a_policy_are_its_openings_or_its_requirements_and_misses() -> None:
    assert reasons(POLICY, allowed=True) == ("legal-representative", "inkom-user")
    refusals = reasons(POLICY, allowed=False)
    assert refusals[:2] == ("sign-in-method", "organisation-active")
    assert "right-expired" in refusals
    assert "kbo-lists-nobody" in refusals


def test_a_condition_knows_for_which_causes_it_may_fail() -> None:
    assert misses_of(MethodIsOneOf(methods=frozenset({SignInMethod.EID}))) == (Cause.METHOD_NOT_ACCEPTED,)
    assert misses_of(AssuranceAtLeast(level=Assurance.HIGH)) == (Cause.LEVEL_TOO_LOW,)
    assert misses_of(OrganisationIs(active=True, registered=False)) == (Cause.ORGANISATION_CEASED,)
    assert misses_of(OrganisationIs(active=False, registered=True)) == (Cause.ORGANISATION_NOT_REGISTERED,)
    both = OrganisationIs(active=True, registered=True)
    assert misses_of(both) == (Cause.ORGANISATION_CEASED, Cause.ORGANISATION_NOT_REGISTERED)


def test_every_cause_is_either_good_or_the_miss_of_some_condition() -> None:
    good = {
        Cause.SIGNED_IN_RECENTLY,
        Cause.METHOD_ACCEPTED,
        Cause.ASSURANCE_REACHED,
        Cause.ORGANISATION_IN_ORDER,
        Cause.REPRESENTS,
        Cause.RIGHT_VALID,
    }
    conditions = [clause.condition for clause in POLICY.require] + [clause.condition for clause in POLICY.allow]
    others: list[Condition] = [AssuranceAtLeast(level=Assurance.HIGH), SignedInWithin(limit=timedelta(minutes=5))]
    misses = {cause for one in [*conditions, *others] for cause in misses_of(one)}
    assert misses | good == set(Cause)
    assert not misses & good


def test_which_application_is_asked_for_makes_no_difference() -> None:
    user = Case(
        name="A user", day=DAY, facts=facts(rights=(right(),)), expected=Expected(allowed=True, reason="inkom-user")
    )
    turned = replace(POLICY, applications=POLICY.applications[::-1])
    assert judge(POLICY, user).passed
    assert judge(turned, user).passed
