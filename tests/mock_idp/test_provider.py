"""What a foreign relying party may count on: the statements B01 to B19 of the acceptance list."""

from urllib.parse import urlencode

import pytest
from joserfc import jwt

from tests.mock_idp.provider import (
    CALLBACK,
    CHALLENGE,
    SCOPE,
    SECRET,
    VERIFIER,
    Mock,
    Party,
    brought_back,
    challenge_for,
    new_verifier,
)
from tests.mock_idp.statements import Seen

PROMISED = {
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "jwks_uri",
    "end_session_endpoint",
    "pushed_authorization_request_endpoint",
    "response_types_supported",
    "response_modes_supported",
    "grant_types_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
    "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported",
    "code_challenge_methods_supported",
    "acr_values_supported",
    "claims_supported",
    "scopes_supported",
}


def test_b01_discovery_says_where_everything_is(acm: Mock, seen: Seen) -> None:
    answer = acm.get("/op/.well-known/openid-configuration")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    metadata = answer.json()
    assert metadata.keys() >= PROMISED
    assert metadata["issuer"] == acm.issuer
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert "RS256" in metadata["id_token_signing_alg_values_supported"]
    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert metadata["backchannel_logout_supported"] is True
    assert metadata["backchannel_logout_session_supported"] is True
    assert metadata["ui_locales_supported"] == ["nl", "en"]
    assert metadata["response_types_supported"] == ["code"]
    seen(f"200 application/json, {len(metadata)} members, issuer as asked")


def test_b01_every_published_key_is_public(acm: Mock) -> None:
    keys = acm.get("/op/v1/keys").json()["keys"]

    assert {key["alg"] for key in keys} == {"RS256", "ES256"}
    assert not any({"d", "p", "q"} & key.keys() for key in keys)


@pytest.mark.parametrize(
    ("response_type", "error"),
    [(None, "invalid_request"), ("token", "unsupported_response_type"), ("code id_token", "unsupported_response_type")],
)
def test_b02_without_response_type_code_there_is_no_code(
    party: Party, seen: Seen, response_type: str | None, error: str
) -> None:
    answer = party.sign_in(response_type=response_type)

    assert answer["error"] == error
    assert "code" not in answer
    assert answer["state"] == "the-state"
    seen(f"response_type {response_type or 'absent'}: {error}")


def test_b03_an_unregistered_redirect_address_sees_a_page_and_goes_nowhere(party: Party, seen: Seen) -> None:
    answer = party.ask(redirect_uri="https://evil.example/callback", mock_person="employee")

    assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert answer.headers["content-type"].startswith("text/html")
    assert "set-cookie" not in answer.headers
    seen("400, a page, no Location")


@pytest.mark.parametrize("client_id", [None, "nobody-we-know"])
def test_b03_an_unknown_client_sees_a_page(party: Party, client_id: str | None) -> None:
    answer = party.ask(client_id=client_id)

    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "<h1>" in answer.text


@pytest.mark.parametrize(
    "redirect_uri",
    [
        None,
        "https://evil.example/callback",
        f"{CALLBACK}?x=1",
        f"{CALLBACK}/more",
        f"{CALLBACK}/",
        f"{CALLBACK}#part",
        CALLBACK.replace("callback", "Callback"),
        CALLBACK.replace("localhost", "LOCALHOST"),
        CALLBACK.replace(":8080", ":8081"),
        f" {CALLBACK}",
    ],
)
def test_b04_a_redirect_address_that_is_not_exactly_registered_sees_a_page(
    party: Party, seen: Seen, redirect_uri: str | None
) -> None:
    answer = party.ask(redirect_uri=redirect_uri, mock_person="employee")

    assert answer.status_code == 400
    assert "location" not in answer.headers
    seen("400, a page, no Location")


def test_b05_an_authorization_request_by_post_works(party: Party, seen: Seen) -> None:
    form = party.request(mock_person="employee")

    answer = party.browser.post(f"{party.mock.issuer}/v1/auth", data=form)

    code = brought_back(answer)["code"]
    assert party.redeem(code).status_code == 200
    seen("a code, redeemed for tokens")


def test_b06_unknown_parameters_are_ignored(party: Party, seen: Seen) -> None:
    assert "code" in party.sign_in(flavour="vanilla", extra="foobar")
    seen("a code")


def test_b07_the_order_of_scopes_and_parameters_does_not_matter(party: Party, seen: Seen) -> None:
    usual = party.claims()
    turned = dict(reversed(party.request(scope=" ".join(reversed(SCOPE.split())), mock_person="employee").items()))

    answer = party.browser.get(f"{party.mock.issuer}/v1/auth", params=turned)

    token = party.redeem(brought_back(answer)["code"]).json()["id_token"]
    claims = jwt.decode(token, party.mock.keys(), algorithms=["RS256"]).claims
    own_to_each = {"iat", "exp", "auth_time", "at_hash", "sid"}
    assert {name: value for name, value in claims.items() if name not in own_to_each} == {
        name: value for name, value in usual.items() if name not in own_to_each
    }
    seen("the same claims")


@pytest.mark.parametrize(
    "hint",
    [
        {"display": "page"},
        {"display": "popup"},
        {"claims_locales": "nl en"},
        {"ui_locales": "fr-BE en"},
        {"login_hint": "someone@example.org"},
        {"login_hint": "eyJjYXBfaGludCI6IkVBIiwiY29kZV9oaW50IjoiMTk5OTk5OTk0MyJ9"},
        {"id_token_hint": "not.a.token"},
    ],
)
def test_b08_hints_never_make_an_error(party: Party, seen: Seen, hint: dict[str, str]) -> None:
    assert "code" in party.sign_in(**hint)
    seen(f"{next(iter(hint))}: a code")


def test_b08_the_sign_in_pages_open_when_a_person_is_needed(party: Party) -> None:
    answer = party.ask(ui_locales="en")

    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{party.mock.origin}/signin/")
    page = party.browser.get(answer.headers["location"])
    assert page.status_code == 200
    assert 'lang="en"' in page.text


def test_a_hinted_organisation_reaches_the_token_without_a_question(party: Party) -> None:
    party.sign_in("two-organisations", mock_organisation="1999999052")
    hint = "eyJjYXBfaGludCI6IkVBIiwiY29kZV9oaW50IjoiMTk5OTk5OTE1MSJ9"  # EA, 1999999151

    code = brought_back(party.ask(login_hint=hint))["code"]

    token = jwt.decode(party.redeem(code).json()["id_token"], party.mock.keys(), algorithms=["RS256"])
    assert token.claims["vo_orgcode"] == "1999999151"


def test_b09_prompt_login_asks_again_and_auth_time_moves_forward(party: Party, seen: Seen) -> None:
    first = party.claims()
    party.mock.clock.forward(minutes=5)

    assert party.ask(prompt="login").headers["location"].startswith(f"{party.mock.origin}/signin/")
    second = party.claims(prompt="login")

    assert int(str(second["auth_time"])) >= int(str(first["auth_time"])) + 300
    assert second["sub"] == first["sub"]
    seen("the sign-in page; five minutes later auth_time is at least 300 s later")


def test_b10_prompt_none_without_a_session_is_login_required(party: Party, seen: Seen) -> None:
    answer = brought_back(party.ask(prompt="none"))

    assert answer["error"] == "login_required"
    assert answer["iss"] == party.mock.issuer
    seen(answer["error"])


@pytest.mark.parametrize("hinted", [False, True], ids=["plain", "id-token-hint"])
def test_b11_prompt_none_with_a_session_succeeds_silently(party: Party, seen: Seen, hinted: bool) -> None:
    hint = party.tokens()["id_token"]
    first = jwt.decode(hint, party.mock.keys(), algorithms=["RS256"]).claims
    party.mock.clock.forward(minutes=1)

    code = brought_back(party.ask(prompt="none", id_token_hint=hint if hinted else None))["code"]

    token = jwt.decode(party.redeem(code).json()["id_token"], party.mock.keys(), algorithms=["RS256"])
    assert (token.claims["sub"], token.claims["auth_time"]) == (first["sub"], first["auth_time"])
    seen("a code without a page, same sub, same auth_time")


def test_b11_a_hint_about_somebody_else_is_login_required(party: Party) -> None:
    hint = party.tokens("auditor")["id_token"]
    party.sign_in("employee")

    assert brought_back(party.ask(prompt="none", id_token_hint=hint))["error"] == "login_required"


def test_b11_prompt_none_where_an_organisation_is_to_choose_is_interaction_required(party: Party) -> None:
    party.mock.register("first", organisation_choice="gateway")
    Party(mock=party.mock, client_id="first", browser=party.browser).sign_in("two-organisations")

    assert brought_back(party.ask(prompt="none"))["error"] == "interaction_required"


def test_b12_max_age_that_has_passed_asks_again(party: Party, seen: Seen) -> None:
    first = party.claims()
    party.mock.clock.forward(seconds=5)

    assert "/signin/" in party.ask(max_age="1").headers["location"]
    code = brought_back(party.ask(max_age="10000"))["code"]
    still = jwt.decode(party.redeem(code).json()["id_token"], party.mock.keys(), algorithms=["RS256"]).claims
    anew = party.claims(max_age="1")
    assert still["auth_time"] == first["auth_time"]
    assert int(str(anew["auth_time"])) >= int(str(first["auth_time"])) + 5
    seen("after 5 s: max_age=1 the sign-in page and a later auth_time; max_age=10000 a code, same auth_time")


def test_b13_acr_values_choose_the_method_and_come_back(party: Party, seen: Seen) -> None:
    app = "urn:be:vlaanderen:authmech:csamtotp"

    assert party.claims(acr_values=app)["acr"] == app
    party.mock.arm("id-token-acr-weaker")
    assert party.claims(acr_values=app)["acr"] == "urn:be:vlaanderen:authmech:csampassword"
    seen("acr as asked; with the fault id-token-acr-weaker csampassword")


def test_b13_a_session_of_another_method_is_not_enough(party: Party) -> None:
    party.sign_in(mock_method="sms")

    assert "/signin/" in party.ask(acr_values="urn:be:vlaanderen:authmech:eid").headers["location"]


def test_acr_is_left_out_like_at_acm_where_the_client_is_set_so(acm: Mock) -> None:
    acm.register("plain-acm", acr_always=False)
    party = Party(mock=acm, client_id="plain-acm")

    assert "acr" not in party.claims()
    assert "acr" in party.claims(acr_values="urn:be:vlaanderen:authmech:eid")
    party.close()


def test_b14_a_name_asked_for_by_the_claims_parameter_is_in_userinfo(party: Party, seen: Seen) -> None:
    tokens = party.tokens("expires-soon", claims='{"userinfo": {"name": {"essential": true}}}')

    assert party.userinfo(tokens["access_token"]).json()["name"] == "Zoë D'Hondt-Müller"
    seen("name in userinfo")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_b15_userinfo_is_about_the_same_person(party: Party, seen: Seen, method: str) -> None:
    tokens = party.tokens()
    claims = jwt.decode(tokens["id_token"], party.mock.keys(), algorithms=["RS256"]).claims

    answer = party.userinfo(tokens["access_token"], method=method)

    assert answer.headers["cache-control"] == "no-store"
    shared = answer.json()
    assert shared["sub"] == claims["sub"]
    assert all(claims[name] == value for name, value in shared.items())
    seen(f"{method}: JSON, same sub")


def test_b15_a_wrong_or_expired_token_is_challenged(party: Party, seen: Seen) -> None:
    token = party.tokens()["access_token"]
    assert 'error="invalid_token"' in party.userinfo("guess").headers["www-authenticate"]

    party.mock.clock.forward(hours=1)

    expired = party.userinfo(token)
    assert expired.status_code == 401
    assert 'error="invalid_token"' in expired.headers["www-authenticate"]
    assert expired.headers["www-authenticate"].startswith("Bearer ")
    seen('wrong and expired: 401, Bearer error="invalid_token"')


@pytest.mark.parametrize("seconds", [0, 31])
def test_b16_a_code_used_twice_is_refused_and_its_tokens_are_revoked(party: Party, seen: Seen, seconds: int) -> None:
    code = party.sign_in()["code"]
    token = party.redeem(code).json()["access_token"]
    assert party.userinfo(token).status_code == 200
    party.mock.clock.forward(seconds=seconds)

    again = party.redeem(code)

    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert party.userinfo(token).status_code == 401
    seen(f"again after {seconds} s: invalid_grant, the access token 401")


def test_b17_pkce_with_the_right_verifier_succeeds(party: Party, seen: Seen) -> None:
    verifier = new_verifier()
    code = party.sign_in(code_challenge=challenge_for(verifier))["code"]

    assert party.redeem(code, code_verifier=verifier).status_code == 200
    seen("right verifier: tokens")


@pytest.mark.parametrize("verifier", [None, "x" * 43, CHALLENGE, "short"])
def test_b17_any_other_verifier_is_refused(party: Party, seen: Seen, verifier: str | None) -> None:
    code = party.sign_in()["code"]

    assert party.redeem(code, code_verifier=verifier).json()["error"] == "invalid_grant"
    seen("missing, wrong or plain: invalid_grant")


def test_b17_plain_is_refused_at_once(party: Party) -> None:
    answer = party.sign_in(code_challenge=VERIFIER, code_challenge_method="plain")

    assert answer["error"] == "invalid_request"


def test_b18_a_verifier_without_a_challenge_is_a_downgrade_and_refused(party: Party, seen: Seen) -> None:
    code = party.sign_in(code_challenge=None, code_challenge_method=None)["code"]

    assert party.redeem(code).json()["error"] == "invalid_grant"
    seen("invalid_grant")


def test_b19_a_code_is_bound_to_its_client(party: Party, seen: Seen) -> None:
    party.mock.register("another")
    thief = Party(mock=party.mock, client_id="another")

    answer = thief.redeem(party.sign_in()["code"])

    assert answer.json()["error"] == "invalid_grant"
    thief.close()
    seen("another client: invalid_grant")


@pytest.mark.parametrize("redirect_uri", [None, f"{CALLBACK}/more"])
def test_b19_a_code_is_bound_to_its_redirect_address(party: Party, seen: Seen, redirect_uri: str | None) -> None:
    assert party.redeem(party.sign_in()["code"], redirect_uri=redirect_uri).json()["error"] == "invalid_grant"
    seen("another redirect_uri, or none: invalid_grant")


def test_b19_a_code_lives_for_thirty_seconds(party: Party, seen: Seen) -> None:
    early, late = party.sign_in()["code"], party.sign_in()["code"]
    party.mock.clock.forward(seconds=29)
    assert party.redeem(early).status_code == 200

    party.mock.clock.forward(seconds=2)

    assert party.redeem(late).json()["error"] == "invalid_grant"
    seen("after 31 s: invalid_grant")


def test_b23_every_authorization_response_carries_the_issuer(party: Party, seen: Seen) -> None:
    published = party.mock.get("/op/.well-known/openid-configuration").json()["issuer"]

    answers = party.sign_in(), party.sign_in(scope="openid sesame"), brought_back(party.ask(prompt="none", scope="x"))

    assert ["error" in answer for answer in answers] == [False, True, True]
    assert [answer["iss"] for answer in answers] == [published] * 3
    seen("iss equals the published issuer, after success and errors")


def test_a_scope_that_the_client_may_not_have_is_refused_before_anyone_signs_in(party: Party) -> None:
    assert brought_back(party.ask(scope="openid sesame"))["error"] == "invalid_scope"


@pytest.mark.parametrize(("mode", "mark"), [("query", "?"), ("fragment", "#")])
def test_the_answer_comes_back_the_way_that_was_asked_for(party: Party, mode: str, mark: str) -> None:
    answer = party.ask(response_mode=mode, mock_person="employee")

    assert answer.headers["location"].startswith(f"{CALLBACK}{mark}code=")


def test_form_post_brings_the_answer_in_a_form_that_a_person_can_send_too(party: Party) -> None:
    answer = party.ask(response_mode="form_post", mock_person="employee", state='"><script>')

    assert answer.status_code == 200
    assert f'action="{CALLBACK}"' in answer.text
    assert 'name="code"' in answer.text
    assert '"><script>' not in answer.text
    assert "sha256-" in answer.headers["content-security-policy"]


def test_a_parameter_given_twice_is_refused(party: Party) -> None:
    query = urlencode([*party.request().items(), ("state", "another")])

    assert party.browser.get(f"{party.mock.issuer}/v1/auth?{query}").status_code == 400


def test_a_wrong_secret_is_told_apart_from_a_wrong_code(party: Party) -> None:
    form = {"grant_type": "authorization_code", "code": "guess", "redirect_uri": CALLBACK}
    address = f"{party.mock.issuer}/v1/token"

    wrong = party.browser.post(address, data=form, auth=("demo-client", "guess"))
    posted = party.browser.post(address, data={**form, "client_id": "demo-client", "client_secret": SECRET})
    both = party.browser.post(address, data={**form, "client_secret": SECRET}, auth=("demo-client", SECRET))

    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert "basic" in wrong.headers["www-authenticate"].lower()
    assert (posted.status_code, posted.json()["error"]) == (400, "invalid_grant")
    assert both.json()["error"] == "invalid_client"


def test_a_secret_with_strange_characters_is_form_urlencoded_in_the_header(acm: Mock) -> None:
    acm.register("strange one", client_secret="a:b%c d+é")
    form = {"grant_type": "authorization_code", "code": "guess", "redirect_uri": CALLBACK}
    party = Party(mock=acm)

    answer = party.browser.post(f"{acm.issuer}/v1/token", data=form, auth=("strange+one", "a%3Ab%25c+d%2B%C3%A9"))

    assert answer.json()["error"] == "invalid_grant"
    party.close()
