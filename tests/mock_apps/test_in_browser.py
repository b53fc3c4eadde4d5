"""The pages in a real Chromium: readable for all, alive where they claim to be."""

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
