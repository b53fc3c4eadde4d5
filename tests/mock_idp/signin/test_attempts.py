"""Wrong codes: how many are allowed, how long a block lasts, and what can never happen."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mock_idp.signin.attempts import LONGEST_BLOCK, Attempts, Limit, Tally, after_wrong

FIVE = Limit(tries=5, first_block=120)
limits = st.builds(Limit, tries=st.integers(1, 10), first_block=st.floats(1, 600))
moments = st.lists(st.floats(0, 1e6, allow_nan=False), max_size=60).map(sorted)


def wrong_times(count: int, *, limit: Limit = FIVE, now: float = 0.0, tally: Tally | None = None) -> Tally:
    current = tally or Tally()
    for _ in range(count):
        current = after_wrong(current, limit, now=now)
    return current


def test_four_wrong_codes_do_not_block() -> None:
    assert wrong_times(4).seconds_blocked(0) == 0


def test_the_fifth_wrong_code_blocks_for_two_minutes() -> None:
    tally = wrong_times(5)
    assert tally.seconds_blocked(0) == 120
    assert tally.seconds_blocked(119) == 1
    assert tally.seconds_blocked(120) == 0


def test_the_second_block_is_twice_as_long() -> None:
    assert wrong_times(5, now=1000, tally=wrong_times(5)).seconds_blocked(1000) == 240


def test_no_block_is_longer_than_an_hour() -> None:
    assert after_wrong(Tally(wrong=4, blocks=1000), FIVE, now=0).seconds_blocked(0) == LONGEST_BLOCK


def test_a_right_code_wipes_the_slate() -> None:
    attempts = Attempts()
    for _ in range(4):
        attempts.wrong("jan", "app", FIVE, now=0)
    attempts.right("jan", "app")
    assert attempts.tries_left("jan", "app", FIVE) == 5


def test_one_person_s_wrong_codes_are_not_another_s_nor_another_method_s() -> None:
    attempts = Attempts()
    for _ in range(5):
        attempts.wrong("jan", "app", FIVE, now=0)
    assert attempts.seconds_blocked("jan", "app", now=0) == 120
    assert attempts.seconds_blocked("piet", "app", now=0) == 0
    assert attempts.seconds_blocked("jan", "sms", now=0) == 0


def test_a_reset_forgets_blocks() -> None:
    attempts = Attempts()
    for _ in range(5):
        attempts.wrong("jan", "app", FIVE, now=0)
    attempts.clear()
    assert attempts.seconds_blocked("jan", "app", now=0) == 0


@given(limits, moments)
def test_nothing_is_counted_while_blocked(limit: Limit, times: list[float]) -> None:
    tally = Tally()
    for now in times:
        blocked = tally.seconds_blocked(now) > 0
        after = after_wrong(tally, limit, now=now)
        assert (after == tally) == blocked
        tally = after


@given(limits, moments)
def test_guesses_per_block_never_exceed_the_limit(limit: Limit, times: list[float]) -> None:
    tally, judged = Tally(), 0
    for now in times:
        judged += tally.seconds_blocked(now) == 0
        tally = after_wrong(tally, limit, now=now)
    assert judged == tally.blocks * limit.tries + tally.wrong
    assert tally.wrong < limit.tries


@given(limits, moments)
def test_blocks_never_get_shorter_without_a_right_code(limit: Limit, times: list[float]) -> None:
    tally, lengths = Tally(), []
    for now in times:
        after = after_wrong(tally, limit, now=now)
        if after.blocks > tally.blocks:
            lengths.append(after.blocked_until - now)
        tally = after
    assert all(earlier <= later + 1e-6 for earlier, later in pairwise(lengths))
