"""KBO's pages as a visitor sees them: wide and on a phone, in both languages, without a finding of axe-core.

Pictures go to the folder that INKOM_SCREENSHOTS names.
"""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.chromium import chromium as real_chromium
from tests.chromium import keep_picture
from tests.mock_idp.kbo.visitor import BAKERY, BUILDER, UNLISTED, WOUND_UP
from tests.mock_idp.provider import Mock

SIZES: tuple[tuple[str, ViewportSize], ...] = (
    ("narrow", {"width": 390, "height": 844}),
    ("wide", {"width": 1280, "height": 900}),
)
SMALLEST: ViewportSize = {"width": 320, "height": 700}
STICKS_OUT = "document.documentElement.scrollWidth > document.documentElement.clientWidth"

# Every page that only needs an address, a word of it in Dutch, and one in English.
PAGES = (
    ("results", "/kbo?q=watermunt", "Resultaten", "Results"),
    ("nothing", "/kbo?q=onbestaand", "Geen onderneming gevonden", "No enterprise found"),
    ("slip", "/kbo?q=1999.999.944", "Dit nummer klopt niet", "This number is not right"),
    ("enterprise", f"/kbo/onderneming/{BAKERY}", "Functies", "Functions"),
    ("company", f"/kbo/onderneming/{BUILDER}", "Vertegen\u00adwoordigt", "Represents"),
    ("ceased", f"/kbo/onderneming/{WOUND_UP}", "stopgezet sinds", "has ceased"),
    ("unlisted", f"/kbo/onderneming/{UNLISTED}", "vijf werkdagen", "five working days"),
    ("unit", "/kbo/vestiging/2999900192", "Vestigingseenheidsnummer", "Number of the unit"),
    ("gone", "/kbo/onderneming/1", "Niet gevonden", "Not found"),
    ("company-form", f"/kbo/loket/{UNLISTED}/functie?houder=natural-person-for-enterprise", "Persoon", "Person"),
    ("cease", f"/kbo/loket/{UNLISTED}/stopzetting", "Stopgezet vanaf", "Ceases on"),
)
# What is in none of these has the same texts in other words, which test_texts sees to.
IN_ENGLISH = ("results", "slip", "company", "unlisted", "company-form")


@pytest.fixture
def mock(started: Mock) -> Mock:
    started.post("/mock/reset", {})
    return started


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with real_chromium() as running:
        yield running


def look(page: Page, name: str, *, translation: bool = False) -> None:
    """A translation has the same marks as its original, so axe looks at it once."""
    page.set_viewport_size(SMALLEST)
    assert not page.evaluate(STICKS_OUT), name
    for suffix, size in SIZES:
        page.set_viewport_size(size)
        if not (translation and suffix == "wide"):
            results = Axe().run(page)
            assert results.violations_count == 0, f"{name}: {results.generate_report()}"
        keep_picture(page, f"kbo-{name}-{suffix}")


@pytest.mark.parametrize(("language", "locale", "at"), [("nl", "nl-BE", 2), ("en", "en-GB", 3)])
def test_each_page_looks_right_on_every_screen(
    chromium: Browser, mock: Mock, language: str, locale: str, at: int
) -> None:
    with chromium.new_context(locale=locale, base_url=mock.origin) as context:
        page = context.new_page()
        for one in PAGES:
            if language == "en" and one[0] not in IN_ENGLISH:
                continue
            page.goto(one[1])
            expect(page.locator("main")).to_contain_text(one[at])
            look(page, f"{one[0]}-{language}", translation=language == "en")


def test_a_visitor_finds_an_enterprise_without_representative_and_plays_kbo(chromium: Browser, mock: Mock) -> None:
    with chromium.new_context(locale="nl-BE", base_url=mock.origin) as context:
        page = context.new_page()
        page.goto("/")
        page.get_by_role("link", name=re.compile("^KBO ")).click()
        look(page, "search")
        page.get_by_label("Ondernemingsnummer of naam").fill("1999.999.547")
        page.get_by_role("button", name="Zoek").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Atelier Zondernaam")

        page.get_by_role("link", name="Speel KBO voor deze onderneming").click()
        page.get_by_role("link", name=re.compile("^Een persoon Zoals")).click()
        page.get_by_label("Begindatum").fill("31/02/2026")
        page.get_by_role("button", name="Meld aan KBO").click()
        expect(page.get_by_role("alert")).to_contain_text("3")
        look(page, "add-wrong")
        page.get_by_role("link", name=re.compile("Schrijf een bestaande dag")).click()
        expect(page.get_by_label("Begindatum")).to_be_focused()
        page.get_by_label("Begindatum").fill("01/01/2026")
        page.get_by_label("Persoon", exact=True).select_option("Bavo Eenzaam")
        page.get_by_label("Functie", exact=True).select_option("10006")
        page.get_by_role("button", name="Meld aan KBO").click()
        expect(page.get_by_role("status")).to_contain_text("gemeld aan KBO")
        look(page, "told")

        page.get_by_role("link", name="Speel KBO", exact=True).first.click()
        expect(page.get_by_role("table")).to_contain_text("Bavo Eenzaam")
        look(page, "counter")
        page.get_by_role("button", name="Registreer nu").click()
        expect(page.get_by_role("status")).to_contain_text("iedereen ziet het")

        page.goto(f"/kbo/loket/{UNLISTED}")
        page.get_by_role("link", name=re.compile("Beëindig")).click()
        look(page, "end")
        page.get_by_role("button", name="Meld het einde aan KBO").click()
        look(page, "end-told")
        page.get_by_role("button", name="Trek in").click()
        expect(page.get_by_role("status")).to_contain_text("Er verandert niets")

        page.goto("/kbo/loket/nieuw")
        page.get_by_label("Naam").fill("Proef BV")
        page.get_by_role("button", name="Voeg de onderneming toe").click()
        look(page, "new-wrong")
