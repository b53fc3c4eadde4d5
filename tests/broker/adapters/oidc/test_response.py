from __future__ import annotations

import pytest

from broker.adapters.oidc.metadata import Metadata
from broker.adapters.oidc.response import code_from_response
from broker.ports import Mismatch, SignInRefused

ISSUER = "https://acm.example/op"
METADATA = Metadata(
    issuer=ISSUER,
    authorization_endpoint=f"{ISSUER}/v1/auth",
    token_endpoint=f"{ISSUER}/v1/token",
    assertion_audience=f"{ISSUER}/v1/token",
    pushed_authorization_request_endpoint=None,
    jwks_uri=f"{ISSUER}/v1/keys",
    userinfo_endpoint=None,
    end_session_endpoint=None,
    names_itself_in_responses=True,
)
SILENT = Metadata(
    issuer=ISSUER,
    authorization_endpoint=f"{ISSUER}/v1/auth",
    token_endpoint=f"{ISSUER}/v1/token",
    assertion_audience=f"{ISSUER}/v1/token",
    pushed_authorization_request_endpoint=None,
    jwks_uri=f"{ISSUER}/v1/keys",
    userinfo_endpoint=None,
    end_session_endpoint=None,
    names_itself_in_responses=False,
)
GOOD = [("code", "c0de"), ("state", "s"), ("iss", ISSUER)]


def refused(response: list[tuple[str, str]], metadata: Metadata = METADATA) -> SignInRefused:
    with pytest.raises(SignInRefused) as refusal:
        code_from_response(response, state="s", metadata=metadata)
    return refusal.value


def test_a_good_response_gives_its_code() -> None:
    assert code_from_response(GOOD, state="s", metadata=METADATA) == "c0de"


def test_other_parameters_are_ignored() -> None:
    assert code_from_response([*GOOD, ("session_state", "x")], state="s", metadata=METADATA) == "c0de"


@pytest.mark.parametrize("name", ["code", "state", "iss", "error", "error_description", "whatever"])
def test_a_parameter_that_comes_twice_is_refused_even_with_the_same_value(name: str) -> None:
    value = dict(GOOD).get(name, "x")
    doubled = [one for one in GOOD if one[0] != name] + [(name, value), (name, value)]
    assert refused(doubled).mismatch is Mismatch.BAD_RESPONSE


@pytest.mark.parametrize("name", ["id_token", "access_token", "token_type", "refresh_token", "response"])
def test_tokens_in_the_response_are_refused(name: str) -> None:
    assert refused([*GOOD, (name, "x")]).mismatch is Mismatch.BAD_RESPONSE


@pytest.mark.parametrize("state", ["", "S", "s ", "\ud800"])
def test_another_state_is_refused(state: str) -> None:
    assert refused([("code", "c"), ("state", state), ("iss", ISSUER)]).mismatch is Mismatch.BAD_RESPONSE


def test_a_response_without_state_is_refused() -> None:
    assert refused([("code", "c"), ("iss", ISSUER)]).mismatch is Mismatch.BAD_RESPONSE


@pytest.mark.parametrize("issuer", [ISSUER + "/", ISSUER.upper(), "https://acm.example/OP", "https://evil.example", ""])
@pytest.mark.parametrize("metadata", [METADATA, SILENT])
def test_another_issuer_is_refused_by_plain_comparison(issuer: str, metadata: Metadata) -> None:
    response = [("code", "c"), ("state", "s"), ("iss", issuer)]
    assert refused(response, metadata).mismatch is Mismatch.BAD_RESPONSE


def test_the_issuer_may_not_be_missing_once_the_metadata_promise_it() -> None:
    assert refused([("code", "c"), ("state", "s")]).mismatch is Mismatch.BAD_RESPONSE


def test_the_issuer_may_be_missing_where_nobody_promised_it() -> None:
    assert code_from_response([("code", "c"), ("state", "s")], state="s", metadata=SILENT) == "c"


def test_an_error_of_another_issuer_is_not_believed() -> None:
    response = [("error", "access_denied"), ("state", "s"), ("iss", "https://evil.example")]
    assert refused(response).mismatch is Mismatch.BAD_RESPONSE


def test_a_person_who_cancels_has_cancelled() -> None:
    response = [("error", "access_denied"), ("state", "s"), ("iss", ISSUER)]
    assert refused(response).mismatch is Mismatch.CANCELLED


@pytest.mark.parametrize("error", ["server_error", "temporarily_unavailable", "invalid_scope"])
def test_another_error_is_the_provider_s(error: str) -> None:
    refusal = refused([("error", error), ("state", "s"), ("iss", ISSUER)])
    assert (refusal.mismatch, error in refusal.detail) == (Mismatch.PROVIDER_ERROR, True)


def test_nothing_that_stood_in_an_error_is_repeated() -> None:
    evil = "<script>82672100108"
    response = [("error", evil), ("error_description", evil), ("error_uri", evil), ("state", "s"), ("iss", ISSUER)]
    refusal = refused(response)
    assert refusal.mismatch is Mismatch.PROVIDER_ERROR
    assert "82672100108" not in f"{refusal} {refusal.detail} {refusal.args}"


def test_a_code_beside_an_error_is_refused() -> None:
    assert refused([*GOOD, ("error", "access_denied")]).mismatch is Mismatch.BAD_RESPONSE


@pytest.mark.parametrize("code", ["", "c\n", "é", "c" * 5000])
def test_a_code_that_cannot_be_one_is_refused(code: str) -> None:
    assert refused([("code", code), ("state", "s"), ("iss", ISSUER)]).mismatch is Mismatch.BAD_RESPONSE


def test_an_empty_response_is_refused() -> None:
    assert refused([]).mismatch is Mismatch.BAD_RESPONSE


@pytest.mark.parametrize(
    "error", ["login_required", "interaction_required", "account_selection_required", "consent_required"]
)
def test_an_error_that_needs_the_person_says_so(error: str) -> None:
    refusal = refused([("error", error), ("state", "s"), ("iss", ISSUER)])
    assert (refusal.mismatch, error in refusal.detail) == (Mismatch.INTERACTION_NEEDED, True)
