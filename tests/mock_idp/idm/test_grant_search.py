"""*Zoek gebruikersrecht toekenning*: what is found, in which order, as CSV, and the extension of several at once."""

import csv
import io
import re
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import select
from starlette.applications import Starlette

from mock_idp.days import plus_years
from mock_idp.idm.rules import written_day
from mock_idp.idm.spreadsheet import csv_of, harmless
from mock_idp.idm.standing import Standing, standing_of_right
from mock_idp.world.tables import AdministratorRow, PersonRow, RelationRow, RightRow
from tests.mock_idp.idm.visit import BAKERY, TRAINING, Visit, government

GRANTS = "/gebruikersbeheer/toekenningen"
EXTENDING = f"{GRANTS}/verlengen"
EMIEL, HECTOR, ZOE, ODETTE = "Emiel Verlopen", "Hector Laatstedag", "Zoë D'Hondt-Müller", "Odette Vandenoude"
BRITT, PIETER, TOINETTE, NOOR, JEF = (
    "Britt Proefman",
    "Pieter Halvewege",
    "Toinette Straks",
    "Noor Wachters",
    "Jef Afscheid",
)


def found(visit: Visit) -> list[str]:
    """The people in the result, in its order."""
    return [
        re.sub(r"&#39;", "'", one) for one in re.findall(r'<th role="rowheader".*?<bdi[^>]*>(.*?)</bdi>', visit.page)
    ]


def ids_of(app: Starlette, *keys: str) -> list[str]:
    with app.state.world.reading() as session:
        people = {one.key: one for one in session.scalars(select(PersonRow).where(PersonRow.key.in_(keys)))}
        return [str(people[key].relations[0].rights[0].id) for key in keys]


async def searching(visit: Visit, question: str = "") -> Visit:
    return await visit.sign_in("local-administrator", to=GRANTS + question)


async def test_everything_is_listed_with_what_ends_first_at_the_top() -> None:
    async with government() as (app, _), Visit(app) as lieve:
        await searching(lieve)

        for words in (
            "Zoek gebruikersrecht toekenning",
            "Organisatie",
            "Gebruikersrecht",
            "Begindatum",
            "Einddatum",
            "Naam van de persoon",
            "Geavanceerd zoeken",
            "Zoek",
        ):
            assert words in lieve.text
        assert found(lieve)[:4] == [EMIEL, HECTOR, ZOE, ODETTE]
        assert len(found(lieve)) == 9


@pytest.mark.parametrize(
    ("question", "people"),
    [
        ("?recht=VLAIO+Inkom+Gebruiker", {ODETTE}),
        ("?naam=zoe+muller", {ZOE}),
        ("?naam=D%27HONDT", {ZOE}),
        ("?naam=niemand", set()),
        ("?status=expired", {EMIEL, JEF}),
        ("?status=not-begun", {TOINETTE}),
        ("?status=paused", {PIETER}),
        ("?status=pending", {NOOR}),
        ("?status=valid&recht=VLAIO+Inkom+Gebruiker+Nieuw", {HECTOR, ZOE, BRITT}),
        ("?binnen=10", {HECTOR, ZOE}),
        ("?binnen=0", {HECTOR}),
        ("?profiel=Dienstverlener+kmo-portefeuille", set()),
        ("?profiel=Gebruiker&categorie=Vaste+Medewerker&status=pending", {NOOR}),
        ("?categorie=Externe+Medewerker", set()),
    ],
)
async def test_a_search_finds_what_it_asks(question: str, people: set[str]) -> None:
    async with government() as (app, _), Visit(app) as lieve:
        await searching(lieve, question)

        assert lieve.status == 200
        assert set(found(lieve)) == people
        assert ("Geen enkele toekenning past" in lieve.text) == (not people)


@pytest.mark.parametrize(
    ("field", "operator", "days", "people"),
    [
        ("eind", "is", 0, {HECTOR}),
        ("eind", "voor", 0, {EMIEL}),
        ("eind", "voor", 1, {EMIEL, HECTOR}),
        ("eind", "na", 4 * 365, {TOINETTE, NOOR}),
        ("begin", "is", 1, {TOINETTE}),
        ("begin", "na", -1, {TOINETTE, NOOR}),
        ("begin", "is", 0, {NOOR}),
    ],
)
async def test_dates_are_searched_with_is_before_and_after(
    field: str, operator: str, days: int, people: set[str]
) -> None:
    async with government() as (app, clock), Visit(app) as lieve:
        day = written_day(clock.today() + timedelta(days=days))
        await searching(lieve, f"?{field}={day}&{field}_op={operator}")

        assert set(found(lieve)) == people
        assert f'value="{day}"' in lieve.page


async def test_each_status_that_the_page_shows_is_the_status_that_the_search_finds() -> None:
    async with government() as (app, clock), Visit(app) as lieve:
        await searching(lieve)
        with app.state.world.reading() as session:
            rows = session.scalars(select(RightRow).join(RightRow.relation).where(RelationRow.organisation == BAKERY))
            stands = [(row.relation.person.name, standing_of_right(row, clock.today())) for row in rows]
        for standing in Standing:
            await lieve.get(f"{GRANTS}?status={standing.value}")
            assert sorted(found(lieve)) == sorted(name for name, how in stands if how is standing)


@pytest.mark.parametrize(
    ("question", "complaint"),
    [
        ("?eind=31/02/2027", "Schrijf een bestaande dag"),
        ("?begin=morgen", "Schrijf een bestaande dag"),
        ("?eind=1/1/2027&eind_op=ongeveer", "Kies op, voor of na"),
        ("?status=goed", "Kies uit de lijst"),
        ("?recht=Iets", "Kies uit de lijst"),
        ("?categorie=x&profiel=y", "Kies uit de lijst"),
        ("?binnen=veel", "Schrijf een aantal dagen"),
        ("?binnen=3661", "Schrijf een aantal dagen"),
        ("?binnen=-1", "Schrijf een aantal dagen"),
    ],
)
async def test_a_search_that_makes_no_sense_is_told_and_finds_nothing(question: str, complaint: str) -> None:
    async with government() as (app, _), Visit(app) as lieve:
        await searching(lieve, question)

        assert lieve.status == 422
        assert complaint in lieve.text
        assert found(lieve) == []
        await lieve.get(f"{GRANTS}.csv{question}")
        assert lieve.path == GRANTS


async def test_a_persons_number_does_not_stay_in_the_address() -> None:
    async with government() as (app, _), Visit(app) as lieve:
        number = app.state.world.current.person("employee").national_number
        await searching(lieve, f"?naam={number}")

        assert lieve.path == GRANTS
        assert number not in lieve.page
        assert "Zoek op naam" in lieve.text


async def test_a_long_result_comes_in_pages_that_keep_the_search() -> None:
    async with government() as (app, clock), Visit(app) as lieve:
        with app.state.world.changing() as session:
            relation = session.scalars(select(PersonRow).where(PersonRow.key == "employee")).one().relations[0]
            for number in range(30):
                day = clock.today() + timedelta(days=2000 + number)
                relation.rights.append(
                    RightRow(name="Voorbeeld Subsidieloket", profiles=["Lezer"], first=day, last=day)
                )
        await searching(lieve, "?recht=Voorbeeld+Subsidieloket")
        assert "30 toekenningen" in lieve.text
        assert len(found(lieve)) == 25
        (following,) = re.findall(r'rel="next" href="([^"]+)"', lieve.page)
        await lieve.get(following.replace("&amp;", "&"))

        assert len(found(lieve)) == 5
        await lieve.get(f"{GRANTS}?recht=Voorbeeld+Subsidieloket&pagina=99")
        assert len(found(lieve)) == 5


# -- another organisation


def administers_both(app: Starlette) -> None:
    with app.state.world.changing() as session:
        lieve = session.scalars(select(PersonRow).where(PersonRow.key == "local-administrator")).one()
        session.add(AdministratorRow(organisation=TRAINING, person_id=lieve.id, level="local"))


async def test_another_organisation_is_looked_at_and_then_worked_for() -> None:
    async with government() as (app, _), Visit(app) as lieve:
        administers_both(app)
        await lieve.sign_in("local-administrator", to="/gebruikersbeheer/organisatie")
        await lieve.post("/gebruikersbeheer/organisatie", organisation=BAKERY)
        await lieve.get(f"{GRANTS}?organisatie={TRAINING}&naam=karel")
        assert found(lieve) == ["Karel Opleider"]
        assert "U ziet een andere organisatie dan die waarvoor u werkt" in lieve.text
        assert "/gebruikersbeheer/rechten/" not in lieve.page

        await lieve.post(f"{GRANTS}/organisatie", naam="karel")

        assert found(lieve) == ["Karel Opleider"]
        assert "/gebruikersbeheer/rechten/" in lieve.page


@pytest.mark.parametrize("address", [GRANTS, f"{GRANTS}.csv"])
@pytest.mark.parametrize("number", [TRAINING, "1999.999.844", "x"])
async def test_an_organisation_of_somebody_else_is_not_searched(address: str, number: str) -> None:
    async with government() as (app, _), Visit(app) as lieve:
        await lieve.sign_in("local-administrator", to=f"{address}?organisatie={number}")

        assert lieve.status == 403
        assert "Karel" not in lieve.page


async def test_nobody_begins_to_work_for_an_organisation_of_somebody_else() -> None:
    async with government() as (app, _), Visit(app) as lieve:
        await lieve.sign_in("local-administrator", to="/gebruikersbeheer/recht-toekennen")
        await lieve.get("/gebruikersbeheer/organisatie")
        fields = lieve.hidden("/gebruikersbeheer/organisatie")
        await lieve.post_raw(f"{GRANTS}/organisatie", {**fields, "werken_voor": TRAINING})

        assert lieve.status == 403


# -- CSV


async def downloaded(visit: Visit, question: str) -> tuple[httpx2.Response, list[list[str]]]:
    answer = await visit._browser.get(f"{GRANTS}.csv{question}", headers={"accept-language": "nl"})
    return answer, list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))


async def test_the_result_can_be_downloaded_as_it_is() -> None:
    async with government() as (app, _), Visit(app) as lieve:
        await searching(lieve, "?binnen=10")
        answer, (heading, *rows) = await downloaded(lieve, "?binnen=10")

        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.headers["content-disposition"].startswith('attachment; filename="toekenningen-1999999943-')
        assert heading[:2] == ["Naam", "Voornaam"]
        assert [f"{row[1]} {row[0]}" for row in rows] == found(lieve) == [HECTOR, ZOE]
        assert rows[0][9] == "geldig"
        assert app.state.world.current.person("expires-soon").national_number not in answer.text


async def test_a_name_that_is_a_formula_stays_text() -> None:
    async with government() as (app, _), Visit(app) as lieve:
        with app.state.world.changing() as session:
            person = session.scalars(select(PersonRow).where(PersonRow.key == "employee")).one()
            person.family_name = '=HYPERLINK("https://elsewhere.test";"klik")'
        await searching(lieve)
        _, (_, *rows) = await downloaded(lieve, "?naam=britt")

        assert rows[0][0] == '\'=HYPERLINK("https://elsewhere.test";"klik")'


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\tx", "\rx", "\nx", " =1", "\uff1d1"])
def test_cells_that_spreadsheets_run_get_an_apostrophe(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "Jan", "1999.999.943", "a=b", "26/06/2028", "'t Hof"])
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert harmless(cell) == cell


def test_quotes_and_semicolons_stay_within_their_cell() -> None:
    assert csv_of(["a"], [['x";=1']]).decode("utf-8-sig") == '"a"\r\n"x"";=1"\r\n'


# -- several at once


async def choosing(visit: Visit, app: Starlette, *keys: str) -> list[str]:
    ids = ids_of(app, *keys)
    await visit.sign_in("local-administrator", to=f"{EXTENDING}?{'&'.join(f'rechten={one}' for one in ids)}")
    return ids


async def confirm(visit: Visit, ids: list[str], **typed: Any) -> None:
    await visit.post(EXTENDING, **{"rechten": ids, "hoe": "automatisch", **typed})


async def test_several_rights_are_extended_at_once_and_each_is_reported() -> None:
    async with government() as (app, clock), Visit(app) as lieve:
        ids = await choosing(lieve, app, "expires-today", "expires-soon")
        most = written_day(plus_years(clock.today(), 4))
        assert lieve.text.count(most) == 2
        await confirm(lieve, ids, reason="Jaarlijkse ronde")

        assert "2 rechten zijn verlengd" in lieve.text
        assert found(lieve) == [HECTOR, ZOE]
        assert lieve.text.count(most) == 2
        await lieve.get("/gebruikersbeheer/personen/expires-soon/historiek")
        assert "Jaarlijkse ronde" in lieve.text


async def test_what_a_rule_prevents_is_reported_with_the_rule_and_the_others_are_extended() -> None:
    async with government() as (app, clock), Visit(app) as lieve:
        ids = await choosing(lieve, app, "expires-today", "ended-relation", "employee")
        await confirm(lieve, ids, hoe="zelf", last=written_day(clock.today() + timedelta(days=30)))

        assert "Eén recht is verlengd" in lieve.text
        assert "2 rechten zijn niet verlengd" in lieve.text
        assert "De werkrelatie is geëindigd op" in lieve.text
        assert "Kies een latere dag om het te verlengen" in lieve.text


async def test_what_somebody_else_changed_or_removed_meanwhile_is_reported() -> None:
    async with government() as (app, _), Visit(app) as lieve, Visit(app) as elke:
        ids = await choosing(lieve, app, "expires-today", "expires-soon", "older-right")
        first, second, _ = (f"/gebruikersbeheer/rechten/{one}" for one in ids)
        await elke.sign_in("right-elsewhere", to=f"{first}/verlengen")
        await elke.post(f"{first}/verlengen", hoe="automatisch")
        await elke.get(f"{second}/verwijderen")
        await elke.post(f"{second}/verwijderen")
        await confirm(lieve, ids)

        assert "Iemand anders heeft dit recht intussen gewijzigd" in lieve.text
        assert "Dit recht is intussen verwijderd" in lieve.text
        assert "Eén recht is verlengd" in lieve.text


async def test_a_confirmation_sent_twice_shows_the_same_report() -> None:
    async with government() as (app, _), Visit(app) as lieve:
        ids = await choosing(lieve, app, "expires-today")
        fields: dict[str, str] = {**lieve.hidden(EXTENDING), "rechten": ids[0], "hoe": "automatisch"}
        for _ in range(2):
            await lieve.post_raw(EXTENDING, fields)
            assert "Eén recht is verlengd" in lieve.text


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ({"hoe": "zelf", "last": "ooit"}, "Schrijf een bestaande dag"),
        ({"hoe": ""}, "Kies of u zelf de einddatum aanpast"),
        ({"reason": "x" * 1001}, "Hoogstens 1000 tekens"),
    ],
)
async def test_a_choice_that_makes_no_sense_extends_none_of_them(typed: dict[str, str], complaint: str) -> None:
    async with government() as (app, _), Visit(app) as lieve:
        ids = await choosing(lieve, app, "expires-today", "expires-soon")
        await confirm(lieve, ids, **typed)

        assert lieve.status == 422
        assert complaint in lieve.text
        assert {HECTOR, ZOE} == set(found(lieve))


async def test_a_right_of_another_organisation_among_them_stops_all() -> None:
    async with government() as (app, clock), Visit(app) as lieve:
        ids = await choosing(lieve, app, "expires-today")
        await confirm(lieve, [*ids, *ids_of(app, "service-provider")])

        assert lieve.status == 403
        with app.state.world.reading() as session:
            assert session.get_one(RightRow, int(ids[0])).last == clock.today()


@pytest.mark.parametrize("question", ["", "?rechten=", "?rechten=abc", "?rechten=-1"])
async def test_with_nothing_chosen_the_page_says_what_to_do(question: str) -> None:
    async with government() as (app, _), Visit(app) as lieve:
        await lieve.sign_in("local-administrator", to=EXTENDING + question)

        assert lieve.path == GRANTS
        assert "Kies eerst de rechten die u wilt verlengen" in lieve.text


async def test_a_report_that_is_no_longer_kept_leads_back_to_the_search() -> None:
    async with government() as (app, _), Visit(app) as lieve:
        await lieve.sign_in("local-administrator", to=f"{GRANTS}/verlengd/never-was")

        assert lieve.path == GRANTS
