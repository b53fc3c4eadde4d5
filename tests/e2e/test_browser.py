"""The main job in a real Chromium, from the start page to the application or to the reason why not."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from broker.demo.options import free_port
from mock_idp.signin.totp import code_for
from tests.e2e.chain import Chain
from tests.e2e.second_gateway import second_gateway
from tests.e2e.sign_in_pages import Walk, by_app, by_eid, by_federal_token, by_itsme, by_sms, give_card
from tests.e2e.studio import Studio, patient_chromium

APPLICATION = "/kmo-portefeuille/"
CHOICE_AT_ACM = re.compile("Kies manier van aanmelden")
TOTP_STEP_SECONDS = 30


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with patient_chromium() as running:
        yield running


@pytest.fixture
def studio(browser: Browser) -> Iterator[Studio]:
    studio = Studio(browser=browser)
    yield studio
    assert studio.complaints == []


@pytest.fixture
def window(studio: Studio) -> Iterator[BrowserContext]:
    with studio.window() as window:
        yield window


def application_of(chain: Chain, window: BrowserContext, application: str = "Kmo-portefeuille") -> Page:
    """Open the start page and choose an application there: the sign-in pages follow."""
    page = window.new_page()
    page.goto(chain.gateway)
    page.get_by_role("link", name=application).click()
    return page


def signed_in(chain: Chain, window: BrowserContext, person: str, *, path: str = APPLICATION) -> Page:
    """Open an address as somebody of the cast, past the sign-in pages."""
    chain.tell_mock("/mock/next-login", mock_person=person, mock_method="itsme")
    page = window.new_page()
    page.goto(f"{chain.gateway}{path}")
    return page


def expect_application(page: Page, chain: Chain, name: str) -> None:
    page.wait_for_url(f"{chain.gateway}{APPLICATION}")
    expect(page.get_by_role("heading", level=1)).to_have_text("kmo-portefeuille")
    expect(page.get_by_role("banner")).to_contain_text(name)


def sign_out(page: Page, chain: Chain) -> None:
    page.goto(f"{chain.gateway}/_inkom/profile")
    page.get_by_role("button", name="Afmelden").click()
    page.wait_for_url("**/_inkom/logged-out**")


@pytest.mark.parametrize(
    ("walk", "said"),
    [
        (by_eid, "eID en kaartlezer"),
        (by_itsme, "itsme®"),
        (by_federal_token, "Federaal token"),
        (by_app, "Beveiligingscode via mobiele app"),
        (by_sms, "Beveiligingscode via sms"),
    ],
)
def test_each_method_leads_through_acms_pages_to_the_application(
    chain: Chain, window: BrowserContext, studio: Studio, walk: Walk, said: str
) -> None:
    page = application_of(chain, window)
    expect(page).to_have_title(CHOICE_AT_ACM)
    studio.picture(page, "acm-choice")
    walk(page, "Arne Testers")
    expect_application(page, chain, "Arne Testers")
    studio.picture(page, "application")
    page.goto(f"{chain.gateway}/_inkom/profile")
    expect(page.get_by_role("main")).to_contain_text(said)
    studio.look(page, "profile")


def test_the_app_is_activated_at_first_use_and_opens_the_application(
    chain: Chain, window: BrowserContext, studio: Studio
) -> None:
    page = application_of(chain, window)
    card = page.get_by_role("listitem").filter(has_text="mobiele app")
    card.get_by_role("link", name="Manier van aanmelden eerst activeren").click()
    give_card(page, "Odette Vandenoude")
    studio.picture(page, "acm-activate-app")
    secret = page.locator(".secret").inner_text().replace(" ", "")
    page.get_by_label("Code die de app nu toont").fill(code_of_now(page, secret))
    page.get_by_role("button", name="Activeren").click()
    page.get_by_role("button", name=re.compile("Verder naar")).click()
    expect_application(page, chain, "Odette Vandenoude")


def code_of_now(page: Page, secret: str) -> str:
    """What an authenticator app would show now (RFC 6238); the time is the browser's."""
    seconds = page.evaluate("Date.now() / 1000")
    return code_for(base64.b32decode(secret), int(seconds) // TOTP_STEP_SECONDS)


def test_two_organisations_are_offered_and_the_last_choice_is_marked_next_time(
    chain: Chain, window: BrowserContext, studio: Studio
) -> None:
    page = signed_in(chain, window, "two-organisations")
    expect(page.get_by_role("heading", level=1)).to_have_text("Kies een organisatie")
    studio.look(page, "organisation-two")
    page.get_by_text("Staat uw organisatie er niet bij?").click()
    studio.look(page, "organisation-missing")
    page.get_by_role("button", name="Schrijnwerkerij De Proefbank BV").click()
    expect_application(page, chain, "Schrijnwerkerij De Proefbank BV")
    sign_out(page, chain)
    page = signed_in(chain, window, "two-organisations")
    first = page.get_by_role("main").get_by_role("listitem").first
    expect(first).to_contain_text("Schrijnwerkerij De Proefbank BV")
    expect(first).to_contain_text("uw laatste keuze")
    studio.look(page, "organisation-last-choice")


def test_the_organisation_is_switched_without_signing_in_again(
    chain: Chain, window: BrowserContext, studio: Studio
) -> None:
    page = signed_in(chain, window, "two-organisations")
    page.get_by_role("button", name="Bloemen Testbeeld BV").click()
    expect_application(page, chain, "Bloemen Testbeeld BV")
    page.get_by_role("link", name="Voor een andere organisatie werken").click()
    expect(page.get_by_text("U werkt nu voor deze organisatie.")).to_be_visible()
    studio.look(page, "organisation-switch")
    page.get_by_role("button", name="Schrijnwerkerij De Proefbank BV").click()
    page.goto(f"{chain.gateway}{APPLICATION}")
    expect_application(page, chain, "Schrijnwerkerij De Proefbank BV")


def test_three_hundred_organisations_are_searched_and_turned_page_by_page(
    chain: Chain, window: BrowserContext, studio: Studio
) -> None:
    page = signed_in(chain, window, "many-organisations")
    expect(page.get_by_role("status")).to_have_text("300 organisaties gevonden.")
    studio.look(page, "organisation-many")
    page.get_by_role("link", name="Volgende").click()
    expect(page.get_by_text("Pagina 2 van 15")).to_be_visible()
    page.get_by_role("link", name="Vorige").click()
    search = page.get_by_label("Zoek op naam of ondernemingsnummer")
    search.fill("nergens")
    search.press("Enter")
    expect(page.get_by_text("Geen organisatie gevonden")).to_be_visible()
    studio.look(page, "organisation-none-found")
    search.fill("1999.603.7")
    search.press("Enter")
    expect(page.get_by_role("status")).to_have_text("1 organisatie gevonden.")
    page.get_by_role("button", name="Apotheek Hoge Wal BV").click()
    expect_application(page, chain, "Apotheek Hoge Wal BV")


def test_an_organisation_is_found_and_chosen_with_the_keyboard_alone(chain: Chain, window: BrowserContext) -> None:
    page = signed_in(chain, window, "many-organisations")
    press_until(page, "Tab", lambda: focused(page, "id") == "q")
    page.keyboard.type("wijnhuis kaai")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("1 organisatie gevonden.")
    press_until(page, "Tab", lambda: "Wijnhuis Stille Kaai BV" in focused(page, "innerText"))
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("Enter")
    expect_application(page, chain, "Wijnhuis Stille Kaai BV")


def focused(page: Page, what: str) -> str:
    return str(page.evaluate(f"document.activeElement.{what}"))


def press_until(page: Page, key: str, reached: Callable[[], bool]) -> None:
    for _ in range(40):
        page.keyboard.press(key)
        if reached():
            return
    raise AssertionError(f"not reached with forty times {key}")


def test_a_refusal_says_why_who_can_help_and_where_to_go(chain: Chain, window: BrowserContext, studio: Studio) -> None:
    page = signed_in(chain, window, "expired-right")
    expect(page.get_by_role("heading", level=1)).to_have_text("U hebt geen toegang tot Kmo-portefeuille")
    expect(page.get_by_role("alert")).to_contain_text("Uw gebruikersrecht VLAIO Inkom Gebruiker Nieuw is vervallen op")
    main = page.get_by_role("main")
    for helper in ("Lieve Sleutelmans", "Elke Tweewerf", "Arne Testers"):
        expect(main).to_contain_text(helper)
    for link in ("Gebruikersbeheer", "lokale beheerder aanduiden", "opzoeken in de KBO", "Mijn Profiel"):
        expect(main.get_by_role("link", name=re.compile(link))).to_have_attribute("href", re.compile(f"^{chain.mock}/"))
    expect(page.get_by_role("complementary").get_by_role("link", name="1700", exact=True)).to_be_visible()
    studio.look(page, "refused-right-expired")
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You have no access to SME portfolio")
    studio.look(page, "refused-right-expired-en")
    page.get_by_role("link", name="Try again").click()
    expect(page.get_by_role("alert")).to_contain_text("expired on")


@pytest.mark.parametrize(
    "person",
    ["auditor", "ceased-enterprise", "future-right", "local-administrator", "paused-relation", "service-provider"],
)
def test_every_kind_of_refusal_can_be_read_by_everybody(
    chain: Chain, window: BrowserContext, studio: Studio, person: str
) -> None:
    page = signed_in(chain, window, person)
    expect(page.get_by_role("heading", level=1)).to_have_text("U hebt geen toegang tot Kmo-portefeuille")
    studio.look(page, f"refused-{person}")


def test_a_local_administrator_without_the_right_reads_that_they_can_give_it_to_themselves(
    chain: Chain, window: BrowserContext
) -> None:
    page = signed_in(chain, window, "local-administrator")
    expect(page.get_by_role("alert")).to_contain_text("u kunt dit zelf in orde brengen in het Gebruikersbeheer")


def test_somebody_without_an_organisation_reads_the_two_roads_to_access(
    chain: Chain, window: BrowserContext, studio: Studio
) -> None:
    page = signed_in(chain, window, "citizen")
    expect(page.get_by_role("heading", level=1)).to_have_text("We vinden geen organisatie voor u")
    expect(page.get_by_role("main")).to_contain_text("Wettelijk vertegenwoordigers hebben automatisch toegang")
    expect(page.get_by_role("main")).to_contain_text("VLAIO Inkom Gebruiker Nieuw")
    studio.look(page, "no-organisation")


def test_who_cancels_at_acm_reads_so_and_can_go_on_to_where_they_were_going(
    chain: Chain, window: BrowserContext, studio: Studio
) -> None:
    page = application_of(chain, window)
    page.get_by_role("button", name=re.compile("Annuleren")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("U hebt het aanmelden gestopt")
    studio.look(page, "sign-in-cancelled")
    page.get_by_role("link", name="Opnieuw aanmelden").click()
    by_itsme(page, "Arne Testers")
    expect_application(page, chain, "Arne Testers")


def test_signing_out_ends_the_session_here_and_at_acm(chain: Chain, window: BrowserContext, studio: Studio) -> None:
    page = application_of(chain, window)
    by_eid(page, "Arne Testers")
    expect_application(page, chain, "Arne Testers")
    page.get_by_role("link", name="Uw toegang, en afmelden").click()
    page.get_by_role("button", name="Afmelden").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("U bent afgemeld")
    studio.look(page, "logged-out")
    page.goto(f"{chain.gateway}{APPLICATION}")
    expect(page).to_have_title(CHOICE_AT_ACM)


def test_a_session_elsewhere_is_seen_and_ended_from_the_list(
    chain: Chain, window: BrowserContext, studio: Studio
) -> None:
    # Nobody else signs in as this person: in a list of all tests' sessions nothing could be told apart.
    page = signed_in(chain, window, "expires-soon", path="/_inkom/sessions")
    expect(page.get_by_role("main")).to_contain_text("U bent nergens anders aangemeld.")
    with studio.window() as phone:
        signed_in(chain, phone, "expires-soon").wait_for_url(f"{chain.gateway}{APPLICATION}")
        page.reload()
        studio.look(page, "sessions")
        page.get_by_role("button", name="Beëindig deze sessie").click()
        expect(page.get_by_role("main")).to_contain_text("1 sessie is beëindigd.")
        studio.look(page, "sessions-ended")
        elsewhere = phone.new_page()
        answer = elsewhere.request.get(f"{chain.gateway}/_inkom/me")
        assert answer.status == 401


def test_the_sample_application_takes_a_file_counts_live_and_talks(
    chain: Chain, window: BrowserContext, studio: Studio
) -> None:
    page = signed_in(chain, window, "employee")
    page.get_by_role("link", name=re.compile("Steun aanvragen")).click()
    studio.picture(page, "application-upload")
    content = b"factuur " * 40_000
    page.get_by_label("Document").set_input_files(
        {"name": "factuur.pdf", "mimeType": "application/pdf", "buffer": content}
    )
    page.get_by_role("button", name="Verstuur").click()
    expect(page.get_by_role("main")).to_contain_text(hashlib.sha256(content).hexdigest())
    studio.picture(page, "application-uploaded")
    page.goto(f"{chain.gateway}{APPLICATION}live")
    expect(page.locator("#live")).to_have_text(re.compile("[2-9]"))
    studio.picture(page, "application-live")
    page.goto(f"{chain.gateway}{APPLICATION}talk")
    expect(page.locator("#log li")).to_contain_text("Britt Proefman")
    page.get_by_label("Uw bericht").fill("dag")
    page.get_by_role("button", name="Verstuur").click()
    expect(page.locator("#log li").first).to_have_text("dag")
    studio.picture(page, "application-talk")


def test_the_chosen_language_goes_along_to_acm_and_back(chain: Chain, studio: Studio) -> None:
    with studio.window() as window:
        page = window.new_page()
        page.goto(chain.gateway)
        expect(page.get_by_role("heading", level=1)).to_have_text("Digitale steunmaatregelen")
        studio.look(page, "start")
        page.get_by_role("link", name="English").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Digital support measures")
        studio.look(page, "start-en")
        page.get_by_role("link", name="Ecology premium Plus").click()
        expect(page).to_have_title(re.compile("Choose how to sign in"))
    with studio.window(language="en-GB", colours="dark") as window:
        page = signed_in(chain, window, "two-organisations")
        expect(page.get_by_role("heading", level=1)).to_have_text("Choose an organisation")
        studio.look(page, "organisation-en-dark")
        page.goto(f"{chain.gateway}/_inkom/profile")
        studio.look(page, "profile-en-dark")


def test_the_whole_walk_works_without_javascript(chain: Chain, studio: Studio) -> None:
    with studio.window(scripts=False) as window:
        page = application_of(chain, window)
        by_eid(page, "Hanne Dubbelaere")
        page.get_by_role("button", name="Bloemen Testbeeld BV").click()
        expect_application(page, chain, "Bloemen Testbeeld BV")
        page.get_by_role("link", name=re.compile("Steun aanvragen")).click()
        page.get_by_label("Document").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"hello"})
        page.get_by_role("button", name="Verstuur").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Uw document is aangekomen")
        page.get_by_role("link", name="Voor een andere organisatie werken").click()
        page.get_by_role("button", name="Schrijnwerkerij De Proefbank BV").click()
        page.goto(f"{chain.gateway}{APPLICATION}")
        expect_application(page, chain, "Schrijnwerkerij De Proefbank BV")
        sign_out(page, chain)
        page.goto(f"{chain.gateway}{APPLICATION}")
        expect(page).to_have_title(CHOICE_AT_ACM)


def test_several_tabs_that_sign_in_at_once_all_land_where_they_wanted(chain: Chain, window: BrowserContext) -> None:
    paths = (APPLICATION, "/ecologiepremie-plus/upload", "/coronamaatregelen/?dossier=12")
    tabs = [window.new_page() for _ in paths]
    for tab, path in zip(tabs, paths, strict=True):
        tab.goto(f"{chain.gateway}{path}")
        expect(tab).to_have_title(CHOICE_AT_ACM)
    for tab in reversed(tabs):
        by_eid(tab, "Arne Testers")
    for tab, path in zip(tabs, paths, strict=True):
        tab.wait_for_url(f"{chain.gateway}{path}")
        tab.reload()
        expect(tab.get_by_role("banner")).to_contain_text("Arne Testers")


def test_the_back_button_after_signing_in_never_ends_in_an_error(
    chain: Chain, window: BrowserContext, studio: Studio
) -> None:
    page = application_of(chain, window)
    with page.expect_request(re.compile("/_inkom/callback")) as returning:
        by_eid(page, "Arne Testers")
    expect_application(page, chain, "Arne Testers")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Deze aanmelding is voorbij")
    studio.picture(page, "acm-over")
    page.get_by_role("link", name=re.compile("Terug naar")).click()
    page.wait_for_url(f"{chain.gateway}/**")
    page.goto(returning.value.url)
    expect_application(page, chain, "Arne Testers")


def test_what_cannot_be_shown_says_so_with_a_way_on(
    chain: Chain, window: BrowserContext, studio: Studio, tmp_path: Path
) -> None:
    page = window.new_page()
    for path, heading, name in (
        ("/kmo-portefeuile", "Deze pagina bestaat niet", "not-found"),
        ("/_inkom/accessibility", "Toegankelijkheidsverklaring", "accessibility"),
        ("/_inkom/callback?code=a&state=b", "Deze aanmelding kan niet afgerond worden", "sign-in-refused"),
    ):
        page.goto(f"{chain.gateway}{path}")
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        studio.look(page, name)
    page = signed_in(chain, window, "legal-representative")
    chain.tell_mock("/mock/fault", fault="idm-down", times="always")
    page.goto(f"{chain.gateway}/_inkom/organisation")
    expect(page.get_by_role("heading", level=1)).to_have_text("Probeer het straks opnieuw")
    studio.look(page, "failure-register")
    nobody = {"INKOM_APPLICATIONS_CORONAMAATREGELEN_UPSTREAM": f"http://localhost:{free_port()}"}
    with second_gateway(chain, log=tmp_path / "gateway.log", environment=nobody) as address:
        page.goto(f"{address}/coronamaatregelen/")
        expect(page.get_by_role("alert")).to_contain_text("De toepassing antwoordt op dit moment niet.")
        studio.look(page, "failure-application")


def test_a_form_sent_after_the_session_ended_is_said_to_be_lost(
    chain: Chain, window: BrowserContext, studio: Studio
) -> None:
    page = signed_in(chain, window, "employee", path="/kmo-portefeuille/upload")
    page.locator("input[type=file]").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"aid"})
    window.clear_cookies(name="inkom-localhost")
    page.locator("main form button").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Uw sessie is afgelopen")
    studio.look(page, "session-ended")
    page.get_by_role("link", name="Opnieuw aanmelden").click()
    expect_application(page, chain, "Britt Proefman")


def test_a_button_of_a_former_session_does_nothing(chain: Chain, window: BrowserContext, studio: Studio) -> None:
    page = signed_in(chain, window, "employee", path="/_inkom/profile")
    signed_in(chain, window, "legal-representative", path="/_inkom/login")
    page.get_by_role("button", name="Afmelden").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dit kon niet uitgevoerd worden")
    studio.look(page, "form-of-a-former-session")
    page.get_by_role("link", name="De pagina opnieuw openen").click()
    expect(page.get_by_role("main")).to_contain_text("Arne Testers")
