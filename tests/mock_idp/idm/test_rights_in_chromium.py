"""Granting, changing, extending, looking up, in a real Chromium: with the keyboard, wide and narrow."""

import re

from playwright.sync_api import Page, expect

from tests.mock_idp.idm.studio import Studio

NEW = "VLAIO Inkom Gebruiker Nieuw"


def press(page: Page, name: str) -> None:
    page.get_by_role("main").get_by_role("button", name=name, exact=True).click()


def follow(page: Page, name: str | re.Pattern[str]) -> None:
    page.get_by_role("main").get_by_role("link", name=name).first.click()


def test_the_guides_road_to_a_right(page: Page, studio: Studio) -> None:
    follow(page, "Nieuw recht toekennen")
    studio.look(page, "right-quick")
    page.get_by_label("Zoek een persoon op naam").fill("emiel")
    press(page, "Zoeken")
    follow(page, re.compile("Ken gebruikersrecht toe"))
    studio.look(page, "right-1")
    page.get_by_label("Gebruikersrecht").select_option(NEW)
    press(page, "Verder")
    studio.look_in_both_languages(page, "right-2")
    page.get_by_label("Einddatum (dd/mm/jjjj)").press("Enter")  # goes on, rather than moving a profile
    expect(page.get_by_role("alert")).to_contain_text("Kies minstens één profiel")
    page.get_by_label("Gebruiker", exact=True).focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#profiles$"))
    expect(page.get_by_role("group", name="Geselecteerd")).to_contain_text("Gebruiker")
    page.get_by_label("Einddatum (dd/mm/jjjj)").fill("01/01/2099")
    press(page, "Verder")
    studio.look(page, "right-2-wrong")
    page.get_by_label("Einddatum (dd/mm/jjjj)").fill(page.get_by_label("Begindatum (dd/mm/jjjj)").input_value())
    press(page, "Verder")
    studio.look(page, "right-3")
    page.get_by_label("Reden").fill("Werkt aan een aanvraag")
    press(page, "Bevestig")
    expect(page.get_by_role("status").first).to_contain_text(f"Emiel Verlopen heeft het recht {NEW}")
    expect(page.get_by_role("main")).to_contain_text("De persoon heeft nu toegang tot")


def test_what_is_done_with_a_right(page: Page, studio: Studio) -> None:
    for word, name in (("Bewerk", "edit"), ("Verleng", "extend"), ("Verwijder", "remove")):
        page.goto(re.sub(r"(gebruikersbeheer).*", r"\1/personen/employee", page.url))
        follow(page, f"{word} {NEW}")
        studio.look(page, f"right-{name}")
        if name == "extend":
            page.get_by_label("Pas zelf de einddatum aan").check()
            page.get_by_label("Nieuwe einddatum").fill("01/01/2099")
            press(page, "Bevestig")
            expect(page.get_by_role("alert")).to_contain_text("hoogstens 4 jaar")
            page.get_by_label("Automatische verlenging").check()
            press(page, "Bevestig")
            expect(page.get_by_role("status").first).to_contain_text("is verlengd tot")
    press(page, "Verwijder gebruikersrecht")
    expect(page.get_by_role("status").first).to_contain_text("is verwijderd")


def test_looking_up_and_extending_several(page: Page, studio: Studio) -> None:
    follow(page, "Toekenning opzoeken")
    studio.look_in_both_languages(page, "grants")
    page.get_by_text("Geavanceerd zoeken").click()
    page.get_by_label("Eindigt binnen hoeveel dagen").fill("10")
    press(page, "Zoek")
    expect(page.get_by_role("heading", name="2 toekenningen")).to_be_visible()
    for box in page.get_by_role("checkbox").all():
        box.check()
    studio.look(page, "grants-found")
    press(page, "Verleng de gekozen rechten")
    studio.look(page, "grants-extend")
    press(page, "Bevestig")
    expect(page.get_by_role("status")).to_contain_text("2 rechten zijn verlengd")
    studio.look(page, "grants-extended")


def test_rights_by_target_group(page: Page, studio: Studio) -> None:
    follow(page, "Gebruikersrechten per doelgroep")
    studio.look(page, "groups")
    follow(page, re.compile("Economische actoren"))
    follow(page, NEW)
    studio.look(page, "group-right")
