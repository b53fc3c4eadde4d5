from __future__ import annotations

import json
from typing import Any

import pytest

from broker.adapters.oidc import OidcSettings, SecretAuthentication
from broker.adapters.oidc.metadata import check_issuer, metadata_url, read_metadata
from broker.adapters.wire import NotUnderstood

ISSUER = "https://acm.example/op"
GOOD: dict[str, Any] = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/v1/auth",
    "token_endpoint": f"{ISSUER}/v1/token",
    "userinfo_endpoint": f"{ISSUER}/v1/userinfo",
    "jwks_uri": f"{ISSUER}/v1/keys",
    "end_session_endpoint": f"{ISSUER}/v1/logout",
    "response_types_supported": ["code"],
    "code_challenge_methods_supported": ["plain", "S256"],
    "id_token_signing_alg_values_supported": ["RS256"],
}


def settings(**changes: object) -> OidcSettings:
    values: dict[str, object] = {
        "issuer": ISSUER,
        "client_id": "us",
        "redirect_uri": "https://gateway.example/_inkom/callback",
        "post_logout_redirect_uri": "https://gateway.example/_inkom/logged-out",
        "entry_uri": "https://gateway.example/_inkom/login",
        "authentication": SecretAuthentication(method="client_secret_basic", secret="s"),
    }
    return OidcSettings(**{**values, **changes})  # type: ignore[arg-type]  # the changes are the test's own


def read(changes: dict[str, Any], **of_settings: object) -> None:
    document = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    read_metadata(json.dumps(document).encode(), settings(**of_settings))


def refused(changes: dict[str, Any], **of_settings: object) -> str:
    with pytest.raises(NotUnderstood) as refusal:
        read(changes, **of_settings)
    return str(refusal.value)


def test_acm_s_metadata_are_read() -> None:
    metadata = read_metadata(json.dumps(GOOD).encode(), settings())
    assert metadata.token_endpoint == f"{ISSUER}/v1/token"
    assert metadata.names_itself_in_responses is False


def test_the_address_has_one_slash_before_well_known() -> None:
    assert metadata_url(ISSUER) == metadata_url(ISSUER + "/") == ISSUER + "/.well-known/openid-configuration"


@pytest.mark.parametrize("issuer", [ISSUER + "/", ISSUER.upper(), "https://evil.example/op", None])
def test_another_issuer_is_refused(issuer: str | None) -> None:
    refused({"issuer": issuer})


@pytest.mark.parametrize("endpoint", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_a_missing_endpoint_is_refused(endpoint: str) -> None:
    refused({endpoint: None})


@pytest.mark.parametrize("endpoint", [name for name in GOOD if "endpoint" in name or name == "jwks_uri"])
@pytest.mark.parametrize(
    "address",
    [
        "http://acm.example/x",
        "https://evil.example/x",
        "https://acm.example.evil.example/x",
        "https://acm.example@evil.example/x",
        "https://acm.example:port/x",
        "https://user:secret@acm.example/x",
        "https://acm.example/x#fragment",
        "https://acm.example/a b",
        "ftp://acm.example/x",
        "//acm.example/x",
        "javascript:alert(1)",
    ],
)
def test_an_endpoint_elsewhere_or_unprotected_is_refused(endpoint: str, address: str) -> None:
    assert endpoint in refused({endpoint: address})


def test_another_host_is_accepted_once_it_is_allowed() -> None:
    read({"token_endpoint": "https://tokens.example/x"}, allowed_hosts=("tokens.example",))


def test_plain_http_is_accepted_on_this_machine_only() -> None:
    local = {
        name: value.replace("https://acm.example", "http://localhost:9000")
        for name, value in GOOD.items()
        if isinstance(value, str)
    }
    read(local, issuer="http://localhost:9000/op")
    assert "https" in refused({**local, "token_endpoint": "http://acm.example/x"}, issuer="http://localhost:9000/op")


@pytest.mark.parametrize("methods", [None, [], ["plain"]])
def test_a_provider_without_s256_is_refused_unless_told_otherwise(methods: list[str] | None) -> None:
    assert "S256" in refused({"code_challenge_methods_supported": methods})
    read({"code_challenge_methods_supported": methods}, requires_advertised_s256=False)


@pytest.mark.parametrize("algorithms", [["none"], ["HS256"], ["none", "HS512", "RS1"]])
def test_a_provider_that_only_signs_badly_is_refused(algorithms: list[str]) -> None:
    refused({"id_token_signing_alg_values_supported": algorithms})


def test_a_provider_that_also_offers_none_is_accepted_since_our_own_list_decides() -> None:
    read({"id_token_signing_alg_values_supported": ["none", "HS256", "RS256"]})


def test_a_provider_without_code_is_refused() -> None:
    refused({"response_types_supported": ["id_token token"]})


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b"<html>", b"\xff", b"[" * 100_000, b'{"issuer": 5}'])
def test_what_is_no_metadata_is_refused(text: bytes) -> None:
    with pytest.raises(NotUnderstood):
        read_metadata(text, settings())


@pytest.mark.parametrize("issuer", ["http://acm.example", "acm.example", "https://acm.example?x", "https://a#b", ""])
def test_an_issuer_that_cannot_be_one_is_refused(issuer: str) -> None:
    with pytest.raises(ValueError, match="issuer"):
        check_issuer(issuer)


@pytest.mark.parametrize("algorithms", [(), ("none",), ("RS256", "HS256"), ("EdDSA",)])
def test_settings_that_allow_no_or_bad_algorithms_are_refused(algorithms: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="algorithms"):
        settings(algorithms=algorithms)


def test_settings_that_switch_a_check_off_are_refused() -> None:
    with pytest.raises(ValueError, match="leeway"):
        settings(leeway=120.0)
    with pytest.raises(ValueError, match="openid"):
        settings(scopes=("profile",))


def test_an_assertion_is_never_made_for_another_host_than_the_one_that_gets_it() -> None:
    """A provider that names another's token endpoint beside an alias of its own could use our assertion there."""
    document = {
        **GOOD,
        "token_endpoint": "https://victim.example/token",
        "tls_client_certificate_bound_access_tokens": True,
        "mtls_endpoint_aliases": {"token_endpoint": f"{ISSUER}/mtls/token"},
    }
    assert "token_endpoint is on a host that is not allowed" in refused(document, sender_constrained="mtls")
