"""Looks at pages of user management in a real Chromium: axe-core finds nothing, and nothing sticks out.

Pictures are taken for whoever wants to look: into the folder that INKOM_SCREENSHOTS names.
"""

from dataclasses import dataclass

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize, expect

from tests.chromium import keep_picture

WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}
SMALLEST: ViewportSize = {"width": 320, "height": 700}
STICKS_OUT = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@dataclass(frozen=True, kw_only=True)
class Studio:
    """Looks at pages: nothing for axe to find, nothing that sticks out on the smallest screen."""

    axe: Axe

    def look(self, page: Page, name: str) -> None:
        """The page as it is; and, when it can be asked for again, in English too."""
        page.wait_for_load_state()
        page.set_viewport_size(SMALLEST)
        assert not page.evaluate(STICKS_OUT), f"{name}: wider than the smallest screen"
        page.set_viewport_size(NARROW)
        keep_picture(page, f"idm-{name}-narrow")
        self._judge(page, WIDE, name)

    def look_in_both_languages(self, page: Page, name: str) -> None:
        self.look(page, name)
        page.get_by_role("link", name="English").click()
        expect(page.locator("html")).to_have_attribute("lang", "en")
        self._judge(page, NARROW, f"{name}-english")
        page.set_viewport_size(WIDE)
        page.get_by_role("link", name="Nederlands").click()
        expect(page.locator("html")).to_have_attribute("lang", "nl")

    def _judge(self, page: Page, size: ViewportSize, name: str) -> None:
        page.set_viewport_size(size)
        results = self.axe.run(page)
        assert results.violations_count == 0, f"{name}: {results.generate_report()}"
        keep_picture(page, f"idm-{name}")


def open_studio() -> Studio:
    return Studio(axe=Axe())
