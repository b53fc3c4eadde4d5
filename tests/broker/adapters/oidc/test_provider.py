"""The whole conversation, with a provider that says what the test wants."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from base64 import b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from joserfc import jwt

from broker.adapters.oidc import ClaimNames, KeyAuthentication, OidcProvider
from broker.domain.people import Assurance
from broker.ports import Mismatch, ProviderUnavailable, SignInRefused
from tests.broker.adapters.examples import AN, BAKERY, NOW, attempt
from tests.broker.adapters.oidc.tiny_provider import (
    ACCESS_TOKEN,
    CLIENT_ID,
    EC,
    ITSME,
    OTHER_RSA,
    SMS,
    SUBJECT,
    TinyProvider,
    at_hash,
    json_reply,
)
from tests.broker.adapters.small_server import Reply, SmallServer


@pytest.fixture
def op(small: SmallServer) -> TinyProvider:
    return TinyProvider(small)


@pytest.fixture
async def us(op: TinyProvider) -> AsyncIterator[OidcProvider]:
    provider = op.relying_party()
    yield provider
    await provider.aclose()


async def refused(us: OidcProvider, op: TinyProvider, **of_attempt: Any) -> Mismatch:
    with pytest.raises(SignInRefused) as refusal:
        await us.identify(attempt(**of_attempt), op.response())
    return refusal.value.mismatch


async def test_the_browser_is_sent_with_pkce_state_nonce_and_scopes(us: OidcProvider, op: TinyProvider) -> None:
    url = await us.authorization_url(attempt())
    assert url.startswith(op.metadata["authorization_endpoint"] + "?")
    assert dict(parse_qsl(urlsplit(url).query)) == {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": "https://gateway.example/_inkom/callback",
        "scope": "openid profile rrn vo wettelijkvertegenwoordiger vlaio_inkom",
        "state": attempt().state,
        "nonce": attempt().nonce,
        "code_challenge": urlsafe_b64encode(sha256(attempt().code_verifier.encode()).digest()).decode().rstrip("="),
        "code_challenge_method": "S256",
        "ui_locales": "nl",
    }


async def test_the_verifier_itself_never_leaves_with_the_browser(us: OidcProvider) -> None:
    assert attempt().code_verifier not in await us.authorization_url(attempt())


async def test_a_step_up_asks_for_every_method_that_reaches_the_level(us: OidcProvider) -> None:
    query = parse_qs(urlsplit(await us.authorization_url(attempt(level=Assurance.HIGH))).query)
    assert query["acr_values"] == ["urn:be:vlaanderen:authmech:eid urn:be:vlaanderen:authmech:itsme"]
    assert "max_age" not in query


async def test_a_step_up_may_ask_for_a_fresh_sign_in_and_hint_the_organisation(op: TinyProvider) -> None:
    us = op.relying_party(step_up_max_age=0, hints_organisation=True)
    stepping = attempt(level=Assurance.HIGH, organisation=BAKERY)
    query = parse_qs(urlsplit(await us.authorization_url(stepping)).query)
    assert query["max_age"] == ["0"]
    assert json.loads(b64decode(query["login_hint"][0])) == {"cap_hint": "EA", "code_hint": "1999999943"}
    op.claims["auth_time"] = int(NOW.timestamp()) - 60
    assert await refused(us, op, level=Assurance.HIGH) is Mismatch.SIGNED_IN_TOO_LONG_AGO
    op.claims["auth_time"] = int(NOW.timestamp())
    op.clock.move(timedelta(minutes=5))
    op.claims["iat"] = int(op.clock.now().timestamp())
    await us.identify(stepping, op.response())
    await us.aclose()


async def test_a_good_answer_identifies_the_person(us: OidcProvider, op: TinyProvider) -> None:
    signed = await us.identify(attempt(), op.response())
    assert (signed.identity.subject, signed.identity.national_number) == (SUBJECT, AN)


async def test_the_code_is_redeemed_once_with_verifier_and_credentials(us: OidcProvider, op: TinyProvider) -> None:
    await us.identify(attempt(), op.response())
    (request,) = op.asked("token")
    assert parse_qs(request.body.decode()) == {
        "grant_type": ["authorization_code"],
        "code": ["a-code"],
        "code_verifier": [attempt().code_verifier],
        "redirect_uri": ["https://gateway.example/_inkom/callback"],
    }
    credentials = b64decode(request.headers["authorization"].removeprefix("Basic "))
    assert credentials == b"inkom-client:a+secret%2Fwith%3A+signs"


async def test_a_client_with_a_key_sends_an_assertion_and_no_secret(op: TinyProvider) -> None:
    us = op.relying_party(authentication=KeyAuthentication(private_key=EC.as_pem(private=True).decode()))
    await us.identify(attempt(), op.response())
    (request,) = op.asked("token")
    fields = parse_qs(request.body.decode())
    assert "authorization" not in request.headers
    assert (
        jwt.decode(fields["client_assertion"][0], EC, algorithms=["ES256"]).claims["aud"]
        == op.metadata["token_endpoint"]
    )
    await us.aclose()


async def test_the_access_token_goes_to_userinfo_in_the_header_and_not_in_an_address(
    us: OidcProvider, op: TinyProvider
) -> None:
    await us.identify(attempt(), op.response())
    (request,) = op.asked("userinfo")
    assert request.headers["authorization"] == f"Bearer {ACCESS_TOKEN}"
    assert not any(ACCESS_TOKEN in one.path for one in op.server.requests)


async def test_two_persons_at_once_are_never_mixed_up(us: OidcProvider, op: TinyProvider) -> None:
    async def slow_token(request: Any) -> Reply:
        code = parse_qs(request.body.decode())["code"][0]
        op.claims.update(sub=code, at_hash=at_hash(f"token-of-{code}"), given_name=code)
        tokens = {**op.tokens, "access_token": f"token-of-{code}", "id_token": op.id_token()}
        await asyncio.sleep(0.01)
        return json_reply(tokens)

    def userinfo(request: Any) -> Reply:
        return json_reply({"sub": request.headers["authorization"].removeprefix("Bearer token-of-")})

    op.server.on("/op/v1/token", slow_token)
    op.server.on("/op/v1/userinfo", userinfo)
    codes = [f"person{number}" for number in range(20)]
    signed = await asyncio.gather(*(us.identify(attempt(), op.response(code=code)) for code in codes))
    assert [one.identity.given_name for one in signed] == codes


async def test_nothing_is_asked_of_the_provider_after_a_bad_response(us: OidcProvider, op: TinyProvider) -> None:
    with pytest.raises(SignInRefused):
        await us.identify(attempt(), op.response(iss="https://evil.example"))
    assert op.asked("token") == op.asked("userinfo") == []


async def test_userinfo_is_not_asked_after_a_bad_id_token(us: OidcProvider, op: TinyProvider) -> None:
    op.claims["nonce"] = "another"
    assert await refused(us, op) is Mismatch.BAD_TOKEN
    assert op.asked("userinfo") == []


@pytest.mark.parametrize(
    "tokens",
    [
        {"id_token": None},
        {"id_token": ""},
        {"id_token": 5},
        {"access_token": None},
        {"access_token": ""},
        {"access_token": "é"},
        {"token_type": "DPoP"},
        {"token_type": None},
    ],
)
async def test_a_token_response_that_lacks_something_signs_nobody_in(
    us: OidcProvider, op: TinyProvider, tokens: dict[str, Any]
) -> None:
    op.tokens.update(tokens)
    assert await refused(us, op) in (Mismatch.BAD_RESPONSE, Mismatch.BAD_TOKEN)
    assert op.asked("userinfo") == []


@pytest.mark.parametrize(
    "changes",
    [
        {"token_type": "bEARER"},
        {"expires_in": None},
        {"expires_in": 10**400},
        {"expires_in": "soon"},
        {"refresh_token": "r"},
    ],
)
async def test_a_token_response_may_differ_where_it_does_not_matter(
    us: OidcProvider, op: TinyProvider, changes: dict[str, Any]
) -> None:
    op.tokens.update(changes)
    await us.identify(attempt(), op.response())


@pytest.mark.parametrize(
    ("error", "status"), [("invalid_grant", 400), ("invalid_client", 401), ("82672100108", 400), ("x", 200)]
)
async def test_an_error_of_the_token_endpoint_is_the_provider_s(
    us: OidcProvider, op: TinyProvider, error: str, status: int
) -> None:
    op.server.on("/op/v1/token", json_reply({"error": error, "error_description": "82672100108"}, status))
    with pytest.raises(SignInRefused) as refusal:
        await us.identify(attempt(), op.response())
    assert refusal.value.mismatch is Mismatch.PROVIDER_ERROR
    assert "82672100108" not in refusal.value.detail


BROKEN = {
    "500": Reply(status=500),
    "429": Reply(status=429, headers={"Retry-After": "60"}),
    "302": Reply(status=302, headers={"Location": "https://evil.example/"}),
    "307": Reply(status=307, headers={"Location": "/op/v1/other"}),
    "204": Reply(status=204, body=b""),
    "HTML": Reply(headers={"Content-Type": "text/html"}, body=b"<html>"),
    "empty": Reply(body=b""),
    "array": Reply(body=b"[]"),
    "text": Reply(body=b'"text"'),
    "no UTF-8": Reply(body=b"\xff"),
    "nested": Reply(body=b"[" * 100_000),
    "nested object": Reply(body=b'{"a":' * 30_000),
    "huge": Reply(body=b'{"a": "' + b"x" * 300_000 + b'"}'),
    "gzip bomb": Reply(
        headers={"Content-Type": "application/json", "Content-Encoding": "gzip"}, body=gzip.compress(b" " * 10_000_000)
    ),
    "truncated": Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
    "no HTTP": Reply(raw=b"SSH-2.0-OpenSSH\r\n"),
    "nothing": Reply(raw=b""),
    "error without code": Reply(status=400, body=b"{}"),
    "odd error": Reply(status=400, body=b'{"error": ["invalid_grant"]}'),
}


@pytest.mark.parametrize("reply", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("endpoint", ["token", "userinfo", "keys"])
async def test_an_endpoint_that_answers_nonsense_is_a_provider_that_is_unavailable(
    us: OidcProvider, op: TinyProvider, endpoint: str, reply: Reply
) -> None:
    op.server.on(f"/op/v1/{endpoint}", reply)
    with pytest.raises((ProviderUnavailable, SignInRefused)) as trouble:
        await us.identify(attempt(), op.response())
    if isinstance(trouble.value, SignInRefused):
        # The one nonsense that is a proper object: UserInfo about nobody.
        assert (endpoint, reply.status) == ("userinfo", 400)
    # What only reads is asked once more when the connection broke; a code is never sent twice.
    times = 2 if reply.raw is not None and endpoint != "token" else 1
    assert len(op.asked(endpoint)) == times, "no storm of repetitions, and no redirect followed"
    assert op.asked("other") == []


@pytest.mark.parametrize("reply", BROKEN.values(), ids=BROKEN)
async def test_metadata_that_are_nonsense_are_a_provider_that_is_unavailable(
    us: OidcProvider, op: TinyProvider, reply: Reply
) -> None:
    op.server.on("/op/.well-known/openid-configuration", reply)
    with pytest.raises(ProviderUnavailable):
        await us.authorization_url(attempt())
    with pytest.raises(ProviderUnavailable):
        await us.identify(attempt(), op.response())
    with pytest.raises(ProviderUnavailable):
        await us.logout_url(state="s")


async def test_a_provider_that_hangs_is_waited_for_no_longer_than_the_limit(us: OidcProvider, op: TinyProvider) -> None:
    op.server.on("/op/v1/token", Reply(hold=asyncio.Event()))
    async with asyncio.timeout(10):
        with pytest.raises(ProviderUnavailable, match="no answer in time"):
            await us.identify(attempt(), op.response())


async def test_a_provider_that_is_away_is_unavailable_and_ready_says_so(op: TinyProvider) -> None:
    us = op.relying_party(issuer="http://127.0.0.1:1/op")
    with pytest.raises(ProviderUnavailable):
        await us.ready()
    await us.aclose()


async def test_ready_fetches_metadata_and_keys_once(us: OidcProvider, op: TinyProvider) -> None:
    await us.ready()
    await us.identify(attempt(), op.response())
    assert len(op.asked("keys")) == len(op.server.asked("/op/.well-known/openid-configuration")) == 1


async def test_a_userinfo_about_another_person_is_refused(us: OidcProvider, op: TinyProvider) -> None:
    op.userinfo["sub"] = "another"
    assert await refused(us, op) is Mismatch.BAD_CLAIMS


@pytest.mark.parametrize("subject", [None, "", 5])
async def test_a_userinfo_about_nobody_is_refused(us: OidcProvider, op: TinyProvider, subject: object) -> None:
    op.userinfo["sub"] = subject
    assert await refused(us, op) in (Mismatch.BAD_CLAIMS, Mismatch.BAD_TOKEN)


async def test_claim_sources_are_never_followed(us: OidcProvider, op: TinyProvider) -> None:
    op.claims["rrn"] = None
    op.userinfo["_claim_names"] = {"rrn": "elsewhere"}
    op.userinfo["_claim_sources"] = {"elsewhere": {"endpoint": f"{op.server.origin}/internal"}}
    assert await refused(us, op) is Mismatch.NO_NATIONAL_NUMBER
    assert op.server.asked("/internal") == []


async def test_a_foreign_provider_may_say_everything_in_userinfo_only(op: TinyProvider) -> None:
    us = op.relying_party(claims=ClaimNames(national_number="insz"))
    op.claims.update(rrn=None, given_name=None, family_name=None, acr=None, at_hash=None, azp=None)
    op.userinfo.update(insz=AN.dotted, given_name="An", family_name="Testers")
    assert (await us.identify(attempt(), op.response())).identity.national_number == AN
    await us.aclose()


async def test_a_provider_without_userinfo_is_fine_when_the_id_token_has_it_all(
    us: OidcProvider, op: TinyProvider
) -> None:
    del op.metadata["userinfo_endpoint"]
    await us.identify(attempt(), op.response())


def signed_userinfo(op: TinyProvider, **changes: Any) -> Reply:
    claims = {"iss": op.issuer, "aud": CLIENT_ID, "sub": SUBJECT, "given_name": "Signed", **changes}
    token = jwt.encode(op.header, claims, op.key, algorithms=[op.header["alg"]])
    return Reply(headers={"Content-Type": "application/jwt"}, body=token.encode())


async def test_a_signed_userinfo_is_verified(us: OidcProvider, op: TinyProvider) -> None:
    op.claims["given_name"] = None
    op.server.on("/op/v1/userinfo", signed_userinfo(op))
    assert (await us.identify(attempt(), op.response())).identity.given_name == "Signed"


@pytest.mark.parametrize("changes", [{"aud": "other"}, {"iss": "https://evil.example"}, {"sub": "another"}])
async def test_a_signed_userinfo_for_others_is_refused(us: OidcProvider, op: TinyProvider, changes: Any) -> None:
    op.server.on("/op/v1/userinfo", signed_userinfo(op, **changes))
    assert await refused(us, op) in (Mismatch.BAD_CLAIMS, Mismatch.BAD_TOKEN)


async def test_a_signed_userinfo_with_a_foreign_signature_is_refused(us: OidcProvider, op: TinyProvider) -> None:
    token = jwt.encode(op.header, {"iss": op.issuer, "aud": CLIENT_ID, "sub": SUBJECT}, OTHER_RSA, algorithms=["RS256"])
    op.server.on("/op/v1/userinfo", Reply(headers={"Content-Type": "application/jwt"}, body=token.encode()))
    assert await refused(us, op) is Mismatch.BAD_TOKEN


async def test_a_key_that_is_new_is_fetched_at_once(us: OidcProvider, op: TinyProvider) -> None:
    await us.identify(attempt(), op.response())
    op.key, op.keys, op.header = EC, [EC], {"alg": "ES256", "kid": "two"}
    await us.identify(attempt(), op.response())
    assert len(op.asked("keys")) == 2


async def test_a_key_replaced_under_the_same_name_is_fetched_at_once(us: OidcProvider, op: TinyProvider) -> None:
    await us.identify(attempt(), op.response())
    op.key, op.keys = OTHER_RSA, [OTHER_RSA]
    await us.identify(attempt(), op.response())
    assert len(op.asked("keys")) == 2


async def test_a_forged_signature_is_refused_and_costs_one_fetch_a_minute(us: OidcProvider, op: TinyProvider) -> None:
    op.key = OTHER_RSA
    for _ in range(5):
        assert await refused(us, op) is Mismatch.BAD_TOKEN
    assert len(op.asked("keys")) == 2


async def test_an_id_token_of_an_algorithm_that_is_not_allowed_costs_no_fetch(op: TinyProvider) -> None:
    us = op.relying_party(algorithms=("PS256",))
    assert await refused(us, op) is Mismatch.BAD_TOKEN
    assert len(op.asked("keys")) == 1
    await us.aclose()


async def test_a_person_who_steps_up_must_come_back_as_the_same(us: OidcProvider, op: TinyProvider) -> None:
    await us.identify(attempt(subject=SUBJECT), op.response())
    assert await refused(us, op, subject="another") is Mismatch.OTHER_PERSON


async def test_a_level_that_was_not_reached_is_refused(us: OidcProvider, op: TinyProvider) -> None:
    op.claims["acr"] = SMS
    assert await refused(us, op, level=Assurance.HIGH) is Mismatch.LEVEL_NOT_REACHED
    assert await refused(us, op, acr_values=(ITSME,)) is Mismatch.LEVEL_NOT_REACHED
    await us.identify(attempt(level=Assurance.SUBSTANTIAL), op.response())


async def test_a_token_endpoint_that_moved_to_another_host_is_refused(us: OidcProvider, op: TinyProvider) -> None:
    op.metadata["token_endpoint"] = "https://evil.example/token"
    with pytest.raises(ProviderUnavailable, match="host"):
        await us.authorization_url(attempt())


async def test_signing_out_goes_to_acm_without_an_id_token(us: OidcProvider, op: TinyProvider) -> None:
    url = await us.logout_url(state="s t")
    assert url is not None
    assert url.startswith(op.metadata["end_session_endpoint"] + "?")
    assert dict(parse_qsl(urlsplit(url).query)) == {
        "client_id": CLIENT_ID,
        "post_logout_redirect_uri": "https://gateway.example/_inkom/logged-out",
        "state": "s t",
    }


async def test_a_switch_goes_to_the_same_endpoint_and_comes_back_where_signing_in_begins(
    us: OidcProvider, op: TinyProvider
) -> None:
    url = await us.switch_url()
    assert url is not None
    assert url.startswith(op.metadata["end_session_endpoint"] + "?")
    assert dict(parse_qsl(urlsplit(url).query)) == {
        "switch": "true",
        "client_id": CLIENT_ID,
        "post_logout_redirect_uri": "https://gateway.example/_inkom/login",
    }


async def test_a_provider_that_offers_no_sign_out_has_no_address_for_it(us: OidcProvider, op: TinyProvider) -> None:
    del op.metadata["end_session_endpoint"]
    assert await us.logout_url(state="s") is None
    assert await us.switch_url() is None


async def test_the_leeway_is_ours_and_not_the_library_s(us: OidcProvider, op: TinyProvider) -> None:
    op.clock.move(timedelta(seconds=3600 + 100))
    op.claims["iat"] = int(NOW.timestamp()) + 3600
    assert await refused(us, op) is Mismatch.BAD_TOKEN


async def test_no_log_line_holds_a_token_a_code_or_a_person(
    us: OidcProvider, op: TinyProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    op.claims["vlaio_inkom_rol_3d"] = ["malformed"]
    await us.identify(attempt(), op.response())
    for secret in (ACCESS_TOKEN, "a-code", AN.digits, "Testers", op.id_token()[:40], attempt().code_verifier):
        assert secret not in caplog.text


async def test_an_issuer_without_https_is_refused_at_once(op: TinyProvider) -> None:
    with pytest.raises(ValueError, match="issuer"):
        op.relying_party(issuer="http://acm.example/op")
