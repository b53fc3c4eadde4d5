"""Walks the mock government's real sign-in pages in a browser: one function per method, from the choice to the end."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

PIN = "1234"
ITSME_CODE = "12345"

Walk = Callable[[Page, str], None]


def by_eid(page: Page, name: str) -> None:
    """Put the person's test card in the reader and give its PIN."""
    page.get_by_role("link", name="eID en aangesloten kaartlezer").click()
    give_card(page, name)


def give_card(page: Page, name: str) -> None:
    """Choose a card by the name on it, and give its PIN."""
    page.get_by_label("Zoek een kaart").fill(name)
    page.get_by_label("Zoek een kaart").press("Enter")
    page.get_by_role("link", name=re.compile(name)).click()
    page.get_by_label("Pincode").fill(PIN)
    page.get_by_role("button", name="Verder").click()


def by_itsme(page: Page, name: str) -> None:
    """Ask for a request on the phone, and confirm it there."""
    page.get_by_role("link", name="itsme®").click()
    page.get_by_role("button", name=re.compile(name)).click()
    phone = open_tab(page, "Open de testtelefoon")
    phone.get_by_label("itsme-code").fill(ITSME_CODE)
    phone.get_by_role("button", name="Bevestigen").click()
    expect(phone.get_by_role("status")).to_contain_text("Bevestigd")
    phone.close()


def by_federal_token(page: Page, name: str) -> None:
    """Give user name and password, then the code at the place on the card that the page asks for."""
    page.get_by_role("link", name="Federaal token").click()
    page.get_by_text("Gebruikersnamen en wachtwoorden om te testen").first.click()
    row = page.get_by_role("row").filter(has_text=name)
    user, password = (row.get_by_role("cell").nth(place).inner_text() for place in (0, 1))
    page.get_by_label("Gebruikersnaam").fill(user)
    page.get_by_label("Wachtwoord", exact=True).fill(password)
    page.get_by_role("button", name="Verder").click()
    asked = re.search(r"code (\d+)", page.get_by_role("heading", level=1).inner_text())
    assert asked
    card = open_tab(page, "Open de papieren kaart")
    code = card.locator(".paper-card-code").nth(int(asked[1]) - 1).inner_text()
    card.close()
    page.get_by_label(f"Code bij nummer {asked[1]}").fill(code)
    page.get_by_role("button", name="Aanmelden").click()


def by_app(page: Page, name: str) -> None:
    """Give the code that the app on the phone shows."""
    page.get_by_role("link", name="Beveiligingscode via mobiele app").click()
    page.get_by_role("link", name=re.compile(name)).click()
    phone = open_tab(page, "Open de testtelefoon")
    code = phone.locator(".big-code").inner_text()
    phone.close()
    page.get_by_label("Beveiligingscode").fill(code)
    page.get_by_role("button", name="Aanmelden").click()


def by_sms(page: Page, name: str) -> None:
    """Give the code that came in a text message."""
    page.get_by_role("link", name="Beveiligingscode via SMS").click()
    page.get_by_role("button", name=re.compile(name)).click()
    phone = open_tab(page, "Open de testtelefoon")
    code = phone.locator(".message-code").inner_text()
    phone.close()
    page.get_by_label("Beveiligingscode").fill(code)
    page.get_by_role("button", name="Aanmelden").click()


def open_tab(page: Page, link: str) -> Page:
    """Open a link that leads to a tab of its own."""
    with page.context.expect_page() as opening:
        page.get_by_role("link", name=re.compile(link)).click()
    tab = opening.value
    tab.wait_for_load_state()
    return tab
