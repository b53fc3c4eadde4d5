"""The first visitor of an organisation in a real Chromium: registers it once, and is in."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.chain import Chain, surroundings
from tests.e2e.studio import Studio, patient_chromium
from tests.project.places import ROOT

BREWERY, AUDITED, ASIDE = "1999998953", "1999999646", "1999998854"
TARGET = "/ecologiepremie-plus/?dossier=12"
LABELS = {
    "E-mailadres": "info@eersteslok.test",
    "Telefoonnummer": "+32 470 00 00 23",
    "Straat": "Hopveld",
    "Nummer en bus": "12 bus A",
    "Postcode": "9000",
    "Gemeente": "Gent",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with patient_chromium() as running:
        yield running


@pytest.fixture
def studio(browser: Browser) -> Iterator[Studio]:
    studio = Studio(browser=browser)
    yield studio
    assert studio.complaints == []


@pytest.fixture(autouse=True)
def unregistered(running: Chain) -> Iterator[None]:
    """The database outlives what the mock's reset puts back: the brewery's registration is taken out again."""
    yield
    with closing(sqlite3.connect(running.directory / "registrations.db", timeout=30)) as database, database:
        database.execute("DELETE FROM registrations WHERE number = ?", (BREWERY,))


def arrive(chain: Chain, page: Page) -> Page:
    chain.tell_mock("/mock/next-login", mock_person="new-enterprise", mock_method="itsme")
    page.goto(f"{chain.gateway}{TARGET}")
    return page


def inkom(chain: Chain, *arguments: str) -> str:
    """What an operator's command prints about the running chain's database."""
    keys = chain.directory / "keys"
    settings = {
        "INKOM_REGISTRATIONS_DATABASE": f"sqlite:///{chain.directory / 'registrations.db'}",
        "INKOM_ACM_PRIVATE_KEY_FILE": str(keys / "acm-client.pem"),
        "INKOM_REGISTERS_TOKEN_FILE": str(keys / "register-token"),
        "INKOM_SIGNALS_TOKEN_FILE": str(keys / "signals-token"),
        "INKOM_SESSIONS_SECRETS_FILE": str(keys / "session-secrets"),
        "INKOM_ASSERTION_KEY_FILE": str(keys / "assertion.pem"),
        "INKOM_PSEUDONYM_KEY_FILE": str(keys / "pseudonym.key"),
    }
    command = [str(Path(sysconfig.get_path("scripts"), "inkom")), "registrations", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env={**surroundings(), **settings}, check=True, capture_output=True, text=True
    )
    return done.stdout


def test_the_first_visitor_registers_the_organisation_and_is_in(chain: Chain, studio: Studio) -> None:
    with studio.window() as window:
        page = arrive(chain, window.new_page())
        expect(page.get_by_role("heading", level=1)).to_have_text("Registreer uw organisatie op INKOM")
        main = page.get_by_role("main")
        for known in ("Brouwerij Eerste Slok BV", "1999.998.953", "Liesbeth Nieuwenhuys"):
            expect(main).to_contain_text(known)
        studio.look(page, "registration")
        page.get_by_role("link", name="English").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Register your organisation on INKOM")
        studio.look(page, "registration-en")
        page.get_by_role("link", name="Nederlands").click()
        for label, value in LABELS.items():
            page.get_by_label(label).fill(value)
        page.get_by_label("Postcode").fill("99")
        page.get_by_label("E-mailadres").fill("info@eersteslok")
        page.get_by_role("button", name="Registreer en ga verder").click()
        expect(page.get_by_role("alert")).to_contain_text("Er zijn 2 dingen te verbeteren")
        expect(page.get_by_label("Straat")).to_have_value("Hopveld")
        expect(page.get_by_label("Nederlands", exact=True)).to_be_checked()
        studio.look(page, "registration-to-correct")
        page.get_by_role("link", name="Schrijf een e-mailadres").click()
        assert page.evaluate("document.activeElement.id") == "email"
        page.keyboard.type("x")
        page.get_by_label("E-mailadres").fill(LABELS["E-mailadres"])
        page.get_by_label("Postcode").fill(LABELS["Postcode"])
        page.get_by_role("button", name="Registreer en ga verder").click()
        page.wait_for_url(f"{chain.gateway}{TARGET}")
        expect(page.get_by_role("banner")).to_contain_text("Brouwerij Eerste Slok BV")
        page.goto(f"{chain.gateway}/_inkom/registration?return_to=/kmo-portefeuille/")
        expect(page.get_by_role("status")).to_contain_text("Deze organisatie is al geregistreerd.")
        studio.look(page, "registered")
        page.get_by_role("link", name="Ga verder").click()
        page.wait_for_url(f"{chain.gateway}/kmo-portefeuille/")
    shown = json.loads(inkom(chain, "show", BREWERY, "--json"))
    assert (shown["registered_by_name"], shown["phone"]) == ("Liesbeth Nieuwenhuys", "+32 470 00 00 23")
    assert "86691342024" not in json.dumps(shown) + chain.audit.read_text()
    exported = inkom(chain, "export", "--since", shown["registered_at"][:4] + "-01-01")
    assert f"{BREWERY},Brouwerij Eerste Slok BV,info@eersteslok.test,'+32 470 00 00 23,Hopveld" in exported
    kinds = [json.loads(line)["kind"] for line in chain.audit.read_text().splitlines()]
    assert kinds.count("organisation-registered") == 1


def test_registering_works_without_javascript_and_going_back_does_no_harm(chain: Chain, studio: Studio) -> None:
    with studio.window(scripts=False) as window:
        page = arrive(chain, window.new_page())
        for label, value in LABELS.items():
            page.get_by_label(label).fill(value)
        page.get_by_role("button", name="Registreer en ga verder").click()
        page.wait_for_url(f"{chain.gateway}{TARGET}")
        page.go_back()
        page.get_by_role("button", name="Registreer en ga verder").or_(
            page.get_by_role("link", name="Ga verder")
        ).click()
        page.wait_for_url(f"{chain.gateway}{TARGET}")
        expect(page.get_by_role("banner")).to_contain_text("Brouwerij Eerste Slok BV")


@contextmanager
def put_aside(chain: Chain, number: str) -> Iterator[None]:
    """An organisation that the demo registered is not, for the length of a block."""
    rename(chain, number, ASIDE)
    try:
        yield
    finally:
        rename(chain, ASIDE, number)


def rename(chain: Chain, old: str, new: str) -> None:
    with closing(sqlite3.connect(chain.directory / "registrations.db", timeout=30)) as database, database:
        database.execute("UPDATE registrations SET number = ? WHERE number = ?", (new, old))


def test_somebody_without_access_reads_that_others_register(chain: Chain, studio: Studio) -> None:
    with studio.window() as window, put_aside(chain, AUDITED):
        chain.tell_mock("/mock/next-login", mock_person="auditor", mock_method="itsme")
        page = window.new_page()
        page.goto(f"{chain.gateway}/kmo-portefeuille/")
        expect(page.get_by_role("alert")).to_contain_text("nog niet geregistreerd")
        studio.look(page, "refused-not-registered")
        page.goto(f"{chain.gateway}/_inkom/registration")
        expect(page.get_by_role("heading", level=1)).to_have_text("U kunt deze organisatie niet registreren")
        studio.look(page, "registration-not-yours")
