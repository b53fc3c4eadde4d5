"""All five methods in a real Chromium, from a relying party of another origin and back to it.

Each page is held to axe-core, wide and narrow, and its picture is kept in the folder that INKOM_SCREENSHOTS names.
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from socket import create_server

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from mock_idp.signin.totp import code_for, step_at
from tests.chromium import chromium as real_chromium
from tests.chromium import keep_picture
from tests.mock_idp.signin.mock_server import EID, ITSME, MockServer, mock_server, origin_of, serving

WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}
SMALLEST: ViewportSize = {"width": 320, "height": 700}

STICKS_OUT = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
TOO_SMALL = """() => [...document.querySelectorAll("a, button, input, summary")]
  .filter(one => one.checkVisibility({visibilityProperty: true}) && one.type !== "hidden" && !one.closest(".skip"))
  .filter(one => { const box = one.getBoundingClientRect(); return box.width < 24 || box.height < 24 })
  .filter(one => !one.closest("p, .prose, td, th"))
  .map(one => one.outerHTML.slice(0, 90))"""


async def callback(request: Request) -> Response:
    """The relying party: says what it was sent."""
    return PlainTextResponse("\n".join(f"{name}: {value}" for name, value in sorted(request.query_params.items())))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockServer]:
    client = create_server(("127.0.0.1", 0))
    relying_party = Starlette(routes=[Route("/callback", callback)])
    folder = tmp_path_factory.mktemp("mock")
    with client, serving(relying_party, client), mock_server(folder, client_home=origin_of(client)) as running:
        yield running


@pytest.fixture
def mock(served: MockServer) -> MockServer:
    served.reset()
    return served


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with real_chromium() as running:
        yield running


@dataclass(frozen=True, kw_only=True)
class Studio:
    """Looks at pages: nothing for axe to find, nothing sticking out, nothing too small to hit, and two pictures."""

    def look(self, page: Page, name: str) -> None:
        page.wait_for_load_state()
        page.set_viewport_size(SMALLEST)
        assert not page.evaluate(STICKS_OUT), f"{name}: wider than the smallest screen"
        for size, suffix in ((NARROW, "narrow"), (WIDE, "wide")):
            page.set_viewport_size(size)
            results = Axe().run(page)
            assert results.violations_count == 0, f"{name}: {results.generate_report()}"
            assert page.evaluate(TOO_SMALL) == [], name
            keep_picture(page, f"signin-{name}-{suffix}")


@pytest.fixture
def studio() -> Studio:
    return Studio()


@pytest.fixture
def window(chromium: Browser) -> Iterator[BrowserContext]:
    yield from opened(chromium, scripts=True)


@pytest.fixture
def window_without_scripts(chromium: Browser) -> Iterator[BrowserContext]:
    yield from opened(chromium, scripts=False)


def opened(chromium: Browser, *, scripts: bool) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, java_script_enabled=scripts, locale="nl-BE")
    context.set_default_timeout(15_000)
    yield context
    context.close()


def begin(window: BrowserContext, mock: MockServer, client_id: str = "asks-itself", **more: str) -> Page:
    page = window.new_page()
    page.goto(mock.address(client_id, **more))
    return page


def assert_back_with_a_code(page: Page) -> None:
    page.wait_for_url("**/callback?**")
    expect(page.locator("body")).to_contain_text("code: ")
    expect(page.locator("body")).to_contain_text("state: the-state")


def open_tab(page: Page, name: str) -> Page:
    with page.context.expect_page() as opening:
        page.get_by_role("link", name=re.compile(name)).click()
    tab = opening.value
    tab.wait_for_load_state()
    return tab


def test_eid(window: BrowserContext, mock: MockServer, studio: Studio) -> None:
    page = begin(window, mock)
    expect(page).to_have_title(re.compile("Kies manier van aanmelden"))
    studio.look(page, "choice")
    page.get_by_role("link", name="eID en aangesloten kaartlezer").click()
    studio.look(page, "eid-card")
    page.get_by_label("Zoek een kaart").fill("bakkerij zaakvoerder")
    page.get_by_label("Zoek een kaart").press("Enter")
    page.get_by_role("link", name=re.compile("Arne Testers")).click()
    page.get_by_label("Pincode").fill("0000")
    page.get_by_role("button", name="Verder").click()
    expect(page.get_by_label("Pincode")).to_be_focused()
    studio.look(page, "eid-pin-wrong")
    page.get_by_label("Pincode").fill("1234")
    page.get_by_label("Pincode").press("Enter")
    assert_back_with_a_code(page)


def test_the_last_choice_is_marked_at_the_next_sign_in(
    window: BrowserContext, mock: MockServer, studio: Studio
) -> None:
    page = begin(window, mock)
    page.goto(page.url + "/eid?card=employee")
    page.get_by_label("Pincode").fill("1234")
    page.get_by_role("button", name="Verder").click()
    assert_back_with_a_code(page)
    page = begin(window, mock, prompt="login")
    card = page.get_by_role("listitem").filter(has_text="eID en aangesloten kaartlezer")
    expect(card).to_contain_text(re.compile("uw laatste keuze", re.IGNORECASE))
    studio.look(page, "choice-last")


def test_itsme(window: BrowserContext, mock: MockServer, studio: Studio) -> None:
    page = begin(window, mock)
    page.get_by_role("link", name="itsme®").click()
    studio.look(page, "itsme")
    page.get_by_label("Uw telefoonnummer").fill("0470 00 00 02")
    page.get_by_role("button", name="Stuur een verzoek naar mijn telefoon").click()
    studio.look(page, "itsme-wait")
    phone = open_tab(page, "Open de testtelefoon")
    studio.look(phone, "phone-itsme")
    phone.get_by_label("itsme-code").fill("12345")
    phone.get_by_role("button", name="Bevestigen").click()
    expect(phone.get_by_role("status")).to_contain_text("Bevestigd")
    assert_back_with_a_code(page)  # by itself


def test_itsme_refused(window: BrowserContext, mock: MockServer, studio: Studio) -> None:
    page = begin(window, mock)
    page.get_by_role("link", name="itsme®").click()
    page.get_by_role("button", name=re.compile("Arne Testers")).click()
    phone = open_tab(page, "Open de testtelefoon")
    phone.get_by_role("button", name="Weigeren").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("geweigerd")
    studio.look(page, "itsme-refused")


def test_app(window: BrowserContext, mock: MockServer, studio: Studio) -> None:
    page = begin(window, mock)
    page.get_by_role("link", name="Beveiligingscode via mobiele app").click()
    studio.look(page, "app-person")
    page.get_by_role("link", name=re.compile("Arne Testers")).click()
    studio.look(page, "app-code")
    phone = open_tab(page, "Open de testtelefoon")
    studio.look(phone, "phone-app")
    code = phone.locator(".big-code").inner_text()
    page.get_by_label("Beveiligingscode").fill("x")
    page.get_by_role("button", name="Aanmelden").click()
    studio.look(page, "app-code-wrong")
    page.get_by_label("Beveiligingscode").fill(code)
    page.get_by_role("button", name="Aanmelden").click()
    assert_back_with_a_code(page)


def test_activating_the_app(window: BrowserContext, mock: MockServer, studio: Studio) -> None:
    page = begin(window, mock)
    card = page.get_by_role("listitem").filter(has_text="mobiele app")
    card.get_by_role("link", name="Manier van aanmelden eerst activeren").click()
    page.get_by_label("Zoek een kaart").fill("geen enkele onderneming")
    page.get_by_label("Zoek een kaart").press("Enter")
    page.goto(page.url.split("?")[0] + "?card=nobody")
    studio.look(page, "activate-app-pin")
    page.get_by_label("Pincode").fill("1234")
    page.get_by_role("button", name="Verder").click()
    studio.look(page, "activate-app")
    secret = page.locator(".secret").inner_text().replace(" ", "")
    page.get_by_label("Code die de app nu toont").fill(app_code(secret, mock))
    page.get_by_role("button", name="Activeren").click()
    studio.look(page, "activate-app-done")
    page.get_by_role("button", name="Verder naar Proefdienst").click()
    assert_back_with_a_code(page)


def app_code(secret: str, mock: MockServer) -> str:
    """What an authenticator app that scanned the picture would show."""
    return code_for(base64.b32decode(secret), step_at(mock.clock.seconds()))


def test_sms(window: BrowserContext, mock: MockServer, studio: Studio) -> None:
    page = begin(window, mock)
    page.get_by_role("link", name="Beveiligingscode via SMS").click()
    studio.look(page, "sms-person")
    page.get_by_role("button", name=re.compile("Arne Testers")).click()
    studio.look(page, "sms-code")
    phone = open_tab(page, "Open de testtelefoon")
    studio.look(phone, "phone-sms")
    page.get_by_label("Beveiligingscode").fill(phone.locator(".message-code").inner_text())
    page.get_by_role("button", name="Aanmelden").click()
    assert_back_with_a_code(page)


def test_activating_sms(window: BrowserContext, mock: MockServer, studio: Studio) -> None:
    page = begin(window, mock)
    card = page.get_by_role("listitem").filter(has_text="via SMS")
    card.get_by_role("link", name="Manier van aanmelden eerst activeren").click()
    studio.look(page, "activate-sms-card")
    page.goto(page.url + "?card=nobody")
    page.get_by_label("Pincode").fill("1234")
    page.get_by_role("button", name="Verder").click()
    studio.look(page, "activate-sms")
    page.get_by_role("button", name="Stuur mij een code").click()
    studio.look(page, "activate-sms-code")
    phone = open_tab(page, "Open de testtelefoon")
    page.get_by_label("Beveiligingscode").fill(phone.locator(".message-code").inner_text())
    page.get_by_role("button", name="Activeren").click()
    studio.look(page, "activate-sms-done")
    page.get_by_role("button", name="Verder naar Proefdienst").click()
    assert_back_with_a_code(page)


def test_federal_token(window: BrowserContext, mock: MockServer, studio: Studio) -> None:
    page = begin(window, mock)
    page.get_by_role("link", name="Federaal token").click()
    page.get_by_text("Gebruikersnamen en wachtwoorden om te testen").first.click()
    studio.look(page, "token-password")
    row = page.get_by_role("row").filter(has_text="Arne Testers")
    user, password = (row.get_by_role("cell").nth(place).inner_text() for place in (0, 1))
    page.get_by_label("Gebruikersnaam").fill(user)
    page.get_by_label("Wachtwoord", exact=True).fill(password)
    page.get_by_role("button", name="Verder").click()
    studio.look(page, "token-code")
    position = re.search(r"code (\d+)", page.get_by_role("heading", level=1).inner_text())
    assert position
    wallet = open_tab(page, "Open de papieren kaart")
    studio.look(wallet, "wallet")
    code = wallet.locator(".paper-card-code").nth(int(position[1]) - 1).inner_text()
    page.get_by_label(f"Code bij nummer {position[1]}").fill(code)
    page.get_by_role("button", name="Aanmelden").click()
    assert_back_with_a_code(page)


def test_organisation(window: BrowserContext, mock: MockServer, studio: Studio) -> None:
    page = begin(window, mock, "acm-asks")
    page.goto(page.url + "/eid?card=two-organisations")
    page.get_by_label("Pincode").fill("1234")
    page.get_by_role("button", name="Verder").click()
    studio.look(page, "organisation")
    page.get_by_role("button", name=re.compile("Bloemen Testbeeld BV")).click()
    assert_back_with_a_code(page)
    page = begin(window, mock, "acm-asks", prompt="login")
    page.goto(page.url + "/eid?card=many-organisations")
    page.get_by_label("Pincode").fill("1234")
    page.get_by_role("button", name="Verder").click()
    studio.look(page, "organisation-many")
    page.get_by_label("Zoek op naam").fill("bakkerij zonneveld")
    page.keyboard.press("Enter")
    page.get_by_role("button", name=re.compile("Bakkerij Zonneveld")).first.click()
    assert_back_with_a_code(page)


def test_everything_else(window: BrowserContext, mock: MockServer, studio: Studio) -> None:
    page = begin(window, mock, acr=f"{EID} {ITSME}")
    studio.look(page, "choice-higher-level")
    start = page.url
    page.get_by_role("link", name="Hulp nodig?").click()
    studio.look(page, "help")
    page.goto(f"{start}/eid?card=nobody")
    for _ in range(3):
        page.get_by_label("Pincode").fill("0000")
        page.get_by_role("button", name="Verder").click()
    studio.look(page, "blocked")
    page.get_by_role("button", name=re.compile("Annuleren")).click()
    page.wait_for_url("**/callback?**")
    expect(page.locator("body")).to_contain_text("error: access_denied")
    page.goto(start)
    studio.look(page, "over")
    page.goto(f"{mock.origin}/signin/never-was")
    studio.look(page, "over-unknown")
    page.goto(f"{mock.origin}/phone")
    studio.look(page, "phones")
    page.goto(f"{mock.origin}/signin-accessibility")
    studio.look(page, "accessibility")
    page = begin(window, mock, acr="urn:be:vlaanderen:authmech:tlsclient")
    studio.look(page, "nothing-selectable")


def test_itsme_without_scripts(window_without_scripts: BrowserContext, mock: MockServer) -> None:
    page = begin(window_without_scripts, mock)
    page.get_by_role("link", name="itsme®").click()
    page.get_by_role("button", name=re.compile("Arne Testers")).click()
    phone = open_tab(page, "Open de testtelefoon")
    phone.get_by_label("itsme-code").fill("12345")
    phone.get_by_role("button", name="Bevestigen").click()
    page.get_by_role("button", name="Ik heb bevestigd, ga verder").click()
    assert_back_with_a_code(page)
