"""What an administrator does with a working relation: change, extend, pause, resume, remove; and who was quicker."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select
from starlette.applications import Starlette

from mock_idp.clock import Clock
from mock_idp.days import plus_years
from mock_idp.idm.rules import written_day
from mock_idp.world.tables import PersonRow, RelationRow, RightRow
from tests.mock_idp.idm.visit import Visit, government


@dataclass(frozen=True, kw_only=True)
class Place:
    app: Starlette
    clock: Clock
    visit: Visit

    def day(self, years: int = 0, days: int = 0) -> str:
        return written_day(plus_years(self.clock.today(), years) + timedelta(days=days))

    def relation(self, key: str) -> RelationRow:
        with self.app.state.world.reading() as session:
            person = session.scalars(select(PersonRow).where(PersonRow.key == key)).one()
            row = person.relations[0]
            assert isinstance(row, RelationRow)
            assert row.rights is not None
            return row

    def address(self, key: str, word: str) -> str:
        return f"/gebruikersbeheer/relaties/{self.relation(key).id}/{word}"

    async def do(self, key: str, word: str, **typed: str) -> Visit:
        address = self.address(key, word)
        await self.visit.get(address)
        return await self.visit.post(address, **typed)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    async with government() as (app, clock), Visit(app) as visit:
        await visit.sign_in("local-administrator")
        yield Place(app=app, clock=clock, visit=visit)


@pytest.fixture
async def elke(place: Place) -> AsyncIterator[Place]:
    """The other administrator of the bakery, in a browser of her own."""
    async with Visit(place.app) as visit:
        await visit.sign_in("right-elsewhere")
        yield Place(app=place.app, clock=place.clock, visit=visit)


def typed(place: Place, **other: str) -> dict[str, str]:
    relation = place.relation("employee")
    return {
        "category": relation.category,
        "first": written_day(relation.first),
        "last": written_day(relation.last),
        "phone": relation.phone,
        "email": relation.email,
        **other,
    }


# -- Bewerk werkrelatie


async def test_a_relation_gets_another_end_phone_and_category(place: Place) -> None:
    await place.do(
        "employee",
        "bewerken",
        **typed(place, last=place.day(9), phone="+32 2 555 12 12", category="Externe Medewerker"),
        reason="Contract",
    )

    assert "De werkrelatie is gewijzigd." in place.visit.text
    assert f"Externe Medewerker Geldig van {place.day(-2)} tot {place.day(9)}" in place.visit.text
    await place.visit.get(f"{place.visit.path}/historiek")
    assert "Werkrelatie gewijzigd Lieve Sleutelmans" in place.visit.text
    assert "Categorie: Vaste Medewerker → Externe Medewerker" in place.visit.text
    assert f"Einddatum: {place.day(8)} → {place.day(9)}" in place.visit.text
    assert "E-mailadres" not in place.visit.text
    assert place.visit.text.endswith("Contract")


async def test_a_right_ends_with_a_relation_that_gets_shorter(place: Place) -> None:
    await place.do("employee", "bewerken", **typed(place, last=place.day(1)))

    assert f"VLAIO Inkom Gebruiker Nieuw {place.day(-1)} {place.day(1)}" in place.visit.text
    await place.visit.get(f"{place.visit.path}/historiek")
    assert f"VLAIO Inkom Gebruiker Nieuw ({place.day(-1)} - {place.day(1)})" in place.visit.text


async def test_a_relation_cannot_leave_a_right_outside(place: Place) -> None:
    with place.app.state.world.changing() as session:
        right = session.scalars(select(RightRow).where(RightRow.relation_id == place.relation("employee").id)).one()
        right.first = place.clock.today() + timedelta(days=30)
    await place.do("employee", "bewerken", **typed(place, last=place.day(days=10)))

    assert place.visit.status == 422
    assert "Het recht VLAIO Inkom Gebruiker Nieuw zou buiten de werkrelatie vallen. Verwijder het eerst." in (
        place.visit.text
    )


@pytest.mark.parametrize(
    ("field", "text", "why"),
    [
        ("last", "{beyond}", "Een werkrelatie duurt hoogstens 10 jaar: ten laatste tot {most}."),
        ("last", "01/01/2001", "De einddatum ligt voor de begindatum."),
        ("first", "01/01/2001", "De begindatum kan niet in het verleden liggen."),
        ("phone", "1700", "Schrijf het nummer met het land"),
        ("email", "britt@", "Schrijf een e-mailadres"),
    ],
)
async def test_a_change_that_breaks_a_rule_is_refused_and_kept(place: Place, field: str, text: str, why: str) -> None:
    days = {"beyond": place.day(10, days=1), "most": place.day(10)}
    await place.do("employee", "bewerken", **typed(place, **{field: text.format(**days)}), reason="Omdat")

    assert place.visit.status == 422
    assert why.format(**days) in place.visit.text
    assert "Omdat" in place.visit.text


async def test_days_of_the_past_that_stay_are_no_problem(place: Place) -> None:
    """As after a clock that was moved ahead and put back: the term was right when it was given."""
    with place.app.state.world.changing() as session:
        row = session.get_one(RelationRow, place.relation("employee").id)
        row.last = plus_years(place.clock.today(), 14)
    await place.do("employee", "bewerken", **typed(place, phone="+3225551212"))

    assert place.visit.status == 200


async def test_a_change_that_changes_nothing_is_not_in_the_history(place: Place) -> None:
    await place.do("employee", "bewerken", **typed(place))
    await place.visit.get(f"{place.visit.path}/historiek")

    assert "Er is nog niets gewijzigd." in place.visit.text


# -- Verleng werkrelatie en gebruikersrechten


async def test_an_extension_says_before_what_it_will_bring(place: Place) -> None:
    await place.visit.get(place.address("employee", "verlengen"))

    assert f"Werkrelatie {place.day(8)} {place.day(10)}" in place.visit.text
    assert f"VLAIO Inkom Gebruiker Nieuw {place.day(3)} {place.day(4)}" in place.visit.text
    await place.visit.post(place.visit.path)
    assert "De werkrelatie en de gebruikersrechten zijn verlengd." in place.visit.text
    assert f"Geldig van {place.day(-2)} tot {place.day(10)}" in place.visit.text
    assert f"VLAIO Inkom Gebruiker Nieuw {place.day(-1)} {place.day(4)}" in place.visit.text


async def test_a_right_that_ended_on_its_own_stays_ended(place: Place) -> None:
    await place.visit.get(place.address("expired-right", "verlengen"))

    assert f"VLAIO Inkom Gebruiker Nieuw {place.day(days=-1)} blijft" in place.visit.text


async def test_what_lasts_as_long_as_it_can_is_not_extended(place: Place) -> None:
    await place.do("employee", "verlengen")
    await place.visit.get(place.address("employee", "verlengen"))
    assert "Alles loopt al zo lang als de regels vandaag toelaten." in place.visit.text
    assert "Bevestig" not in place.visit.text
    await place.visit.post(place.visit.path)

    assert place.visit.status == 422


# -- Pauzeer, hervat


async def test_pausing_takes_access_away_and_resuming_gives_it_back(place: Place) -> None:
    await place.visit.get("/gebruikersbeheer/personen/employee")
    assert "De persoon heeft nu toegang tot: ✓ kmo-portefeuille ✓ Ecologiepremie Plus" in place.visit.text
    await place.do("employee", "pauzeren", reason="Ouderschapsverlof")
    assert "De werkrelatie is gepauzeerd." in place.visit.text
    assert "toegang tot: ✓" not in place.visit.text
    assert "Hervat werkrelatie" in place.visit.text
    assert "Pauzeer werkrelatie" not in place.visit.text
    await place.do("employee", "hervatten")

    assert "toegang tot: ✓" in place.visit.text
    await place.visit.get(f"{place.visit.path}/historiek")
    assert "Status: gepauzeerd → actief" in place.visit.text
    assert "Status: actief → gepauzeerd Ouderschapsverlof" in place.visit.text


async def test_a_paused_relation_has_no_page_to_pause_it(place: Place) -> None:
    await place.visit.get(place.address("paused-relation", "pauzeren"))

    assert place.visit.path == "/gebruikersbeheer/personen/paused-relation"


async def test_a_pause_sent_twice_is_one_pause(place: Place) -> None:
    address = place.address("employee", "pauzeren")
    fields = (await place.visit.get(address)).hidden(address)
    await place.visit.post_raw(address, fields)
    await place.visit.post_raw(address, fields)

    assert place.visit.status == 200
    await place.visit.get(f"{place.visit.path}/historiek")
    assert place.visit.text.count("Werkrelatie gepauzeerd") == 1


# -- Verwijder


async def test_a_removal_says_what_is_lost_and_leaves_the_person_and_the_history(place: Place) -> None:
    await place.visit.get(place.address("employee", "verwijderen"))
    assert "Deze gebruikersrechten gaan verloren" in place.visit.text
    assert f"VLAIO Inkom Gebruiker Nieuw Gebruiker {place.day(3)}" in place.visit.text
    await place.visit.post(place.visit.path, reason="Uit dienst")

    assert "De werkrelatie is verwijderd, met de gebruikersrechten." in place.visit.text
    assert "Deze persoon heeft nog geen werkrelatie met uw organisatie." in place.visit.text
    await place.visit.get(f"{place.visit.path}/historiek")
    assert "Werkrelatie verwijderd Lieve Sleutelmans" in place.visit.text
    assert "Uit dienst" in place.visit.text


# -- who was quicker, and who may


async def test_the_second_of_two_administrators_is_told_and_overwrites_nothing(place: Place, elke: Place) -> None:
    mine, hers = place.address("employee", "bewerken"), elke.address("employee", "bewerken")
    await place.visit.get(mine)
    await elke.visit.get(hers)
    await place.visit.post(mine, **typed(place, phone="+3225550001"))
    await elke.visit.post(hers, **typed(place, phone="+3225550002"))

    assert elke.visit.status == 409
    assert "Een andere beheerder heeft dit gewijzigd" in elke.visit.text
    assert 'href="/gebruikersbeheer/personen/employee"' in elke.visit.page
    assert place.relation("employee").phone == "+3225550001"


async def test_correcting_a_typing_mistake_does_not_hide_that_somebody_was_quicker(place: Place, elke: Place) -> None:
    mine, hers = place.address("employee", "bewerken"), elke.address("employee", "bewerken")
    await elke.visit.get(hers)
    await elke.visit.post(hers, **typed(place, phone="wrong"))
    await place.visit.get(mine)
    await place.visit.post(mine, **typed(place, phone="+3225550001"))
    await elke.visit.post(hers, **typed(place, phone="+3225550002"))

    assert elke.visit.status == 409
    assert place.relation("employee").phone == "+3225550001"


@pytest.mark.parametrize("word", ["bewerken", "verlengen", "pauzeren", "verwijderen"])
async def test_a_relation_that_was_removed_meanwhile_says_so(place: Place, elke: Place, word: str) -> None:
    address = elke.address("employee", word)
    await elke.visit.get(address)
    await place.do("employee", "verwijderen")
    await elke.visit.post(address, category="Vaste Medewerker", first="x")

    assert elke.visit.status == 409


async def test_a_right_granted_meanwhile_is_not_removed_unseen(place: Place, elke: Place) -> None:
    address = elke.address("employee", "verwijderen")
    await elke.visit.get(address)
    with place.app.state.world.changing() as session:
        relation = session.get_one(RelationRow, place.relation("employee").id)
        relation.rights.append(
            RightRow(
                name="Voorbeeld Subsidieloket",
                profiles=["Lezer"],
                first=place.clock.today(),
                last=place.clock.today(),
            )
        )
    await elke.visit.post(address)

    assert elke.visit.status == 409


@pytest.mark.parametrize("word", ["bewerken", "verlengen", "pauzeren", "hervatten", "verwijderen"])
async def test_a_relation_of_another_organisation_is_out_of_reach(place: Place, word: str) -> None:
    address = place.address("service-provider", word)
    await place.visit.get(address)
    assert place.visit.status == 403
    await place.visit.get(place.address("employee", "bewerken"))
    await place.visit.post(address, form_of=place.visit.path)
    assert place.visit.status == 403


async def test_editing_a_person_is_refused_when_somebody_was_quicker(place: Place, elke: Place) -> None:
    address = "/gebruikersbeheer/personen/employee/bewerken"
    await place.visit.get(address)
    await elke.visit.get(address)
    await place.visit.post(address, call_name="Britje", initials="B.P.", reason="Zo heet ze")
    assert "De wijzigingen zijn bewaard." in place.visit.text
    assert "Roepnaam Britje" in place.visit.text
    await elke.visit.post(address, call_name="Brit", initials="")

    assert elke.visit.status == 409
    await place.visit.get("/gebruikersbeheer/personen/employee/historiek")
    assert "Persoon gewijzigd Lieve Sleutelmans Roepnaam: Britje Initialen: B.P. Zo heet ze" in place.visit.text
