"""What a sign-in is asked to be: joining only makes stricter, and what was reached is judged without doubt."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.demand import NOTHING, AcrMeaning, Asked, Demand, Prompt
from broker.domain.people import Assurance, SignInMethod
from tests.broker.domain.world import NOON

ACR = {
    "eid": AcrMeaning(method=SignInMethod.EID, assurance=Assurance.HIGH),
    "itsme": AcrMeaning(method=SignInMethod.ITSME, assurance=Assurance.HIGH),
    "sms": AcrMeaning(method=SignInMethod.SMS, assurance=Assurance.SUBSTANTIAL),
    "foreign": AcrMeaning(method=None, assurance=Assurance.HIGH),
}
VALUES = st.lists(st.sampled_from([*ACR, "special"]), unique=True, max_size=3).map(tuple)
DEMANDS = st.builds(
    Demand,
    level=st.none() | st.sampled_from(Assurance),
    max_age=st.none() | st.integers(0, 1000),
    acr_values=VALUES,
    prompt=st.lists(st.sampled_from(Prompt), unique=True).map(lambda some: tuple(one for one in Prompt if one in some)),
)


@given(DEMANDS, DEMANDS, st.none() | st.sampled_from(Assurance), st.integers(0, 1200))
def test_whoever_adds_to_a_demand_never_weakens_it(
    own: Demand, added: Demand, assurance: Assurance | None, seconds: int
) -> None:
    joined = own.joined(added)
    assert joined.covers(own)
    assert own.level is None or (joined.level is not None and joined.level >= own.level)
    assert set(own.prompt) <= set(joined.prompt)
    assert not own.acr_values or set(joined.acr_values) <= set(own.acr_values)
    then = NOON - timedelta(seconds=seconds)
    assert own.young_enough(then, NOON) or not joined.young_enough(then, NOON)
    bare, stricter = Demand(level=own.level), Demand(level=joined.level)
    assert bare.reached(None, assurance, {}) or not stricter.reached(None, assurance, {})


@given(DEMANDS)
def test_a_demand_covers_itself_and_nothing(demand: Demand) -> None:
    assert demand.covers(demand)
    assert demand.covers(NOTHING)
    assert NOTHING.covers(demand) == (demand == NOTHING)


def test_a_demand_covers_no_values_that_it_does_not_ask_for() -> None:
    assert Demand(acr_values=("eid",)).covers(Demand(acr_values=("eid", "itsme")))
    assert not Demand(acr_values=("eid", "itsme")).covers(Demand(acr_values=("eid",)))
    assert not Demand(acr_values=("eid",)).covers(Demand(acr_values=("sms",)))


def test_values_that_both_name_are_asked_for_and_strangers_are_not_put_in_their_place() -> None:
    own = Demand(acr_values=("eid", "itsme"))
    assert own.joined(Demand(acr_values=("sms", "itsme"))).acr_values == ("itsme",)
    assert own.joined(Demand(acr_values=("sms",))).acr_values == ("eid", "itsme")
    assert NOTHING.joined(own).acr_values == ("eid", "itsme")


@pytest.mark.parametrize(
    ("demand", "values"),
    [
        (NOTHING, ()),
        (Demand(acr_values=("sms",)), ("sms",)),
        (Demand(level=Assurance.HIGH), ("eid", "itsme")),
        (Demand(level=Assurance.LOW), ("eid", "itsme", "sms")),
        (Demand(level=Assurance.HIGH, acr_values=("sms",)), ("eid", "itsme")),
        (Demand(level=Assurance.HIGH, acr_values=("sms", "itsme")), ("itsme",)),
        (Demand(level=Assurance.HIGH, acr_values=("special",)), ("special",)),
    ],
)
def test_a_level_is_asked_for_by_all_methods_that_reach_it_and_no_other_means(
    demand: Demand, values: tuple[str, ...]
) -> None:
    assert demand.values(ACR) == values


@pytest.mark.parametrize(
    ("demand", "value", "assurance", "reached"),
    [
        (NOTHING, None, None, True),
        (Demand(level=Assurance.HIGH), "itsme", Assurance.HIGH, True),
        (Demand(level=Assurance.HIGH), "foreign", Assurance.HIGH, True),
        (Demand(level=Assurance.HIGH), "sms", Assurance.SUBSTANTIAL, False),
        (Demand(level=Assurance.HIGH), None, None, False),
        (Demand(acr_values=("sms",)), "eid", Assurance.HIGH, True),
        (Demand(acr_values=("eid",)), "eid", Assurance.LOW, False),  # lowered since
        (Demand(acr_values=("special",)), "special", None, True),
        (Demand(acr_values=("special",)), "eid", Assurance.HIGH, False),
        (Demand(acr_values=("special", "eid")), "itsme", Assurance.HIGH, True),
    ],
)
def test_what_was_reached_is_held_against_the_weakest_that_was_asked(
    demand: Demand, value: str | None, assurance: Assurance | None, *, reached: bool
) -> None:
    assert demand.reached(value, assurance, ACR) is reached


def test_an_age_is_young_enough_up_to_the_last_second_and_never_when_it_is_unknown() -> None:
    demand = Demand(max_age=60)
    assert demand.young_enough(NOON - timedelta(seconds=60), NOON)
    assert not demand.young_enough(NOON - timedelta(seconds=61), NOON)
    assert not demand.young_enough(None, NOON)
    assert NOTHING.young_enough(None, NOON)


def test_the_same_errand_is_one_that_asks_for_no_more_and_is_not_long_ago() -> None:
    asked = Asked(demand=Demand(level=Assurance.HIGH, max_age=60), at=NOON)
    within = timedelta(minutes=2)
    assert asked.just_now(Demand(level=Assurance.HIGH), NOON, within=within)
    assert not asked.just_now(Demand(level=Assurance.HIGH, max_age=30), NOON, within=within)
    assert not asked.just_now(Demand(level=Assurance.HIGH), NOON + within, within=within)
