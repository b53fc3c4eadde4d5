"""The signed assertion: ES256, for one application, a minute long, verifiable with the published keys and no others."""

from __future__ import annotations

from base64 import urlsafe_b64decode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet

from broker.adapters.assertion import AssertionSigner
from broker.adapters.oidc.client_keys import SigningKey
from tests.broker.gateway import Hands, ec_key


def signer(*client_keys: str) -> AssertionSigner:
    return AssertionSigner(key=ec_key(), client_keys=client_keys, issuer="https://gw.example", clock=Hands())


def test_an_assertion_says_what_it_should_and_for_how_long() -> None:
    signing = signer()
    token = signing.sign((("sub", "pseudonym"), ("name", "Anaïs Müller 鈴木")), audience="kmo-portefeuille")
    keys = KeySet.import_key_set(signing.published_keys())  # type: ignore[arg-type]  # joserfc's own key set type
    decoded = jwt.decode(token, keys, algorithms=["ES256"])
    assert decoded.header["alg"] == "ES256"
    assert decoded.header["kid"] == signing.published_keys()["keys"][0]["kid"]
    assert decoded.claims["iss"] == "https://gw.example"
    assert decoded.claims["aud"] == "kmo-portefeuille"
    assert decoded.claims["exp"] - decoded.claims["iat"] == 60
    assert decoded.claims["name"] == "Anaïs Müller 鈴木"
    again = jwt.decode(signing.sign((), audience="x"), keys, algorithms=["ES256"])
    assert again.claims["jti"] != decoded.claims["jti"]


def test_the_client_keys_public_half_is_published_and_no_private_half() -> None:
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = rsa_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for client_key, kind in ((pem, "RSA"), (ec_key(), "EC")):
        published = signer(client_key).published_keys()["keys"]
        assert [key["kty"] for key in published] == ["EC", kind]
        for key in published:
            assert not {"d", "p", "q", "dp", "dq", "qi"} & key.keys()


def test_every_client_key_is_published_once_and_by_the_name_that_it_signs_under() -> None:
    first, second = ec_key(), ec_key()
    published = signer(first, second, first).published_keys()["keys"]
    assert [key["kid"] for key in published[1:]] == [SigningKey(first).key_id, SigningKey(second).key_id]


def test_every_assertion_verifies_however_short_a_half_of_its_signature_is() -> None:
    # One half in 256 begins with an octet of zeros, which must not be left out.
    signing = signer()
    keys = KeySet.import_key_set(signing.published_keys())  # type: ignore[arg-type]  # joserfc's own key set type
    halves: list[bytes] = []
    while not (len(halves) > 100 and any(half[0] == 0 for half in halves)):
        token = signing.sign((("sub", "pseudonym"),), audience="app")
        assert jwt.decode(token, keys, algorithms=["ES256"]).claims["sub"] == "pseudonym"
        signature = urlsafe_b64decode(token.rpartition(".")[2] + "==")
        assert len(signature) == 64
        halves += [signature[:32], signature[32:]]


def test_an_assertion_that_was_changed_does_not_verify() -> None:
    signing = signer()
    keys = KeySet.import_key_set(signing.published_keys())  # type: ignore[arg-type]  # joserfc's own key set type
    header, _, signature = signing.sign((("sub", "one"),), audience="app").split(".")
    other = signing.sign((("sub", "two"),), audience="app").split(".")[1]
    with pytest.raises(BadSignatureError):
        jwt.decode(f"{header}.{other}.{signature}", keys, algorithms=["ES256"])


def test_a_public_key_is_refused_at_start() -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(ValueError, match="private"):
        AssertionSigner(key=pem, client_keys=(), issuer="https://gw.example", clock=Hands())


def test_a_key_on_another_curve_is_refused_at_start() -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(ValueError, match="P-256"):
        AssertionSigner(key=pem, client_keys=(), issuer="https://gw.example", clock=Hands())
