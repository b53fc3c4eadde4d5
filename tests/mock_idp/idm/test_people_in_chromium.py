"""The main page, people and working relations in a real Chromium: the guide's road from nobody to a working relation.

Each page is held to axe-core in Dutch, and each kind of page (form, table, tabs) also narrow in English.
"""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.mock_idp.idm.numbers import UNKNOWN
from tests.mock_idp.idm.studio import Studio


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def follow(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()


def test_from_nobody_to_a_working_relation(page: Page, studio: Studio) -> None:
    studio.look_in_both_languages(page, "main")
    follow(page, "Nieuwe persoon toevoegen")
    studio.look_in_both_languages(page, "add-1")
    page.get_by_label("Rijksregisternummer / BIS-registernummer").fill("90.64.18-112.00")
    press(page, "Verder")
    studio.look(page, "add-1-wrong")
    page.get_by_label("Rijksregisternummer / BIS-registernummer").fill(UNKNOWN)
    press(page, "Verder")
    page.get_by_label("Voornaam").fill("Sofie")
    page.get_by_label("Naam", exact=True).fill("Nieuwkomer")
    page.get_by_label("Geboortedatum (dd/mm/jjjj)").fill("19/04/1990")
    press(page, "Verder")
    studio.look(page, "add-2-wrong")
    page.get_by_label("Geboortedatum (dd/mm/jjjj)").fill("18/04/1990")
    press(page, "Verder")
    studio.look(page, "add-3")
    press(page, "Bevestig")
    expect(page.get_by_role("status")).to_contain_text("Bepaal nu de werkrelatie")
    studio.look(page, "person-new")
    follow(page, "Koppel gebruiker aan organisatie")
    studio.look(page, "link-1")
    press(page, "Verder")
    page.get_by_label("Telefoonnummer (bv. +3212345678)").fill("+3212345678")
    page.get_by_label("E-mailadres").fill("sofie@voorbeeld.test")
    studio.look_in_both_languages(page, "link-2")
    page.get_by_label("Telefoonnummer (bv. +3212345678)").fill("+3212345678")
    page.get_by_label("E-mailadres").fill("sofie@voorbeeld.test")
    press(page, "Verder")
    studio.look(page, "link-3")
    press(page, "Bevestig")
    expect(page.get_by_role("status")).to_contain_text("Ken nu het gebruikersrecht toe")
    studio.look(page, "person-linked")


def test_the_tabs_of_a_person(page: Page, studio: Studio) -> None:
    page.get_by_role("searchbox", name="Persoon zoeken").fill("zoe")
    press(page, "Zoek")
    follow(page, "Zoë D'Hondt-Müller")
    studio.look_in_both_languages(page, "person")
    follow(page, "Bewerk")
    studio.look(page, "person-edit")
    page.get_by_label("Roepnaam").fill("Zo")
    page.get_by_label("Reden").fill("Zo noemt iedereen haar")
    press(page, "Bevestig")
    for tab, name in (("Werkrelatie details", "details"), ("Accounts", "accounts"), ("Historiek", "history")):
        follow(page, tab)
        studio.look(page, f"person-{name}")


@pytest.mark.parametrize(
    ("button", "name", "done"),
    [
        ("Bewerk werkrelatie", "edit", "De werkrelatie is gewijzigd"),
        ("Verleng werkrelatie en gebruikersrechten", "extend", "zijn verlengd"),
        ("Pauzeer werkrelatie", "pause", "is gepauzeerd"),
        ("Hervat werkrelatie", "resume", "is weer actief"),
        ("Verwijder werkrelatie", "remove", "is verwijderd"),
    ],
)
def test_what_is_done_with_a_relation(page: Page, studio: Studio, button: str, name: str, done: str) -> None:
    person = "paused-relation" if name == "resume" else "employee"
    page.goto(f"{page.url}/personen/{person}")
    follow(page, button)
    if name == "extend":
        studio.look_in_both_languages(page, "relation-extend")
    else:
        studio.look(page, f"relation-{name}")
    page.get_by_role("main").get_by_role("button").last.click()
    expect(page.get_by_role("status")).to_contain_text(done)


def test_everybody_and_some_side_by_side(page: Page, studio: Studio) -> None:
    follow(page, "Toon alle personen")
    studio.look_in_both_languages(page, "people")
    page.get_by_label("Naam").fill("niemand")
    press(page, "Zoeken")
    studio.look(page, "people-none")
    page.goto(re.sub(r"\?.*", "/vergelijken", page.url))
    for who in ("Britt Proefman", "Zoë D'Hondt-Müller", "Pieter Halvewege"):
        follow(page, f"Voeg toe {who}")
    studio.look(page, "compare-choose")
    follow(page, "Vergelijk")
    studio.look_in_both_languages(page, "compare")
    follow(page, "Help")
    studio.look(page, "help")
    page.goto(re.sub(r"/help.*", "/relaties/99999/bewerken", page.url))
    studio.look(page, "changed-meanwhile")
