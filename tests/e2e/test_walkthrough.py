"""The whole road, in a real browser and in Dutch: from a person whom nobody knows to inside, and past the end again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from time import monotonic

import pytest
from playwright.sync_api import Browser, Page, expect

from mock_idp.days import plus_years
from tests.e2e.album import Album, album, document
from tests.e2e.chain import Chain
from tests.e2e.sign_in_pages import by_eid, by_itsme, give_card
from tests.e2e.studio import Studio, patient_chromium
from tests.e2e.test_browser import code_of_now
from tests.project.places import ROOT, read

BAKERY = "Voorbeeld Bakkerij BV"
REPRESENTATIVE = "Arne Testers"
ADMINISTRATOR, ADMINISTRATORS_NUMBER = "Céleste Burgerin", "58.72.03-580.82"
GIVEN_NAME, FAMILY_NAME = "Nina", "Nieuwkomer"
NEWCOMER = f"{GIVEN_NAME} {FAMILY_NAME}"
NEWCOMERS_NUMBER, NEWCOMERS_BIRTH = "91.63.14-002.87", "14/03/1991"  # a TST number: month of birth + 60
RIGHT, OTHER_RIGHT = "VLAIO Inkom Gebruiker Nieuw", "Voorbeeld Subsidieloket"
APPLICATION = "/kmo-portefeuille/"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with patient_chromium() as running:
        yield running


@pytest.fixture
def studio(browser: Browser) -> Iterator[Studio]:
    studio = Studio(browser=browser)
    yield studio
    assert studio.complaints == []


def test_the_road_from_nobody_to_inside_and_past_the_end(
    chain: Chain, studio: Studio, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = album()
    today = date.fromisoformat(chain.ask_mock("/mock/clock")["day"])
    with studio.window() as his, studio.window() as hers, studio.window() as newcomers:
        designate(chain, his.new_page(), pictures)
        administrator, nina = hers.new_page(), newcomers.new_page()
        address = add_person(chain, administrator, pictures)
        link(administrator, pictures)
        grant(administrator, RIGHT, "Gebruiker", pictures)
        grant(administrator, OTHER_RIGHT, "Lezer", None)
        sign_in_with_a_new_app(chain, nina, pictures)
        waited = pause(administrator, nina, pictures)
        with capsys.disabled():
            print(f"\nthe open page said so {waited:.2f} s after the relation was paused")
        resume(chain, administrator, nina, pictures)
        last_day = plus_years(today, 4)
        move_the_clock(chain, administrator, last_day - timedelta(days=10), pictures)
        read_the_mail(chain, administrator, last_day, pictures)
        extend_the_other(chain, administrator, pictures)
        chain.tell_mock("/mock/clock", day=(last_day + timedelta(days=1)).isoformat())
        refused_with_the_reason(chain, nina, last_day, pictures)
        ask_and_approve(chain, administrator, nina, pictures)
        expect_history(administrator, f"{chain.mock}{address}/historiek")
    pictures.complete()


def designate(chain: Chain, page: Page, pictures: Album) -> None:
    """A legal representative designates a local administrator."""
    page.goto(f"{chain.mock}/beheer-der-toegangsbeheer")
    expect(page).to_have_title(re.compile("Kies manier van aanmelden"))
    pictures.take(page, "01-aanmelden")
    by_itsme(page, REPRESENTATIVE)
    expect(page.get_by_role("heading", level=1)).to_have_text("Beheer der Toegangsbeheer")
    pictures.take(page, "02-organisatie")
    page.get_by_role("link", name=re.compile(BAKERY)).click()
    pictures.take(page, "03-beheerders")
    page.get_by_role("link", name="Duid een lokale beheerder aan").click()
    page.get_by_label("Rijksregisternummer / BIS-registernummer").fill(ADMINISTRATORS_NUMBER)
    page.get_by_role("button", name="Verder").click()
    expect(page.get_by_role("main")).to_contain_text(ADMINISTRATOR)
    page.get_by_label("lokale beheerder", exact=True).check()
    page.get_by_label("E-mailadres").fill("celeste@voorbeeld.test")
    pictures.take(page, "04-aanduiden")
    page.get_by_role("button", name="Bevestig").click()
    expect(page.get_by_role("status")).to_contain_text(f"{ADMINISTRATOR} is vanaf nu lokale beheerder")
    pictures.take(page, "05-aangeduid")


def add_person(chain: Chain, page: Page, pictures: Album) -> str:
    """The new administrator signs in to Gebruikersbeheer and adds a person; return that person's page."""
    page.goto(f"{chain.mock}/gebruikersbeheer")
    by_eid(page, ADMINISTRATOR)
    expect(page.get_by_role("heading", name="Mijn taken")).to_be_visible()
    pictures.take(page, "06-hoofdpagina")
    page.get_by_role("link", name="Nieuwe persoon toevoegen").click()
    page.locator("#national_number").fill(NEWCOMERS_NUMBER)
    pictures.take(page, "07-identificatienummer")
    page.get_by_role("button", name="Verder").click()
    page.locator("#given_name").fill(GIVEN_NAME)
    page.locator("#family_name").fill(FAMILY_NAME)
    page.locator("#birth_date").fill(NEWCOMERS_BIRTH)
    pictures.take(page, "08-details")
    page.get_by_role("button", name="Verder").click()
    page.get_by_role("button", name="Bevestig").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Gegevens van gebruiker")
    expect(page.get_by_role("main")).to_contain_text("In afwachting")
    pictures.take(page, "09-toegevoegd")
    reload_until_active(page)
    return page.url.removeprefix(chain.mock)


def reload_until_active(page: Page) -> None:
    """*Pagina herladen*, as the guide does, until the workflow is through."""
    deadline = monotonic() + 20
    while "In afwachting" in page.get_by_role("main").inner_text():
        assert monotonic() < deadline, "the person is still pending"
        page.wait_for_timeout(300)
        page.get_by_role("link", name="Pagina herladen").click()


def link(page: Page, pictures: Album) -> None:
    page.get_by_role("link", name="Koppel gebruiker aan organisatie").click()
    page.get_by_role("button", name="Verder").click()
    page.locator("#phone").fill("+32470987654")
    page.locator("#email").fill("nina@voorbeeld.test")
    pictures.take(page, "10-werkrelatie")
    page.get_by_role("button", name="Verder").click()
    page.get_by_role("button", name="Bevestig").click()
    expect(page.get_by_role("main")).to_contain_text("Geen gebruikersrechten toegekend")
    pictures.take(page, "11-gekoppeld")


def grant(page: Page, right: str, profile: str, pictures: Album | None) -> None:
    page.get_by_role("link", name="Ken gebruikersrecht toe").click()
    page.locator("#right").last.select_option(right)
    if pictures:
        pictures.take(page, "12-gebruikersrecht")
    page.get_by_role("button", name="Verder").click()
    page.get_by_label(profile, exact=True).check()
    page.get_by_role("button", name="Voeg toe aan lijst").click()
    if pictures:
        pictures.take(page, "13-profiel")
    page.get_by_role("button", name="Verder").click()
    page.get_by_role("button", name="Bevestig").click()
    expect(page.get_by_role("table")).to_contain_text(right)
    if pictures:
        expect(page.get_by_role("main")).to_contain_text("De persoon heeft nu toegang tot")
        pictures.take(page, "14-toegekend")


def sign_in_with_a_new_app(chain: Chain, page: Page, pictures: Album) -> None:
    """First use of the app: prove who you are with the card, connect the app, type the code that it shows."""
    page.goto(f"{chain.gateway}{APPLICATION}")
    card = page.get_by_role("listitem").filter(has_text="mobiele app")
    card.get_by_role("link", name="Manier van aanmelden eerst activeren").click()
    give_card(page, NEWCOMER)
    pictures.take(page, "15-app-activeren")
    secret = page.locator(".secret").inner_text().replace(" ", "")
    page.get_by_label("Code die de app nu toont").fill(code_of_now(page, secret))
    page.get_by_role("button", name="Activeren").click()
    page.get_by_role("button", name=re.compile("Verder naar")).click()
    expect_inside(page, chain)
    pictures.take(page, "16-binnen")


def pause(administrator: Page, nina: Page, pictures: Album) -> float:
    """Return the seconds from the pause until the page that is open says so, untouched."""
    administrator.get_by_role("link", name="Pauzeer werkrelatie").click()
    administrator.locator("#reason").fill("Loopbaanonderbreking")
    pictures.take(administrator, "17-pauzeren")
    began = monotonic()
    administrator.get_by_role("button", name="Bevestig").click(no_wait_after=True)
    expect(nina.get_by_role("alert")).to_contain_text("geen toegang meer")
    waited = monotonic() - began
    expect(administrator.get_by_role("link", name="Hervat werkrelatie")).to_be_visible()
    pictures.take(nina, "18-geen-toegang-meer")
    nina.reload()
    expect(nina.get_by_role("alert")).to_contain_text("gepauzeerd")
    pictures.take(nina, "19-waarom")
    return waited


def resume(chain: Chain, administrator: Page, nina: Page, pictures: Album) -> None:
    administrator.get_by_role("link", name="Hervat werkrelatie").click()
    administrator.get_by_role("button", name="Bevestig").click()
    expect(administrator.get_by_role("link", name="Pauzeer werkrelatie")).to_be_visible()
    nina.get_by_role("link", name="Opnieuw proberen").click()
    expect_inside(nina, chain)
    pictures.take(nina, "20-hervat")


def move_the_clock(chain: Chain, page: Page, day: date, pictures: Album) -> None:
    page.goto(f"{chain.mock}/mock/klok")
    page.get_by_label("Een andere dag").fill(f"{day:%d/%m/%Y}")
    page.get_by_role("button", name="Ga naar deze dag").click()
    expect(page.get_by_role("status")).to_contain_text("De klok is verplaatst")
    pictures.take(page, "21-klok")


def read_the_mail(chain: Chain, page: Page, last_day: date, pictures: Album) -> None:
    """The day's mail is there soon after the clock moved: one for both rights."""
    page.goto(f"{chain.mock}/postvak?q=nina%40voorbeeld.test")
    deadline = monotonic() + 20
    while page.get_by_role("link", name=re.compile("gebruikersrechten lopen bijna af")).count() == 0:
        assert monotonic() < deadline, "no mail came"
        page.wait_for_timeout(200)
        page.reload()
    page.get_by_role("link", name=re.compile("gebruikersrechten lopen bijna af")).first.click()
    for said in (RIGHT, OTHER_RIGHT, f"{last_day:%d/%m/%Y}", "1700", "Mijn Lokale Beheerders"):
        expect(page.get_by_role("main")).to_contain_text(said)
    pictures.take(page, "22-mail")


def extend_the_other(chain: Chain, page: Page, pictures: Album) -> None:
    """The administrator looks the grants up, extends one of the two, and forgets the other."""
    page.goto(f"{chain.mock}/gebruikersbeheer")
    page.get_by_role("link", name="Toekenning opzoeken").click()
    page.locator("#naam").fill(FAMILY_NAME)
    page.get_by_role("main").get_by_role("button", name="Zoek").click()
    row = page.get_by_role("row").filter(has_text=OTHER_RIGHT)
    expect(row).to_contain_text(NEWCOMER)
    pictures.take(page, "23-toekenning-opzoeken")
    row.get_by_role("link", name=re.compile("Verleng")).click()
    page.get_by_label("Automatische verlenging").check()
    pictures.take(page, "24-verlengen")
    page.get_by_role("button", name="Bevestig").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Gegevens van gebruiker")


def refused_with_the_reason(chain: Chain, page: Page, last_day: date, pictures: Album) -> None:
    deadline = monotonic() + 20
    while True:  # the gateway learns of the moved day within a second or so
        page.goto(f"{chain.gateway}{APPLICATION}")
        if page.get_by_role("heading", level=1).inner_text() != "kmo-portefeuille":
            break
        assert monotonic() < deadline, "the right still opens after its last day"
        page.wait_for_timeout(200)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("vervallen")
    expect(alert).to_contain_text(f"{last_day:%d/%m/%Y}")
    pictures.take(page, "25-vervallen")


def ask_and_approve(chain: Chain, administrator: Page, nina: Page, pictures: Album) -> None:
    """The deep link of the refusal page, the administrator's tasks, and in at once."""
    refusal = nina.url
    nina.get_by_role("link", name="Vraag het gebruikersrecht aan").click()
    expect(nina.get_by_role("main")).to_contain_text(RIGHT)
    pictures.take(nina, "26-aanvraag")
    nina.get_by_role("button", name="Verstuur de aanvraag").click()
    expect(nina.get_by_role("status")).to_contain_text("Uw aanvraag is verstuurd")
    administrator.goto(f"{chain.mock}/gebruikersbeheer/taken")
    administrator.get_by_role("link", name=NEWCOMER).click()
    pictures.take(administrator, "27-taken")
    administrator.get_by_role("button", name="Goedkeuren").click()
    expect(administrator.get_by_role("status")).to_contain_text(f"{NEWCOMER} heeft nu het recht {RIGHT}")
    nina.goto(refusal)
    expect_inside(nina, chain)
    pictures.take(nina, "28-weer-binnen")


def expect_history(page: Page, address: str) -> None:
    """Every change of the walk stands in the history, with who and why."""
    page.goto(address)
    main = page.get_by_role("main")
    for said in (ADMINISTRATOR, "Loopbaanonderbreking", RIGHT, OTHER_RIGHT):
        expect(main).to_contain_text(said)


def expect_inside(page: Page, chain: Chain) -> None:
    page.wait_for_url(f"{chain.gateway}{APPLICATION}")
    expect(page.get_by_role("heading", level=1)).to_have_text("kmo-portefeuille")
    expect(page.get_by_role("banner")).to_contain_text(NEWCOMER)


def test_the_document_of_the_walk_shows_its_pictures_in_order() -> None:
    assert read("docs/walkthrough.md") == document()
    for name in re.findall(r"\]\((walkthrough/[^)]+)\)", document()):
        assert (ROOT / "docs" / name).stat().st_size > 5_000, name
