"""The gateway signs people in at a provider that is not ours: npm's oidc-provider, in two releases.

The registers still are the mock government's: they say what the person may do, whoever says who it is.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.conformance.browser import Browser
from tests.conformance.government import cast_member
from tests.conformance.keys import rsa_key_pair
from tests.conformance.meeting import Arranging, Authentication, assert_employee_arrives, sign_in
from tests.conformance.provider import LOGIN, RELEASES
from tests.mock_idp.statements import Seen

BOTH_RELEASES = pytest.mark.parametrize("release", RELEASES, indirect=True)


@BOTH_RELEASES
@pytest.mark.parametrize("authentication", ["private_key_jwt", "client_secret_basic"])
@pytest.mark.parametrize("claims_by_userinfo_only", [True, False], ids=["userinfo-only", "id-token-too"])
def test_b33_somebody_signs_in_and_reaches_the_application(
    arrange: Arranging,
    browser: Browser,
    seen: Seen,
    release: str,
    authentication: Authentication,
    claims_by_userinfo_only: bool,
) -> None:
    meeting = arrange(authentication)
    provider = replace(meeting.provider, claims_by_userinfo_only=claims_by_userinfo_only)
    meeting.provide(provider)
    page = sign_in(browser, meeting)

    assert str(page.url) == meeting.gateway.application
    assert_employee_arrives(browser, meeting.gateway)
    seen(f"{release}: login, userinfo, {authentication}")


@pytest.mark.parametrize(
    "client",
    [
        pytest.param({"userinfo_signed_response_alg": "RS256"}, id="userinfo-signed"),
        pytest.param({"id_token_signed_response_alg": "ES256"}, id="id-token-ES256"),
    ],
)
def test_b33_other_forms_of_the_answer_are_understood(
    arrange: Arranging, browser: Browser, seen: Seen, client: dict[str, object]
) -> None:
    meeting = arrange()
    meeting.provide(meeting.with_client(**client))
    sign_in(browser, meeting)

    assert_employee_arrives(browser, meeting.gateway)
    seen(", ".join(f"{name} {value}" for name, value in client.items()))


def test_b33_request_and_response_are_protected(arrange: Arranging, browser: Browser, seen: Seen) -> None:
    meeting = arrange()
    meeting.provide()
    sign_in(browser, meeting)

    asked, came_back = browser.asked("/auth"), browser.asked("/_inkom/callback")
    assert asked["code_challenge_method"] == "S256"
    assert asked["nonce"]
    assert came_back["state"] == asked["state"]
    assert came_back["iss"] == meeting.provider.issuer
    seen("PKCE S256, nonce, state, response iss")


def test_b33_a_provider_that_takes_signed_and_pushed_requests_and_bound_tokens_only(
    arrange: Arranging, browser: Browser, seen: Seen
) -> None:
    meeting = arrange(strict=True)
    meeting.provide()
    page = sign_in(browser, meeting)
    asked = browser.asked("/auth")

    assert str(page.url) == meeting.gateway.application
    assert asked.keys() == {"client_id", "request_uri"}
    assert_employee_arrives(browser, meeting.gateway)
    seen("requests signed and pushed, tokens bound by DPoP")


@BOTH_RELEASES
def test_b33_logout_ends_both_sessions_once_the_provider_has_asked(
    arrange: Arranging, browser: Browser, seen: Seen, release: str
) -> None:
    meeting = arrange()
    meeting.provide()
    sign_in(browser, meeting)
    asking = meeting.gateway.sign_out(browser)
    assert "Do you want to sign-out" in asking.text
    page = browser.submit(asking, logout="yes")

    assert str(page.url).startswith(f"{meeting.gateway.origin}/_inkom/logged-out")
    assert "id_token_hint" not in browser.asked("/session/end")
    assert meeting.gateway.arrived(browser) is None
    assert "Sign-in" in browser.open(meeting.gateway.application).text
    seen(f"{release}: RP-initiated logout, both sessions ended")


def test_somebody_who_stays_signed_in_at_the_provider_is_signed_out_here(arrange: Arranging, browser: Browser) -> None:
    meeting = arrange()
    meeting.provide()
    sign_in(browser, meeting)
    meeting.gateway.sign_out(browser)

    assert meeting.gateway.arrived(browser) is None
    assert str(browser.open(meeting.gateway.application).url) == meeting.gateway.application


def test_b33_a_new_key_of_the_provider_is_fetched_when_it_is_met(
    arrange: Arranging, browser: Browser, seen: Seen, tmp_path: Path
) -> None:
    meeting = arrange(alone=True)
    meeting.provide()
    sign_in(browser, meeting)
    browser.client.cookies.clear()
    newer = rsa_key_pair(tmp_path / "newer.pem")
    meeting.provide(meeting.provider.with_keys(newer))
    sign_in(browser, meeting)

    assert_employee_arrives(browser, meeting.gateway)
    seen("a new key under a new kid: fetched")


def test_sessions_go_on_and_end_while_the_provider_is_away(arrange: Arranging, browser: Browser) -> None:
    meeting = arrange()
    meeting.provide()
    sign_in(browser, meeting)

    meeting.end_provider()
    assert_employee_arrives(browser, meeting.gateway)
    with pytest.raises(httpx2.ConnectError):  # the browser is sent on to the provider, which is not there
        meeting.gateway.sign_out(browser)
    assert meeting.gateway.arrived(browser) is None


def test_no_address_and_no_log_holds_the_national_number(arrange: Arranging, browser: Browser) -> None:
    meeting, number = arrange(), cast_member("employee").national_number
    meeting.provide()
    sign_in(browser, meeting)
    browser.submit(meeting.gateway.sign_out(browser), logout="yes")

    written = (meeting.gateway.log, meeting.gateway.audit, *browser.visited)
    assert not [text for text in written if number in text]


def test_a_real_browser_signs_in_and_out(arrange: Arranging, chromium: Page) -> None:
    """Content-Security-Policy binds forms to where they lead (`form-action`), the redirects after them included."""
    meeting = arrange()
    meeting.provide()
    chromium.goto(meeting.gateway.application)
    chromium.get_by_placeholder("Enter any login").fill(LOGIN)
    chromium.get_by_placeholder("and password").fill("any will do")
    chromium.get_by_role("button", name="Sign-in").click()
    chromium.get_by_role("button", name="Continue").click()
    expect(chromium).to_have_url(meeting.gateway.application)
    chromium.goto(f"{meeting.gateway.origin}/_inkom/profile")
    chromium.get_by_role("button", name="Sign out").click()
    chromium.get_by_role("button", name="Yes, sign me out").click()
    expect(chromium).to_have_url(re.compile("/_inkom/logged-out"))
    expect(chromium.get_by_role("heading", level=1)).to_be_visible()
