"""*Voeg gebruiker toe*: the three steps of the guide, who comes from the register, and what is not accepted."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from starlette.applications import Starlette

from mock_idp.clock import Clock
from mock_idp.world.tables import PersonRow
from tests.mock_idp.idm.numbers import UNKNOWN, unused_number
from tests.mock_idp.idm.visit import Visit, government

NEW = "/gebruikersbeheer/personen/nieuw"


@dataclass(frozen=True, kw_only=True)
class Place:
    app: Starlette
    clock: Clock
    visit: Visit

    def number_of(self, key: str) -> str:
        return str(self.app.state.world.current.person(key).national_number)

    async def to_step_2(self, number: str) -> Visit:
        await self.visit.get(NEW)
        return await self.visit.post(NEW, national_number=number)

    async def to_step_3(self, number: str, **details: str) -> Visit:
        await self.to_step_2(number)
        return await self.visit.post(self.visit.path, **details)

    async def confirm(self) -> Visit:
        return await self.visit.post(self.visit.path)


TYPED = {"given_name": "Sofie", "family_name": "Nieuwkomer", "birth_date": "18/04/1990"}


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    async with government() as (app, clock), Visit(app) as visit:
        await visit.sign_in("local-administrator")
        yield Place(app=app, clock=clock, visit=visit)


async def test_the_first_step_asks_for_the_number_and_says_where_the_names_come_from(place: Place) -> None:
    await place.visit.get(NEW)

    assert "Stap 1 van 3 : Geef Identificatienummer op" in place.visit.text
    assert "Rijksregisternummer / BIS-registernummer" in place.visit.text
    assert (
        "De naam, voornaam, geboortedatum en geslacht van de gebruiker worden opgehaald uit het rijksregister."
        in place.visit.text
    )
    assert "Verder Annuleer" in place.visit.text


async def test_whoever_the_register_knows_is_shown_and_cannot_be_renamed(place: Place) -> None:
    await place.to_step_2(place.number_of("citizen"))

    assert "Stap 2 van 3 : Geef details" in place.visit.text
    for label in ("Voornaam", "Naam", "Geboortedatum", "Roepnaam", "Initialen", "Geslacht", "Bron VKBP", "Reden"):
        assert label in place.visit.text
    assert 'name="given_name"' not in place.visit.page
    assert "Terug Annuleer" in place.visit.text


async def test_an_added_person_is_pending_and_then_active_after_a_reload(place: Place) -> None:
    await place.to_step_3(place.number_of("nobody"), call_name="Bert", reason="Nieuw in de winkel")
    assert "Stap 3 van 3 : Bevestig" in place.visit.text
    assert "Bert" in place.visit.text
    await place.confirm()

    assert place.visit.path == "/gebruikersbeheer/personen/nobody"
    assert "is toegevoegd. Bepaal nu de werkrelatie." in place.visit.text
    assert "Status werkstroom In afwachting" in place.visit.text
    assert "Koppel gebruiker aan organisatie Pagina herladen" in place.visit.text

    with place.app.state.world.changing() as session:  # the workflow is through
        person = session.scalars(select(PersonRow).where(PersonRow.key == "nobody")).one()
        assert person.activates_at is not None
        person.activates_at -= timedelta(seconds=5)
    await place.visit.get(place.visit.path)
    assert "Status werkstroom Actief" in place.visit.text


async def test_whoever_the_register_does_not_know_is_filled_in(place: Place) -> None:
    await place.to_step_2(UNKNOWN)
    assert "Het register kent dit nummer niet" in place.visit.text
    assert "Geslacht V" in place.visit.text
    await place.visit.post(place.visit.path, **TYPED)
    await place.confirm()

    assert re.fullmatch(r"/gebruikersbeheer/personen/added-[0-9a-f]{12}", place.visit.path)
    assert "Voornaam Sofie Naam Nieuwkomer Geboortedatum 18/04/1990 Geslacht V" in place.visit.text


async def test_a_number_with_dots_and_dashes_is_the_same_number(place: Place) -> None:
    number = place.number_of("citizen")
    await place.to_step_2(f"{number[:2]}.{number[2:4]}.{number[4:6]}-{number[6:9]}.{number[9:]}")

    assert "Stap 2 van 3" in place.visit.text


async def test_adding_somebody_who_is_known_already_leads_to_their_page(place: Place) -> None:
    await place.to_step_2(place.number_of("employee"))

    assert place.visit.path == "/gebruikersbeheer/personen/employee"
    assert "Britt Proefman was al gekend in uw organisatie." in place.visit.text


async def test_two_administrators_who_add_the_same_person_make_one(place: Place) -> None:
    async with Visit(place.app) as elke:
        await elke.sign_in("right-elsewhere")
        other = Place(app=place.app, clock=place.clock, visit=elke)
        await place.to_step_3(UNKNOWN, **TYPED)
        await other.to_step_3(UNKNOWN, **{**TYPED, "given_name": "Sophie"})
        await place.confirm()
        await other.confirm()

        assert elke.path == place.visit.path
        assert "Sofie Nieuwkomer was al gekend" in elke.text


async def test_a_confirmation_that_is_sent_twice_adds_once(place: Place) -> None:
    await place.to_step_3(UNKNOWN, **TYPED)
    address, fields = place.visit.path, place.visit.hidden(place.visit.path)
    await place.visit.post_raw(address, fields)
    first = place.visit.path
    await place.visit.post_raw(address, fields)

    assert place.visit.path == first
    await place.visit.get(f"{first}/historiek")
    assert place.visit.text.count("Persoon toegevoegd") == 1


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (UNKNOWN[:9] + f"{(int(UNKNOWN[9:]) + 1) % 97:02d}", "Dit is geen rijksregisternummer"),
        ("12345", "Dit is geen rijksregisternummer"),
        ("", "Dit is geen rijksregisternummer"),
        ("85.07.30-033.28", "Hier worden alleen TST-nummers gebruikt"),
    ],
    ids=["wrong check digits", "too short", "empty", "of a real person"],
)
async def test_a_number_that_is_none_is_refused(place: Place, number: str, why: str) -> None:
    await place.to_step_2(number)

    assert place.visit.status == 422
    assert why in place.visit.text


@pytest.mark.parametrize(
    ("field", "typed", "why"),
    [
        ("birth_date", "19/04/1990", "Deze geboortedatum is in strijd met het nummer"),
        ("birth_date", "18/04/2990", "Een geboortedatum kan niet in de toekomst liggen."),
        ("birth_date", "31/02/1990", "Schrijf een bestaande dag"),
        ("birth_date", "1990-04-18", "Schrijf een bestaande dag"),
        ("birth_date", "", "Dit moet ingevuld worden."),
        ("given_name", "", "Dit moet ingevuld worden."),
        ("family_name", "x" * 201, "Hoogstens 200 tekens"),
        ("initials", "A\nB", "Hoogstens 200 tekens, op één regel."),
        ("reason", "x" * 1001, "Hoogstens 1000 tekens."),
    ],
)
async def test_details_that_cannot_be_are_refused_and_kept(place: Place, field: str, typed: str, why: str) -> None:
    await place.to_step_3(UNKNOWN, **{**TYPED, "call_name": "Fie", field: typed})

    assert place.visit.status == 422
    assert why in place.visit.text
    assert 'value="Fie"' in place.visit.page


async def test_all_problems_are_told_at_once_in_the_order_of_the_page(place: Place) -> None:
    await place.to_step_3(UNKNOWN, given_name="", family_name="", birth_date="x")

    listed = re.findall(r'<li><a href="#(\w+)"', place.visit.page)
    assert listed == ["given_name", "family_name", "birth_date"]


async def test_a_birth_date_that_the_number_leaves_open_is_not_contradicted(place: Place) -> None:
    nine = "906400112"  # day 00: not known when the number was given
    await place.to_step_3(f"{nine}{97 - int(nine) % 97:02d}", **TYPED)

    assert "Stap 3 van 3" in place.visit.text


async def test_no_page_and_no_address_after_the_first_step_has_the_number(place: Place) -> None:
    seen = []

    def look() -> None:
        seen.append(place.visit.path + place.visit.page)

    await place.to_step_2(UNKNOWN)
    look()
    await place.visit.post(place.visit.path, **TYPED)
    look()
    await place.confirm()
    look()
    here = place.visit.path
    for tab in ("/details", "/accounts", "/historiek", "/bewerken"):
        await place.visit.get(here + tab)
        look()

    assert all(UNKNOWN not in one and f"{UNKNOWN[:6]}-" not in one for one in seen)


async def test_the_steps_cannot_be_skipped_nor_taken_over_by_another_visit(place: Place) -> None:
    await place.to_step_2(UNKNOWN)
    draft = place.visit.path
    await place.visit.get(f"{draft}/bevestigen")
    assert place.visit.path == NEW
    async with Visit(place.app) as elke:
        await elke.sign_in("right-elsewhere", to=draft)
        assert elke.path == NEW


def test_a_number_is_made_with_the_right_check_digits() -> None:
    assert unused_number(date(1982, 7, 21), 1) == "82672100108"
