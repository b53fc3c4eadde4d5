"""*Bewerk*, *Verleng* and *Verwijder* of a right that was granted, by one administrator and by two at once."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from starlette.applications import Starlette

from mock_idp.days import plus_years
from mock_idp.idm.rules import written_day
from mock_idp.world.tables import HistoryRow, PersonRow, RightRow
from tests.mock_idp.idm.register import rights_in_register
from tests.mock_idp.idm.visit import Visit, government

SERVICES = "Dienstverlener kmo-portefeuille"
PERSON = "/gebruikersbeheer/personen/employee"


def right_of(app: Starlette, key: str = "employee") -> RightRow:
    with app.state.world.reading() as session:
        person = session.scalars(select(PersonRow).where(PersonRow.key == key)).one()
        right: RightRow = person.relations[0].rights[0]
        return right


def page_of(app: Starlette, word: str, key: str = "employee") -> str:
    return f"/gebruikersbeheer/rechten/{right_of(app, key).id}/{word}"


def relation_ends(app: Starlette, key: str, last: date) -> None:
    with app.state.world.changing() as session:
        person = session.scalars(select(PersonRow).where(PersonRow.key == key)).one()
        person.relations[0].last = last


def last_line(app: Starlette) -> tuple[str, Mapping[str, Any], str]:
    with app.state.world.reading() as session:
        row = session.scalars(select(HistoryRow).order_by(HistoryRow.id.desc()).limit(1)).one()
        return row.action, row.change, row.reason


# -- Bewerk


async def test_another_profile_and_another_end_are_in_force_at_once_and_in_the_history() -> None:
    async with government() as (app, clock), Visit(app) as lieve:
        here, right = page_of(app, "bewerken"), right_of(app)
        await lieve.sign_in("local-administrator", to=here)
        for words in ("Bewerk gebruikersrecht", "Beschikbaar", "Geselecteerd", "Reden", "Bevestig", "Annuleer"):
            assert words in lieve.text
        typed: dict[str, Any] = {
            "first": written_day(right.first),
            "last": written_day(clock.today()),
            "profiles": "Gebruiker",
        }
        await lieve.post(here, **typed, erbij=SERVICES, doen="toevoegen")
        assert lieve.status == 200
        typed["profiles"] = [SERVICES, "Gebruiker"]
        await lieve.post(here, **typed, reason="Ook aanbieder")

        assert lieve.path == PERSON
        assert "Het recht VLAIO Inkom Gebruiker Nieuw is gewijzigd" in lieve.text
        (held,) = await rights_in_register(app, "employee")
        assert held["profiles"] == [SERVICES, "Gebruiker"]
        assert held["until"] == clock.today().isoformat()
        action, change, reason = last_line(app)
        assert (action, reason) == ("right-edited", "Ook aanbieder")
        assert change["before"]["profiles"] == "Gebruiker"


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ({"last": "01/01/2099"}, "Een gebruikersrecht duurt hoogstens 4 jaar"),
        ({"last": "01/01/2026"}, "De einddatum kan niet in het verleden liggen"),
        ({"last": "32/01/2027"}, "Schrijf een bestaande dag"),
        ({"first": "01/01/2000"}, "De begindatum kan niet in het verleden liggen"),
        ({"profiles": []}, "Kies minstens één profiel"),
        ({"profiles": ["Gebruiker", "Lezer"]}, "Dit is geen profiel van het recht"),
        ({"eruit": "Gebruiker"}, "U klikte Gebruiker aan"),
        ({"reason": "x" * 1001}, "Hoogstens 1000 tekens"),
    ],
)
async def test_a_change_that_breaks_a_rule_is_told_and_changes_nothing(typed: dict[str, Any], complaint: str) -> None:
    async with government() as (app, _), Visit(app) as lieve:
        here, before = page_of(app, "bewerken"), right_of(app)
        fields = {"first": written_day(before.first), "last": written_day(before.last), "profiles": "Gebruiker"}
        await lieve.sign_in("local-administrator", to=here)
        await lieve.post(here, **(fields | typed))

        assert lieve.status == 422
        assert complaint in lieve.text
        assert right_of(app).version == before.version


# -- Verleng


async def test_an_automatic_extension_grants_the_maximum_term() -> None:
    async with government() as (app, clock), Visit(app) as lieve:
        here, most = page_of(app, "verlengen"), plus_years(clock.today(), 4)
        await lieve.sign_in("local-administrator", to=here)
        for words in (
            "Pas zelf de einddatum aan of kies voor een automatische verlenging.",
            "U kan zelf de einddatum kiezen, maar die mag de maximumtermijn van 4 jaar niet overschrijden.",
            f"De maximumtermijn wordt toegekend: tot {written_day(most)}",
        ):
            assert words in lieve.text
        await lieve.post(here, hoe="automatisch", last="onzin", reason="Blijft bij ons")

        assert lieve.path == PERSON
        assert f"is verlengd tot {written_day(most)}" in lieve.text
        (held,) = await rights_in_register(app, "employee")
        assert held["until"] == most.isoformat()
        assert last_line(app)[0::2] == ("right-extended", "Blijft bij ons")


async def test_an_end_date_can_be_chosen_up_to_the_maximum_term() -> None:
    async with government() as (app, clock), Visit(app) as lieve:
        here, most = page_of(app, "verlengen"), plus_years(clock.today(), 4)
        await lieve.sign_in("local-administrator", to=here)
        await lieve.post(here, hoe="zelf", last=written_day(most + timedelta(days=1)))
        assert lieve.status == 422
        assert f"hoogstens 4 jaar: ten laatste tot {written_day(most)}" in lieve.text
        assert written_day(most + timedelta(days=1)) in lieve.page

        await lieve.post(here, hoe="zelf", last=written_day(most))
        assert right_of(app).last == most


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ({"hoe": "zelf", "last": "24/11/2027"}, "Kies een latere dag om het te verlengen"),
        ({"hoe": "zelf", "last": "volgend jaar"}, "Schrijf een bestaande dag"),
        ({"hoe": "anders"}, "Kies of u zelf de einddatum aanpast"),
        ({}, "Kies of u zelf de einddatum aanpast"),
        ({"hoe": "automatisch", "reason": "x" * 1001}, "Hoogstens 1000 tekens"),
    ],
)
async def test_an_extension_that_breaks_a_rule_is_told(typed: dict[str, str], complaint: str) -> None:
    async with government() as (app, _), Visit(app) as lieve:
        here, before = page_of(app, "verlengen"), right_of(app).last
        await lieve.sign_in("local-administrator", to=here)
        await lieve.post(here, **typed)

        assert lieve.status == 422
        assert complaint in lieve.text
        assert right_of(app).last == before


async def test_where_the_relation_ends_sooner_both_can_be_extended_together() -> None:
    async with government() as (app, clock), Visit(app) as lieve:
        here, last = page_of(app, "verlengen"), right_of(app).last
        relation_ends(app, "employee", last)
        await lieve.sign_in("local-administrator", to=here)

        assert f"De werkrelatie eindigt vroeger dan de maximumtermijn: op {written_day(last)}" in lieve.text
        assert "Bevestig" not in lieve.text
        (link,) = {part for part in lieve.page.split('"') if part.endswith("/verlengen") and "/relaties/" in part}
        await lieve.get(link)
        await lieve.post(link)
        assert "zijn verlengd" in lieve.text
        assert right_of(app).last == plus_years(clock.today(), 4)


async def test_a_right_in_a_relation_that_is_over_says_so() -> None:
    async with government() as (app, _), Visit(app) as lieve:
        await lieve.sign_in("local-administrator", to=page_of(app, "verlengen", "ended-relation"))

        assert "De werkrelatie is geëindigd op" in lieve.text
        assert "Verleng werkrelatie en gebruikersrechten" in lieve.text


# -- Verwijder


async def test_a_right_that_is_removed_is_gone_at_once_and_its_history_stays() -> None:
    async with government() as (app, _), Visit(app) as lieve:
        here = page_of(app, "verwijderen")
        await lieve.sign_in("local-administrator", to=here)
        assert "verliest het meteen" in lieve.text
        await lieve.post(here, reason="Andere functie")

        assert lieve.path == PERSON
        assert "is verwijderd" in lieve.text
        assert await rights_in_register(app, "employee") == []
        await lieve.get(f"{PERSON}/historiek")
        assert "Andere functie" in lieve.text


# -- twice, two at once, and others


@pytest.mark.parametrize("word", ["bewerken", "verlengen", "verwijderen"])
async def test_a_form_sent_twice_counts_once(word: str) -> None:
    async with government() as (app, _), Visit(app) as lieve:
        here, right = page_of(app, word), right_of(app)
        await lieve.sign_in("local-administrator", to=here)
        days = {"first": written_day(right.first), "last": written_day(right.last)}
        fields = {**lieve.hidden(here), "hoe": "automatisch", **days, "profiles": SERVICES}
        for _ in range(2):
            await lieve.post_raw(here, fields)
            assert (lieve.status, lieve.path) == (200, PERSON)

        with app.state.world.reading() as session:
            assert len(session.scalars(select(HistoryRow)).all()) == 1


@pytest.mark.parametrize("word", ["bewerken", "verlengen", "verwijderen"])
async def test_of_two_administrators_the_second_is_told_and_overwrites_nothing(word: str) -> None:
    async with government() as (app, clock), Visit(app) as lieve, Visit(app) as elke:
        here, right = page_of(app, word), right_of(app)
        await lieve.sign_in("local-administrator", to=here)
        first = page_of(app, "verlengen")
        await elke.sign_in("right-elsewhere", to=first)
        await elke.post(first, hoe="automatisch")
        days = {"first": written_day(right.first), "last": written_day(right.last)}
        await lieve.post(here, hoe="zelf", **days, profiles=SERVICES)

        assert lieve.status == 409
        assert "Iemand anders was u voor" in lieve.text
        assert f'href="{PERSON}"' in lieve.page
        assert (right_of(app).last, right_of(app).profiles) == (plus_years(clock.today(), 4), ["Gebruiker"])


@pytest.mark.parametrize("word", ["bewerken", "verlengen", "verwijderen"])
async def test_a_right_that_was_removed_meanwhile_is_no_crash(word: str) -> None:
    async with government() as (app, _), Visit(app) as lieve, Visit(app) as elke:
        here, removal = page_of(app, word), page_of(app, "verwijderen")
        await lieve.sign_in("local-administrator", to=here)
        await elke.sign_in("right-elsewhere", to=removal)
        await elke.post(removal)
        await lieve.post(here, hoe="automatisch", first="1/1/2027", last="1/1/2028", profiles="Gebruiker")
        assert lieve.status == 409

        await lieve.get(here)
        assert lieve.status == 409


@pytest.mark.parametrize("word", ["bewerken", "verlengen", "verwijderen"])
async def test_a_right_of_another_organisation_is_neither_shown_nor_changed(word: str) -> None:
    async with government() as (app, _), Visit(app) as lieve, Visit(app) as other:
        here, before = page_of(app, word), right_of(app).version
        await lieve.sign_in("local-administrator", to=here)
        await other.sign_in("training-administrator", to=here)
        assert other.status == 403
        assert "Britt" not in other.text
        await other.get("/gebruikersbeheer/organisatie")
        stolen = {**lieve.hidden(here), **other.hidden("/gebruikersbeheer/organisatie"), "hoe": "automatisch"}
        del stolen["organisation"]
        await other.post_raw(here, stolen)

        assert other.status == 403
        assert right_of(app).version == before
