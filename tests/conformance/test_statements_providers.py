"""Statement C05 of the acceptance list: two providers side by side, and no answer of one is taken for the other's."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Request, ViewportSize

from tests.conformance.browser import Browser
from tests.conformance.government import Government
from tests.conformance.relying_party import SCOPES, SECRET, Arrangement, RelyingParty, asked_of, parameters_of
from tests.conformance.statements import Statement, assert_refused
from tests.mock_idp.provider import Mock, running_mock


@pytest.fixture(scope="module")
def other_provider() -> Iterator[Mock]:
    with running_mock() as running:
        yield running


@pytest.fixture(scope="module")
def shared_two(arrangement: Arrangement, other_provider: Mock) -> Iterator[RelyingParty]:
    other = {
        "title": {"nl": "Testomgeving", "en": "Test environment"},
        "issuer": other_provider.issuer,
        "client_id": "inkom-at-the-other",
        "client_authentication": "client_secret_basic",
        "client_secret": SECRET,
        "scopes": SCOPES,
        "response_mode": "form_post",
    }
    with arrangement.relying_party("two", providers={"acm-test": other}, accepted=("acm", "acm-test")) as running:
        other_provider.register(
            "inkom-at-the-other",
            redirect_uris=[f"{running.origin}/_inkom/callback/acm-test"],
            post_logout_redirect_uris=[f"{running.origin}/_inkom/logged-out"],
            client_secret=SECRET,
            scopes=SCOPES,
            organisation_choice="gateway",
        )
        yield running


@pytest.fixture
def two(shared_two: RelyingParty, other_provider: Mock, government: Government) -> RelyingParty:
    """A gateway with two providers, of which the second posts its answers."""
    other_provider.post("/mock/reset", {})
    return shared_two


def test_c05_an_answer_at_the_other_providers_address_is_refused(
    two: RelyingParty, other_provider: Mock, statement: Statement
) -> None:
    login = f"{two.origin}/_inkom/login?return_to=/kmo-portefeuille/"
    with Browser() as browser:
        assert "provider=acm-test" in browser.open(two.application).text
        request = browser.get(f"{login}&provider=acm").headers["location"]
        assert dict(parameters_of(request))["redirect_uri"] == f"{two.origin}/_inkom/callback"
        answer = browser.get(f"{request}&mock_person=employee&mock_method=itsme").headers["location"]
        assert_refused(two, browser, browser.open(answer.replace("/callback", "/callback/acm-test")))
    with Browser() as browser:
        request = browser.get(f"{login}&provider=acm").headers["location"]
        answer = browser.get(f"{request}&mock_person=employee&mock_method=itsme").headers["location"]
        swapped = httpx2.URL(answer).copy_set_param("iss", other_provider.issuer)
        assert_refused(two, browser, browser.open(str(swapped)))
    assert two.asked()["v1/token"] == asked_of(other_provider.get("/mock/requests").json())["v1/token"] == 0
    statement(
        "C05: an answer at the other provider's address, or with its `iss`, is refused", "no token request at either"
    )


def test_c05_somebody_signs_in_and_out_at_the_other_provider(
    two: RelyingParty, other_provider: Mock, chromium: Page
) -> None:
    """In a real Chromium: the provider's site is another than the gateway's, so its form brings no cookie along."""
    chromium.unroute_all()
    requests: list[Request] = []
    chromium.on("request", lambda request: requests.append(request))
    other_provider.post("/mock/next-login", {"mock_person": "employee", "mock_method": "itsme"})
    chromium.goto(two.application)
    sizes: tuple[ViewportSize, ...] = ({"width": 1280, "height": 900}, {"width": 390, "height": 844})
    for size in sizes:
        chromium.set_viewport_size(size)
        found = Axe().run(chromium)
        assert found.violations_count == 0, found.generate_report()
        assert chromium.evaluate("document.documentElement.scrollWidth") <= size["width"]
    chromium.get_by_role("link", name="Test environment").click()
    chromium.wait_for_url(two.application)
    received = json.loads(chromium.inner_text("pre"))
    assert received["x-inkom-organisation"] == "1999999943"
    posted, fetched = (one for one in requests if "/_inkom/callback" in one.url)
    assert (posted.method, posted.url) == ("POST", f"{two.origin}/_inkom/callback/acm-test")
    assert "cookie" not in posted.all_headers()
    assert fetched.url.startswith(f"{posted.url}?ticket=")
    assert "-signin=" in fetched.all_headers()["cookie"]
    seen = [f"{one.method} {one.url}" for one in requests]
    assert not [one for one in seen if one.startswith(f"GET {two.origin}") and ("code=" in one or "state=" in one)]
    chromium.goto(f"{two.origin}/_inkom/profile")
    chromium.get_by_role("button", name="Sign out").first.click()
    chromium.wait_for_url(f"{two.origin}/_inkom/logged-out**")
    asked = f"{other_provider.issuer}/v1/logout?client_id=inkom-at-the-other"
    assert [one for one in requests if one.url.startswith(asked)]
