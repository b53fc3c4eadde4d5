"""The order of the gate: sign in, choose, decide; and who is sent on an errand that can help."""

from dataclasses import replace
from typing import Any

import pytest

from broker.domain.admission import ChooseOrganisation, Forward, Outcome, Refuse, Register, SignIn, StepUp, admit
from broker.domain.people import Assurance, Facts
from broker.domain.policy import AssuranceAtLeast, Requirement
from broker.domain.session import Session
from tests.broker.domain.world import DAY, POLICY, facts, function, session

LEVEL = Requirement(id="level", condition=AssuranceAtLeast(level=Assurance.SUBSTANTIAL))
STRICT = replace(POLICY, require=(*POLICY.require, LEVEL))


def outcome(about: Facts | None, **changes: Any) -> Outcome:
    return admit(session(about, **changes), application="kmo-portefeuille", policy=STRICT, day=DAY)


def test_without_a_session_the_person_signs_in() -> None:
    nobody: Session | None = None
    assert admit(nobody, application="kmo-portefeuille", policy=POLICY, day=DAY) == SignIn()


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
    assert admitted.level is Assurance.SUBSTANTIAL


def test_somebody_whose_organisation_alone_is_unregistered_registers_it() -> None:
    assert isinstance(outcome(facts(functions=(function(),), registered=False)), Register)


def test_somebody_with_both_to_cure_begins_with_the_first() -> None:
    both = facts(functions=(function(),), registered=False, assurance=Assurance.LOW)
    assert isinstance(outcome(both), Register)
    turned = replace(POLICY, require=(LEVEL, *POLICY.require))
    assert isinstance(admit(session(both), application="kmo-portefeuille", policy=turned, day=DAY), StepUp)


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
    admitted = admit(session(facts(functions=(function(),))), application="kmo-portefeuille", policy=policy, day=DAY)
    assert isinstance(admitted, Refuse)
