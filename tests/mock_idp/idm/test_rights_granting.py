"""*Ken gebruikersrecht toe*, step by step as the guide has it, until the right is in force at the register."""

import re
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select
from starlette.applications import Starlette

from mock_idp.days import plus_years
from mock_idp.idm.rules import written_day
from mock_idp.world.tables import PersonRow
from tests.mock_idp.idm.register import rights_in_register
from tests.mock_idp.idm.visit import Visit, government

QUICK = "/gebruikersbeheer/recht-toekennen"
NEW, OTHER = "VLAIO Inkom Gebruiker Nieuw", "Voorbeeld Subsidieloket"


def relation_of(app: Starlette, key: str) -> int:
    """The row of somebody's first working relation, as it stands in addresses."""
    with app.state.world.reading() as session:
        person = session.scalars(select(PersonRow).where(PersonRow.key == key)).one()
        return int(person.relations[0].id)


def begin_of(app: Starlette, key: str) -> str:
    return f"/gebruikersbeheer/relaties/{relation_of(app, key)}/recht-toekennen"


async def second_step(visit: Visit, app: Starlette, key: str = "local-administrator", right: str = NEW) -> None:
    begin = begin_of(app, key)
    await visit.sign_in("local-administrator", to=begin)
    await visit.post(begin, right=right)


def values_of(visit: Visit, name: str) -> list[str]:
    """The values of the fields with this name on the page."""
    return re.findall(rf'<input[^>]* name="{name}"[^>]* value="([^"]*)"', visit.page)


async def test_the_administrator_grants_the_right_in_three_steps_and_it_is_in_force_at_once() -> None:
    async with government() as (app, clock), Visit(app) as lieve:
        today, before = clock.today(), await rights_in_register(app, "expired-right")
        await second_step(lieve, app, "expired-right")
        for words in ("Stap 2 van 3", "Gebruikersrecht VLAIO Inkom Gebruiker Nieuw", "Omschrijving van het recht"):
            assert words in lieve.text
        assert "geeft toegang tot de digitale steunmaatregelen" in lieve.text
        assert "Maximumperiode = 4 jaar; je kan dit aanpassen." in lieve.text
        assert values_of(lieve, "first") == [written_day(today)]
        assert values_of(lieve, "last") == [written_day(plus_years(today, 4))]
        assert values_of(lieve, "erbij") == ["Dienstverlener kmo-portefeuille", "Gebruiker"]

        typed = {"first": written_day(today), "last": written_day(plus_years(today, 4))}
        await lieve.post(lieve.path, **typed, erbij="Gebruiker", doen="toevoegen")
        assert values_of(lieve, "profiles") == ["Gebruiker"] == values_of(lieve, "eruit")
        assert values_of(lieve, "erbij") == ["Dienstverlener kmo-portefeuille"]

        await lieve.post(lieve.path, **typed, doen="verder")
        assert lieve.path.endswith("/bevestigen")
        for words in ("Stap 3 van 3", "Reden", "Terug", "Bevestig", "Profiel Gebruiker", written_day(today)):
            assert words in lieve.text
        assert await rights_in_register(app, "expired-right") == before

        await lieve.post(lieve.path, reason="Werkt aan een aanvraag")

        assert lieve.path == "/gebruikersbeheer/personen/expired-right"
        assert "Emiel Verlopen heeft het recht VLAIO Inkom Gebruiker Nieuw" in lieve.text
        for opened in ("De persoon heeft nu toegang tot", "kmo-portefeuille", "Ecologiepremie Plus"):
            assert opened in lieve.text
        (*_, right) = await rights_in_register(app, "expired-right")
        assert right == {
            "name": NEW,
            "profiles": ["Gebruiker"],
            "from": today.isoformat(),
            "until": plus_years(today, 4).isoformat(),
        }
        await lieve.get("/gebruikersbeheer/personen/expired-right/historiek")
        assert "Werkt aan een aanvraag" in lieve.text


async def test_the_first_step_shows_organisation_code_category_rights_and_what_is_held_already() -> None:
    async with government() as (app, _), Visit(app) as lieve:
        await lieve.sign_in("local-administrator", to=begin_of(app, "employee"))

        for words in (
            "Stap 1 van 3",
            "Selecteer gebruikersrecht",
            "OrganisationName Voorbeeld Bakkerij BV",
            "Organisatie code 1999.999.943",
            "Categorie Vaste Medewerker",
            "Selecteer uit lijst",
            "Annuleer",
            "Verder",
            "Rechten die deze persoon hier al heeft",
        ):
            assert words in lieve.text
        assert OTHER in lieve.page
        assert app.state.world.current.person("employee").national_number not in lieve.page


async def test_a_right_that_is_held_already_is_refused_at_the_first_step() -> None:
    async with government() as (app, _), Visit(app) as lieve:
        await second_step(lieve, app, "employee", NEW)

        assert lieve.status == 422
        assert "Dit recht is al toegekend van" in lieve.text


@pytest.mark.parametrize("right", ["", "Iets anders", "vlaio inkom gebruiker nieuw"])
async def test_a_right_that_is_not_in_the_list_is_refused_at_the_first_step(right: str) -> None:
    async with government() as (app, _), Visit(app) as lieve:
        await second_step(lieve, app, right=right)

        assert lieve.status == 422
        assert "Kies een gebruikersrecht uit de lijst" in lieve.text


async def test_profiles_go_to_the_list_and_back_while_the_days_that_were_typed_stay() -> None:
    async with government() as (app, _), Visit(app) as lieve:
        await second_step(lieve, app)
        step = lieve.path
        await lieve.post(step, first="morgen", last="1/1/2027", erbij=["Gebruiker"], doen="toevoegen")
        await lieve.post(step, first="morgen", last="1/1/2027", eruit=["Gebruiker"], doen="verwijderen")

        assert lieve.status == 200
        assert values_of(lieve, "profiles") == []
        assert len(values_of(lieve, "erbij")) == 2
        assert (values_of(lieve, "first"), values_of(lieve, "last")) == (["morgen"], ["1/1/2027"])


async def test_a_relation_that_ends_sooner_gives_the_right_its_own_end_and_says_so() -> None:
    async with government() as (app, clock), Visit(app) as lieve:
        row = relation_of(app, "local-administrator")
        last = plus_years(clock.today(), 1)
        with app.state.world.changing() as session:
            person = session.scalars(select(PersonRow).where(PersonRow.key == "local-administrator")).one()
            person.relations[0].last = last
        await second_step(lieve, app)

        assert values_of(lieve, "last") == [written_day(last)]
        assert f"een recht erin duurt ten laatste tot {written_day(last)}" in lieve.text
        assert f'href="/gebruikersbeheer/relaties/{row}/verlengen"' in lieve.page


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ({"profiles": []}, "Kies minstens één profiel"),
        ({"profiles": "Indiener"}, "Dit is geen profiel van het recht VLAIO Inkom Gebruiker Nieuw"),
        ({"erbij": "Dienstverlener kmo-portefeuille"}, "U klikte Dienstverlener kmo-portefeuille aan"),
        ({"first": "30/02/2027"}, "Schrijf een bestaande dag"),
        ({"last": ""}, "Schrijf een bestaande dag"),
        ({"first": "01/01/2020"}, "De begindatum kan niet in het verleden liggen"),
        ({"last": "01/01/2020"}, "De einddatum ligt voor de begindatum"),
        ({"last": "01/01/2099"}, "Een gebruikersrecht duurt hoogstens 4 jaar"),
        ({"first": "01/01/9999", "last": "31/12/9999"}, "kan niet langer duren dan de werkrelatie"),
    ],
)
async def test_bad_input_at_the_second_step_is_told_and_what_was_typed_stays(
    typed: dict[str, Any], complaint: str
) -> None:
    async with government() as (app, clock), Visit(app) as lieve:
        today = clock.today()
        await second_step(lieve, app)
        fields = {"first": written_day(today), "last": written_day(today), "profiles": "Gebruiker", "doen": "verder"}
        await lieve.post(lieve.path, **(fields | typed))

        assert lieve.status == 422
        assert complaint in lieve.text
        assert values_of(lieve, "last") == [typed.get("last", written_day(today))]


async def test_a_button_of_the_lists_without_a_tick_says_what_to_do_first() -> None:
    async with government() as (app, _), Visit(app) as lieve:
        await second_step(lieve, app)
        await lieve.post(lieve.path, doen="toevoegen")

        assert lieve.status == 422
        assert "Klik eerst op een profiel in de lijst" in lieve.text


async def granted_draft(lieve: Visit, app: Starlette, today: date) -> str:
    """The address of the third step, for a right that ends today."""
    await second_step(lieve, app)
    await lieve.post(lieve.path, first=written_day(today), last=written_day(today), profiles="Gebruiker", doen="verder")
    return lieve.path


async def test_the_second_step_keeps_what_was_chosen_when_going_back_to_it() -> None:
    async with government() as (app, clock), Visit(app) as lieve:
        third = await granted_draft(lieve, app, clock.today())
        await lieve.get(third.removesuffix("/bevestigen"))

        assert values_of(lieve, "profiles") == ["Gebruiker"]
        assert values_of(lieve, "last") == [written_day(clock.today())]


async def test_a_confirmation_sent_twice_grants_once() -> None:
    async with government() as (app, clock), Visit(app) as lieve:
        third = await granted_draft(lieve, app, clock.today())
        fields = lieve.hidden(third)
        for _ in range(2):
            await lieve.post_raw(third, fields)
            assert lieve.path == "/gebruikersbeheer/personen/local-administrator"

        assert len(await rights_in_register(app, "local-administrator")) == 1


async def test_when_another_administrator_granted_it_meanwhile_the_second_is_told() -> None:
    async with government() as (app, clock), Visit(app) as lieve, Visit(app) as elke:
        third = await granted_draft(lieve, app, clock.today())
        begin = begin_of(app, "local-administrator")
        await elke.sign_in("right-elsewhere", to=begin)
        await elke.post(begin, right=NEW)
        await elke.post(
            elke.path,
            first=written_day(clock.today()),
            last=written_day(clock.today()),
            profiles="Gebruiker",
            doen="verder",
        )
        await elke.post(elke.path)
        await lieve.post(third)

        assert lieve.status == 422
        assert "Dit recht is al toegekend" in lieve.text
        assert len(await rights_in_register(app, "local-administrator")) == 1


async def test_a_reason_that_is_too_long_is_told_beside_it_and_grants_nothing() -> None:
    async with government() as (app, clock), Visit(app) as lieve:
        third = await granted_draft(lieve, app, clock.today())
        await lieve.post(third, reason="x" * 1001)

        assert lieve.status == 422
        assert "Hoogstens 1000 tekens" in lieve.text
        assert await rights_in_register(app, "local-administrator") == []


async def test_nobody_grants_in_a_relation_of_another_organisation() -> None:
    async with government() as (app, _), Visit(app) as other:
        await other.sign_in("training-administrator", to=begin_of(app, "employee"))

        assert other.status == 403


@pytest.mark.parametrize(("number", "status"), [(999_999, 409), (10**30, 403)])
async def test_a_relation_that_is_gone_or_never_was_is_no_crash(number: int, status: int) -> None:
    async with government() as (app, _), Visit(app) as lieve:
        await lieve.sign_in("local-administrator", to=f"/gebruikersbeheer/relaties/{number}/recht-toekennen")

        assert lieve.status == status


async def test_a_form_for_another_organisation_is_refused() -> None:
    async with government() as (app, clock), Visit(app) as lieve:
        third = await granted_draft(lieve, app, clock.today())
        await lieve.post(third, organisation="1999999844")

        assert lieve.status == 403
        assert await rights_in_register(app, "local-administrator") == []


async def test_a_step_whose_form_is_no_longer_kept_leads_to_the_people_and_says_so() -> None:
    async with government() as (app, _), Visit(app) as lieve:
        await lieve.sign_in("local-administrator", to=f"{QUICK}/never-was")

        assert lieve.path == "/gebruikersbeheer/personen"
        assert "niet meer bijgehouden" in lieve.text


async def test_the_third_step_cannot_be_reached_past_the_second() -> None:
    async with government() as (app, _), Visit(app) as lieve:
        await second_step(lieve, app)
        await lieve.get(f"{lieve.path}/bevestigen")

        assert lieve.path == "/gebruikersbeheer/personen"


# -- Snel recht toekennen


async def test_granting_quickly_begins_with_the_person() -> None:
    async with government() as (app, _), Visit(app) as lieve:
        await lieve.sign_in("local-administrator", to=f"{QUICK}?q=zoe")

        assert "Ken een nieuw recht toe aan een persoon in naam van een organisatie" in lieve.text
        assert "Zoë D'Hondt-Müller" in lieve.text
        assert "Britt Proefman" not in lieve.text
        assert f'href="{begin_of(app, "expires-soon")}"' in lieve.page


async def test_somebody_whose_relation_is_over_is_first_to_be_extended() -> None:
    async with government() as (app, _), Visit(app) as lieve:
        await lieve.sign_in("local-administrator", to=f"{QUICK}?q=afscheid")

        assert "Verleng eerst de werkrelatie" in lieve.text
        assert "recht-toekennen" not in lieve.page.partition("Afscheid")[2].partition("</table>")[0]
        await lieve.get(begin_of(app, "ended-relation"))
        assert "Deze werkrelatie is voorbij" in lieve.text


async def test_a_persons_number_does_not_stay_in_the_address_of_a_search() -> None:
    async with government() as (app, _), Visit(app) as lieve:
        number = app.state.world.current.person("employee").national_number
        await lieve.sign_in("local-administrator", to=f"{QUICK}?q=Britt+{number}")

        assert lieve.path == QUICK
        assert "Zoek op naam" in lieve.text
        assert number not in lieve.page
