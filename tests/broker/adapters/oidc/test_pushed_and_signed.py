"""Authorization requests that are signed (RFC 9101) and pushed (RFC 9126), and what a provider must offer for that."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from joserfc import jwt

from broker.adapters.oidc import KeyAuthentication
from broker.adapters.oidc.settings import CertificateAuthentication
from broker.domain.people import Assurance
from broker.ports import ProviderUnavailable
from tests.broker.adapters.examples import NOW, STATE, attempt
from tests.broker.adapters.oidc.tiny_provider import CLIENT_ID, EC, TinyProvider, json_reply
from tests.broker.adapters.small_server import Reply, SmallServer

KEY = EC.as_pem(private=True).decode()
BY_KEY = KeyAuthentication(private_key=KEY)


@pytest.fixture
def op(small: SmallServer) -> TinyProvider:
    provider = TinyProvider(small)
    provider.metadata["pushed_authorization_request_endpoint"] = f"{provider.issuer}/v1/par"
    provider.metadata["request_object_signing_alg_values_supported"] = ["ES256"]
    small.on("/op/v1/par", lambda _: json_reply({"request_uri": "urn:pushed:1", "expires_in": 60}, status=201))
    return provider


def query_of(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query))


async def test_c20_a_pushed_request_leaves_two_parameters_for_the_browser(op: TinyProvider) -> None:
    us = op.relying_party(request="pushed", authentication=BY_KEY)
    address = await us.authorization_url(attempt())

    assert query_of(address) == {"client_id": CLIENT_ID, "request_uri": "urn:pushed:1"}
    (request,) = op.asked("par")
    pushed = parse_qs(request.body.decode())
    assert (pushed["state"], pushed["response_type"], pushed["client_id"]) == ([STATE], ["code"], [CLIENT_ID])
    assert "code_verifier" not in pushed
    assertion = jwt.decode(pushed["client_assertion"][0], EC, algorithms=["ES256"])
    assert assertion.claims["aud"] == op.metadata["token_endpoint"]
    await us.aclose()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (json_reply({"error": "invalid_request"}, status=400), "says invalid_request"),
        (json_reply({"error": "hush hush"}, status=400), "says another error"),
        (json_reply({"error": "invalid_client"}, status=401), "says invalid_client"),
        (json_reply({}, status=400), "without an error code"),
        (json_reply({"request_uri": "urn:x"}, status=500), "status 500"),
        (Reply(status=302, headers={"Location": "/op/v1/auth"}), "status 302"),
        (Reply(status=201, body=b"<html>"), "not JSON"),
        (json_reply({}, status=201), "request_uri"),
        (json_reply({"request_uri": ""}, status=201), "unusable"),
        (json_reply({"request_uri": "urn:\n"}, status=201), "unusable"),
    ],
)
async def test_c20_whatever_goes_wrong_the_request_is_sent_no_other_way(
    op: TinyProvider, answer: Reply, said: str
) -> None:
    op.server.on("/op/v1/par", lambda _: answer)
    us = op.relying_party(request="pushed")
    with pytest.raises(ProviderUnavailable, match=said) as refusal:
        await us.authorization_url(attempt())
    assert "hush" not in str(refusal.value)
    await us.aclose()


async def test_c21_every_attempt_pushes_anew(op: TinyProvider) -> None:
    us = op.relying_party(request="pushed")
    for _ in range(2):
        await us.authorization_url(attempt())
    assert len(op.asked("par")) == 2
    await us.aclose()


async def test_a_signed_request_holds_every_parameter_and_says_for_whom_and_for_how_short(op: TinyProvider) -> None:
    us = op.relying_party(request="signed", request_key=KEY, step_up_max_age=60)
    query = query_of(await us.authorization_url(attempt(level=Assurance.HIGH)))

    assert query.keys() == {"client_id", "response_type", "scope", "request"}
    token = jwt.decode(query["request"], EC, algorithms=["ES256"])
    issued = int(NOW.timestamp())
    expected: dict[str, Any] = {
        "iss": CLIENT_ID,
        "client_id": CLIENT_ID,
        "aud": op.issuer,
        "iat": issued,
        "nbf": issued,
        "exp": issued + 120,
        "state": STATE,
        "max_age": 60,
    }
    assert token.header["typ"] == "oauth-authz-req+jwt"
    assert {name: token.claims[name] for name in expected} == expected
    assert "sub" not in token.claims
    again = query_of(await us.authorization_url(attempt(level=Assurance.HIGH)))
    assert jwt.decode(again["request"], EC, algorithms=["ES256"]).claims["jti"] != token.claims["jti"]
    await us.aclose()


async def test_a_signed_request_can_be_pushed(op: TinyProvider) -> None:
    us = op.relying_party(request="signed-and-pushed", request_key=KEY)
    await us.authorization_url(attempt())
    (request,) = op.asked("par")
    pushed = parse_qs(request.body.decode())
    assert "request" in pushed
    assert "state" not in pushed
    await us.aclose()


@pytest.mark.parametrize(
    ("offered", "asked", "said"),
    [
        ({"pushed_authorization_request_endpoint": None}, {"request": "pushed"}, "does not take pushed requests"),
        ({"require_pushed_authorization_requests": True}, {}, "takes pushed requests only"),
        ({"require_signed_request_object": True}, {}, "takes signed requests only"),
        (
            {"request_object_signing_alg_values_supported": None},
            {"request": "signed", "request_key": KEY},
            "does not take signed requests",
        ),
        (
            {"request_object_signing_alg_values_supported": ["RS256"]},
            {"request": "signed", "request_key": KEY},
            "signed with ES256",
        ),
        (
            {"pushed_authorization_request_endpoint": "https://elsewhere.example/par"},
            {"request": "pushed"},
            "pushed_authorization_request_endpoint is on a host that is not allowed",
        ),
        ({}, {"sender_constrained": "mtls"}, "does not bind access tokens to certificates"),
        (
            {"tls_client_certificate_bound_access_tokens": True},
            {"sender_constrained": "mtls"},
            "no certificate can be shown there",
        ),
        (
            {
                "tls_client_certificate_bound_access_tokens": True,
                "mtls_endpoint_aliases": {"token_endpoint": "https://elsewhere.example/token"},
            },
            {"sender_constrained": "mtls"},
            "token_endpoint is on a host that is not allowed",
        ),
        (
            {"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
            {"authentication": CertificateAuthentication(method="tls_client_auth")},
            "by tls_client_auth",
        ),
    ],
)
async def test_what_the_provider_does_not_offer_is_said_before_anybody_signs_in(
    op: TinyProvider, offered: dict[str, Any], asked: dict[str, Any], said: str
) -> None:
    op.metadata.update(offered)
    us = op.relying_party(**asked)
    with pytest.raises(ProviderUnavailable, match=re.escape(said)):
        await us.ready()
    await us.aclose()


@pytest.mark.parametrize(
    "asked",
    [{"request": "signed"}, {"sender_constrained": "dpop"}, {"sender_constrained": "dpop", "dpop_secret": b"x"}],
)
def test_settings_that_lack_a_key_are_refused(op: TinyProvider, asked: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="need"):
        op.settings(**asked)
