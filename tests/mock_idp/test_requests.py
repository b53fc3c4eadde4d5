"""Odd requests and how they are refused; and how the sign-in pages end an interaction."""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from mock_idp.acm.authorization import Authorization, UnknownInteractionError
from mock_idp.acm.interactions import Interaction, Interactions
from mock_idp.acm.methods import Method
from mock_idp.acm.provider import Provider
from mock_idp.acm.request_reading import read_request
from mock_idp.acm.requests import AuthorizationRequest, ResponseMode
from mock_idp.app import build_provider
from mock_idp.settings import Settings
from tests.mock_idp.provider import CALLBACK, SECRET, Mock, MovableClock, Party, brought_back


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_mode": "pigeon"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "coffee"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"claims": "{"}, "invalid_request"),
        ({"claims": '{"userinfo": []}'}, "invalid_request"),
        ({"claims": "[" * 3000}, "invalid_request"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_request_that_is_no_good_comes_back_with_the_standards_error(
    party: Party, changed: dict[str, str | None], error: str
) -> None:
    answer = brought_back(party.ask(**changed))

    assert (answer["error"], answer["state"], answer["iss"]) == (error, "the-state", party.mock.issuer)


def test_a_request_by_post_must_be_a_form(acm: Mock) -> None:
    answer = acm.direct.post(f"{acm.issuer}/v1/auth", json={"client_id": "demo-client"})

    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("grant_type", "error"),
    [
        (None, "invalid_request"),
        ("password", "unsupported_grant_type"),
        ("client_credentials", "unauthorized_client"),  # for programs only
    ],
)
def test_other_grants_are_refused(party: Party, grant_type: str | None, error: str) -> None:
    assert party.redeem("code", grant_type=grant_type).json()["error"] == error


@pytest.mark.parametrize("authorization", ["Bearer x", "Basic ***", "Basic " + b64encode(b"\xff:x").decode(), "Basic"])
def test_a_client_that_authenticates_oddly_is_refused(acm: Mock, authorization: str) -> None:
    form = {"grant_type": "authorization_code"}

    answer = acm.direct.post(f"{acm.issuer}/v1/token", data=form, headers={"Authorization": authorization})

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("client_id", ["nobody-we-know", "has-no-secret", "another"])
def test_a_client_without_that_secret_is_refused(acm: Mock, client_id: str) -> None:
    acm.post("/mock/clients", {"client_id": "has-no-secret"}).raise_for_status()
    form = {"grant_type": "authorization_code", "client_id": client_id}

    by_header = acm.direct.post(f"{acm.issuer}/v1/token", data=form, auth=("demo-client", SECRET))
    by_form = acm.direct.post(f"{acm.issuer}/v1/token", data={**form, "client_secret": SECRET})

    assert by_header.json()["error"] == "invalid_client"  # the client_id is another one than in the header
    assert client_id == "another" or by_form.json()["error"] == "invalid_client"


@pytest.mark.parametrize("alphabet", ["standard", "url"])
def test_acms_login_hint_is_read_in_both_alphabets(alphabet: str) -> None:
    text = json.dumps({"cap_hint": "EA", "code_hint": "1999999943", "why": "???>>>~~~"}).encode()
    hint = b64encode(text) if alphabet == "standard" else urlsafe_b64encode(text).rstrip(b"=")

    request = a_request(login_hint=hint.decode())

    assert (request.hinted_target_group, request.hinted_organisation) == ("EA", "1999999943")


@pytest.mark.parametrize("hint", ["", "W10=", "é", "eyJjYXBfaGludCI6IDd9", "[" * 50])
def test_any_other_login_hint_is_ignored(hint: str) -> None:
    request = a_request(login_hint=hint)

    assert (request.hinted_target_group, request.hinted_organisation) == (None, None)


def test_userinfo_is_signed_for_a_client_that_wants_it_so(acm: Mock, party: Party) -> None:
    acm.register("wants-a-jwt", userinfo_signed=True)
    other = Party(mock=acm, client_id="wants-a-jwt", browser=party.browser)

    answer = other.userinfo(other.tokens()["access_token"])

    assert answer.headers["content-type"] == "application/jwt"
    claims = jwt.decode(answer.text, acm.keys(), algorithms=["RS256"]).claims
    assert (claims["iss"], claims["aud"]) == (acm.issuer, "wants-a-jwt")


def test_userinfo_without_a_token_says_which_kind_is_needed(acm: Mock) -> None:
    answer = acm.direct.get(f"{acm.issuer}/v1/userinfo")

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="mock ACM"')


@contextmanager
def key_server(body: bytes) -> Iterator[str]:
    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Keys) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/keys"
        finally:
            server.shutdown()
            thread.join(10)


def with_a_fetched_key(acm: Mock, jwks_uri: str, key: ECKey) -> httpx2.Response:
    acm.post("/mock/clients", {"client_id": "fetched", "jwks_uri": jwks_uri}).raise_for_status()
    now = acm.clock.seconds()
    claims = {"iss": "fetched", "sub": "fetched", "aud": acm.issuer, "exp": now + 60, "jti": str(now)}
    form = {
        "grant_type": "authorization_code",
        "code": "guess",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode({"alg": "ES256", "kid": "one"}, claims, key),
    }
    return acm.direct.post(f"{acm.issuer}/v1/token", data=form)


def test_keys_of_a_client_are_fetched_from_its_jwks_uri(acm: Mock) -> None:
    key = ECKey.generate_key("P-256", {"kid": "one"})
    with key_server(json.dumps(KeySet([key]).as_dict(private=False)).encode()) as address:
        assert with_a_fetched_key(acm, address, key).json()["error"] == "invalid_grant"
    assert with_a_fetched_key(acm, address, key).json()["error"] == "invalid_client"
    with key_server(b"no keys") as address:
        assert with_a_fetched_key(acm, address, key).json()["error"] == "invalid_client"


# -- what the sign-in pages call


@pytest.fixture
def provider() -> Provider:
    return build_provider(Settings(), MovableClock())


def a_request(**more: str) -> AuthorizationRequest:
    parameters = {"response_type": "code", "scope": "openid", "state": "the-state", **more}
    client = build_provider(Settings(), MovableClock()).clients.find("demo-client")
    assert client is not None
    return read_request(parameters, client, redirect_uri=CALLBACK, response_mode=ResponseMode.QUERY, session_id=None)


def opened(interactions: Interactions) -> Interaction:
    return interactions.open(
        request=a_request(),
        client_name="Demo",
        acceptable_methods=(Method.EID, Method.APP),
        wants_organisation=True,
        signed_in_as=None,
    )


def test_a_completed_interaction_returns_to_the_client_with_a_code_and_a_session(provider: Provider) -> None:
    interaction = opened(provider.interactions)

    answer = Authorization(provider).complete(
        interaction.id, person_key="employee", method=Method.APP, organisation="1999999943"
    )

    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert (query["state"], query["iss"]) == (["the-state"], [provider.issuer])
    assert "HttpOnly" in answer.headers["set-cookie"]
    code = provider.tokens.take_code(query["code"][0])
    assert code is not None
    assert (code.grant.method, code.grant.organisation) == (Method.APP, "1999999943")


def test_a_cancelled_interaction_returns_access_denied(provider: Provider) -> None:
    answer = Authorization(provider).cancel(opened(provider.interactions).id)

    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert (query["error"], query["state"]) == (["access_denied"], ["the-state"])


def test_an_interaction_ends_once(provider: Provider) -> None:
    interaction, authorization = opened(provider.interactions), Authorization(provider)
    authorization.cancel(interaction.id)

    with pytest.raises(UnknownInteractionError):
        authorization.cancel(interaction.id)
    with pytest.raises(UnknownInteractionError):
        authorization.complete(interaction.id, person_key="employee", method=Method.EID, organisation=None)


@pytest.mark.parametrize(
    ("person", "method", "organisation", "complaint"),
    [
        ("employee", Method.SMS, None, "sms is not acceptable"),
        ("who", Method.EID, None, "no such person"),
        ("employee", Method.EID, "1999999151", "nothing to do with"),
    ],
)
def test_an_interaction_cannot_be_completed_against_its_own_terms(
    provider: Provider, person: str, method: Method, organisation: str | None, complaint: str
) -> None:
    interaction = opened(provider.interactions)

    with pytest.raises(ValueError, match=complaint):
        Authorization(provider).complete(interaction.id, person_key=person, method=method, organisation=organisation)
    assert provider.interactions.find(interaction.id) is not None


def test_an_interaction_grows_too_old() -> None:
    clock = MovableClock()
    interactions = Interactions(clock)
    interaction = opened(interactions)
    clock.forward(minutes=29)
    assert interactions.find(interaction.id) is not None

    clock.forward(minutes=2)

    assert interactions.find(interaction.id) is None
    opened(interactions)
    clock.forward(minutes=-2)
    assert interactions.find(interaction.id) is None  # forgotten, not only hidden
