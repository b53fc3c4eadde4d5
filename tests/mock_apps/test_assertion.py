"""What a backend believes, and every way in which it refuses to."""

import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from mock_apps.assertion import AssertionVerifier, Identity, Refused
from mock_apps.keys import GatewayKeys
from tests.mock_apps.stand_in import AUDIENCE, ISSUER, NOW, StandIn, new_key


@pytest.fixture
async def verifier(keys_origin: str) -> AsyncIterator[AssertionVerifier]:
    async with httpx2.AsyncClient(trust_env=False) as client:
        keys = GatewayKeys(client, f"{keys_origin}/_inkom/jwks.json")
        yield AssertionVerifier(keys=keys, issuer=ISSUER, audience=AUDIENCE, now=lambda: NOW)


async def identity(verifier: AssertionVerifier, headers: dict[str, str]) -> Identity:
    return await verifier.identity([(name.encode(), value.encode()) for name, value in headers.items()])


async def test_what_the_gateway_sends_is_believed(gateway: StandIn, verifier: AssertionVerifier) -> None:
    caller = await identity(verifier, gateway.headers())
    assert caller.name == "Ann Désirée Peeters"
    assert caller.organisation == "1999999943"
    assert caller.right == "VLAIO Inkom Gebruiker Nieuw"
    assert caller.expires_at - caller.issued_at == 60
    assert caller.national_number is None


async def test_a_legal_representative_has_no_right_and_no_profile(
    gateway: StandIn, verifier: AssertionVerifier
) -> None:
    caller = await identity(verifier, gateway.headers(role="legal-representative", right=None, profile=None))
    assert (caller.right, caller.profile) == (None, None)


async def test_a_program_has_no_level_of_certainty(gateway: StandIn, verifier: AssertionVerifier) -> None:
    caller = await identity(verifier, gateway.headers(name="crm", assurance=None))
    assert (caller.name, caller.assurance) == ("crm", None)


async def test_a_name_with_a_percent_sign_is_decoded_once(gateway: StandIn, verifier: AssertionVerifier) -> None:
    caller = await identity(verifier, gateway.headers(organisation_name="100%25 Bio & Zn"))
    assert caller.organisation_name == "100%25 Bio & Zn"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "http://elsewhere.example"},
        {"iss": None},
        {"aud": "coronamaatregelen"},
        {"aud": [AUDIENCE]},
        {"aud": [AUDIENCE, "coronamaatregelen"]},
        {"aud": None},
        {"iat": NOW - 120, "exp": NOW - 60},
        {"iat": NOW + 30, "exp": NOW + 60},
        {"exp": NOW + 3600},
        {"exp": None},
        {"iat": None},
        {"iat": "now"},
        {"jti": None},
        {"sub": None},
        {"role": None},
        {"organisation": None},
        {"name": ["Ann"]},
        {"nbf": NOW + 600},
    ],
    ids=str,
)
async def test_an_assertion_that_is_not_for_us_now_is_refused(
    gateway: StandIn, verifier: AssertionVerifier, changes: dict[str, object]
) -> None:
    with pytest.raises(Refused):
        await identity(verifier, gateway.headers(**changes))


async def test_a_request_without_assertion_is_refused(gateway: StandIn, verifier: AssertionVerifier) -> None:
    headers = gateway.headers()
    del headers["x-inkom-assertion"]
    with pytest.raises(Refused, match="did not pass the gateway"):
        await identity(verifier, headers)


@pytest.mark.parametrize("nonsense", ["", "a", "a.b", "a.b.c", "...", "é.é.é", "e30.e30.e30"])
async def test_what_is_no_token_is_refused(gateway: StandIn, verifier: AssertionVerifier, nonsense: str) -> None:
    with pytest.raises(Refused):
        await identity(verifier, {**gateway.headers(), "x-inkom-assertion": nonsense})


async def test_an_unsigned_token_is_refused(gateway: StandIn, verifier: AssertionVerifier) -> None:
    header = urlsafe_b64encode(json.dumps({"alg": "none", "kid": gateway.key.kid}).encode()).decode().rstrip("=")
    _, payload, _ = gateway.assertion().split(".")
    with pytest.raises(Refused):
        await identity(verifier, {**gateway.headers(), "x-inkom-assertion": f"{header}.{payload}."})


async def test_a_token_signed_with_the_public_key_as_secret_is_refused(
    gateway: StandIn, verifier: AssertionVerifier
) -> None:
    secret = OctKey.import_key(json.dumps(gateway.key.as_dict(private=False)))
    token = jwt.encode({"alg": "HS256", "kid": gateway.key.kid}, {"iss": ISSUER}, secret)
    with pytest.raises(Refused):
        await identity(verifier, {**gateway.headers(), "x-inkom-assertion": token})


async def test_another_key_under_a_known_id_is_refused(gateway: StandIn, verifier: AssertionVerifier) -> None:
    forged = jwt.encode({"alg": "ES256", "kid": gateway.key.kid}, {"iss": ISSUER, "aud": AUDIENCE}, new_key())
    with pytest.raises(Refused, match="BadSignature"):
        await identity(verifier, {**gateway.headers(), "x-inkom-assertion": forged})


async def test_a_key_that_the_gateway_does_not_publish_is_refused(
    gateway: StandIn, verifier: AssertionVerifier
) -> None:
    with pytest.raises(Refused, match="does not publish"):
        await identity(verifier, {**gateway.headers(), "x-inkom-assertion": gateway.assertion(key=new_key())})


async def test_a_changed_character_is_noticed(gateway: StandIn, verifier: AssertionVerifier) -> None:
    head, payload, signature = gateway.assertion().split(".")
    flipped = ("B" if payload[10] == "A" else "A").join((payload[:10], payload[11:]))
    with pytest.raises(Refused):
        await identity(verifier, {**gateway.headers(), "x-inkom-assertion": f"{head}.{flipped}.{signature}"})


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("x-inkom-person", "someone-else"),
        ("x-inkom-organisation", "1999999844"),
        ("x-inkom-role", "legal-representative"),
        ("x-inkom-name", "Ann"),
        ("x-inkom-name", "%FF%FE"),
        ("x-inkom-national-number", "82672100108"),
        ("x-inkom-admin", "yes"),
    ],
)
async def test_headers_that_say_something_else_are_refused(
    gateway: StandIn, verifier: AssertionVerifier, header: str, value: str
) -> None:
    with pytest.raises(Refused) as refusal:
        await identity(verifier, {**gateway.headers(), header: value})
    assert value not in str(refusal.value)


async def test_a_header_that_is_left_out_is_noticed(gateway: StandIn, verifier: AssertionVerifier) -> None:
    headers = gateway.headers()
    del headers["x-inkom-organisation"]
    with pytest.raises(Refused, match="x-inkom-organisation does not agree"):
        await identity(verifier, headers)


async def test_a_header_that_comes_twice_is_refused_in_any_spelling(
    gateway: StandIn, verifier: AssertionVerifier
) -> None:
    headers = [(name.encode(), value.encode()) for name, value in gateway.headers().items()]
    with pytest.raises(Refused, match="comes twice"):
        await verifier.identity([*headers, (b"X-INKOM-Role", b"user")])


async def test_a_national_number_that_was_granted_arrives(gateway: StandIn, verifier: AssertionVerifier) -> None:
    caller = await identity(verifier, gateway.headers(national_number="82672100108"))
    assert caller.national_number == "82672100108"
