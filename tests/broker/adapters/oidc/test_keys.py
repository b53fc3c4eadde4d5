from __future__ import annotations

import json
import warnings
from typing import Any

import pytest
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from broker.adapters.oidc.keys import KeyNotFound, choose_key, read_keys
from broker.adapters.wire import NotUnderstood

RSA = RSAKey.generate_key(2048).as_dict(private=False)
PRIVATE = RSAKey.generate_key(2048).as_dict(private=True)
EC = ECKey.generate_key("P-256").as_dict(private=False)
EC384 = ECKey.generate_key("P-384").as_dict(private=False)


def key_set(*rows: dict[str, Any] | str | int) -> bytes:
    return json.dumps({"keys": rows}).encode()


def test_a_key_is_chosen_by_its_name() -> None:
    keys = read_keys(key_set({**RSA, "kid": "one"}, {**PRIVATE, "kid": "two"}))
    assert choose_key(keys, algorithm="RS256", key_id="two").key_id == "two"


def test_a_private_half_in_the_set_is_never_kept() -> None:
    (key,) = read_keys(key_set(PRIVATE))
    assert not key.key.is_private


def test_without_a_name_the_only_fitting_key_is_taken() -> None:
    keys = read_keys(key_set({**RSA, "kid": "one"}, {**EC, "kid": "two"}))
    assert choose_key(keys, algorithm="RS256", key_id=None).key_id == "one"
    assert choose_key(keys, algorithm="ES256", key_id=None).key_id == "two"


def test_without_a_name_several_fitting_keys_are_refused() -> None:
    keys = read_keys(key_set({**RSA, "kid": "one"}, {**PRIVATE, "kid": "two"}))
    with pytest.raises(KeyNotFound, match="several"):
        choose_key(keys, algorithm="RS256", key_id=None)


def test_two_keys_of_one_name_are_refused() -> None:
    keys = read_keys(key_set({**RSA, "kid": "one"}, {**PRIVATE, "kid": "one"}))
    with pytest.raises(KeyNotFound, match="several"):
        choose_key(keys, algorithm="RS256", key_id="one")


def test_an_unknown_name_is_not_found() -> None:
    with pytest.raises(KeyNotFound, match="no key"):
        choose_key(read_keys(key_set({**RSA, "kid": "one"})), algorithm="RS256", key_id="two")


@pytest.mark.parametrize(
    ("row", "algorithm"),
    [(EC, "RS256"), (RSA, "ES256"), (EC384, "ES256"), (EC, "ES384"), ({**RSA, "alg": "PS256"}, "RS256")],
)
def test_a_key_is_never_used_for_an_algorithm_that_it_was_not_made_for(row: dict[str, Any], algorithm: str) -> None:
    with pytest.raises(KeyNotFound):
        choose_key(read_keys(key_set({**row, "kid": "one"})), algorithm=algorithm, key_id="one")


def test_keys_that_cannot_be_used_are_left_out() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        weak = RSAKey.generate_key(1024).as_dict(private=False)
    others: list[Any] = [
        weak,
        {**RSA, "use": "enc"},
        OctKey.generate_key(256).as_dict(),
        OKPKey.generate_key("Ed25519").as_dict(private=False),
        ECKey.generate_key("secp256k1").as_dict(private=False),
        {**EC, "x": EC["y"]},
        {"kty": "RSA", "n": "!", "e": "AQAB"},
        {"kty": "AKP-of-the-future"},
        {"kid": "no kind"},
        "text",
        5,
    ]
    keys = read_keys(key_set(*others, {**RSA, "kid": "good", "use": "sig"}))
    assert [key.key_id for key in keys] == ["good"]


@pytest.mark.parametrize(
    "text", [b"", b"[]", b'{"keys": {}}', b'{"keys": []}', b'{"keys": [' + b"[" * 100_000, b"<html>", b"{}"]
)
def test_what_is_no_key_set_is_refused(text: bytes) -> None:
    with pytest.raises(NotUnderstood):
        read_keys(text)


def test_a_thousand_keys_are_refused() -> None:
    with pytest.raises(NotUnderstood, match="more keys"):
        read_keys(key_set(*[RSA] * 1000))
