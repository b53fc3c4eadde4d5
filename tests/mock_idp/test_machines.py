"""Programs at the mock: the client_credentials grant, its JWT access tokens, and who may not have any."""

from __future__ import annotations

from typing import Any

import httpx2
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.mock_idp.provider import SECRET, Mock

ROLE = "VLAIOInkomGebruikerNieuw-Gebruiker"
MACHINE = {"audience": "kmo-portefeuille", "organisation": "1999999943", "roles": [ROLE]}


def asked(acm: Mock, client_id: str = "demo-program", secret: str = SECRET, **more: str) -> httpx2.Response:
    form = {"grant_type": "client_credentials", **more}
    return acm.direct.post(f"{acm.issuer}/v1/token", data=form, auth=(client_id, secret))


def introspected(acm: Mock, token: str) -> Any:
    address = f"{acm.issuer}/v1/introspect"
    return acm.direct.post(address, data={"token": token}, auth=("demo-client", SECRET)).json()


def test_a_program_gets_an_access_token_of_rfc_9068_for_its_organisation(acm: Mock) -> None:
    answer = asked(acm).json()
    assert (answer["token_type"], answer["expires_in"], answer["scope"]) == ("Bearer", 600, "kmo.read kmo.write")
    assert set(answer) == {"access_token", "token_type", "expires_in", "scope"}
    token = jwt.decode(answer["access_token"], acm.keys())
    assert (token.header["typ"], token.header["alg"]) == ("at+jwt", "RS256")
    said = token.claims
    assert (said["iss"], said["aud"]) == (acm.issuer, "kmo-portefeuille")
    assert said["sub"] == said["client_id"] == "demo-program"
    assert said["exp"] - said["iat"] == 600
    assert said["vo_orgcode"] == "1999999943"
    assert said["vlaio_inkom_rol_3d"] == [f"{ROLE}:1999999943"]
    assert "rrn" not in said


def test_two_tokens_are_two(acm: Mock) -> None:
    assert asked(acm).json()["access_token"] != asked(acm).json()["access_token"]


def test_a_program_may_ask_for_less_and_not_for_more(acm: Mock) -> None:
    assert asked(acm, scope="kmo.read").json()["scope"] == "kmo.read"
    for scope in ("kmo.read rrn", "openid", " "):
        refused = asked(acm, scope=scope)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")


def test_who_is_no_program_or_cannot_prove_itself_gets_none(acm: Mock) -> None:
    assert asked(acm, "demo-client").json()["error"] == "unauthorized_client"
    assert asked(acm, secret="guess").status_code == 401


def test_both_kinds_of_token_are_introspectable_until_they_end(acm: Mock) -> None:
    acm.register("opaque-program", scopes=["kmo.read"], machine={**MACHINE, "opaque": True})
    for client in ("demo-program", "opaque-program"):
        token = asked(acm, client).json()["access_token"]
        said = introspected(acm, token)
        assert said["active"] is True
        assert (said["client_id"], said["aud"], said["vo_orgcode"]) == (client, "kmo-portefeuille", "1999999943")
        acm.clock.forward(seconds=601)
        assert introspected(acm, token) == {"active": False}
    assert introspected(acm, "unknown") == {"active": False}


def test_a_token_is_bound_to_the_key_that_was_proven(acm: Mock) -> None:
    key, address = ECKey.generate_key("P-256"), f"{acm.issuer}/v1/token"
    header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": key.as_dict(private=False)}
    proof = jwt.encode(
        header, {"htm": "POST", "htu": address, "iat": int(acm.clock.now().timestamp()), "jti": "one"}, key
    )
    form = {"grant_type": "client_credentials"}
    answer = acm.direct.post(address, data=form, auth=("demo-program", SECRET), headers={"DPoP": proof}).json()
    assert answer["token_type"] == "DPoP"
    assert jwt.decode(answer["access_token"], acm.keys()).claims["cnf"] == {"jkt": key.thumbprint()}
    assert introspected(acm, answer["access_token"])["token_type"] == "DPoP"


def test_a_reset_forgets_the_tokens_of_programs(acm: Mock) -> None:
    token = asked(acm).json()["access_token"]
    acm.post("/mock/reset", {})
    assert introspected(acm, token) == {"active": False}


def test_a_machine_that_is_written_wrongly_is_said(acm: Mock) -> None:
    body = {"client_id": "x", "client_secret": SECRET, "machine": {"audience": "a", "surprise": 1}}
    assert acm.post("/mock/clients", body).status_code == 400


def test_discovery_names_the_grant(acm: Mock) -> None:
    document = acm.get("/op/.well-known/openid-configuration").json()
    assert "client_credentials" in document["grant_types_supported"]
