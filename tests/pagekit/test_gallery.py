"""The gallery in a real Chromium: axe-core finds nothing, nothing sticks out, every target is large enough."""

import socket
import threading
from collections.abc import Iterator
from typing import Literal

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from pagekit.gallery import gallery
from tests.chromium import chromium

Scheme = Literal["light", "dark"]
Landmark = Literal["banner", "main", "complementary", "contentinfo"]
WIDE, NARROW = (1280, 900), (320, 700)

TOO_SMALL = """() => [...document.querySelectorAll("a, button, input, select, textarea, summary")]
  .filter(element => element.checkVisibility({visibilityProperty: true}) && element.type !== "hidden")
  .filter(element => !element.closest("p, .prose, .skip") && !["radio", "checkbox"].includes(element.type))
  .filter(element => { const box = element.getBoundingClientRect(); return box.width < 43.9 || box.height < 43.9 })
  .map(element => element.outerHTML.slice(0, 90))"""


CUT_OFF = """() => [...document.querySelectorAll("main *")]
  .filter(element => element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== "inline")
  .filter(element => !element.closest(".unseen, thead, .table-frame > table") && element.clientWidth > 1)
  .map(element => element.outerHTML.slice(0, 90))"""


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))  # listens at once: a visitor who is early waits in its queue
    server = uvicorn.Server(uvicorn.Config(gallery(), log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
    listener.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


def opened(browser: Browser, address: str, *, size: tuple[int, int] = WIDE, scheme: Scheme = "light") -> Page:
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.on("console", lambda line: pytest.fail(f"the browser complains: {line.text}"))
    page.goto(address)
    return page


def enlarge_text(page: Page) -> None:
    page.evaluate("document.documentElement.style.fontSize = '200%'")


def open_everything(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")


@pytest.mark.parametrize("language", ["nl", "en"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_axe_finds_nothing(browser: Browser, origin: str, size: tuple[int, int], scheme: Scheme, language: str) -> None:
    page = opened(browser, f"{origin}/?lang={language}", size=size, scheme=scheme)
    open_everything(page)
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    assert page.locator("html").get_attribute("lang") == language


def test_axe_finds_nothing_with_text_twice_as_large(browser: Browser, origin: str) -> None:
    page = opened(browser, origin)
    enlarge_text(page)
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


@pytest.mark.parametrize("size", [WIDE, (768, 900), (390, 844), NARROW], ids=lambda size: str(size[0]))
def test_nothing_sticks_out_sideways(browser: Browser, origin: str, size: tuple[int, int]) -> None:
    page = opened(browser, origin, size=size)
    open_everything(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert page.evaluate(CUT_OFF) == []
    enlarge_text(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_every_target_is_large_enough_for_a_thumb(browser: Browser, origin: str, size: tuple[int, int]) -> None:
    assert opened(browser, origin, size=size).evaluate(TOO_SMALL) == []


def test_one_heading_of_the_first_level_and_every_landmark(browser: Browser, origin: str) -> None:
    page = opened(browser, origin)
    roles: tuple[Landmark, ...] = ("banner", "main", "complementary", "contentinfo")
    for role in roles:
        assert page.get_by_role(role).count() == 1
    assert page.get_by_role("heading", level=1).count() == 1


def test_the_first_tab_key_offers_to_skip_to_the_content(browser: Browser, origin: str) -> None:
    page = opened(browser, f"{origin}/?lang=nl")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Naar de inhoud")
    assert skip.bounding_box() is not None
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_a_table_keeps_its_meaning_as_cards(browser: Browser, origin: str) -> None:
    page = opened(browser, f"{origin}/?lang=nl", size=NARROW)
    table = page.get_by_role("table", name="Werkrelaties")
    assert table.get_by_role("columnheader").count() == 4
    assert table.get_by_role("rowheader").count() == 4


def test_the_names_in_other_scripts_show_their_letters_and_run_nothing(browser: Browser, origin: str) -> None:
    page = opened(browser, origin)
    assert page.get_by_role("link", name='"Zout & Peper" <script>alert(1)</script>').count() == 1


def test_colours_of_the_visitors_own_leave_the_page_usable(browser: Browser, origin: str) -> None:
    page = browser.new_context(forced_colors="active", reduced_motion="reduce").new_page()
    page.goto(origin)
    assert page.evaluate("matchMedia('(forced-colors: active)').matches")
    edge = page.evaluate("getComputedStyle(document.querySelector('.choice')).borderTopStyle")
    assert edge == "solid"


def test_a_scheme_can_be_chosen_on_the_page(browser: Browser, origin: str) -> None:
    page = opened(browser, f"{origin}/?scheme=dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 24, 26)"
