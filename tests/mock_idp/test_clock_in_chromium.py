"""The pages for clock and reset in a real Chromium: axe finds nothing, nothing sticks out, and the forms go through."""

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize, expect

from tests.chromium import chromium
from tests.mock_idp.provider import Mock

SIZES: tuple[ViewportSize, ...] = (
    {"width": 1280, "height": 900},
    {"width": 390, "height": 844},
    {"width": 320, "height": 700},
)
STICKS_OUT = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


def test_the_clock_is_moved_and_the_world_begun_again(acm: Mock) -> None:
    with chromium() as browser:
        page = browser.new_context(java_script_enabled=True, locale="nl-BE").new_page()
        page.goto(f"{acm.origin}/")
        page.get_by_role("link", name="Verplaats de klok").click()
        page.get_by_label("Een andere dag").fill("31/02/2027")
        page.get_by_role("button", name="Ga naar deze dag").click()
        expect(page.get_by_role("alert")).to_contain_text("Die dag bestaat niet")
        expect(page).to_have_title(re.compile("^Fout:"))
        look(page)
        page.get_by_role("button", name="Morgen").click()
        expect(page.get_by_role("status")).to_contain_text("De klok is verplaatst")
        assert acm.get("/mock/clock").json()["moved_by_days"] == 1

        page.get_by_role("link", name="Begin opnieuw").click()
        look(page)
        page.get_by_role("button", name="Begin opnieuw").click()
        expect(page.get_by_role("status")).to_contain_text("De wereld is weer zoals in het begin")
        assert acm.get("/mock/clock").json()["moved_by_days"] == 0


def look(page: Page) -> None:
    for size in SIZES:
        page.set_viewport_size(size)
        assert not page.evaluate(STICKS_OUT)
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
