"""The pages in a real Chromium: readable for all, alive where they claim to be."""

import json
import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.chromium import chromium
from tests.mock_apps.stand_in import StandIn

APP = "/kmo-portefeuille"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


def opened(browser: Browser, gateway: StandIn, address: str, *, width: int = 1280) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, locale="nl-BE", extra_http_headers=gateway.headers()
    )
    # No gateway stands in front here: its script is tested where it does (tests/e2e).
    context.route("**/_inkom/session.js", lambda route: route.fulfill(content_type="text/javascript", body=""))
    page = context.new_page()
    page.on("console", lambda line: pytest.fail(f"the browser complains: {line.text}"))
    page.goto(address)
    return page


@pytest.mark.parametrize("width", [1280, 320])
@pytest.mark.parametrize("path", ["/", "/upload", "/live", "/talk"])
def test_axe_finds_nothing_and_nothing_sticks_out(
    browser: Browser, gateway: StandIn, origin: str, path: str, width: int
) -> None:
    page = opened(browser, gateway, f"{origin}{APP}{path}", width=width)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.get_by_role("heading", level=1).count() == 1


def test_the_counter_counts(browser: Browser, gateway: StandIn, origin: str) -> None:
    page = opened(browser, gateway, f"{origin}{APP}/live")
    expect(page.locator("#live")).to_have_text("2", timeout=10_000)


# ---------------------------------------------------------------------------------------------- when access is lost
def refusing(page: Page, status: int, **members: str) -> None:
    """Answer the event stream as the gateway does when it lets the visitor in no longer."""
    document = json.dumps({"type": "about:blank", "status": status, **members})
    page.unroute("**/events")
    page.route(
        "**/events",
        lambda route: route.fulfill(status=status, content_type="application/problem+json", body=document),
    )


def unwatched(browser: Browser, gateway: StandIn, *, language: str = "nl-BE") -> Page:
    """A page whose browser may complain: a refused stream is an error to it."""
    return browser.new_context(locale=language, extra_http_headers=gateway.headers()).new_page()


@pytest.mark.parametrize(
    ("language", "status", "members", "said"),
    [
        (
            "nl-BE",
            403,
            {"reason": "Nee.", "cause": "relation-paused"},
            "Uw werkrelatie met deze organisatie is gepauzeerd.",
        ),
        (
            "en-GB",
            403,
            {"reason": "No.", "cause": "relation-paused"},
            "Your working relation with this organisation is paused.",
        ),
        ("en-GB", 401, {"reason": "not-signed-in"}, "You are no longer signed in."),
        ("en-GB", 403, {"reason": "organisation-not-chosen"}, "You no longer work for this organisation."),
        ("en-GB", 403, {"reason": "No.", "cause": "something-new"}, "Your rights or your organisation have changed."),
    ],
)
def test_lost_access_is_told_with_its_reason_in_the_visitors_language(
    browser: Browser, gateway: StandIn, origin: str, language: str, status: int, members: dict[str, str], said: str
) -> None:
    page = unwatched(browser, gateway, language=language)
    refusing(page, status, **members)
    page.goto(f"{origin}{APP}/upload")

    expect(page.locator("#access .notice-error")).to_contain_text(said)
    assert page.locator("#access [data-cause]").count() == 1
    assert page.locator("#access a").evaluate("link => link.href") == f"{origin}{APP}/upload"


@pytest.mark.parametrize(
    ("status", "kind"), [(503, "application/problem+json"), (403, "text/html"), (404, "text/html")]
)
def test_what_says_nothing_about_access_shows_no_notice(
    browser: Browser, gateway: StandIn, origin: str, status: int, kind: str
) -> None:
    page = unwatched(browser, gateway)
    page.route("**/events", lambda route: route.fulfill(status=status, content_type=kind, body="{}"))
    with page.expect_response(lambda answer: answer.request.resource_type == "fetch"):
        page.goto(f"{origin}{APP}/")

    assert page.locator("#access").inner_text() == ""


def test_the_notice_goes_when_the_visitor_comes_back_to_the_page_and_may_be_there_again(
    browser: Browser, gateway: StandIn, origin: str
) -> None:
    page = unwatched(browser, gateway)
    refusing(page, 403, cause="relation-paused")
    page.goto(f"{origin}{APP}/live")
    expect(page.locator("#access .notice-error")).to_be_visible()
    page.unroute("**/events")

    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    expect(page.locator("#access")).to_have_text("")
    expect(page.locator("#live")).to_have_text(re.compile(r"\d"))


def test_the_websocket_page_says_who_and_echoes_text_as_text(browser: Browser, gateway: StandIn, origin: str) -> None:
    page = opened(browser, gateway, f"{origin}{APP}/talk")
    expect(page.locator("#log li")).to_contain_text("Ann Désirée Peeters")
    page.get_by_label("Uw bericht").fill("<b>dag</b>")
    page.get_by_role("button", name="Verstuur").click()
    expect(page.locator("#log li").first).to_have_text("<b>dag</b>")
    assert page.locator("#log b").count() == 0


def test_a_file_goes_up_without_script(browser: Browser, gateway: StandIn, origin: str) -> None:
    context = browser.new_context(java_script_enabled=False, locale="nl-BE", extra_http_headers=gateway.headers())
    page = context.new_page()
    page.goto(f"{origin}{APP}/upload")
    page.get_by_label("Document").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"hello"})
    page.get_by_role("button", name="Verstuur").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Uw document is aangekomen")
    expect(page.get_by_text("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")).to_be_visible()
