"""A browser in which a local administrator is signed in to user management."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.chromium import chromium
from tests.mock_idp.idm.studio import WIDE, Studio, open_studio
from tests.mock_idp.provider import Mock


@pytest.fixture(scope="module")
def studio() -> Studio:
    return open_studio()


@pytest.fixture(scope="module")
def window() -> Iterator[BrowserContext]:
    """Without scripts of pages: nothing here needs any. axe-core does."""
    with chromium() as browser:
        context = browser.new_context(viewport=WIDE, locale="nl-BE")
        context.set_default_timeout(15_000)
        yield context
        context.close()


@pytest.fixture
def page(window: BrowserContext, acm: Mock) -> Page:
    """Lieve, who administers the bakery, on the main page."""
    window.clear_cookies()
    queued = acm.post("/mock/next-login", {"mock_person": "local-administrator"})
    assert queued.status_code == 200
    page = window.new_page()
    page.goto(f"{acm.origin}/gebruikersbeheer")
    expect(page.get_by_role("heading", level=1)).to_have_text("Hoofdpagina")
    return page
