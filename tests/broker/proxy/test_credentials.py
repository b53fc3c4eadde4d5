"""Where a token stands in a request: in one Authorization field, and never beside the cookie of a session."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.machine import Presented, Scheme, TokenError, TokenRefused
from broker.proxy.credentials import presented_token
from broker.proxy.fields import Headers

COOKIE = "__Host-inkom"


def read(*headers: tuple[bytes, bytes]) -> Presented | TokenRefused | None:
    return presented_token(list(headers), session_cookie=COOKIE)


@pytest.mark.parametrize("scheme", [b"Bearer", b"bearer", b"BEARER"])
def test_a_token_is_found_however_its_scheme_is_written(scheme: bytes) -> None:
    assert read((b"authorization", scheme + b" a.b-c_~+/=")) == Presented(scheme=Scheme.BEARER, token="a.b-c_~+/=")


def test_the_proofs_of_a_bound_token_come_with_it() -> None:
    found = read((b"authorization", b"DPoP abc"), (b"dpop", b"one"), (b"dpop", b"tw\xe9"))
    assert found == Presented(scheme=Scheme.DPOP, token="abc", proofs=("one", "twé"))


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"authorization", b"")],
        [(b"authorization", b"Basic dXNlcjpwYXNz")],
        [(b"authorization", b"Bearerabc")],
        [(b"proxy-authorization", b"Bearer abc")],
        [(b"x-authorization", b"Bearer abc")],
        [(b"cookie", b"__Host-inkom=value")],
    ],
)
def test_a_request_without_a_token_has_none(headers: Headers) -> None:
    assert read(*headers) is None


@pytest.mark.parametrize(
    "value",
    [b"", b" ", b" a b", b" a,b", b" \xe9", b" =a", b" " + b"a" * 16385],
    ids=["nothing", "a space", "two", "a list", "no ascii", "only padding", "too long"],
)
def test_a_scheme_without_one_token_is_refused(value: bytes) -> None:
    for scheme in (b"Bearer", b"DPoP"):
        refused = read((b"authorization", scheme + value))
        assert isinstance(refused, TokenRefused)
        assert refused.error is TokenError.INVALID_REQUEST


@pytest.mark.parametrize(
    "other",
    [
        (b"authorization", b"Bearer b"),
        (b"authorization", b"Basic dXNlcjpwYXNz"),
        (b"cookie", b"__Host-inkom=value"),
        (b"cookie", b"a=b; __Host-inkom="),
        (b"cookie", b"a=b;__Host-inkom"),
    ],
)
def test_two_credentials_are_refused_and_nobody_guesses_which_counts(other: tuple[bytes, bytes]) -> None:
    for headers in ([(b"authorization", b"Bearer a"), other], [other, (b"authorization", b"Bearer a")]):
        refused = read(*headers)
        assert isinstance(refused, TokenRefused)
        assert refused.error.status == 400


def test_other_cookies_are_no_credential() -> None:
    assert isinstance(read((b"authorization", b"Bearer a"), (b"cookie", b"__Host-inkom-language=nl; a=b")), Presented)


@given(st.binary(max_size=60))
def test_whatever_the_field_holds_it_is_a_token_of_plain_letters_or_refused(value: bytes) -> None:
    found = read((b"authorization", b"Bearer " + value))
    assert isinstance(found, TokenRefused) or (isinstance(found, Presented) and found.token.isascii() and found.token)
