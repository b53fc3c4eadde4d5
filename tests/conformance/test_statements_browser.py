"""Statements A32, A33, A58, A59, A61 to A63, C01 to C04, C12 to C15: what happens in the browser.

Over real HTTP between a visitor, the gateway, its Redis and the mock's provider.
"""

from __future__ import annotations

import asyncio
import json
import logging
from urllib.parse import quote

import httpx2
import pytest

from broker.adapters.http import BoundedTransport
from tests.conformance.browser import Browser
from tests.conformance.relying_party import RelyingParty, parameters_of
from tests.conformance.statements import Statement, assert_refused

SHORTCUT = {"mock_person": "employee", "mock_method": "itsme"}
OWN_FORM = {"sec-fetch-site": "same-origin"}


def test_a32_signing_out_ends_the_session_at_the_provider_too(rp: RelyingParty, statement: Statement) -> None:
    with Browser() as browser:
        rp.sign_in(browser)
        page = _sign_out(rp, browser)
        asked = browser.asked("/op/v1/logout")
        assert sorted(asked) == ["client_id", "post_logout_redirect_uri", "state"]
        assert rp.headers_of(browser) is None
        # The provider's own session is over as well: it asks who is there.
        assert "/op/" not in str(page.url)
        assert str(browser.open(rp.application).url).startswith(f"{rp.government.origin}/signin/")
    statement(
        "A32: logout leads to end_session_endpoint and back; id_token_hint is not sent (decision 0010)",
        f"asked with {', '.join(sorted(asked))}; back at {page.url.path}; both sessions over",
    )


def test_a33_a_strange_return_from_signing_out_is_neutral(rp: RelyingParty, statement: Statement) -> None:
    for fault in ("logout-state-wrong", "logout-state-missing"):
        with Browser() as browser:
            rp.sign_in(browser)
            rp.arm(fault)
            page = _sign_out(rp, browser)
            assert (page.status_code, page.url.path) == (httpx2.codes.OK, "/_inkom/logged-out")
            assert rp.headers_of(browser) is None
    with Browser() as browser:
        page = browser.open(f"{rp.origin}/_inkom/logged-out?state=x&return_to=https://evil.example/")
        assert page.status_code == httpx2.codes.OK
        assert 'href="https://evil' not in page.text
    statement("A33: return with another or no state: a neutral page", "200 each time, no session, no redirect")


def test_a58_a_parameter_that_comes_twice_is_refused(rp: RelyingParty, statement: Statement) -> None:
    statement.refused("A58: a doubled parameter is refused", rp, "response-state-twice", "response-code-twice")
    for doubled in ("access_token", "id_token", "iss"):
        with Browser() as browser:
            address = rp.answered(browser)
            assert_refused(rp, browser, browser.open(f"{address}&{doubled}=a&{doubled}=b"))
    assert "v1/token" not in rp.asked()


def test_a59_abandoned_attempts_make_room_for_new_ones(rp: RelyingParty, statement: Statement) -> None:
    with Browser() as browser:
        for number in range(50):
            answer = browser.get(f"{rp.origin}/_inkom/login?return_to=/kmo-portefeuille/{number}")
            assert answer.is_redirect
        cookies = "; ".join(f"{one.name}={one.value}" for one in browser.client.cookies.jar)
        assert len(cookies) < 200
        assert rp.sign_in(browser).status_code == httpx2.codes.OK
    statement("A59: 50 abandoned sign-ins: the next works, headers stay small", f"{len(cookies)} bytes of cookies")


def test_a61_going_back_to_the_callback_redeems_nothing_twice(rp: RelyingParty, statement: Statement) -> None:
    with Browser() as browser:
        address = rp.answered(browser)
        browser.open(address)
        before = rp.asked()
        answer = browser.get(address)
        assert (answer.status_code, answer.headers["location"]) == (httpx2.codes.SEE_OTHER, "/kmo-portefeuille/")
        assert rp.asked() == before
        assert rp.headers_of(browser) is not None
    statement("A61: Back to the callback: a redirect, the code is not redeemed again", "303 to the application")


def test_a62_another_person_than_the_sessions_is_never_merged_into_it(rp: RelyingParty, statement: Statement) -> None:
    with Browser() as browser:
        rp.sign_in(browser, method="sms")
        answer = browser.get(f"{rp.origin}/_inkom/login?level=high&return_to=/kmo-portefeuille/")
        page = browser.follow(answer, mock_person="legal-representative", mock_method="itsme")
        assert page.status_code == httpx2.codes.FORBIDDEN
        assert "Somebody else signed in" in page.text
        assert rp.headers_of(browser) is None
    statement("A62: another user than the session's comes back: the session ends", "403 page, session over")


def test_a63_signing_in_makes_a_new_session_and_ends_the_old(rp: RelyingParty, statement: Statement) -> None:
    with Browser() as browser, Browser() as other:
        rp.sign_in(browser)
        former = _session_cookie(browser)
        answer = browser.get(f"{rp.origin}/_inkom/login?return_to=/kmo-portefeuille/")
        browser.follow(answer, **SHORTCUT)
        assert _session_cookie(browser) != former
        assert rp.headers_of(browser) is not None
        other.client.cookies.set("inkom-localhost", former, domain="localhost.local")
        assert rp.headers_of(other) is None
        # One that an attacker planted beforehand is not taken over.
        other.client.cookies.set("inkom-localhost", "planted", domain="localhost.local")
        rp.sign_in(other)
        assert "planted" not in [one.value for one in other.client.cookies.jar]
    statement("A63: a sign-in writes a new session id; the old one is dead", "new cookie, the former leads to sign-in")


def test_c01_each_attempt_has_secrets_of_its_own(rp: RelyingParty, statement: Statement) -> None:
    seen: list[dict[str, str]] = []
    for _ in range(2):
        with Browser() as browser:
            seen += [dict(parameters_of(browser.sent_to("/op/v1/auth", browser.get(rp.application)))) for _ in range(2)]
    for asked in seen:
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        assert len(asked["code_challenge"]) == 43
        assert len(asked["state"]) >= 22  # 128 bits in base64url
        assert len(asked["nonce"]) >= 22
    for name in ("state", "nonce", "code_challenge"):
        assert len({asked[name] for asked in seen}) == len(seen)
    statement(
        "C01: code, S256; fresh state, nonce and verifier for each attempt", f"{len(seen)} attempts share nothing"
    )


def test_c02_an_answer_of_another_browser_is_refused(rp: RelyingParty, statement: Statement) -> None:
    with Browser() as attacker, Browser() as victim, Browser() as signing_in:
        address = rp.answered(attacker)
        assert_refused(rp, victim, victim.open(address))
        rp.answered(signing_in)
        assert_refused(rp, signing_in, signing_in.open(address))
        assert "v1/token" not in rp.asked()
    statement("C02: a callback begun in another browser is refused", rp.refusals.details[-1])


async def test_c03_a_state_serves_once_even_in_parallel(rp: RelyingParty, statement: Statement) -> None:
    with Browser() as browser:
        address = rp.answered(browser)
        cookie = "; ".join(f"{one.name}={one.value}" for one in browser.client.cookies.jar)
    headers = {"cookie": cookie, "accept": "text/html", "sec-fetch-mode": "navigate"}
    async with httpx2.AsyncClient(trust_env=False, timeout=30, headers=headers) as client:
        answers = await asyncio.gather(*(client.get(address) for _ in range(50)))
    won = [one for one in answers if "inkom-localhost=" in one.headers.get("set-cookie", "")]
    assert len(won) == 1
    assert {one.status_code for one in answers if one is not won[0]} == {httpx2.codes.FORBIDDEN}
    assert rp.asked()["v1/token"] == 1
    statement("C03: 50 callbacks with one state at once: exactly one wins", "one session, one token request, 49 pages")


def test_c04_a_code_of_another_flow_is_refused(rp: RelyingParty, statement: Statement) -> None:
    with Browser() as victim, Browser() as attacker:
        stolen = dict(parameters_of(rp.answered(victim)))["code"]
        address = httpx2.URL(rp.answered(attacker)).copy_set_param("code", stolen)
        assert_refused(rp, attacker, attacker.open(str(address)))
        detail = rp.refusals.details[-1]
        assert detail == "the token endpoint says invalid_grant"
    statement.refused("C04: a code put into another flow is refused", rp, "id-token-nonce-wrong")
    statement("C04: a code put into another flow is refused by PKCE, and by nonce", detail)


def test_c12_nothing_of_the_answer_is_told_to_other_pages(rp: RelyingParty, statement: Statement) -> None:
    with Browser() as browser:
        address = rp.answered(browser)
        landed = browser.get(address)
        assert landed.status_code == httpx2.codes.SEE_OTHER
        assert "code" not in landed.headers["location"]
        refused = browser.open(f"{rp.origin}/_inkom/callback?code=x&state=y&error=z")
        browser.client.cookies.clear()
        refused = browser.open(f"{rp.origin}/_inkom/callback?code=x&state=y")
        out = browser.open(f"{rp.origin}/_inkom/logged-out?state=x")
    for answer in (landed, refused, out):
        assert answer.headers["referrer-policy"] == "no-referrer"
    for page in (refused, out):
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
    statement("C12: callback and logout: no-referrer, nothing of third parties, 303 to a clean address", "all three so")


def test_c13_tokens_are_nowhere_to_be_read(
    rp: RelyingParty, statement: Statement, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tokens: set[str] = set()
    ask = BoundedTransport.handle_async_request

    async def noted(self: BoundedTransport, request: httpx2.Request) -> httpx2.Response:
        answer = await ask(self, request)
        if request.url.path.endswith("/v1/token"):
            tokens.update(json.loads(answer.content)[name] for name in ("access_token", "id_token"))
        return answer

    monkeypatch.setattr(BoundedTransport, "handle_async_request", noted)
    with caplog.at_level(logging.DEBUG), Browser() as browser:
        page = rp.sign_in(browser)
        shown = [
            page.text,
            browser.open(f"{rp.origin}/_inkom/profile").text,
            browser.get(f"{rp.origin}/_inkom/me").text,
        ]
        seen = " ".join([*browser.visited, *shown, caplog.text, (rp.folder / "audit.jsonl").read_text()])
        cookies = " ".join(str(one.value) for one in browser.client.cookies.jar)
    assert len(tokens) == 2
    assert not [token for token in tokens if token in seen or token in cookies]
    statement("C13: no token in an address, log, page or cookie", "neither access token nor ID token found")


def test_c14_redirects_after_a_post_are_303(rp: RelyingParty, statement: Statement) -> None:
    origin = {"origin": rp.origin, **OWN_FORM}
    with Browser() as browser:
        rp.sign_in(browser)
        form = {"form_token": rp.form_token(browser), "organisation": "1999999943", "return_to": "/kmo-portefeuille/"}
        posts = {
            "/_inkom/organisation": form,
            "/_inkom/login": {"iss": rp.government.issuer},
            "/_inkom/logout": form,
        }
        for path, fields in posts.items():
            answer = browser.client.post(f"{rp.origin}{path}", data=fields, headers=origin)
            assert answer.status_code == httpx2.codes.SEE_OTHER, (path, answer.status_code)
        for path in ("/_inkom/logout/", "/_inkom/callback/", "/_inkom/login/", "//evil.example/_inkom/login"):
            answer = browser.client.post(f"{rp.origin}{path}", data=form, headers=origin)
            assert not answer.is_redirect, path
    statement("C14: redirects after a POST are 303, never 307", ", ".join(posts))


def test_c15_no_address_of_ours_leads_elsewhere(rp: RelyingParty, statement: Statement) -> None:
    evil = (
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "/%5Cevil.example",
        "https:evil.example",
        "\t//evil.example",
    )
    pages = (
        "login?return_to={0}",
        "login?return_to={0}&provider=acm",
        "organisation?return_to={0}",
        "registration?return_to={0}",
        "logged-out?return_to={0}&post_logout_redirect_uri={0}",
        "login?iss={1}&target_link_uri={0}",
        "callback?return_to={0}&state=x",
    )
    own = {httpx2.URL(rp.origin).netloc, httpx2.URL(rp.government.origin).netloc}
    tried = 0
    for signed_in in (False, True):
        with Browser() as browser:
            if signed_in:
                rp.sign_in(browser)
            for page in pages:
                for target in evil:
                    path = page.format(quote(target, safe=""), quote(rp.government.issuer, safe=""))
                    answer = browser.get(f"{rp.origin}/_inkom/{path}")
                    tried += 1
                    if answer.is_redirect:
                        assert httpx2.URL(rp.origin).join(answer.headers["location"]).netloc in own
                    else:
                        assert 'href="https://evil' not in answer.text
                        assert 'href="//evil' not in answer.text
            for path in ("//evil.example/", "//evil.example/..", "/_inkom//evil.example/"):
                assert not browser.get(f"{rp.origin}{path}").headers.get("location", "").startswith("//evil")
    with Browser() as browser:
        # And where the sign-in ends when it was begun with one.
        landed = browser.follow(browser.get(f"{rp.origin}/_inkom/login?return_to=https://evil.example/"), **SHORTCUT)
        assert str(landed.url) == f"{rp.origin}/"
    statement("C15: no open redirector on our origin", f"{tried} addresses lead to nobody else")


def _sign_out(rp: RelyingParty, browser: Browser) -> httpx2.Response:
    token = rp.form_token(browser)
    return browser.follow(browser.post(f"{rp.origin}/_inkom/logout", {"form_token": token}))


def _session_cookie(browser: Browser) -> str:
    return next(str(one.value) for one in browser.client.cookies.jar if one.name == "inkom-localhost")
