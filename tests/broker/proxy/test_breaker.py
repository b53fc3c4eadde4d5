"""The circuit breaker, by examples: no sockets, no clock."""

from __future__ import annotations

from broker.proxy.breaker import Breaker, BreakerRules, Circuit

RULES = BreakerRules(failures=3, pause=5)


def opened(at: float = 100) -> Breaker:
    breaker = Breaker(RULES)
    for _ in range(3):
        breaker.failed(at)
    assert breaker.state is Circuit.OPEN
    return breaker


def test_fewer_failures_than_configured_leave_the_circuit_closed() -> None:
    breaker = Breaker(RULES)
    breaker.failed(1)
    breaker.failed(2)
    assert breaker.admit(2)
    assert breaker.state is Circuit.CLOSED
    assert breaker.remaining(2) == 0


def test_a_success_begins_the_count_anew() -> None:
    breaker = Breaker(RULES)
    for _ in range(5):
        breaker.failed(1)
        breaker.failed(1)
        breaker.succeeded()
    assert breaker.state is Circuit.CLOSED


def test_an_open_circuit_lets_nobody_through_until_its_pause_is_over() -> None:
    breaker = opened(at=100)
    assert not breaker.admit(100)
    assert not breaker.admit(104.9)
    assert breaker.remaining(102) == 3


def test_after_the_pause_exactly_one_request_goes_on_trial() -> None:
    breaker = opened(at=100)
    assert breaker.admit(105)
    assert breaker.state is Circuit.HALF_OPEN
    assert not breaker.admit(105)
    assert not breaker.admit(109)


def test_a_trial_that_succeeds_closes_the_circuit() -> None:
    breaker = opened(at=100)
    breaker.admit(105)
    breaker.succeeded()
    assert breaker.state is Circuit.CLOSED
    breaker.failed(106)
    assert breaker.admit(106)


def test_a_trial_that_fails_opens_it_again_for_a_whole_pause() -> None:
    breaker = opened(at=100)
    breaker.admit(105)
    breaker.failed(106)
    assert breaker.state is Circuit.OPEN
    assert not breaker.admit(110.9)
    assert breaker.admit(111)


def test_a_trial_whose_client_left_makes_way_for_the_next() -> None:
    breaker = opened(at=100)
    breaker.admit(105)
    breaker.abandoned(106)
    assert breaker.admit(106)
    assert not breaker.admit(106)


def test_a_trial_that_is_never_heard_of_again_blocks_for_one_pause_only() -> None:
    breaker = opened(at=100)
    assert breaker.admit(105)
    assert not breaker.admit(109.9)
    assert breaker.admit(110)


def test_failures_of_older_requests_do_not_keep_an_open_circuit_open() -> None:
    breaker = opened(at=100)
    breaker.failed(104)
    assert breaker.admit(105)


def test_a_client_that_leaves_changes_nothing_while_the_circuit_is_open_or_closed() -> None:
    breaker = opened(at=100)
    breaker.abandoned(101)
    assert not breaker.admit(101)
    closed = Breaker(RULES)
    closed.abandoned(1)
    assert closed.state is Circuit.CLOSED


def test_zero_failures_switch_the_breaker_off() -> None:
    breaker = Breaker(BreakerRules(failures=0))
    for _ in range(1000):
        breaker.failed(1)
    assert breaker.admit(1)
