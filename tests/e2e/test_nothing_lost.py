"""Nothing is lost when a session ends or begins: forms, places on a page, tabs. In a real Chromium."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.e2e.chain import Chain
from tests.e2e.leaks import redis_of
from tests.e2e.sign_in_pages import by_eid
from tests.e2e.studio import Studio, patient_chromium

UPLOAD = "/kmo-portefeuille/upload"
CONTENT = bytes(range(256)) * 500
FILE_NAME = "jaarrekening.pdf"


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


def next_is(chain: Chain, person: str) -> None:
    """Let this person sign in next, without pages."""
    chain.tell_mock("/mock/next-login", mock_person=person, mock_method="itsme")


def end_session(chain: Chain, *, after_ms: int = 0) -> None:
    """Let every session end as if nobody had used it for long."""
    with redis_of(chain) as connection:
        for key in connection.scan_iter("inkom:session:*"):
            connection.pexpire(key, after_ms)


def sent_too_late(chain: Chain, window: BrowserContext, person: str = "employee") -> Page:
    """Fill in the form of the sample application, and send it when the session is over."""
    next_is(chain, person)
    page = window.new_page()
    page.goto(f"{chain.gateway}{UPLOAD}")
    page.locator("input[type=file]").set_input_files(
        {"name": FILE_NAME, "mimeType": "application/pdf", "buffer": CONTENT}
    )
    end_session(chain)
    page.locator("main form button").click()
    return page


def test_a_file_sent_after_the_session_ended_arrives_whole_after_saying_yes(
    chain: Chain, window: BrowserContext, studio: Studio
) -> None:
    page = sent_too_late(chain, window)
    expect(page.get_by_role("heading", level=1)).to_have_text("Uw sessie is afgelopen")
    expect(page.get_by_role("status")).to_contain_text("Wat u hebt ingevuld, is niet verloren.")
    studio.look(page, "form-kept")
    next_is(chain, "employee")
    page.get_by_role("link", name="Opnieuw aanmelden").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Wilt u dit nog versturen?")
    expect(page.get_by_role("main")).to_contain_text("Britt Proefman")
    studio.look(page, "form-ask")
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Do you still want to send this?")
    page.get_by_role("button", name="Send it now").click()
    page.wait_for_url(f"{chain.gateway}{UPLOAD}")
    expect(page.get_by_role("main")).to_contain_text(hashlib.sha256(CONTENT).hexdigest())
    expect(page.get_by_role("main")).to_contain_text(FILE_NAME)
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing waits here any more")
    studio.look(page, "form-gone-en")


def test_without_javascript_a_form_is_kept_and_erased_as_well(chain: Chain, studio: Studio) -> None:
    with studio.window(scripts=False) as window:
        page = sent_too_late(chain, window)
        next_is(chain, "employee")
        page.get_by_role("link", name="Opnieuw aanmelden").click()
        page.get_by_role("button", name="Niet versturen").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Het wordt niet verstuurd")
        studio.picture(page, "form-erased")


def test_somebody_else_on_the_same_computer_does_not_get_to_send_it(
    chain: Chain, window: BrowserContext, studio: Studio
) -> None:
    page = sent_too_late(chain, window)
    next_is(chain, "legal-representative")
    page.get_by_role("link", name="Opnieuw aanmelden").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dit werd door iemand anders ingevuld")
    studio.look(page, "form-of-another")


def address_of(page: Page) -> str:
    return str(page.evaluate("location.href"))


def test_the_place_on_the_page_is_there_after_signing_in(chain: Chain, window: BrowserContext) -> None:
    wanted = f"{chain.gateway}/kmo-portefeuille/live?x=1#/dossier/12[a]"
    next_is(chain, "employee")
    page = window.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.url} {request.headers.get('referer', '')}"))
    page.goto(wanted)
    page.wait_for_url("**/live?x=1**")
    expect(page.locator("#live")).to_be_visible()
    assert address_of(page) == wanted
    # The steps on the way left nothing to go back to, and told nobody the place.
    assert page.evaluate("history.length") == 2
    assert [line for line in asked if "dossier" in line.partition("#")[0]] == []
    assert [line for line in asked if "/op/" in line and "dossier" in line] == []
    page.evaluate("location.hash = 'deel-3'")
    end_session(chain)
    next_is(chain, "employee")
    page.reload()
    page.wait_for_url("**/live?x=1#deel-3")


def test_the_place_goes_along_while_an_organisation_is_looked_for_and_chosen(
    chain: Chain, window: BrowserContext
) -> None:
    next_is(chain, "many-organisations")
    page = window.new_page()
    page.goto(f"{chain.gateway}{UPLOAD}#deel-2")
    page.get_by_role("link", name="Volgende").click()
    page.get_by_role("link", name="English").click()
    page.get_by_label("Search by name or enterprise number").fill("1999.603.7")
    page.get_by_label("Search by name or enterprise number").press("Enter")
    page.get_by_role("button", name="Apotheek Hoge Wal BV").click()
    page.wait_for_url(f"{chain.gateway}{UPLOAD}#deel-2")
    expect(page.get_by_role("banner")).to_contain_text("Apotheek Hoge Wal BV")


def test_the_way_back_from_the_sign_in_leads_past_the_page_that_nobody_sees(
    chain: Chain, window: BrowserContext
) -> None:
    page = window.new_page()
    page.goto(chain.gateway)
    page.get_by_role("link", name="Kmo-portefeuille").click()
    expect(page).to_have_title(re.compile("Kies manier van aanmelden"))
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Digitale steunmaatregelen")
    page.evaluate(f"location.href = '{UPLOAD}#deel-2'")
    expect(page).to_have_title(re.compile("Kies manier van aanmelden"))
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Digitale steunmaatregelen")


HEARD = "() => window.heard"
LISTEN = """() => {
  window.heard = [];
  for (const name of ["signed-out", "signed-in", "ending", "extended"])
    addEventListener("inkom:" + name, (event) => heard.push([name, event.detail]));
}"""
ASK = "address => fetch(address).then((answer) => answer.status)"


def listening(chain: Chain, window: BrowserContext, person: str = "employee") -> Page:
    """A page of the sample application, signed in, that notes the events of `session.js`."""
    next_is(chain, person)
    page = window.new_page()
    page.goto(f"{chain.gateway}{UPLOAD}")
    page.evaluate(LISTEN)
    until(page, "window.inkom && inkom.state === 'in'")
    return page


def until(page: Page, holds: str) -> None:
    """Wait until an expression holds on a page; Playwright's own way needs eval, which the pages' policy forbids."""
    for _ in range(400):
        if page.evaluate(holds):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never: {holds}")


def banner(page: Page) -> Locator:
    return page.locator("#inkom-banner")


def test_d65_a_page_says_that_the_session_is_over_and_goes_on_when_another_tab_signs_in(
    chain: Chain, window: BrowserContext, studio: Studio
) -> None:
    page = listening(chain, window)
    assert page.evaluate("Object.keys(window).filter((name) => /inkom/i.test(name))") == ["inkom"]
    end_session(chain)
    assert page.evaluate(ASK, "/kmo-portefeuille/api/headers") == 401
    expect(banner(page)).to_contain_text("U bent niet meer aangemeld. Wat u hebt ingevuld, staat nog op deze pagina.")
    studio.look(page, "session-over")
    next_is(chain, "employee")
    with window.expect_page() as opening:
        banner(page).get_by_role("button", name="Opnieuw aanmelden (nieuw tabblad)").click()
    again = opening.value
    expect(again.get_by_role("heading", level=1)).to_have_text("U bent weer aangemeld")
    studio.look(again, "signed-in-again")
    expect(banner(page)).to_contain_text("U bent weer aangemeld. U kunt verder werken.")
    assert page.evaluate(ASK, "/kmo-portefeuille/api/headers") == 200
    same = {"samePerson": True, "sameOrganisation": True}
    assert page.evaluate(HEARD) == [["signed-out", {}], ["signed-in", same]]
    assert page.url == f"{chain.gateway}{UPLOAD}"
    banner(page).get_by_role("button", name="Sluiten").click()
    expect(banner(page)).to_have_text("")


def test_a_page_does_not_go_on_as_somebody_else(chain: Chain, window: BrowserContext) -> None:
    page = listening(chain, window)
    next_is(chain, "legal-representative")
    other = window.new_page()
    other.goto(f"{chain.gateway}/_inkom/login?return_to=/_inkom/signed-in")
    expect(banner(page)).to_contain_text("U bent nu aangemeld als iemand anders, of voor een andere organisatie.")
    # Whoever looks between the end of the one session and the first page of the other hears of both.
    *_, (name, detail) = page.evaluate(HEARD)
    assert (name, detail["samePerson"]) == ("signed-in", False)
    banner(page).get_by_role("button", name="Pagina opnieuw laden").click()
    expect(page.get_by_role("banner")).to_contain_text("Arne Testers")


def test_before_the_session_ends_one_key_extends_it(chain: Chain, studio: Studio) -> None:
    with studio.window(language="en-GB") as window:
        page = listening(chain, window)
        end_session(chain, after_ms=100_000)
        page.evaluate("inkom.check()")
        expect(banner(page)).to_contain_text(re.compile(r"If you do nothing, you are signed out at \d\d:\d\d\."))
        page.keyboard.press("Tab")
        expect(banner(page).get_by_role("button", name="Stay signed in")).to_be_focused()
        page.keyboard.press("Enter")
        expect(banner(page)).to_contain_text("You stay signed in.")
        heard = page.evaluate(HEARD)
        assert [name for name, _ in heard] == ["ending", "extended"]
        assert heard[0][1]["extendable"]
        assert 20 < heard[0][1]["seconds"] <= 100
        with redis_of(chain) as connection:
            assert any(connection.pttl(key) > 1_000_000 for key in connection.scan_iter("inkom:session:*"))


def test_a_sign_in_in_the_same_tab_keeps_the_place(chain: Chain, window: BrowserContext) -> None:
    page = listening(chain, window)
    page.evaluate("location.hash = 'deel-2'")
    end_session(chain)
    next_is(chain, "employee")
    page.evaluate("document.title = 'before'")
    page.evaluate("inkom.signIn({ here: true })")
    expect(page).to_have_title(re.compile("Steun aanvragen"))
    assert address_of(page) == f"{chain.gateway}{UPLOAD}#deel-2"


def test_who_signs_in_in_one_tab_is_let_in_at_once_in_the_others(chain: Chain, window: BrowserContext) -> None:
    wanted = (f"{UPLOAD}#deel-1", "/ecologiepremie-plus/?dossier=12", "/coronamaatregelen/live#deel-3")
    tabs = [window.new_page() for _ in wanted]
    for tab, address in zip(tabs, wanted, strict=True):
        tab.goto(f"{chain.gateway}{address}")
        expect(tab).to_have_title(re.compile("Kies manier van aanmelden"))
    by_eid(tabs[1], "Arne Testers")
    tabs[1].wait_for_url(f"{chain.gateway}{wanted[1]}")
    for tab, address in ((tabs[0], wanted[0]), (tabs[2], wanted[2])):
        tab.goto(f"{chain.gateway}{address}")
    for tab, address in zip(tabs, wanted, strict=True):
        expect(tab.get_by_role("banner")).to_contain_text("Arne Testers")
        assert address_of(tab) == f"{chain.gateway}{address}"


def test_a60_a_sign_in_page_that_stood_open_too_long_says_so_and_the_goal_is_kept(
    chain: Chain, window: BrowserContext
) -> None:
    page = window.new_page()
    page.goto(f"{chain.gateway}{UPLOAD}#deel-2")
    expect(page).to_have_title(re.compile("Kies manier van aanmelden"))
    with redis_of(chain) as connection:
        for key in connection.scan_iter("inkom:attempt:*"):
            connection.pexpire(key, 19 * 60 * 1000)  # eleven of thirty minutes are over
    by_eid(page, "Arne Testers")
    expect(page.get_by_role("heading", level=1)).to_have_text("Deze aanmelding kan niet afgerond worden")
    page.get_by_role("link", name="Opnieuw aanmelden").click()
    expect(page.get_by_role("banner")).to_contain_text("Arne Testers")
    assert address_of(page) == f"{chain.gateway}{UPLOAD}#deel-2"
