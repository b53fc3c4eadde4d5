"""Tokens that only the holder of a key can use (RFC 9449), the provider's side."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from joserfc.jwk import ECKey

from tests.mock_idp.key_holder import KeyHolder, Proving
from tests.mock_idp.provider import SECRET, Mock, Party, brought_back


@pytest.fixture
def holder(party: Party) -> KeyHolder:
    return KeyHolder(party)


def test_a_proof_binds_the_token_and_userinfo_wants_the_same_key(holder: KeyHolder, acm: Mock) -> None:
    tokens = holder.redeem(holder.party.sign_in()["code"]).json()

    assert tokens["token_type"] == "DPoP"
    token = tokens["access_token"]
    assert holder.userinfo(token).json()["given_name"] == "Britt"
    assert holder.party.userinfo(token).status_code == 401  # as a bearer
    assert KeyHolder(holder.party).userinfo(token).status_code == 401  # with another key
    described = acm.direct.post(
        f"{acm.issuer}/v1/introspect", data={"token": token}, auth=("demo-client", SECRET)
    ).json()
    assert (described["token_type"], described["cnf"]) == ("DPoP", {"jkt": holder.key.thumbprint()})


def test_a_bearer_token_does_not_pass_for_a_bound_one(holder: KeyHolder) -> None:
    assert holder.userinfo(holder.party.tokens()["access_token"]).status_code == 401


@pytest.mark.parametrize(
    ("changed", "header"),
    [
        ({"htm": "GET"}, {}),
        ({"htu": "https://elsewhere.example/op/v1/token"}, {}),
        ({"htu": None}, {}),
        ({"htu": "http://["}, {}),
        ({"iat": 1}, {}),
        ({"iat": None}, {}),
        ({"jti": None}, {}),
        ({}, {"typ": "JWT"}),
        pytest.param({}, {"jwk": ECKey.generate_key("P-256").as_dict(private=False)}, id="the key of somebody else"),
    ],
    ids=str,
)
def test_c25_a_proof_that_is_no_good_is_refused(
    holder: KeyHolder, changed: dict[str, Any], header: dict[str, Any]
) -> None:
    answer = holder.redeem("a-code", Proving(changed=changed, header=header))

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")


def test_c25_a_private_key_in_a_proof_is_refused(holder: KeyHolder) -> None:
    proving = Proving(header={"jwk": holder.key.as_dict(private=True)})

    assert holder.redeem("a-code", proving).json()["error"] == "invalid_dpop_proof"


def test_c25_a_proof_serves_once(holder: KeyHolder) -> None:
    proving = Proving(changed={"jti": secrets.token_urlsafe(8)})
    assert holder.redeem("a-code", proving).json()["error"] == "invalid_grant"

    assert holder.redeem("a-code", proving).json()["error"] == "invalid_dpop_proof"


@pytest.mark.parametrize("changed", [{"ath": None}, {"ath": "another"}], ids=str)
def test_c25_at_userinfo_the_proof_names_the_token(holder: KeyHolder, changed: dict[str, Any]) -> None:
    token = holder.redeem(holder.party.sign_in()["code"]).json()["access_token"]

    answer = holder.userinfo(token, Proving(changed=changed))

    assert answer.status_code == 401
    assert 'error="invalid_dpop_proof"' in answer.headers["www-authenticate"]


def test_a_client_that_must_bind_its_tokens_gets_none_without_a_proof(acm: Mock) -> None:
    acm.register("binder", dpop_bound=True)
    party = Party(mock=acm, client_id="binder")

    assert party.redeem(party.sign_in()["code"]).json()["error"] == "invalid_dpop_proof"
    assert KeyHolder(party).redeem(party.sign_in()["code"]).status_code == 200
    party.close()


def test_a_nonce_is_asked_for_everywhere_where_the_client_says_so(acm: Mock) -> None:
    acm.register("with-nonce", dpop_nonce=True)
    party = Party(mock=acm, client_id="with-nonce")
    holder, code = KeyHolder(party), party.sign_in()["code"]

    asking = holder.redeem(code)
    assert (asking.status_code, asking.json()["error"]) == (400, "use_dpop_nonce")
    token = holder.redeem(code, nonce=asking.headers["dpop-nonce"]).json()["access_token"]

    asking = holder.userinfo(token)
    assert asking.status_code == 401
    assert holder.userinfo(token, nonce=asking.headers["dpop-nonce"]).status_code == 200
    assert holder.push().json()["error"] == "use_dpop_nonce"
    party.close()


def test_a_code_is_bound_to_the_key_that_the_request_named(holder: KeyHolder) -> None:
    party = holder.party
    code = party.sign_in(dpop_jkt=str(holder.key.thumbprint()))["code"]
    assert KeyHolder(party).redeem(code).json()["error"] == "invalid_grant"

    code = party.sign_in(dpop_jkt=str(holder.key.thumbprint()))["code"]
    assert holder.redeem(code).status_code == 200


def test_a_pushed_request_with_a_proof_binds_the_code_too(holder: KeyHolder) -> None:
    party = holder.party
    pushed = holder.push().json()["request_uri"]
    query = {"client_id": party.client_id, "request_uri": pushed, "mock_person": "employee"}
    code = brought_back(party.browser.get(f"{party.mock.issuer}/v1/auth", params=query))["code"]

    assert party.redeem(code).json()["error"] == "invalid_grant"
    assert holder.push(dpop_jkt="another").json()["error"] == "invalid_dpop_proof"
