"""What an access token must say: each claim that is missing, foreign or doubtful refuses it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.adapters.bearer.rules import TokenUnfit, check_claims
from broker.domain.claims import ClaimedRole
from broker.domain.machine import Machine, TokenClaims, TokenError
from tests.broker.adapters.bearer.issuer import ISSUER, NOW_SECONDS, TERMS, good_claims

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def checked(claims: dict[str, Any], *, signed: bool = True) -> TokenClaims:
    return check_claims(claims, TERMS, now=NOW_SECONDS, signed=signed)


def test_a_good_token_says_who_for_which_organisation_and_until_when() -> None:
    said = checked(good_claims())
    assert said.machine == Machine(issuer=ISSUER, client_id="crm", subject="crm")
    assert said.organisation.digits == "1999999943"
    assert said.roles == (
        ClaimedRole(right="VLAIOInkomGebruikerNieuw", context="Gebruiker", organisations=("1999999943",)),
    )
    assert said.expires_at.timestamp() == NOW_SECONDS + 600
    assert said.bound_to is None


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": ["kmo-portefeuille", "another"]},
        {"scope": "kmo.read"},
        {"client_id": None, "azp": "crm"},
        {"client_id": "crm", "azp": "crm"},
        {"nbf": NOW_SECONDS - 1},
        {"iat": NOW_SECONDS + 20},
        {"acr": "1"},
        {"vlaio_inkom_rol_3d": None},
        {"vo_orgcode": "1999.999.943"},
    ],
)
def test_what_providers_write_differently_is_accepted(changed: dict[str, Any]) -> None:
    assert checked(good_claims(**changed)).machine.client_id == "crm"


@pytest.mark.parametrize(
    ("changed", "detail"),
    [
        ({"iss": None}, "iss"),
        ({"iss": ISSUER + "/"}, "iss"),
        ({"iss": [ISSUER]}, "iss"),
        ({"aud": None}, "aud"),
        ({"aud": ""}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": [""]}, "aud"),
        ({"aud": "kmo-portefeuille-2"}, "aud"),
        ({"aud": "KMO-portefeuille"}, "aud"),
        ({"aud": {"kmo-portefeuille": True}}, "aud"),
        ({"aud": ["kmo-portefeuille", 7]}, "aud"),
        ({"exp": None}, "exp"),
        ({"exp": NOW_SECONDS}, "exp"),
        ({"exp": NOW_SECONDS - 1}, "exp"),
        ({"exp": 1e300}, "exp"),
        ({"exp": str(NOW_SECONDS + 60)}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": NOW_SECONDS + 3601}, "further away"),
        ({"iat": NOW_SECONDS - 3600}, "further away"),
        ({"iat": None}, "iat"),
        ({"iat": NOW_SECONDS + 31}, "iat"),
        ({"nbf": NOW_SECONDS + 31}, "nbf"),
        ({"nbf": "soon"}, "nbf"),
        ({"nonce": "n"}, "ID Token"),
        ({"at_hash": "h"}, "ID Token"),
        ({"events": {}}, "ID Token"),
        ({"token_type": "refresh_token"}, "token_type"),
        ({"auth_time": NOW_SECONDS}, "a person"),
        ({"amr": ["pin"]}, "a person"),
        ({"acr": "urn:be:vlaanderen:authmech:eid"}, "a person"),
        ({"client_id": None}, "client_id"),
        ({"client_id": ""}, "client_id"),
        ({"client_id": "a\nb"}, "client_id"),
        ({"azp": "another"}, "two clients"),
        ({"sub": ""}, "sub"),
        ({"sub": 7}, "sub"),
        ({"scope": None}, "scope is absent"),
        ({"scope": ["kmo.read"]}, "scope is absent"),
        ({"vo_orgcode": None}, "organisation"),
        ({"vo_orgcode": "OVO002949"}, "organisation"),
        ({"vo_orgcode": "1999999944"}, "organisation"),
        ({"cnf": {"x5t#S256": "abc"}}, "cannot be proven"),
        ({"cnf": {"jkt": "abc", "x5t#S256": "abc"}}, "cannot be proven"),
        ({"cnf": {}}, "cannot be proven"),
        ({"cnf": "abc"}, "cannot be proven"),
        ({"cnf": {"jkt": ""}}, "cannot be read"),
        ({"cnf": {"jkt": 7}}, "cannot be read"),
    ],
)
def test_each_doubt_refuses_the_token(changed: dict[str, Any], detail: str) -> None:
    with pytest.raises(TokenUnfit) as unfit:
        checked(good_claims(**changed))
    assert detail in unfit.value.refused.detail
    assert unfit.value.refused.error is TokenError.INVALID_TOKEN


@pytest.mark.parametrize("scope", ["", "kmo.readonly", "kmo.write", "KMO.READ", "kmo.read,kmo.write", "\tkmo.read"])
def test_a_token_for_less_than_is_needed_says_so(scope: str) -> None:
    with pytest.raises(TokenUnfit) as unfit:
        checked(good_claims(scope=scope))
    assert unfit.value.refused.error is TokenError.INSUFFICIENT_SCOPE


def test_all_scopes_are_needed_and_not_one_of_them() -> None:
    both = replace(TERMS, scopes=("kmo.read", "kmo.pay"))
    with pytest.raises(TokenUnfit):
        check_claims(good_claims(), both, now=NOW_SECONDS, signed=True)


def test_the_answer_of_an_introspection_may_leave_out_what_the_endpoint_says_by_being_asked() -> None:
    said = checked(good_claims(iss=None, iat=None, sub=None, token_type="Bearer"), signed=False)
    assert said.machine == Machine(issuer=ISSUER, client_id="crm", subject="crm")
    for name in ("aud", "exp", "scope", "client_id", "vo_orgcode"):
        without: dict[str, Any] = {name: None}
        with pytest.raises(TokenUnfit):
            checked(good_claims(**without), signed=False)


def test_another_issuer_in_the_answer_of_an_introspection_is_refused() -> None:
    with pytest.raises(TokenUnfit):
        checked(good_claims(iss="https://other.example"), signed=False)


@given(st.dictionaries(st.sampled_from(sorted(good_claims(azp="crm", cnf={}, nbf=1, acr="x"))), ANYTHING, max_size=4))
@settings(max_examples=150)
def test_no_claims_do_anything_but_open_or_refuse(changed: dict[str, Any]) -> None:
    """Whatever stands there, what opens has our audience and scope, a near end and an organisation."""
    claims = {**good_claims(), **changed}
    try:
        said = checked(claims)
    except TokenUnfit:
        return
    assert "kmo-portefeuille" in claims["aud"]
    assert "kmo.read" in claims["scope"].split(" ")
    assert NOW_SECONDS < said.expires_at.timestamp() <= NOW_SECONDS + 3600
    assert said.bound_to is None or claims["cnf"] == {"jkt": said.bound_to}


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": ""},
        {"audience": ""},
        {"scopes": ()},
        {"scopes": ("",)},
        {"algorithms": ()},
        {"algorithms": ("HS256",)},
        {"algorithms": ("none",)},
        {"types": ()},
        {"types": ("dpop+jwt",)},
    ],
)
def test_terms_that_would_accept_anything_cannot_be_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"needed|algorithms|types"):
        replace(TERMS, **wrong)
