"""*Koppel gebruiker aan organisatie*: the three steps of the guide, and what a working relation cannot be."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from starlette.applications import Starlette

from mock_idp.clock import Clock
from mock_idp.days import plus_years
from mock_idp.idm.rules import written_day
from mock_idp.world.tables import AdministratorRow, EnterpriseRow, PersonRow
from tests.mock_idp.idm.numbers import UNKNOWN
from tests.mock_idp.idm.visit import BAKERY, TRAINING, Visit, government

NEW = "/gebruikersbeheer/personen/nieuw"


@dataclass(frozen=True, kw_only=True)
class Place:
    app: Starlette
    clock: Clock
    visit: Visit
    person: str

    def day(self, years: int = 0, days: int = 0) -> str:
        return written_day(plus_years(self.clock.today(), years) + timedelta(days=days))

    async def to_step_2(self, organisation: str = BAKERY) -> Visit:
        await self.visit.get(f"{self.person}/koppelen")
        return await self.visit.post(f"{self.person}/koppelen", linked_organisation=organisation)

    async def to_step_3(self, organisation: str = BAKERY, **typed: str) -> Visit:
        await self.to_step_2(organisation)
        return await self.visit.post(self.visit.path, **{**self.typed(), **typed})

    def typed(self) -> dict[str, str]:
        return {
            "category": "Vaste Medewerker",
            "first": self.day(),
            "last": self.day(10),
            "phone": "+3212345678",
            "email": "sofie@voorbeeld.test",
            "reason": "In dienst",
        }


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """Somebody was just added."""
    async with government() as (app, clock), Visit(app) as visit:
        await visit.sign_in("local-administrator", to=NEW)
        await visit.post(NEW, national_number=UNKNOWN)
        await visit.post(visit.path, given_name="Sofie", family_name="Nieuwkomer", birth_date="18/04/1990")
        await visit.post(visit.path)
        yield Place(app=app, clock=clock, visit=visit, person=visit.path)


async def test_the_first_step_lists_the_organisations_that_are_administered(place: Place) -> None:
    await place.visit.get(f"{place.person}/koppelen")

    assert "Stap 1 van 3 : Selecteer organisatie" in place.visit.text
    assert "Voornaam Sofie Naam Nieuwkomer" in place.visit.text
    assert re.findall(r'<option value="(\d+)"', place.visit.page) == [BAKERY]


async def test_the_second_step_offers_today_and_ten_years(place: Place) -> None:
    await place.to_step_2()

    assert "Stap 2 van 3 : Werkrelatie details" in place.visit.text
    assert "OrganisationName Voorbeeld Bakkerij BV Organisatie code 1999.999.943" in place.visit.text
    assert f'name="first" type="text" value="{place.day()}"' in place.visit.page
    assert f'name="last" type="text" value="{place.day(10)}"' in place.visit.page
    assert "Maximumperiode = 10 jaar; je kan dit aanpassen." in place.visit.text
    for label in ("Categorie", "Telefoonnummer (bv. +3212345678)", "E-mailadres", "Reden", "Verder Terug Annuleer"):
        assert label in place.visit.text


async def test_a_confirmed_relation_stands_on_the_persons_page_without_rights(place: Place) -> None:
    await place.to_step_3()
    assert "Stap 3 van 3 : Bevestig" in place.visit.text
    await place.visit.post(place.visit.path)

    text = place.visit.text
    assert place.visit.path == place.person
    assert "is gekoppeld aan Voorbeeld Bakkerij BV. Ken nu het gebruikersrecht toe." in text
    assert f"1999.999.943 · Vaste Medewerker Geldig van {place.day()} tot {place.day(10)} geldig" in text
    assert "Geen gebruikersrechten toegekend" in text
    assert (
        "Ken gebruikersrecht toe Bewerk werkrelatie Verleng werkrelatie en gebruikersrechten Pauzeer werkrelatie "
        "Verwijder werkrelatie Koppel gebruiker aan organisatie Pagina herladen"
    ) in text
    assert "De persoon heeft nu toegang tot" not in text


async def test_the_history_says_who_did_it_when_and_why(place: Place) -> None:
    await place.to_step_3(reason="In dienst <b>sinds</b> vandaag, 100%")
    await place.visit.post(place.visit.path)
    await place.visit.get(f"{place.person}/historiek")

    text = place.visit.text
    assert text.index("Werkrelatie toegevoegd Lieve Sleutelmans") < text.index("Persoon toegevoegd Lieve Sleutelmans")
    assert f"Begindatum: {place.day()} Einddatum: {place.day(10)} Telefoonnummer: +3212345678" in text
    assert "In dienst <b>sinds</b> vandaag, 100%" in text


@pytest.mark.parametrize(
    ("field", "typed", "why"),
    [
        ("last", "{before}", "De einddatum ligt voor de begindatum."),
        ("first", "{yesterday}", "De begindatum kan niet in het verleden liggen."),
        ("last", "{beyond}", "Een werkrelatie duurt hoogstens 10 jaar: ten laatste tot {most}."),
        ("last", "31/12/9999", "Een werkrelatie duurt hoogstens 10 jaar"),
        ("first", "29/02/2027", "Schrijf een bestaande dag als dag/maand/jaar"),
        ("last", "", "Schrijf een bestaande dag als dag/maand/jaar"),
        ("phone", "012345678", "Schrijf het nummer met het land, bijvoorbeeld +3212345678."),
        ("phone", "+32 twaalf", "Schrijf het nummer met het land"),
        ("phone", "", "Schrijf het nummer met het land"),
        ("email", "sofie", "Schrijf een e-mailadres"),
        ("email", "sofie@voorbeeld", "Schrijf een e-mailadres"),
        ("email", "sofie@@voorbeeld.test", "Schrijf een e-mailadres"),
        ("email", "", "Schrijf een e-mailadres"),
        ("category", "Directeur", "Kies een categorie uit de lijst."),
        ("reason", "x" * 1001, "Hoogstens 1000 tekens."),
    ],
)
async def test_a_relation_that_breaks_a_rule_is_refused_with_the_rule(
    place: Place, field: str, typed: str, why: str
) -> None:
    days = {
        "before": place.day(days=-1),
        "yesterday": place.day(days=-1),
        "beyond": place.day(10, days=1),
        "most": place.day(10),
    }
    await place.to_step_3(**{field: typed.format(**days)})

    assert place.visit.status == 422
    assert why.format(**days) in place.visit.text
    assert "Stap 2 van 3" in place.visit.text
    assert 'value="+3212345678"' in place.visit.page or field == "phone"


async def test_a_relation_that_begins_later_may_last_ten_years_from_then(place: Place) -> None:
    await place.to_step_3(first=place.day(1), last=place.day(11))
    await place.visit.post(place.visit.path)

    assert "nog niet begonnen" in place.visit.text


async def test_wrong_days_and_a_wrong_phone_are_told_together(place: Place) -> None:
    await place.to_step_3(first="x", last="y", phone="z", email="q")

    assert re.findall(r'<li><a href="#(\w+)"', place.visit.page) == ["first", "last", "phone", "email"]


async def test_a_second_relation_cannot_overlap_the_first(place: Place) -> None:
    await place.to_step_3()
    await place.visit.post(place.visit.path)
    await place.to_step_3(first=place.day(5), last=place.day(6))

    assert place.visit.status == 422
    assert f"Er is al een werkrelatie met deze organisatie, van {place.day()} tot {place.day(10)}." in place.visit.text


async def test_an_overlap_that_came_meanwhile_is_noticed_at_the_confirmation(place: Place) -> None:
    await place.to_step_3()
    one = place.visit.path
    await place.to_step_3()
    await place.visit.post(place.visit.path)
    await place.visit.get(one)
    await place.visit.post(one)

    assert place.visit.status == 422
    assert "Er is al een werkrelatie" in place.visit.text


async def test_a_confirmation_that_is_sent_twice_makes_one_relation(place: Place) -> None:
    await place.to_step_3()
    address, fields = place.visit.path, place.visit.hidden(place.visit.path)
    await place.visit.post_raw(address, fields)
    await place.visit.post_raw(address, fields)

    assert place.visit.path == place.person
    assert place.visit.text.count("Geldig van") == 1


async def test_an_organisation_of_somebody_else_in_the_form_is_refused(place: Place) -> None:
    await place.to_step_2(TRAINING)

    assert place.visit.status == 403
    await place.to_step_2("")
    assert place.visit.status == 422
    assert "Kies een organisatie uit de lijst." in place.visit.text


async def test_a_form_made_for_another_organisation_is_refused(place: Place) -> None:
    await place.to_step_2()
    forged = {**place.visit.hidden(place.visit.path), **place.typed(), "organisation": TRAINING}
    await place.visit.post_raw(place.visit.path, forged)

    assert place.visit.status == 403


async def test_who_administers_two_organisations_links_in_either_and_goes_on_there(place: Place) -> None:
    with place.app.state.world.changing() as session:
        lieve = session.scalars(select(PersonRow).where(PersonRow.key == "local-administrator")).one()
        session.add(AdministratorRow(organisation=TRAINING, person_id=lieve.id, level="local"))
    await place.to_step_3(TRAINING)
    assert "OrganisationName Voorbeeld Opleidingen NV" in place.visit.text
    await place.visit.post(place.visit.path)

    assert "is gekoppeld aan Voorbeeld Opleidingen NV" in place.visit.text
    assert "Voorbeeld Opleidingen NV 1999.999.844 · Vaste Medewerker" in place.visit.text


async def test_an_organisation_that_has_ceased_gets_no_new_relations(place: Place) -> None:
    with place.app.state.world.changing() as session:
        session.get_one(EnterpriseRow, BAKERY).ceased_on = date(2020, 1, 1)
    await place.to_step_3()

    assert place.visit.status == 422
    assert "Deze organisatie is volgens KBO stopgezet." in place.visit.text


async def test_a_stranger_cannot_be_linked(place: Place) -> None:
    await place.visit.get("/gebruikersbeheer/personen/service-provider/koppelen")

    assert place.visit.status == 403
