"""RFC 6238: the published vectors, the tolerated clock difference, and no code twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_idp.signin.totp import (
    PERIOD,
    Refusal,
    Right,
    code_for,
    judge,
    otpauth_uri,
    seconds_left,
    secret_text,
    step_at,
)

SECRET = b"12345678901234567890"
seconds = st.integers(min_value=PERIOD, max_value=2**40)


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_vectors_of_rfc_6238_appendix_b(at: int, code: str) -> None:
    assert code_for(SECRET, step_at(at), digits=8) == code


def test_the_vectors_of_rfc_4226_appendix_d() -> None:
    codes = [code_for(SECRET, counter) for counter in range(5)]
    assert codes == ["755224", "287082", "359152", "969429", "338314"]


@given(seconds, st.integers(min_value=-1, max_value=1))
def test_the_code_of_a_neighbouring_step_is_taken(now: int, shift: int) -> None:
    code = code_for(SECRET, step_at(now) + shift)
    assert isinstance(judge(SECRET, code, seconds=now, last_step=None), Right)


def test_a_code_of_two_steps_ago_is_wrong() -> None:
    now = 1234567890
    assert judge(SECRET, code_for(SECRET, step_at(now) - 2), seconds=now, last_step=None) is Refusal.WRONG


@given(seconds)
def test_no_code_is_taken_twice(now: int) -> None:
    code = code_for(SECRET, step_at(now))
    first = judge(SECRET, code, seconds=now, last_step=None)
    assert isinstance(first, Right)
    assert judge(SECRET, code, seconds=now, last_step=first.step) is Refusal.USED


@given(seconds)
def test_an_earlier_code_is_not_taken_after_a_later_one(now: int) -> None:
    later = step_at(now) + 1
    verdict = judge(SECRET, code_for(SECRET, later - 1), seconds=now, last_step=later)
    # Two steps may share a code by chance; then the later, unused one would be meant.
    assert verdict is Refusal.USED or code_for(SECRET, later - 1) == code_for(SECRET, later + 1)


@given(seconds, st.text(max_size=12))
def test_whatever_is_typed_gets_a_verdict(now: int, typed: str) -> None:
    valid = {code_for(SECRET, step_at(now) + shift) for shift in (-1, 0, 1)}
    verdict = judge(SECRET, typed, seconds=now, last_step=None)
    assert isinstance(verdict, Right) == ("".join(typed.split()) in valid)


def test_a_code_may_be_typed_with_a_space_as_apps_show_it() -> None:
    code = code_for(SECRET, 1)
    assert judge(SECRET, f"{code[:3]} {code[3:]}", seconds=PERIOD, last_step=None) == Right(step=1)


@given(seconds)
def test_a_code_lasts_between_one_and_thirty_seconds_more(now: int) -> None:
    assert 1 <= seconds_left(now) <= PERIOD
    assert step_at(now + seconds_left(now)) == step_at(now) + 1


def test_the_secret_is_shown_without_padding() -> None:
    assert secret_text(SECRET) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert secret_text(b"1234") == "GEZDGNA"


def test_the_qr_code_holds_the_key_uri_of_authenticator_apps() -> None:
    uri = otpauth_uri(SECRET, issuer="ACM (test)", account="Jan Peeters")
    assert uri.startswith("otpauth://totp/ACM%20%28test%29:Jan%20Peeters?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&")
    assert uri.endswith("&issuer=ACM%20%28test%29&algorithm=SHA1&digits=6&period=30")
