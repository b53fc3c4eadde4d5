"""Signed authorization requests (RFC 9101), the provider's side."""

from __future__ import annotations

import secrets
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from tests.mock_idp.provider import CALLBACK, SECRET, Mock, Party, brought_back

CLIENT = "signer"


class Signer:
    """A client whose requests are signed."""

    def __init__(self, acm: Mock, browser: httpx2.Client) -> None:
        self.key = ECKey.generate_key("P-256", {"kid": "signer"})
        keys = KeySet([self.key]).as_dict(private=False)
        acm.register(CLIENT, jwks=keys, require_signed_request=True)
        self.acm = acm
        self.party = Party(mock=acm, client_id=CLIENT, browser=browser)

    def signed(self, *, typ: str | None = "oauth-authz-req+jwt", alg: str = "ES256", **changed: Any) -> str:
        now = self.acm.clock.seconds()
        claims = {
            **self.party.request(),
            "iss": CLIENT,
            "aud": self.acm.issuer,
            "iat": now,
            "exp": now + 60,
            "jti": secrets.token_urlsafe(8),
            **changed,
        }
        header = {"alg": alg, "kid": "signer", **({"typ": typ} if typ else {})}
        return jwt.encode(
            header, {key: value for key, value in claims.items() if value is not None}, self.key, algorithms=[alg]
        )

    def ask(self, request: str, **outside: str) -> httpx2.Response:
        query = {"client_id": CLIENT, "request": request, "mock_person": "employee", **outside}
        return self.party.browser.get(f"{self.acm.issuer}/v1/auth", params=query)


@pytest.fixture
def signer(acm: Mock, party: Party) -> Signer:
    return Signer(acm, party.browser)


@pytest.mark.parametrize("typ", ["oauth-authz-req+jwt", "JWT", None])
def test_a_signed_request_signs_in_and_what_stands_outside_counts_for_nothing(signer: Signer, typ: str) -> None:
    answer = signer.ask(signer.signed(typ=typ, max_age=300), state="another", redirect_uri="https://evil.example/")

    assert brought_back(answer)["state"] == "the-state"


def test_a_signed_request_can_be_pushed(signer: Signer) -> None:
    form = {"client_id": CLIENT, "request": signer.signed()}
    pushed = signer.acm.direct.post(f"{signer.acm.issuer}/v1/par", data=form, auth=(CLIENT, SECRET))

    assert pushed.status_code == 201, pushed.text
    query = {"client_id": CLIENT, "request_uri": pushed.json()["request_uri"], "mock_person": "employee"}
    assert "code" in brought_back(signer.party.browser.get(f"{signer.acm.issuer}/v1/auth", params=query))


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "demo-client"},
        {"client_id": "demo-client"},
        {"aud": "https://other.example/op"},
        {"aud": None},
        {"exp": None},
        {"exp": 1},
        {"exp": 99_999_999_999},
        {"nbf": 99_999_999_999},
        {"sub": CLIENT},
        {"request_uri": "urn:x"},
        {"typ": "at+jwt"},
    ],
    ids=str,
)
def test_a_request_object_that_is_no_good_gets_a_page_and_no_way_back(signer: Signer, changed: dict[str, Any]) -> None:
    assert signer.ask(signer.signed(**changed)).status_code == 400


def test_a_request_object_serves_once(signer: Signer) -> None:
    request = signer.signed()
    assert signer.ask(request).status_code == 303

    assert signer.ask(request).status_code == 400


@pytest.mark.parametrize("request_text", ["e30.e30.", "rubbish", "a.b.c"])
def test_unsigned_and_unreadable_request_objects_are_refused(signer: Signer, request_text: str) -> None:
    assert signer.ask(request_text).status_code == 400


def test_another_key_signs_nothing_for_this_client(signer: Signer) -> None:
    signer.key = ECKey.generate_key("P-256", {"kid": "signer"})

    assert signer.ask(signer.signed()).status_code == 400


def test_a_client_that_must_sign_cannot_ask_plainly_nor_push_unsigned(signer: Signer) -> None:
    assert signer.party.ask().status_code == 400
    plain = signer.acm.direct.post(
        f"{signer.acm.issuer}/v1/par", data=signer.party.request(redirect_uri=CALLBACK), auth=(CLIENT, SECRET)
    )
    assert plain.json()["error"] == "invalid_request"
