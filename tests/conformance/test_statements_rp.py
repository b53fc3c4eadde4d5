"""Statements A01 to A30 and A70 of the acceptance list: the OpenID Foundation's plans for relying parties.

A fault of the mock is armed and a sign-in attempted over real HTTP. Refused means: an error page, no session, and no
userinfo call where the token or the response was already wrong. Those that turn keys are in a file of their own.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from re import findall

import httpx2
import pytest

from broker.adapters.http import BoundedTransport
from tests.conformance.browser import Browser, forms
from tests.conformance.government import Government, cast_member
from tests.conformance.relying_party import Arrangement, RelyingParty, parameters_of
from tests.conformance.statements import Statement, assert_refused

DISCOVERY = ".well-known/openid-configuration"
FORM = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "cross-site"}


@pytest.fixture(scope="module")
def shared_posting(arrangement: Arrangement) -> Iterator[RelyingParty]:
    with arrangement.relying_party("posting", acm={"response_mode": "form_post"}) as running:
        yield running


@pytest.fixture
def posting(shared_posting: RelyingParty, government: Government) -> RelyingParty:
    """A gateway whose provider lets the browser post its answers."""
    return shared_posting


def test_a01_the_code_flow_signs_in(rp: RelyingParty, statement: Statement) -> None:
    received = statement.accepted("A01: authorization, token and userinfo are asked; the person is signed in", rp)
    assert received["x-inkom-role"] == "user"


def test_a02_an_id_token_of_another_issuer_is_refused(rp: RelyingParty, statement: Statement) -> None:
    statement.refused("A02: another `iss` is refused", rp, "id-token-iss-wrong", "id-token-iss-missing")


def test_a03_an_id_token_without_subject_is_refused(rp: RelyingParty, statement: Statement) -> None:
    statement.refused(
        "A03: no usable `sub` is refused", rp, "id-token-sub-missing", "id-token-sub-empty", "id-token-sub-long"
    )


def test_a04_an_id_token_for_another_client_is_refused(rp: RelyingParty, statement: Statement) -> None:
    statement.refused(
        "A04: another `aud` is refused", rp, "id-token-aud-wrong", "id-token-aud-extra", "id-token-azp-wrong"
    )


def test_a05_an_id_token_without_audience_is_refused(rp: RelyingParty, statement: Statement) -> None:
    statement.refused("A05: no `aud` is refused", rp, "id-token-aud-missing")


def test_a06_an_id_token_without_time_of_issue_is_refused(rp: RelyingParty, statement: Statement) -> None:
    statement.refused("A06: no `iat` is refused", rp, "id-token-iat-missing")


def test_a07_one_key_needs_no_name(rp: RelyingParty, statement: Statement) -> None:
    statement.accepted("A07: no `kid` and one key that fits is accepted", rp, "id-token-kid-absent-one-key")


def test_a09_rs256_is_accepted(rp: RelyingParty, government: Government, statement: Statement) -> None:
    statement.accepted("A09: RS256 is accepted", rp)


def test_a10_an_unsigned_id_token_is_refused(rp: RelyingParty, statement: Statement) -> None:
    statement.refused(
        "A10: `alg` none is refused, in the code flow too", rp, "id-token-alg-none", "id-token-signature-missing"
    )


def test_a11_a_bad_signature_is_refused(rp: RelyingParty, statement: Statement) -> None:
    statement.refused(
        "A11: bad signatures are refused (RS256, ES256, HS256)",
        rp,
        "id-token-signature-rs256",
        "id-token-signature-es256",
        "id-token-alg-hs256",
        "id-token-foreign-key",
    )


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[httpx2.Request]:
    """What the gateways of this process ask of anybody, on the back channel."""
    called: list[httpx2.Request] = []
    ask = BoundedTransport.handle_async_request

    async def noted(self: BoundedTransport, request: httpx2.Request) -> httpx2.Response:
        called.append(request)
        return await ask(self, request)

    monkeypatch.setattr(BoundedTransport, "handle_async_request", noted)
    return called


def test_a12_the_access_token_goes_in_the_authorization_field(
    rp: RelyingParty, statement: Statement, calls: list[httpx2.Request]
) -> None:
    statement.accepted("A12: userinfo gets `Authorization: Bearer`; the form body is not used", rp)
    (asked,) = [one for one in calls if one.url.path == "/op/v1/userinfo"]
    assert (asked.method, asked.content, asked.url.query) == ("GET", b"", b"")
    assert asked.headers["authorization"].startswith("Bearer ")


def test_a13_userinfo_about_somebody_else_is_refused(rp: RelyingParty, statement: Statement) -> None:
    statement.refused(
        "A13: userinfo with another `sub` is discarded, nobody is signed in",
        rp,
        "userinfo-sub-wrong",
        "userinfo-sub-missing",
        userinfo=True,
    )


def test_a14_another_nonce_is_refused(rp: RelyingParty, statement: Statement) -> None:
    statement.refused("A14: another `nonce` is refused", rp, "id-token-nonce-wrong", "id-token-nonce-missing")


def test_a15_the_claims_of_the_scopes_are_used(rp: RelyingParty, statement: Statement) -> None:
    received = statement.accepted("A15: claims of the scopes that were asked for are used", rp)
    person = cast_member("employee")
    assert received["x-inkom-name"] == f"{person.given_name}%20{person.family_name}"


def test_a16_client_secret_basic_is_form_urlencoded(
    rp: RelyingParty, arrangement: Arrangement, statement: Statement, calls: list[httpx2.Request]
) -> None:
    odd = {"client_id": "inkom rp+1%", "client_secret": "half: 50% & more + one"}
    acm = {**odd, "client_authentication": "client_secret_basic"}
    with arrangement.relying_party("odd", acm=acm, client=odd) as spelled:
        statement.accepted(
            "A16: client_secret_basic with id and secret form-urlencoded",
            replace(spelled, client_id=odd["client_id"]),
        )
    (asked,) = [one for one in calls if one.url.path == "/op/v1/token"]
    credentials = b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode()
    assert credentials == "inkom+rp%2B1%25:half%3A+50%25+%26+more+%2B+one"


def test_a17_an_error_that_is_posted_shows_a_page(posting: RelyingParty, statement: Statement) -> None:
    for fault in ("response-error-server", "response-error-denied"):
        with Browser() as browser:
            posting.arm(fault)
            page = _through_the_form(posting, browser, mock_person="employee")
            assert page.status_code in (200, 403)
            assert posting.headers_of(browser) is None
            assert "v1/token" not in posting.asked()
    # prompt=none, asked for on the way by somebody else: the provider's own answer is login_required.
    with Browser() as browser:
        request = browser.sent_to("/op/v1/auth", browser.get(posting.application))
        page = _through_the_form(posting, browser, request=f"{request}&prompt=none&max_age=0")
        assert_refused(posting, browser, page)
    statement("A17: an error by POST makes an error page, no login", posting.refusals.details[-1])


def test_a18_posted_responses_get_the_same_verdicts(posting: RelyingParty, statement: Statement) -> None:
    with Browser() as browser:
        page = _through_the_form(posting, browser, mock_person="employee")
        assert page.status_code == httpx2.codes.OK, page.text
        assert posting.headers_of(browser) is not None
        tickets = [address for address in browser.visited if "/_inkom/callback" in address]
        assert [name for name, _ in parameters_of(tickets[-1])] == ["ticket"]
        assert not any("code=" in address and posting.origin in address for address in browser.visited)
    faults = (
        "id-token-iss-wrong",
        "id-token-sub-missing",
        "id-token-aud-wrong",
        "id-token-iat-missing",
        "id-token-alg-none",
        "id-token-signature-rs256",
        "id-token-nonce-wrong",
        "userinfo-sub-wrong",
        "response-state-wrong",
        "response-state-twice",
    )
    for fault in faults:
        with Browser() as browser:
            posting.arm(fault)
            assert_refused(posting, browser, _through_the_form(posting, browser, mock_person="employee"))
    # What has to be posted is not taken from an address.
    with Browser() as browser:
        request = browser.sent_to("/op/v1/auth", browser.get(posting.application))
        query = request.replace("response_mode=form_post", "response_mode=query")
        assert_refused(posting, browser, browser.open(f"{query}&mock_person=employee&mock_method=itsme"))
    statement(
        "A18: responses by cross-site POST get the same verdicts",
        f"signed in by a ticket without cookies on the POST; {len(faults)} faults and a response by GET refused",
    )


def test_a19_the_configuration_is_fetched_and_used(
    arrangement: Arrangement, government: Government, statement: Statement
) -> None:
    with arrangement.relying_party("discovering") as fresh, Browser() as browser:
        assert fresh.asked()[DISCOVERY] == 0
        assert fresh.sign_in(browser).status_code == httpx2.codes.OK
        assert fresh.asked()[DISCOVERY] == 1
    statement("A19: the provider's configuration is fetched and used", "asked once, before the first sign-in")


def test_a20_keys_are_fetched_where_the_configuration_says(
    arrangement: Arrangement, government: Government, statement: Statement
) -> None:
    configuration = httpx2.get(f"{government.issuer}/.well-known/openid-configuration", trust_env=False).json()
    with arrangement.relying_party("fetching-keys") as fresh, Browser() as browser:
        assert fresh.sign_in(browser).status_code == httpx2.codes.OK
        asked = fresh.asked()
    assert configuration["jwks_uri"] == f"{government.origin}/op/v1/keys"
    assert asked["v1/keys"] == 1
    statement("A20: keys are fetched from the advertised jwks_uri", "once, at the first ID token")


def test_a21_the_configuration_of_another_issuer_stops_everything(
    arrangement: Arrangement, government: Government, statement: Statement
) -> None:
    with arrangement.relying_party("mismatching") as fresh, Browser() as browser:
        government.tell("/mock/fault", {"fault": "discovery-issuer-wrong"})
        page = browser.open(fresh.application)
        asked = fresh.asked()
    assert page.status_code == httpx2.codes.SERVICE_UNAVAILABLE
    assert asked == {DISCOVERY: 1}
    statement("A21: metadata of another issuer: no authorization request", "page 503, nothing else asked")


def test_a24_signed_userinfo_is_verified(arrangement: Arrangement, statement: Statement) -> None:
    with arrangement.relying_party("signed-userinfo", client={"userinfo_signed": True}) as signed:
        statement.accepted("A24: userinfo as a JWT is verified: iss, aud, signature", signed)
        with Browser() as browser:
            signed.arm("userinfo-signed")  # signed, but for nobody
            assert_refused(signed, browser, signed.sign_in(browser))


def test_a27_another_site_may_begin_a_sign_in(rp: RelyingParty, statement: Statement) -> None:
    login, target = f"{rp.origin}/_inkom/login", f"{rp.application}api/headers"
    shortcut = {"mock_person": "employee", "mock_method": "itsme"}
    asked = httpx2.QueryParams({"iss": rp.government.issuer, "login_hint": "an", "target_link_uri": target})
    with Browser() as browser:
        page = browser.open(f"{login}?{asked}", **shortcut)
        assert str(page.url) == target
        assert browser.asked("/op/v1/auth")["login_hint"] == "an"
    with Browser() as browser:
        answer = browser.client.post(login, content=str(asked), headers=FORM)
        assert answer.status_code == httpx2.codes.SEE_OTHER
        assert str(browser.follow(answer, **shortcut).url) == target
    with Browser() as browser:
        elsewhere = asked.set("target_link_uri", "https://evil.example/")
        assert str(browser.open(f"{login}?{elsewhere}", **shortcut).url) == f"{rp.origin}/"
    with Browser() as browser:
        before = rp.asked()
        stranger = asked.set("iss", "https://idp.evil.example/op")
        assert browser.open(f"{login}?{stranger}").status_code == httpx2.codes.FORBIDDEN
        assert rp.asked() == before
    statement(
        "A27: a sign-in begun elsewhere starts for the configured issuer only",
        "GET and POST land at the target; a foreign target becomes the start page; an unknown issuer a 403 page",
    )


def test_a28_tokens_in_the_response_are_refused(rp: RelyingParty, statement: Statement) -> None:
    with Browser() as browser:
        rp.arm("response-tokens")
        page = rp.sign_in(browser)
        assert_refused(rp, browser, page)
        assert browser.asked("/op/v1/auth")["response_type"] == "code"
        assert "v1/token" not in rp.asked()
    with Browser() as browser:
        # What stands in a fragment never reaches a server: what is left is an answer without a state.
        rp.answered(browser)
        assert_refused(rp, browser, browser.open(f"{rp.origin}/_inkom/callback"))
    statement("A28: id_token or access_token in the response is refused", rp.refusals.details[0])


def test_a29_a_wrong_at_hash_is_refused(rp: RelyingParty, statement: Statement) -> None:
    statement.refused("A29: `at_hash` that does not fit is refused", rp, "id-token-at-hash-wrong")


def test_a30_claims_that_are_elsewhere_are_not_fetched(
    rp: RelyingParty, statement: Statement, calls: list[httpx2.Request]
) -> None:
    for fault in ("id-token-claim-sources", "userinfo-claim-sources"):
        statement.accepted("A30: `_claim_sources` are never fetched, their claims ignored", rp, fault)
    assert calls
    assert all(str(one.url).startswith(rp.government.origin) for one in calls)


def test_a70_an_id_token_of_a_week_ago_is_refused(rp: RelyingParty, statement: Statement) -> None:
    statement.refused("A70: `iat` a week ago is refused; one audience as an array is accepted", rp, "id-token-iat-old")
    with Browser() as browser:
        rp.arm("id-token-aud-array")
        assert rp.sign_in(browser).status_code == httpx2.codes.OK


def _through_the_form(
    rp: RelyingParty, browser: Browser, *, request: str | None = None, **shortcut: str
) -> httpx2.Response:
    """Go to the provider, send the form that it answers with as a browser does, and follow to where that ends."""
    address = request or browser.sent_to("/op/v1/auth", browser.get(rp.application))
    shortcut = {**shortcut, "mock_method": "itsme"} if shortcut else {}
    page = browser.get(str(httpx2.URL(address).copy_merge_params(shortcut)))
    (form,) = forms(page)
    fields = httpx2.QueryParams([(name, value) for name, value in _fields(page.text)])
    with httpx2.Client(trust_env=False) as without_cookies:  # SameSite=Lax: they stay at home
        bounce = without_cookies.post(form.action, content=str(fields), headers=FORM)
    assert bounce.status_code == httpx2.codes.SEE_OTHER, bounce.text
    return browser.follow(bounce)


def _fields(page: str) -> list[tuple[str, str]]:
    """The hidden fields, those that stand there twice included."""
    return [(name, unescape(value)) for name, value in findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page)]
