"""Every cause, and which of several misses is the reason. The policy is the shipped one, written out in world.py."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from broker.domain.decide import Cause, Decision, Role, decide
from broker.domain.people import Assurance, Facts, RelationStatus, SignInMethod
from broker.domain.policy import AssuranceAtLeast, MethodIsOneOf, OrganisationIs, Policy, Requirement, SignedInWithin
from tests.broker.domain.world import (
    DAY,
    ENTERPRISE,
    NOON,
    OLD_RIGHT,
    OTHER_ENTERPRISE,
    POLICY,
    SERVICE_PROVIDER,
    USER,
    facts,
    function,
    period,
    relation,
    right,
)


def decided(about: Facts, *, day: date = DAY, policy: Policy = POLICY) -> Decision:
    return decide(policy, application="kmo-portefeuille", facts=about, day=day, now=NOON)


def test_a_legal_representative_needs_no_right() -> None:
    decision = decided(facts(functions=(function(),)))
    assert (decision.allowed, decision.reason, decision.role) == (
        True,
        "legal-representative",
        Role.LEGAL_REPRESENTATIVE,
    )


def test_a_user_is_let_in_by_the_right_and_the_decision_says_which() -> None:
    decision = decided(facts(rights=(right(),)))
    assert (decision.allowed, decision.reason, decision.role) == (True, "inkom-user", Role.USER)
    finding = decision.settled_by.finding
    assert (finding.right, finding.profile, finding.day) == (right(), USER, date(2022, 6, 26))


def test_a_representative_who_also_has_a_right_is_in_as_representative() -> None:
    decision = decided(facts(functions=(function(),), rights=(right(),)))
    assert decision.role is Role.LEGAL_REPRESENTATIVE
    assert [step.finding.holds for step in decision.steps] == [True, True, True, True]


def test_a_decision_names_what_it_is_about() -> None:
    decision = decided(facts())
    assert (decision.application, decision.organisation, decision.day) == ("kmo-portefeuille", ENTERPRISE.digits, DAY)
    assert (decision.policy, decision.version, decision.role) == ("inkom", "0123456789ab", None)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"name": "VLAIO Inkom Gebruiker Nieuwer"}, Cause.RIGHT_MISSING),
        ({"name": "vlaio inkom gebruiker nieuw"}, Cause.RIGHT_MISSING),
        ({"organisation": OTHER_ENTERPRISE}, Cause.RIGHT_ELSEWHERE),
        ({"profiles": (SERVICE_PROVIDER,)}, Cause.WRONG_PROFILE),
        ({"profiles": ()}, Cause.WRONG_PROFILE),
        ({"relation": None}, Cause.RELATION_MISSING),
        ({"relation": relation(status=RelationStatus.PENDING)}, Cause.RELATION_PENDING),
        ({"relation": relation(status=RelationStatus.PAUSED)}, Cause.RELATION_PAUSED),
        ({"relation": relation(period=period("2022-06-27", None))}, Cause.RELATION_NOT_YET_VALID),
        ({"relation": relation(period=period(until="2022-06-25"))}, Cause.RELATION_ENDED),
        ({"period": period("2022-06-27", "2026-06-27")}, Cause.RIGHT_NOT_YET_VALID),
        ({"period": period(until="2022-06-25")}, Cause.RIGHT_EXPIRED),
    ],
)
def test_a_right_that_misses_something_is_refused_with_what_it_misses(change: dict[str, Any], cause: Cause) -> None:
    decision = decided(facts(rights=(right(**change),)))
    assert (decision.allowed, decision.cause, decision.reason) == (False, cause, cause.value)


@pytest.mark.parametrize(
    ("change", "day"),
    [
        ({"period": period("2022-06-27", "2026-06-27")}, "2022-06-27"),
        ({"period": period(until="2022-06-25")}, "2022-06-25"),
        ({"relation": relation(period=period("2022-06-28", None))}, "2022-06-28"),
        ({"relation": relation(period=period(until="2022-06-24"))}, "2022-06-24"),
    ],
)
def test_a_refusal_by_date_names_the_date(change: dict[str, Any], day: str) -> None:
    assert decided(facts(rights=(right(**change),))).settled_by.finding.day == date.fromisoformat(day)


@pytest.mark.parametrize(
    ("functions", "cause"),
    [
        ((), Cause.FUNCTION_MISSING),
        ((function(organisation=OTHER_ENTERPRISE),), Cause.FUNCTION_MISSING),
        ((function("10021"),), Cause.FUNCTION_DOES_NOT_REPRESENT),
        ((function(period=period("2022-06-27", None)),), Cause.FUNCTION_NOT_YET_VALID),
        ((function(period=period(until="2022-06-25")),), Cause.FUNCTION_ENDED),
        ((function(),), Cause.REPRESENTS),
        ((function("10021"), function(period=period(until="2022-06-25")), function("10006")), Cause.REPRESENTS),
    ],
)
def test_a_function_is_judged_by_code_organisation_and_day(functions: tuple[Any, ...], cause: Cause) -> None:
    step = decided(facts(functions=functions)).steps[2]
    assert (step.clause, step.finding.cause) == ("legal-representative", cause)


def test_of_several_former_functions_the_last_day_is_told() -> None:
    ended = tuple(function(period=period(until=until)) for until in ("2020-01-01", "2021-01-01", "2019-01-01"))
    assert decided(facts(functions=ended)).steps[2].finding.day == date(2021, 1, 1)


def test_of_several_future_functions_the_first_day_is_told() -> None:
    future = tuple(function(period=period(begins, None)) for begins in ("2024-01-01", "2023-01-01", "2025-01-01"))
    assert decided(facts(functions=future)).steps[2].finding.day == date(2023, 1, 1)


def test_kbo_may_list_nobody_at_all() -> None:
    assert decided(facts(has_representative=False)).steps[2].finding.cause is Cause.KBO_LISTS_NOBODY


def test_the_reason_is_the_nearest_miss() -> None:
    misses = [
        right(organisation=OTHER_ENTERPRISE),
        right(profiles=(SERVICE_PROVIDER,)),
        right(relation=relation(status=RelationStatus.PAUSED)),
        right(period=period("2022-06-27", None)),
        right(period=period(until="2022-06-25")),
    ]
    causes = [
        Cause.RIGHT_ELSEWHERE,
        Cause.WRONG_PROFILE,
        Cause.RELATION_PAUSED,
        Cause.RIGHT_NOT_YET_VALID,
        Cause.RIGHT_EXPIRED,
    ]
    for count, cause in enumerate(causes, start=1):
        rights = tuple(misses[:count])
        assert decided(facts(rights=rights)).cause is cause
        assert decided(facts(rights=rights[::-1])).cause is cause


def test_of_two_expired_rights_the_one_that_ended_last_is_told() -> None:
    rights = tuple(right(period=period(until=until)) for until in ("2021-01-01", "2022-01-01", "2020-01-01"))
    assert decided(facts(rights=rights)).settled_by.finding.day == date(2022, 1, 1)


def test_the_older_name_opens_too() -> None:
    assert decided(facts(rights=(right(name=OLD_RIGHT),))).allowed


def test_a_local_administrator_has_no_access_by_that_alone() -> None:
    assert decided(facts(administrator=True)).cause is Cause.RIGHT_MISSING


@pytest.mark.parametrize(
    ("change", "clause", "cause"),
    [
        ({"method": None}, "sign-in-method", Cause.METHOD_NOT_ACCEPTED),
        ({"active": False}, "organisation-active", Cause.ORGANISATION_CEASED),
        ({"registered": False}, "organisation-active", Cause.ORGANISATION_NOT_REGISTERED),
        ({"active": False, "registered": False}, "organisation-active", Cause.ORGANISATION_CEASED),
        ({"method": None, "active": False}, "sign-in-method", Cause.METHOD_NOT_ACCEPTED),
    ],
)
def test_the_first_requirement_that_fails_is_the_reason_for_a_representative_too(
    change: dict[str, Any], clause: str, cause: Cause
) -> None:
    decision = decided(facts(functions=(function(),), rights=(right(),), **change))
    assert (decision.allowed, decision.reason, decision.cause) == (False, clause, cause)
    assert len(decision.steps) == 4


@pytest.mark.parametrize(
    ("assurance", "cause"),
    [
        (None, Cause.LEVEL_TOO_LOW),
        (Assurance.LOW, Cause.LEVEL_TOO_LOW),
        (Assurance.SUBSTANTIAL, Cause.ASSURANCE_REACHED),
        (Assurance.HIGH, Cause.ASSURANCE_REACHED),
    ],
)
def test_a_level_is_reached_or_exceeded(assurance: Assurance | None, cause: Cause) -> None:
    level = Requirement(id="level", condition=AssuranceAtLeast(level=Assurance.SUBSTANTIAL))
    policy = replace(POLICY, require=(level,))
    decision = decided(facts(functions=(function(),), assurance=assurance), policy=policy)
    assert decision.steps[0].finding.cause is cause
    assert decision.allowed is (cause is Cause.ASSURANCE_REACHED)


def test_a_method_that_the_policy_does_not_name_is_refused() -> None:
    only_eid = Requirement(id="eid", condition=MethodIsOneOf(methods=frozenset({SignInMethod.EID})))
    policy = replace(POLICY, require=(only_eid,))
    assert not decided(facts(functions=(function(),)), policy=policy).allowed
    assert decided(facts(functions=(function(),), method=SignInMethod.EID), policy=policy).allowed


def test_a_requirement_of_one_half_does_not_look_at_the_other() -> None:
    for wanted, change in (
        (OrganisationIs(active=True, registered=False), {"registered": False}),
        (OrganisationIs(active=False, registered=True), {"active": False}),
    ):
        policy = replace(POLICY, require=(Requirement(id="organisation", condition=wanted),))
        assert decided(facts(functions=(function(),), **change), policy=policy).allowed


def test_a_right_may_be_required_of_a_representative_as_well() -> None:
    also = Requirement(id="also", condition=POLICY.allow[1].condition)
    policy = replace(POLICY, require=(also,))
    assert decided(facts(functions=(function(),)), policy=policy).reason == "also"
    assert decided(facts(functions=(function(),), rights=(right(),)), policy=policy).reason == "legal-representative"


def test_a_right_works_until_the_end_of_its_last_day_and_not_the_day_after() -> None:
    about = facts(rights=(right(),))
    assert decided(about, day=DAY).allowed
    assert decided(about, day=DAY + timedelta(days=1)).cause is Cause.RIGHT_EXPIRED
    assert decided(about, day=date(2018, 6, 26)).allowed
    assert decided(about, day=date(2018, 6, 25)).cause is Cause.RELATION_NOT_YET_VALID


@pytest.mark.parametrize(
    ("minutes", "cause"),
    [
        (0, Cause.SIGNED_IN_RECENTLY),
        (-1, Cause.SIGNED_IN_RECENTLY),  # the provider's clock is ahead of ours
        (15, Cause.SIGNED_IN_RECENTLY),
        (15.01, Cause.SIGNED_IN_TOO_LONG_AGO),
        (None, Cause.SIGNED_IN_TOO_LONG_AGO),
    ],
)
def test_the_age_of_the_sign_in_is_counted_from_when_the_provider_says_it_was(
    minutes: float | None, cause: Cause
) -> None:
    age = Requirement(id="age", condition=SignedInWithin(limit=timedelta(minutes=15)))
    then = None if minutes is None else NOON - timedelta(minutes=minutes)
    decision = decided(facts(functions=(function(),), authenticated_at=then), policy=replace(POLICY, require=(age,)))
    assert decision.steps[0].finding.cause is cause
    assert decision.allowed is (cause is Cause.SIGNED_IN_RECENTLY)
    assert decision.valid_until == (then + timedelta(minutes=15) if then and decision.allowed else None)
