"""Access tokens of programs, statement by statement, over real HTTP: bound ones (C25) and all others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from broker.adapters.clock import SystemClock
from tests.broker.adapters.bearer.issuer import Holder
from tests.conformance.browser import Browser
from tests.conformance.gateway import PROGRAMS
from tests.conformance.pair import Pair

Record = Callable[[str, object], None]
SECRET = "a-program's-secret"
ROLE = "VLAIOInkomGebruikerNieuw-Gebruiker"


@pytest.fixture
def client() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, timeout=20) as client:
        yield client


def token_of(
    pair: Pair, client: httpx2.Client, *, scopes: str = "corona.read", holder: Holder | None = None, **machine: Any
) -> str:
    """Register a program at the mock, and let it get a token, bound to the holder's key."""
    program = {"audience": PROGRAMS, "organisation": "1999999943", "roles": [ROLE], **machine}
    known = {"client_id": "crm", "client_secret": SECRET, "scopes": scopes.split(), "machine": program}
    pair.government.tell("/mock/clients", known)
    form = {"grant_type": "client_credentials"}
    address = f"{pair.government.issuer}/v1/token"
    proof = holder.proof("", method="POST", address=address, now=_now(), ath=None) if holder else None
    answer = client.post(address, data=form, auth=("crm", SECRET), headers={"dpop": proof} if proof else {})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def address_of(pair: Pair) -> str:
    return f"{pair.first.origin}/{PROGRAMS}/api/headers"


def test_a_program_is_let_in_by_a_verified_token_and_by_no_other(
    pair: Pair, client: httpx2.Client, record_property: Record
) -> None:
    record_property("statement", "APIs: JWT with issuer, audience, expiry, scope; the same policy")
    good = token_of(pair, client)
    answer = client.get(address_of(pair), headers={"authorization": f"Bearer {good}"})
    assert answer.status_code == 200, f"{answer.text}\n{pair.first.log[-2000:]}"
    received = dict(answer.json()["headers"])
    assert (received["x-inkom-name"], received["x-inkom-organisation"]) == ("crm", "1999999943")
    assert "authorization" not in received

    refused = {
        "another audience": (token_of(pair, client, audience="kmo-portefeuille"), 401),
        "less scope": (token_of(pair, client, scopes="corona.write"), 403),
        "another organisation's right": (token_of(pair, client, organisation="1999999844", roles=[]), 403),
        "a changed signature": (good[:-8] + "AAAAAAAA", 401),
        "nonsense": ("nonsense", 401),
    }
    for what, (token, status) in refused.items():
        found = client.get(address_of(pair), headers={"authorization": f"Bearer {token}"})
        assert (what, found.status_code) == (what, status)
        assert found.headers["content-type"] == "application/problem+json"
    logs = pair.first.log + pair.first.audit
    assert not [
        part for token in (good, *(one for one, _ in refused.values())) for part in token.split(".")[1:] if part in logs
    ]
    record_property("seen", "200 with the program's identity; 401 or 403 for each other; no token in a log")


def test_a_person_and_a_program_at_once_are_400(
    pair: Pair, client: httpx2.Client, browser: Browser, record_property: Record
) -> None:
    record_property("statement", "APIs: cookie and token together are refused, not guessed")
    pair.sign_in(browser)
    answer = browser.get(address_of(pair), authorization=f"Bearer {token_of(pair, client)}")
    assert answer.status_code == 400
    record_property("seen", "400 invalid_request")


def test_c25_a_proof_that_does_not_fit_is_401_and_one_that_does_serves_once(
    pair: Pair, client: httpx2.Client, record_property: Record
) -> None:
    record_property("statement", "C25: wrong htm, htu, ath, iat, jti, key or alg: 401 invalid_dpop_proof")
    holder, address, now = Holder(), address_of(pair), _now()
    token = token_of(pair, client, holder=holder)

    def call(*proofs: str, scheme: str = "DPoP") -> httpx2.Response:
        named = [("authorization", f"{scheme} {token}"), *(("dpop", proof) for proof in proofs)]
        return client.get(address, headers=named)

    def proof(**changed: Any) -> str:
        return holder.proof(token, **{"address": address, "now": now, **changed})

    once = proof()
    assert call(once).status_code == 200
    wrong = {
        "jti replay": [once],
        "htm": [proof(method="POST")],
        "htu": [proof(address=address + "/other")],
        "ath": [proof(ath="another")],
        "iat too old": [proof(now=now - 120)],
        "private key in jwk": [proof(header={"jwk": holder.key.as_dict(private=True)})],
        "alg none": [proof(header={"alg": "none"})],
        "alg HS256": [proof(header={"alg": "HS256"}, signed_by=b"secret")],
        "another key": [Holder().proof(token, address=address, now=now)],
        "two proofs": [proof(), proof()],
        "no proof": [],
    }
    for what, proofs in wrong.items():
        answer = call(*proofs)
        assert (what, answer.status_code) == (what, 401)
        assert 'error="invalid_dpop_proof"' in answer.headers["www-authenticate"], what
    assert call(scheme="Bearer").status_code == 401
    record_property("seen", f"401 invalid_dpop_proof for each of {len(wrong)}; 401 without the scheme DPoP")


def _now() -> int:
    return int(SystemClock().now().timestamp())
