"""The main page, a person's tabs, everybody of an organisation, and people side by side."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from sqlalchemy import insert, select
from starlette.applications import Starlette

from mock_idp.clock import Clock
from mock_idp.days import plus_years
from mock_idp.signin.enrolments import Enrolments
from mock_idp.signin.people import Cast
from mock_idp.world.tables import HistoryRow, PersonRow, RelationRow, RequestRow
from tests.mock_idp.idm.visit import BAKERY, Visit, government

PEOPLE = "/gebruikersbeheer/personen"
FIRST_MADE = 10_000


@dataclass(frozen=True, kw_only=True)
class Place:
    app: Starlette
    clock: Clock
    visit: Visit

    def add_people(self, number: int) -> None:
        """People of the bakery, by the hundreds."""
        today = self.clock.today()
        with self.app.state.world.changing() as session:
            session.execute(
                insert(PersonRow),
                [
                    {
                        "id": FIRST_MADE + at,
                        "key": f"made-{at}",
                        "national_number": f"made {at}",
                        "given_name": f"Ann{at:04d}",
                        "family_name": "Zeventig",
                        "phone": "",
                        "in_cast": False,
                        "status": "active",
                        "in_registers": True,
                        "version": 1,
                    }
                    for at in range(number)
                ],
            )
            session.execute(
                insert(RelationRow),
                [
                    {
                        "person_id": FIRST_MADE + at,
                        "organisation": BAKERY,
                        "category": "Vaste Medewerker",
                        "status": "active",
                        "first": today,
                        "last": plus_years(today, 5),
                        "version": 1,
                    }
                    for at in range(number)
                ],
            )


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    async with government() as (app, clock), Visit(app) as visit:
        await visit.sign_in("local-administrator")
        yield Place(app=app, clock=clock, visit=visit)


async def test_the_main_page_has_the_blocks_of_the_guide_in_their_order(place: Place) -> None:
    blocks = [
        "Hoofdpagina",
        "Mijn Taken",
        "U heeft momenteel geen openstaande taken",
        "Snel recht toekennen",
        "Ken een nieuw recht toe aan een persoon in naam van een organisatie",
        "Nieuw recht toekennen",
        "Personen",
        "Nieuwe persoon toevoegen",
        "Toon alle personen",
        "Vergelijk meerdere personen",
        "Organisaties",
        "Rechten beheren",
        "Toekenning opzoeken",
        "Raadpleeg informatie",
        "Gebruikersrechten per doelgroep",
    ]
    places = [place.visit.text.index(block) for block in blocks]

    assert places == sorted(places)


async def test_every_page_has_the_menu_and_the_search_for_a_person(place: Place) -> None:
    for path in ("", "/personen", "/personen/employee", "/help"):
        await place.visit.get(f"/gebruikersbeheer{path}")
        menu = place.visit.page.partition('class="menu-links"')[2].partition("<main")[0]
        labels = ["Organisatie", "Gebruiker", "Gebruikersrechten", "Help", "Persoon zoeken", "Zoek"]
        places = [menu.index(f">{label}<") for label in labels]
        assert places == sorted(places)


async def test_open_requests_are_counted_as_tasks(place: Place) -> None:
    with place.app.state.world.changing() as session:
        citizen = session.scalars(select(PersonRow).where(PersonRow.key == "citizen")).one()
        for status in ("open", "open", "refused"):
            session.add(
                RequestRow(
                    person_id=citizen.id,
                    organisation=BAKERY,
                    right="VLAIO Inkom Gebruiker Nieuw",
                    profiles=["Gebruiker"],
                    phone="+3212345678",
                    email="a@voorbeeld.test",
                    asked_at=place.clock.now(),
                    asked_on=place.clock.today(),
                    status=status,
                )
            )
    await place.visit.get("/gebruikersbeheer")

    assert "U heeft 2 openstaande taken" in place.visit.text


# -- one person


async def test_a_pending_person_and_a_pending_relation_say_so(place: Place) -> None:
    await place.visit.get(f"{PEOPLE}/pending-person")

    assert "Status werkstroom In afwachting" in place.visit.text
    assert "toegang tot: ✓" not in place.visit.text


@pytest.mark.parametrize(
    ("key", "state"),
    [
        ("expired-right", "Gebruiker vervallen"),
        ("expires-soon", "Gebruiker geldig vervalt binnenkort"),
        ("future-right", "Gebruiker nog niet begonnen"),
        ("paused-relation", "Gebruiker gepauzeerd"),
        ("ended-relation", "Gebruiker vervallen"),
        ("employee", "Gebruiker geldig Bewerk"),
    ],
)
async def test_each_right_says_how_it_stands(place: Place, key: str, state: str) -> None:
    await place.visit.get(f"{PEOPLE}/{key}")

    assert state in place.visit.text
    gives_access = key in ("expires-soon", "employee")
    assert ("De persoon heeft nu toegang tot: ✓ kmo-portefeuille ✓ Ecologiepremie Plus" in place.visit.text) == (
        gives_access
    )


async def test_the_actions_of_a_right_lead_to_its_pages(place: Place) -> None:
    await place.visit.get(f"{PEOPLE}/employee")

    for word in ("bewerken", "verlengen", "verwijderen"):
        assert f'href="/gebruikersbeheer/rechten/1/{word}"' in place.visit.page
    assert 'href="/gebruikersbeheer/relaties/1/recht-toekennen"' in place.visit.page


async def test_the_details_have_phone_mail_days_and_version(place: Place) -> None:
    await place.visit.get(f"{PEOPLE}/employee/details")

    assert "Organisatie code 1999.999.943 Categorie Vaste Medewerker" in place.visit.text
    assert "Telefoonnummer +32470000002 E-mailadres britt@voorbeeld.test Versie 1" in place.visit.text


async def test_the_accounts_tell_what_is_activated_and_no_secret(place: Place) -> None:
    person = place.app.state.world.current.person("paused-relation")
    await place.visit.get(f"{PEOPLE}/paused-relation/accounts")

    assert f"VO-id {person.vo_id}" in place.visit.text
    assert "Beveiligingscode via mobiele app niet geactiveerd Beveiligingscode via SMS geactiveerd" in place.visit.text
    assert person.national_number not in place.visit.page


async def test_an_app_that_was_just_activated_is_shown(place: Place) -> None:
    enrolments = Enrolments(Cast(place.app.state.world, place.clock))
    enrolments.activate_app("paused-relation", secret=b"secret", last_step=1)
    await place.visit.get(f"{PEOPLE}/paused-relation/accounts")

    assert "Beveiligingscode via mobiele app geactiveerd" in place.visit.text


async def test_the_history_has_pages_and_begins_with_the_latest(place: Place) -> None:
    with place.app.state.world.changing() as session:
        for at in range(45):
            session.add(
                HistoryRow(
                    at=place.clock.now(),
                    day=place.clock.today(),
                    actor_id=None,
                    person_id=2,
                    organisation=BAKERY,
                    action="person-edited",
                    change={"before": {}, "after": {"call_name": f"naam {at}"}},
                )
            )
    await place.visit.get(f"{PEOPLE}/employee/historiek")
    assert place.visit.text.index("naam 44") < place.visit.text.index("naam 25")
    assert "naam 24" not in place.visit.text
    assert "Pagina 1 van 3" in place.visit.text
    await place.visit.get(f"{PEOPLE}/employee/historiek?pagina=3")
    assert "naam 0" in place.visit.text
    await place.visit.get(f"{PEOPLE}/employee/historiek?pagina=999")
    assert "Pagina 3 van 3" in place.visit.text


@pytest.mark.parametrize("tab", ["", "/details", "/accounts", "/historiek", "/bewerken", "/koppelen"])
@pytest.mark.parametrize("key", ["service-provider", "no-such-person"])
async def test_a_stranger_to_the_organisation_has_no_page(place: Place, key: str, tab: str) -> None:
    await place.visit.get(f"{PEOPLE}/{key}{tab}")

    assert place.visit.status == 403
    assert "Opleider" not in place.visit.page


# -- everybody


async def test_everybody_is_listed_by_family_name(place: Place) -> None:
    await place.visit.get(PEOPLE)

    names = ["Jef Afscheid", "D'Hondt", "Pieter Halvewege", "Britt Proefman", "Odette Vandenoude", "Noor Wachters"]
    places = [place.visit.text.index(name) for name in names]
    assert places == sorted(places)
    assert "Opleider" not in place.visit.text


@pytest.mark.parametrize(
    ("status", "who"),
    [
        ("met-recht", {"Britt", "Odette", "Hector", "Zoë"}),
        ("zonder-recht", {"Jef", "Pieter", "Emiel", "Toinette", "Noor", "Lieve", "Elke"}),
        ("gepauzeerd", {"Pieter"}),
        ("vervallen", {"Jef", "Emiel"}),
        ("vervalt-binnenkort", {"Hector", "Zoë"}),
        ("no-such-status", {"Britt", "Odette", "Hector", "Zoë", "Jef", "Pieter", "Emiel", "Toinette", "Noor"}),
    ],
)
async def test_people_are_narrowed_to_what_they_hold(place: Place, status: str, who: set[str]) -> None:
    await place.visit.get(f"{PEOPLE}?status={status}")

    all_of_them = {"Britt", "Odette", "Hector", "Zoë", "Jef", "Pieter", "Emiel", "Toinette", "Noor", "Lieve", "Elke"}
    shown = {name for name in all_of_them if name in place.visit.text}
    assert shown == (who if status != "no-such-status" else all_of_them)


@pytest.mark.parametrize("typed", ["zoe muller", "d'hondt", "ZOË", "Müller Zoë", "hond"])
async def test_a_name_is_found_however_it_is_typed(place: Place, typed: str) -> None:
    await place.visit.get(f"{PEOPLE}?q={typed}")

    assert "Eén persoon" in place.visit.text
    assert "Zoë" in place.visit.text


async def test_a_name_that_nobody_has_finds_nobody(place: Place) -> None:
    await place.visit.get(f"{PEOPLE}?q=%25")

    assert "Niemand past bij die zoekopdracht." in place.visit.text


async def test_a_number_is_not_searched_for_nor_repeated(place: Place) -> None:
    number = place.app.state.world.current.person("employee").national_number
    await place.visit.get(f"{PEOPLE}?q={number}")

    assert place.visit.path == PEOPLE
    assert "een nummer van een persoon hoort niet in een adres" in place.visit.text
    assert number not in place.visit.page


async def test_five_thousand_people_are_searched_and_paged(place: Place) -> None:
    place.add_people(5000)
    await place.visit.get(PEOPLE)
    assert "5011 personen" in place.visit.text
    assert "Pagina 1 van 201" in place.visit.text
    await place.visit.get(f"{PEOPLE}?q=ann4999&status=zonder-recht")
    assert "Eén persoon" in place.visit.text
    await place.visit.get(f"{PEOPLE}?q=zeventig&status=zonder-recht&pagina=2")
    assert "Ann0025" in place.visit.text
    assert "Ann0024" not in place.visit.text
    assert "?q=zeventig&amp;status=zonder-recht&amp;pagina=3" in place.visit.page


# -- side by side


async def test_two_people_are_chosen_and_their_differences_marked(place: Place) -> None:
    await place.visit.get(f"{PEOPLE}/vergelijken?q=proefman")
    assert "Kies twee tot vier personen." in place.visit.text
    assert "?persoon=employee&amp;q=proefman" in place.visit.page
    await place.visit.get(f"{PEOPLE}/vergelijken?persoon=employee&persoon=paused-relation")
    assert "Geselecteerd Britt Proefman" in place.visit.text
    assert "persoon=employee&amp;persoon=paused-relation&amp;toon=1" in place.visit.page
    await place.visit.get(f"{PEOPLE}/vergelijken?persoon=employee&persoon=paused-relation&toon=1")

    assert "Werkrelatie verschilt Vaste Medewerker geldig Vaste Medewerker gepauzeerd" in place.visit.text
    assert "VLAIO Inkom Gebruiker Nieuw verschilt" in place.visit.text
    assert "Periode van" in place.visit.text


async def test_no_more_than_four_fit(place: Place) -> None:
    keys = ["employee", "older-right", "expired-right", "expires-today", "expires-soon"]
    await place.visit.get(f"{PEOPLE}/vergelijken?" + "&".join(f"persoon={key}" for key in keys))

    assert "Dit zijn er vier" in place.visit.text
    assert "Zoë" not in place.visit.text


async def test_one_person_alone_is_not_compared(place: Place) -> None:
    await place.visit.get(f"{PEOPLE}/vergelijken?persoon=employee&persoon=employee&toon=1")

    assert "Beschikbaar" in place.visit.text


async def test_strangers_are_not_compared(place: Place) -> None:
    await place.visit.get(f"{PEOPLE}/vergelijken?persoon=employee&persoon=service-provider&toon=1")

    assert place.visit.status == 403
