from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import Signer

from broker.adapters.sessions.cookies import SignedTokens

OLD, NEW, OTHER = "o" * 32, "n" * 32, "x" * 32
TOKENS = SignedTokens("session", secrets=(NEW, OLD))


def test_a_cookie_gives_its_token_back() -> None:
    token = TOKENS.new()
    assert TOKENS.read(TOKENS.write(token)) == token


def test_two_tokens_are_never_the_same() -> None:
    assert len({TOKENS.new() for _ in range(1000)}) == 1000


def test_a_cookie_signed_with_a_former_secret_is_still_read() -> None:
    before = SignedTokens("session", secrets=(OLD,))
    token = before.new()
    assert TOKENS.read(before.write(token)) == token


def test_the_newest_secret_signs() -> None:
    token = TOKENS.new()
    assert SignedTokens("session", secrets=(NEW,)).read(TOKENS.write(token)) == token


def test_a_cookie_signed_with_a_secret_that_was_removed_is_nothing() -> None:
    cookie = SignedTokens("session", secrets=(OLD,)).write(TOKENS.new())
    assert SignedTokens("session", secrets=(NEW,)).read(cookie) is None


@pytest.mark.parametrize("secret", [NEW, OLD])
def test_a_cookie_that_former_versions_signed_is_still_read(secret: str) -> None:
    signer = Signer([secret], salt="inkom cookie of session", key_derivation="hmac", digest_method=hashlib.sha256)
    token = bytes(range(32))
    assert TOKENS.read(signer.sign(urlsafe_b64encode(token).rstrip(b"=")).decode()) == token


def test_a_cookie_signed_for_another_purpose_is_nothing() -> None:
    cookie = SignedTokens("sign-in", secrets=(NEW,)).write(TOKENS.new())
    assert TOKENS.read(cookie) is None


def test_a_cookie_whose_signature_was_cut_off_changed_or_doubled_is_nothing() -> None:
    cookie = TOKENS.write(TOKENS.new())
    token, _, signature = cookie.partition(".")
    forged = [token, token + ".", cookie[:-1], cookie + "A", f"{cookie}.{signature}", "A" + cookie[1:], cookie + " "]
    assert [TOKENS.read(one) for one in forged if one != cookie] == [None] * len(forged)


def test_every_single_changed_character_is_noticed() -> None:
    cookie = TOKENS.write(TOKENS.new())
    for place in range(len(cookie)):
        other = "A" if cookie[place] != "A" else "B"
        assert TOKENS.read(cookie[:place] + other + cookie[place + 1 :]) is None, place


def test_a_rightly_signed_text_that_is_no_token_is_nothing() -> None:
    signer = Signer(NEW, salt="inkom cookie of session", key_derivation="hmac", digest_method=hashlib.sha256)
    assert TOKENS.read(signer.sign(b"c2hvcnQ").decode()) is None
    assert TOKENS.read(signer.sign(b"!" * 43).decode()) is None
    assert TOKENS.read(signer.sign(b"").decode()) is None


@pytest.mark.parametrize("cookie", ["", ".", "é.é", "\x00", "a" * 5000, "a" * 4999 + ".b", "\ud800"])
def test_garbage_is_nothing(cookie: str) -> None:
    assert TOKENS.read(cookie) is None


@given(st.text(max_size=300))
def test_any_text_is_nothing_and_never_an_error(cookie: str) -> None:
    assert TOKENS.read(cookie) is None


def test_a_secret_that_could_be_guessed_is_refused_without_being_repeated() -> None:
    with pytest.raises(ValueError, match="less than 32 bytes") as refused:
        SignedTokens("session", secrets=("hunter2",))
    assert "hunter2" not in str(refused.value)


def test_no_secret_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one secret"):
        SignedTokens("session", secrets=())
