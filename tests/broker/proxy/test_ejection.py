"""Outlier ejection, by examples: no sockets, no clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.proxy.ejection import EjectionRules, Ejections

RULES = EjectionRules(failures=3, time=10, longest=60, share=0.5)
ALL = range(4)


def failing(ejections: Ejections, place: int, now: float, *, times: int = 3) -> list[float | None]:
    return [ejections.failed(place, now, usable=ALL) for _ in range(times)]


def test_an_address_is_out_after_so_many_failures_in_a_row() -> None:
    ejections = Ejections(4, RULES)
    assert failing(ejections, 1, 100) == [None, None, 10]
    assert [ejections.is_out(place) for place in ALL] == [False, True, False, False]


def test_a_success_begins_the_count_anew() -> None:
    ejections = Ejections(4, RULES)
    for _ in range(5):
        failing(ejections, 0, 100, times=2)
        ejections.succeeded(0)
    assert not ejections.is_out(0)


def test_an_address_is_back_when_its_time_is_over() -> None:
    ejections = Ejections(4, RULES)
    failing(ejections, 2, 100)
    assert ejections.returning(109.9) == []
    assert ejections.returning(110) == [2]
    assert not ejections.is_out(2)
    assert ejections.returning(111) == []


def test_each_ejection_takes_twice_as_long_up_to_the_longest() -> None:
    ejections, now, seconds = Ejections(4, RULES), 100.0, []
    for _ in range(5):
        out = failing(ejections, 0, now)[-1]
        assert out is not None
        seconds.append(out)
        now += out
        ejections.returning(now)
    assert seconds == [10, 20, 40, 60, 60]


def test_an_address_that_did_well_for_long_begins_with_the_shortest_time_again() -> None:
    ejections = Ejections(4, RULES)
    failing(ejections, 0, 100)
    ejections.returning(110)
    assert failing(ejections, 0, 171)[-1] == 10


def test_failures_of_older_requests_do_not_prolong_an_ejection() -> None:
    ejections = Ejections(4, RULES)
    failing(ejections, 0, 100)
    assert failing(ejections, 0, 109, times=10) == [None] * 10
    assert ejections.returning(110) == [0]


@pytest.mark.parametrize(
    ("addresses", "share", "most"), [(4, 0.5, 2), (4, 0.3, 1), (3, 0.1, 1), (3, 1.0, 2), (2, 0.5, 1), (2, 1.0, 1)]
)
def test_never_more_than_the_share_is_out_and_never_the_last_one(addresses: int, share: float, most: int) -> None:
    ejections = Ejections(addresses, EjectionRules(failures=1, share=share))
    for place in range(addresses):
        ejections.failed(place, 100, usable=range(addresses))
    assert sum(ejections.is_out(place) for place in range(addresses)) == most


def test_a_single_address_is_never_out() -> None:
    ejections = Ejections(1, EjectionRules(failures=1, share=1))
    assert ejections.failed(0, 100, usable=[0]) is None
    assert not ejections.is_out(0)


def test_the_last_address_that_is_healthy_is_not_put_out() -> None:
    ejections = Ejections(3, EjectionRules(failures=1, share=1))
    assert ejections.failed(1, 100, usable=[1]) is None
    assert ejections.failed(1, 100, usable=[0, 1]) == 10


def test_zero_failures_switch_ejection_off() -> None:
    ejections = Ejections(4, EjectionRules(failures=0))
    assert failing(ejections, 0, 100, times=100) == [None] * 100


@given(
    addresses=st.integers(2, 5),
    share=st.floats(0.1, 1),
    events=st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.floats(0, 400)), max_size=60),
)
def test_whatever_happens_one_address_stays_and_everyone_comes_back(
    addresses: int, share: float, events: list[tuple[int, bool, float]]
) -> None:
    ejections, now = Ejections(addresses, EjectionRules(failures=1, share=share)), 0.0
    for place, fails, passing in events:
        now += passing
        ejections.returning(now)
        if fails:
            ejections.failed(place % addresses, now, usable=range(addresses))
        else:
            ejections.succeeded(place % addresses)
        out = sum(ejections.is_out(one) for one in range(addresses))
        assert out < addresses
        assert out <= max(1, int(addresses * share))
    ejections.returning(now + 300)
    assert not any(ejections.is_out(one) for one in range(addresses))
