"""Looks at pages in a real Chromium: axe-core finds nothing, and nothing sticks out.

Two pictures of each are kept for whoever wants them: in the folder that INKOM_SCREENSHOTS names.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    ViewportSize,
    expect,
)

from tests.chromium import chromium, keep_picture

WIDE: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
SMALLEST: ViewportSize = {"width": 320, "height": 700}

_STICKS_OUT = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
_PATIENCE_MS = 20_000


@contextmanager
def patient_chromium() -> Iterator[Browser]:
    """A browser of its own; every window of it begins with an empty profile."""
    expect.set_options(timeout=_PATIENCE_MS)
    with chromium() as running:
        yield running


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio:
    """Opens windows, looks at pages, keeps pictures of them, and what the browser complained about."""

    browser: Browser
    complaints: list[str] = field(default_factory=list)

    @contextmanager
    def window(
        self, *, scripts: bool = True, language: str = "nl-BE", colours: Literal["light", "dark"] = "light"
    ) -> Iterator[BrowserContext]:
        """A window with an empty profile."""
        context = self.browser.new_context(
            viewport=WIDE, java_script_enabled=scripts, locale=language, color_scheme=colours
        )
        context.set_default_timeout(_PATIENCE_MS)
        context.on("console", lambda message: self._heard(message))
        yield context
        context.close()

    def picture(self, page: Page, name: str) -> None:
        """Keep a picture on a wide screen and one on a phone."""
        for size, suffix in ((PHONE, "phone"), (WIDE, "wide")):
            page.set_viewport_size(size)
            keep_picture(page, f"{name}-{suffix}")

    def look(self, page: Page, name: str) -> None:
        """Hold a page of the gateway to axe-core, wide and on the smallest screen, and keep its pictures."""
        page.wait_for_load_state()
        for size in (SMALLEST, WIDE):
            page.set_viewport_size(size)
            found = Axe().run(page)
            assert found.violations_count == 0, f"{name}: {found.generate_report()}"
            assert not page.evaluate(_STICKS_OUT), f"{name} is wider than a screen of {size['width']} pixels"
        assert page.locator("h1").count() == 1, name
        self.picture(page, name)

    def _heard(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            self.complaints.append(message.text)
