"""Logout tokens: each step of OpenID Connect Back-Channel Logout 1.0, section 2.6, by a token that fails only there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from broker.adapters.oidc.logout_token import check_logout_token
from broker.adapters.oidc.tokens import VerifiedClaims, VerifiedToken
from broker.ports import LoggedOut, LogoutRefused

NOW = 1_780_000_000.0
ISSUER = "https://authenticatie.example/op"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
GOOD: dict[str, Any] = {
    "iss": ISSUER,
    "aud": "inkom",
    "iat": NOW - 1,
    "exp": NOW + 119,
    "jti": "one",
    "sub": "somebody",
    "sid": "a-session",
    "events": {EVENT: {}},
}


def read(claims: dict[str, Any], *, declared_type: str | None = "logout+jwt") -> LoggedOut:
    return check_logout_token(
        VerifiedToken(algorithm="RS256", claims=VerifiedClaims(claims)),
        declared_type=declared_type,
        issuer=ISSUER,
        client_id="inkom",
        extra_audiences=(),
        now=NOW,
        leeway=30,
    )


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in GOOD.items() if name not in names}


def test_a_good_token_names_the_session_the_person_and_itself() -> None:
    assert read(GOOD) == LoggedOut(issuer=ISSUER, subject="somebody", session="a-session", token_id="one")


@pytest.mark.parametrize("declared", ["logout+jwt", "application/logout+jwt", "Logout+JWT", "JWT", None])
def test_c32_the_type_is_that_of_a_logout_token_or_an_older_provider_says_nothing(declared: str | None) -> None:
    assert read(GOOD, declared_type=declared).token_id == "one"


@pytest.mark.parametrize("declared", ["at+jwt", "secevent+jwt", "", "dpop+jwt"])
def test_c32_another_type_is_refused(declared: str) -> None:
    with pytest.raises(LogoutRefused):
        read(GOOD, declared_type=declared)


def test_a67_a_token_with_only_sub_ends_all_and_one_with_only_sid_ends_one() -> None:
    assert read(without("sid")).session is None
    assert read(without("sub")).subject is None


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({**GOOD, "iss": ISSUER + "/"}, id="A40-iss"),
        pytest.param(without("iss"), id="A40-no-iss"),
        pytest.param({**GOOD, "aud": "another"}, id="A40-aud"),
        pytest.param({**GOOD, "aud": ["inkom", "another"]}, id="A40-aud-with-a-stranger"),
        pytest.param(without("aud"), id="A40-no-aud"),
        pytest.param(without("iat"), id="A64-no-iat"),
        pytest.param(without("jti"), id="A64-no-jti"),
        pytest.param({**GOOD, "jti": ""}, id="A64-empty-jti"),
        pytest.param({**GOOD, "jti": "x" * 256}, id="A64-long-jti"),
        pytest.param(without("exp"), id="C33-no-exp"),
        pytest.param({**GOOD, "exp": NOW - 31}, id="C33-exp-past"),
        pytest.param({**GOOD, "iat": NOW - 331}, id="C33-iat-old"),
        pytest.param({**GOOD, "iat": NOW + 31}, id="C33-iat-future"),
        pytest.param({**GOOD, "iat": "now"}, id="C33-iat-text"),
        pytest.param(without("sub", "sid"), id="C34-neither"),
        pytest.param({**GOOD, "sub": ""}, id="C34-empty-sub"),
        pytest.param({**GOOD, "sid": 7}, id="C34-sid-number"),
        pytest.param(without("events"), id="A37-no-events"),
        pytest.param({**GOOD, "events": {"http://schemas.openid.net/event/other": {}}}, id="A38-other-event"),
        pytest.param({**GOOD, "events": {EVENT: "yes"}}, id="A38-event-of-text"),
        pytest.param({**GOOD, "events": [EVENT]}, id="A38-events-list"),
        pytest.param({**GOOD, "nonce": "n"}, id="A39-nonce"),
        pytest.param({**GOOD, "nonce": None}, id="A39-nonce-null"),
    ],
)
def test_whatever_is_wrong_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(LogoutRefused):
        read(claims)


@pytest.mark.parametrize("change", [{"exp": NOW - 29}, {"iat": NOW + 29}, {"iat": NOW - 329}])
def test_clocks_may_differ_by_the_leeway(change: dict[str, float]) -> None:
    assert read({**GOOD, **change}).token_id == "one"


@given(
    some.dictionaries(some.sampled_from(sorted(GOOD)), some.none() | some.booleans() | some.integers() | some.text())
)
def test_no_claim_of_a_strange_kind_does_more_than_refuse(strange: dict[str, Any]) -> None:
    try:
        ended = read({**GOOD, **strange})
    except LogoutRefused:
        return
    assert ended.subject or ended.session
