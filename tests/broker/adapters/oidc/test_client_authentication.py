from __future__ import annotations

import json
import warnings
from base64 import b64decode
from typing import Any

import pytest
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OctKey, RSAKey

from broker.adapters.oidc.client_authentication import basic_credentials, client_authentication
from broker.adapters.oidc.client_keys import read_private_key
from broker.adapters.oidc.settings import (
    Authentication,
    CertificateAuthentication,
    KeyAuthentication,
    SecretAuthentication,
)
from tests.broker.adapters.examples import NOW, SetClock

TOKEN_ENDPOINT = "https://acm.example/op/v1/token"
ISSUER = "https://acm.example/op"
RSA = RSAKey.generate_key(2048)
EC = ECKey.generate_key("P-256")


def prove(authentication: Authentication) -> tuple[dict[str, str], dict[str, str]]:
    prove = client_authentication(authentication, client_id="us", issuer=ISSUER, clock=SetClock())
    proof = prove(TOKEN_ENDPOINT)
    return dict(proof.headers), dict(proof.fields)


def assertion_of(key: RSAKey | ECKey, **changes: Any) -> jwt.Token:
    authentication = KeyAuthentication(private_key=key.as_pem(private=True).decode(), **changes)
    _, fields = prove(authentication)
    assert fields["client_id"] == "us"
    assert fields["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    return jwt.decode(fields["client_assertion"], key, algorithms=["RS256", "ES256"])


def test_both_halves_of_basic_credentials_are_form_urlencoded() -> None:
    credentials = basic_credentials("client:1 é", "p@ss/word+%")
    assert b64decode(credentials.removeprefix("Basic ")) == b"client%3A1+%C3%A9:p%40ss%2Fword%2B%25"


def test_client_secret_basic_is_in_the_header_and_nowhere_else() -> None:
    headers, fields = prove(SecretAuthentication(method="client_secret_basic", secret="s3cret"))
    assert headers["authorization"] == basic_credentials("us", "s3cret")
    assert fields == {}


def test_client_secret_post_is_in_the_body_and_nowhere_else() -> None:
    headers, fields = prove(SecretAuthentication(method="client_secret_post", secret="s3 cret&"))
    assert headers == {}
    assert fields == {"client_id": "us", "client_secret": "s3 cret&"}


def test_with_a_certificate_the_form_only_says_who_we_are() -> None:
    headers, fields = prove(CertificateAuthentication(method="tls_client_auth"))
    assert (headers, fields) == ({}, {"client_id": "us"})


@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS256"), (EC, "ES256")])
def test_an_assertion_says_who_for_whom_and_for_how_short(key: RSAKey | ECKey, algorithm: str) -> None:
    token = assertion_of(key)
    assert token.header["alg"] == algorithm
    issued = int(NOW.timestamp())
    expected = {"iss": "us", "sub": "us", "aud": TOKEN_ENDPOINT, "iat": issued, "exp": issued + 60}
    assert {name: token.claims[name] for name in expected} == expected


def test_an_assertion_is_never_the_same_twice() -> None:
    assert len({assertion_of(EC).claims["jti"] for _ in range(20)}) == 20


def test_the_audience_may_be_the_issuer() -> None:
    assert assertion_of(EC, audience="issuer").claims["aud"] == ISSUER


def test_the_key_goes_by_its_name_or_else_by_its_thumbprint() -> None:
    assert assertion_of(EC).header["kid"] == EC.thumbprint()
    assert assertion_of(EC, key_id="key-2026").header["kid"] == "key-2026"
    jwk = json.dumps({**EC.as_dict(private=True), "kid": "from-the-jwk"})
    _, fields = prove(KeyAuthentication(private_key=jwk))
    assert jwt.decode(fields["client_assertion"], EC, algorithms=["ES256"]).header["kid"] == "from-the-jwk"


def test_keys_are_read_from_pem_and_jwk() -> None:
    for key in (RSA, EC):
        for text in (key.as_pem(private=True).decode(), json.dumps(key.as_dict(private=True))):
            assert read_private_key(text).is_private


def test_unfit_keys_are_refused_in_our_own_words() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        weak = RSAKey.generate_key(1024).as_pem(private=True).decode()
    refused = {
        "public": RSA.as_pem(private=False).decode(),
        "2048 bits": weak,
        "P-256": ECKey.generate_key("P-384").as_pem(private=True).decode(),
        "neither PEM nor JWK": "not a key at all",
        "PEM nor JWK": json.dumps(OctKey.generate_key(256).as_dict(private=True)),
        "nor JWK": '{"kty": "RSA"}',
    }
    for reason, text in refused.items():
        with pytest.raises(ValueError, match=reason):
            read_private_key(text)


def test_settings_show_no_secret_when_printed() -> None:
    settings = [
        SecretAuthentication(method="client_secret_basic", secret="s3cret"),
        KeyAuthentication(private_key="s3cret"),
    ]
    assert "s3cret" not in repr(settings)
