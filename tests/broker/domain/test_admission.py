"""The order of the gate: sign in, choose, decide; and who is sent on an errand that can help."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from broker.domain.admission import (
    ONE_ERRAND,
    ChooseOrganisation,
    Forward,
    Outcome,
    Refuse,
    Register,
    SignIn,
    StepUp,
    admit,
)
from broker.domain.demand import Asked, Demand, Prompt
from broker.domain.people import Assurance, Facts
from broker.domain.policy import AssuranceAtLeast, Requirement, SignedInWithin
from broker.domain.session import Session
from tests.broker.domain.world import DAY, NOON, POLICY, facts, function, identity, session

LEVEL = Requirement(id="level", condition=AssuranceAtLeast(level=Assurance.SUBSTANTIAL))
AGE = Requirement(id="age", condition=SignedInWithin(limit=timedelta(minutes=15)))
STRICT = replace(POLICY, require=(*POLICY.require, LEVEL))


def outcome(about: Facts | None, **changes: Any) -> Outcome:
    return admit(session(about, **changes), application="kmo-portefeuille", policy=STRICT, day=DAY, now=NOON)


def test_without_a_session_the_person_signs_in() -> None:
    nobody: Session | None = None
    assert admit(nobody, application="kmo-portefeuille", policy=POLICY, day=DAY, now=NOON) == SignIn()


@pytest.mark.parametrize("providers", [("acm-test",), ()])
def test_a_sign_in_at_a_provider_that_does_not_count_there_is_none(providers: tuple[str, ...]) -> None:
    allowed = session(facts(functions=(function(),)))
    admitted = admit(allowed, application="kmo-portefeuille", policy=POLICY, day=DAY, now=NOON, providers=providers)
    assert admitted == SignIn()


def test_a_sign_in_at_another_provider_passes_where_it_counts() -> None:
    elsewhere = session(facts(functions=(function(),)), identity=identity(provider="acm-test"))
    assert admit(elsewhere, application="kmo-portefeuille", policy=POLICY, day=DAY, now=NOON) == SignIn()
    admitted = admit(
        elsewhere, application="kmo-portefeuille", policy=POLICY, day=DAY, now=NOON, providers=("acm", "acm-test")
    )
    assert isinstance(admitted, Forward)


def test_without_an_organisation_one_is_chosen() -> None:
    assert outcome(None) == ChooseOrganisation()


def test_an_allowed_person_passes() -> None:
    admitted = outcome(facts(functions=(function(),)))
    assert isinstance(admitted, Forward)
    assert admitted.decision.allowed


def test_a_refused_person_is_refused_with_the_decision() -> None:
    refused = outcome(facts())
    assert isinstance(refused, Refuse)
    assert refused.decision.reason == "right-missing"


@pytest.mark.parametrize("assurance", [None, Assurance.LOW])
def test_somebody_whose_level_alone_is_too_low_signs_in_again_at_the_level_that_is_needed(
    assurance: Assurance | None,
) -> None:
    admitted = outcome(facts(functions=(function(),), assurance=assurance))
    assert isinstance(admitted, StepUp)
    assert admitted.demand.level is Assurance.SUBSTANTIAL


def test_somebody_whose_organisation_alone_is_unregistered_registers_it() -> None:
    assert isinstance(outcome(facts(functions=(function(),), registered=False)), Register)


def test_somebody_with_both_to_cure_begins_with_the_first() -> None:
    both = facts(functions=(function(),), registered=False, assurance=Assurance.LOW)
    assert isinstance(outcome(both), Register)
    turned = replace(POLICY, require=(LEVEL, *POLICY.require))
    assert isinstance(admit(session(both), application="kmo-portefeuille", policy=turned, day=DAY, now=NOON), StepUp)


@pytest.mark.parametrize(
    "change",
    [
        {"assurance": Assurance.LOW},
        {"registered": False},
        {"functions": (function(),), "assurance": Assurance.LOW, "active": False},
        {"functions": (function(),), "registered": False, "active": False},
        {"functions": (function(),), "assurance": Assurance.LOW, "method": None},
    ],
)
def test_nobody_is_sent_on_an_errand_that_cannot_help(change: dict[str, Any]) -> None:
    assert isinstance(outcome(facts(**change)), Refuse)


def test_a_road_that_is_required_and_missing_is_no_errand() -> None:
    policy = replace(POLICY, require=(Requirement(id="also", condition=POLICY.allow[1].condition),))
    admitted = admit(
        session(facts(functions=(function(),))), application="kmo-portefeuille", policy=policy, day=DAY, now=NOON
    )
    assert isinstance(admitted, Refuse)


CAREFUL = replace(POLICY, require=(*POLICY.require, LEVEL, AGE), sign_in=Demand(prompt=(Prompt.LOGIN,)))
ALL_OF_IT = Demand(level=Assurance.SUBSTANTIAL, max_age=900, prompt=(Prompt.LOGIN,))


def careful(*, minutes: float, **changes: Any) -> Outcome:
    """The outcome for a representative who signed in so many minutes ago."""
    about = facts(functions=(function(),), authenticated_at=NOON - timedelta(minutes=minutes))
    return admit(session(about, **changes), application="kmo-portefeuille", policy=CAREFUL, day=DAY, now=NOON)


def test_somebody_who_signed_in_too_long_ago_is_asked_for_all_that_the_policy_wants_at_once() -> None:
    assert isinstance(careful(minutes=15), Forward)
    admitted = careful(minutes=15.1)
    assert isinstance(admitted, StepUp)
    assert (admitted.demand, admitted.tried) == (ALL_OF_IT, False)


def test_a_sign_in_of_an_unknown_moment_is_not_recent() -> None:
    about = facts(functions=(function(),))
    admitted = admit(session(about), application="kmo-portefeuille", policy=CAREFUL, day=DAY, now=NOON)
    assert isinstance(admitted, StepUp)


def test_whoever_comes_back_from_an_errand_in_vain_is_not_sent_on_it_again() -> None:
    admitted = careful(minutes=20, asked=Asked(demand=ALL_OF_IT, at=NOON - timedelta(seconds=5)))
    assert isinstance(admitted, StepUp)
    assert admitted.tried


def test_an_errand_of_a_while_ago_or_a_lesser_one_does_not_count() -> None:
    for asked in (
        Asked(demand=ALL_OF_IT, at=NOON - ONE_ERRAND),
        Asked(demand=Demand(level=Assurance.HIGH), at=NOON),
    ):
        admitted = careful(minutes=20, asked=asked)
        assert isinstance(admitted, StepUp)
        assert not admitted.tried


def test_a_level_that_was_lowered_leads_to_a_new_errand() -> None:
    """As a transmitter's assurance-level-change leaves a session that had stepped up hours ago."""
    lowered = facts(functions=(function(),), assurance=Assurance.LOW, authenticated_at=NOON)
    asked = Asked(demand=ALL_OF_IT, at=NOON - timedelta(hours=2))
    admitted = admit(session(lowered, asked=asked), application="kmo-portefeuille", policy=CAREFUL, day=DAY, now=NOON)
    assert isinstance(admitted, StepUp)
    assert not admitted.tried


def test_somebody_who_would_be_refused_anyway_is_not_asked_to_sign_in_anew() -> None:
    about = facts(authenticated_at=NOON - timedelta(hours=1))
    assert isinstance(admit(session(about), application="kmo-portefeuille", policy=CAREFUL, day=DAY, now=NOON), Refuse)
