"""Logout, statement by statement: the mock tells, both gateways hear (A32 to A41, A64 to A67, C33 to C35)."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import httpx2
import pytest
from playwright.sync_api import Page

from tests.conformance.browser import Browser
from tests.conformance.pair import Pair, registration

Record = Callable[[str, object], None]
WITHIN_SECONDS = 1.0

REFUSED = [
    ("A35", "unsigned: 400, the session stays", "logout-token-alg-none"),
    ("A36", "signed by another algorithm than the registered one: 400", "logout-token-wrong-alg"),
    ("A36", "a signature that fits nothing: 400", "logout-token-signature"),
    ("A37", "no events: 400", "logout-token-event-missing"),
    ("A38", "another event: 400", "logout-token-event-wrong"),
    ("A39", "a nonce: 400", "logout-token-nonce"),
    ("A40", "another aud: 400", "logout-token-aud-wrong"),
    ("A40", "another iss: 400", "logout-token-iss-wrong"),
    ("A64", "no iat: 400", "logout-token-iat-missing"),
    ("A64", "no jti: 400", "logout-token-jti-missing"),
    ("C33", "exp long past: 400", "logout-token-expired"),
    ("C34", "neither sub nor sid: 400", "logout-token-sub-and-sid-missing"),
]


def signed_in(pair: Pair, browser: Browser) -> None:
    pair.sign_in(browser)
    assert pair.inside(browser) == (True, True)


def refusals(pair: Pair) -> int:
    """How many of the tokens that the mock sent were answered by 400, as its log says."""
    lines = pair.government.log.read_text(errors="replace").splitlines()
    return sum("logout refused" in line and "status=400" in line for line in lines)


@pytest.mark.parametrize(("number", "expected", "fault"), REFUSED, ids=[f"{one[0]}-{one[2]}" for one in REFUSED])
def test_a35_to_a40_a64_c33_c34_a_wrong_logout_token_is_400_and_the_session_stays(
    pair: Pair, browser: Browser, record_property: Record, number: str, expected: str, fault: str
) -> None:
    signed_in(pair, browser)
    before = refusals(pair)
    pair.arm(fault)

    pair.sign_out_at_provider(browser)

    assert refusals(pair) == before + 1
    assert pair.inside(browser) == (True, True)
    record_property("statement", f"{number}: {expected}")
    record_property("seen", "400, and both gateways still let in")


@pytest.mark.parametrize("fault", [None, "logout-token-only-sid", "logout-token-only-sub"])
def test_a34_a67_a_logout_at_the_provider_ends_the_session_on_every_gateway_within_a_second(
    pair: Pair, browser: Browser, record_property: Record, fault: str | None
) -> None:
    signed_in(pair, browser)
    with Browser() as other:
        pair.sign_in(other)
        if fault is not None:
            pair.arm(fault)

        pair.sign_out_at_provider(browser)
        since = monotonic()
        assert pair.inside(browser) == (False, False)
        took = monotonic() - since

        both_end = fault == "logout-token-only-sub"
        assert pair.inside(other) == ((False, False) if both_end else (True, True))
    assert took < WITHIN_SECONDS
    number = "A34" if fault is None else "A67"
    record_property("statement", f"{number}: {fault or 'sid and sub'}: ended on all gateways within 1 s")
    record_property("seen", "both gateways ask to sign in; other sessions as the token says")


def test_a65_the_same_token_twice_is_acknowledged_twice(pair: Pair, browser: Browser, record_property: Record) -> None:
    signed_in(pair, browser)
    before = refusals(pair)
    pair.arm("logout-token-twice")
    pair.sign_out_at_provider(browser)
    assert refusals(pair) == before
    assert pair.inside(browser) == (False, False)
    record_property("statement", "A65: a replayed token is harmless, its jti remembered")
    record_property("seen", "200 both times")


def test_a66_what_is_no_logout_token_is_400_and_get_is_405(pair: Pair, record_property: Record) -> None:
    address = f"{pair.first.origin}/_inkom/backchannel-logout"
    for form in ({}, {"logout_token": "garbage"}, {"logout_token": ["a", "b"]}):
        answer = httpx2.post(address, data=form, trust_env=False)
        assert answer.status_code == 400
        assert answer.headers["cache-control"] == "no-store"
        assert "Traceback" not in answer.text
    assert httpx2.get(address, trust_env=False).status_code == 405
    record_property("statement", "A66: GET 405; none, garbage or two tokens 400")
    record_property("seen", "405, 400, 400, 400")


def test_a32_a33_signing_out_here_ends_both_and_returns_to_a_neutral_page(
    pair: Pair, browser: Browser, record_property: Record
) -> None:
    signed_in(pair, browser)
    for fault in (None, "logout-state-wrong", "logout-state-missing"):
        if fault is not None:
            pair.sign_in(browser)
            pair.arm(fault)
        page = pair.first.sign_out(browser)
        assert page.url.path == "/_inkom/logged-out"
        assert page.status_code == 200
        assert pair.inside(browser) == (False, False)
        sent = browser.asked("/op/v1/logout")
        assert sent["post_logout_redirect_uri"] == f"{pair.first.origin}/_inkom/logged-out"
        assert "id_token_hint" not in sent
    record_property("statement", "A32 A33: to end_session and back, whatever state returns")
    record_property("seen", "200 on a neutral page; client_id in place of id_token_hint (decision 0010)")


def test_a41_a_logout_at_the_provider_reaches_the_gateway_by_a_frame_of_a_real_browser(
    pair: Pair, chromium: Page, record_property: Record
) -> None:
    client = registration(pair.first, pair.second)
    del client["backchannel_logout_uri"]
    front = f"{pair.first.origin}/_inkom/frontchannel-logout"
    pair.government.tell("/mock/clients", {**client, "frontchannel_logout_uri": front})
    pair.government.tell("/mock/next-login", {"mock_person": "employee", "mock_method": "itsme"})
    chromium.goto(pair.first.application)
    assert chromium.url == pair.first.application

    with chromium.expect_response(lambda answer: "/frontchannel-logout" in answer.url) as framed:
        chromium.goto(f"{pair.government.issuer}/v1/logout")

    assert framed.value.status == 200
    assert framed.value.headers["cache-control"] == "no-store"
    assert chromium.request.get(f"{pair.first.application}api/headers", max_redirects=0).status in (303, 401)
    record_property("statement", "A41: only iss and sid, in a frame of the provider; no-store")
    record_property("seen", "Chromium: frame 200, session over")


def test_c35_a_token_for_a_session_that_is_unknown_here_is_200(
    pair: Pair, browser: Browser, record_property: Record
) -> None:
    signed_in(pair, browser)
    before = refusals(pair)
    pair.first.sign_out(browser)  # the mock tells us of our own logout: the session is gone already
    assert refusals(pair) == before
    record_property("statement", "C35: an unknown sid is 200")
    record_property("seen", "200")


def test_the_switch_lets_the_person_choose_again_at_the_provider(pair: Pair, browser: Browser) -> None:
    signed_in(pair, browser)
    profile = browser.open(f"{pair.first.origin}/_inkom/profile")
    token = profile.text.partition('name="form_token" value="')[2].partition('"')[0]

    page = browser.follow(browser.post(f"{pair.first.origin}/_inkom/switch", {"form_token": token}))

    assert browser.asked("/op/v1/logout")["switch"] == "true"
    assert browser.asked("/op/v1/logout")["post_logout_redirect_uri"] == f"{pair.first.origin}/_inkom/login"
    assert page.status_code == 200
