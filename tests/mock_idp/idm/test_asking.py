"""Self-registration, from the deep link to the open door; and My profile, where people see how they stand."""

import httpx2
import pytest
from starlette.applications import Starlette

from tests.mock_idp.idm.visit import BAKERY, ORIGIN, Visit, government

FORM = "/gebruikersbeheer/aanvraag"
LINK = f"{FORM}?dg=EA&ec=VLAIOInkomGebruikerNieuw&ctx=Gebruiker&oc={BAKERY}"
ASKED = {"profiles": "Gebruiker", "phone": "+32 470 12 34 56", "email": "aanvrager@voorbeeld.test"}


async def ask(visit: Visit, person: str = "citizen", **typed: str) -> None:
    await visit.sign_in(person, to=LINK)
    await visit.post(FORM, **{**ASKED, **typed})


async def rights_in_register(app: Starlette, key: str) -> list[dict[str, object]]:
    number = app.state.world.current.person(key).national_number
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=ORIGIN) as gateway:
        answer = await gateway.post(
            "/idm/v1/person-rights",
            json={"national_number": number},
            headers={"authorization": "Bearer demo-register-token"},
        )
    return [right for relation in answer.json()["relations"] for right in relation["rights"]]


async def test_the_link_fills_in_right_profile_and_organisation() -> None:
    async with government() as (app, _), Visit(app) as visit:
        await visit.sign_in("citizen", to=LINK)

        assert "Voorbeeld Bakkerij BV" in visit.text
        assert "VLAIO Inkom Gebruiker Nieuw" in visit.text
        assert visit.page.count(" checked") == 1


async def test_a_request_is_found_among_the_tasks_and_approved_and_the_right_is_in_force() -> None:
    async with government() as (app, clock), Visit(app) as citizen, Visit(app) as lieve:
        await ask(citizen)
        assert citizen.path == "/mijn-profiel"
        assert "wacht op een lokale beheerder" in citizen.text

        await lieve.sign_in("local-administrator", to="/gebruikersbeheer/taken")
        await lieve.get("/gebruikersbeheer/taken/1")
        await lieve.post("/gebruikersbeheer/taken/1/goedkeuren")

        (right,) = await rights_in_register(app, "citizen")
        assert (right["name"], right["profiles"]) == ("VLAIO Inkom Gebruiker Nieuw", ["Gebruiker"])
        assert right["from"] == clock.today().isoformat()
        await citizen.get("/mijn-profiel")
        assert "goedgekeurd" in citizen.text


async def test_a_refusal_needs_a_reason_which_the_person_reads() -> None:
    async with government() as (app, _), Visit(app) as citizen, Visit(app) as lieve:
        await ask(citizen)
        await lieve.sign_in("local-administrator", to="/gebruikersbeheer/taken/1")
        await lieve.post("/gebruikersbeheer/taken/1/weigeren", reason="")
        assert lieve.status == 422

        await lieve.post("/gebruikersbeheer/taken/1/weigeren", reason="U werkt hier niet.")

        assert lieve.status == 200
        await citizen.get("/mijn-profiel")
        assert "U werkt hier niet." in citizen.text
        assert await rights_in_register(app, "citizen") == []


async def test_somebody_unknown_to_the_registers_can_ask_and_is_known_once_it_is_approved() -> None:
    async with government() as (app, _), Visit(app) as nobody, Visit(app) as lieve:
        await ask(nobody, "nobody")
        await lieve.sign_in("local-administrator", to="/gebruikersbeheer/taken/1")
        await lieve.post("/gebruikersbeheer/taken/1/goedkeuren")

        assert len(await rights_in_register(app, "nobody")) == 1


async def test_who_only_held_another_profile_holds_both_after_approval() -> None:
    async with government() as (app, _), Visit(app) as carla, Visit(app) as administrator:
        person = app.state.world.current.person("service-provider")
        number = app.state.world.current.relations_of(person)[0].organisation
        await carla.sign_in(
            "service-provider", to=f"/gebruikersbeheer/aanvraag?ec=VLAIO_Inkom_Gebruiker_Nieuw&oc={number}"
        )
        await carla.post(FORM, **ASKED)
        (key,) = [one.key for one in app.state.world.current.administrators_of(number)][:1]
        await administrator.sign_in(key, to="/gebruikersbeheer/taken/1")
        await administrator.post("/gebruikersbeheer/taken/1/goedkeuren")

        rights = [one for one in await rights_in_register(app, "service-provider") if one["name"] != "x"]
        assert any({"Gebruiker", "Dienstverlener kmo-portefeuille"} == set(one["profiles"]) for one in rights)  # type: ignore[call-overload]


async def test_a_paused_relation_is_first_to_be_put_right() -> None:
    async with government() as (app, _), Visit(app) as paused, Visit(app) as administrator:
        person = app.state.world.current.person("paused-relation")
        number = app.state.world.current.relations_of(person)[0].organisation
        await paused.sign_in(
            "paused-relation", to=f"/gebruikersbeheer/aanvraag?ec=VLAIO_Inkom_Gebruiker_Nieuw&oc={number}"
        )
        await paused.post(FORM, **ASKED)
        (key,) = [one.key for one in app.state.world.current.administrators_of(number)][:1]
        await administrator.sign_in(key, to="/gebruikersbeheer/taken/1")
        await administrator.post("/gebruikersbeheer/taken/1/goedkeuren")

        assert administrator.status == 422
        assert "gepauzeerd" in administrator.text


async def test_asking_twice_makes_one_task_and_the_second_form_says_so() -> None:
    async with government() as (app, _), Visit(app) as citizen, Visit(app) as lieve:
        await ask(citizen)
        await citizen.get(LINK)
        assert "U heeft dit recht al aangevraagd" in citizen.text
        await lieve.sign_in("local-administrator", to="/gebruikersbeheer/taken")
        assert lieve.page.count("/gebruikersbeheer/taken/") == 1


async def test_a_form_sent_twice_asks_once() -> None:
    async with government() as (app, _), Visit(app) as citizen:
        await citizen.sign_in("citizen", to=LINK)
        fields = {**citizen.hidden("/gebruikersbeheer/aanvraag"), **ASKED}
        await citizen.post_raw("/gebruikersbeheer/aanvraag", fields)
        await citizen.post_raw("/gebruikersbeheer/aanvraag", fields)

        assert citizen.page.count("wacht op een lokale beheerder") == 1


async def test_two_administrators_decide_once_and_the_second_is_told() -> None:
    async with government() as (app, _), Visit(app) as citizen, Visit(app) as lieve, Visit(app) as second:
        await ask(citizen)
        await lieve.sign_in("local-administrator", to="/gebruikersbeheer/taken/1")
        await second.sign_in("right-elsewhere", to="/gebruikersbeheer/taken/1")
        await lieve.post("/gebruikersbeheer/taken/1/goedkeuren")
        await second.post("/gebruikersbeheer/taken/1/weigeren", reason="Neen")

        assert second.status == 409
        assert "Iemand anders was u voor" in second.text
        assert len(await rights_in_register(app, "citizen")) == 1


@pytest.mark.parametrize("organisation", [None, "1999999844"])
async def test_a_form_that_does_not_say_for_which_organisation_it_is_decides_nothing(organisation: str | None) -> None:
    async with government() as (app, _), Visit(app) as citizen, Visit(app) as lieve:
        await ask(citizen)
        await lieve.sign_in("local-administrator", to="/gebruikersbeheer/taken/1")
        fields = lieve.hidden("/gebruikersbeheer/taken/1/goedkeuren")
        del fields["organisation"]
        await lieve.post_raw(
            "/gebruikersbeheer/taken/1/goedkeuren", fields | ({"organisation": organisation} if organisation else {})
        )

        assert lieve.status == 403
        assert await rights_in_register(app, "citizen") == []


async def test_an_administrator_of_another_organisation_sees_no_task_of_this_one() -> None:
    async with government() as (app, _), Visit(app) as citizen, Visit(app) as other:
        await ask(citizen)
        await other.sign_in("training-administrator", to="/gebruikersbeheer/taken/1")

        assert other.status == 403


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ({"phone": "0470123456"}, "Schrijf het nummer met het land"),
        ({"email": "geen adres"}, "Schrijf een e-mailadres"),
        ({"profiles": "Indiener"}, "Dit is geen profiel van het recht"),
        ({"right": "Iets anders"}, "Kies een gebruikersrecht"),
        ({"oc": "1999999999"}, "KBO kent geen onderneming"),
        ({"reason": "x" * 1001}, "Hoogstens 1000 tekens"),
    ],
)
async def test_bad_input_is_told_beside_its_field_and_asks_nothing(typed: dict[str, str], complaint: str) -> None:
    async with government() as (app, _), Visit(app) as citizen:
        await ask(citizen, **typed)

        assert citizen.status == 422
        assert complaint in citizen.text
        await citizen.get("/mijn-profiel")
        assert "Mijn aanvragen" not in citizen.text


async def test_where_nobody_could_decide_the_form_says_what_must_happen_first() -> None:
    async with government() as (app, _), Visit(app) as citizen:
        await citizen.sign_in("citizen", to="/gebruikersbeheer/aanvraag?ec=VLAIO_Inkom_Gebruiker_Nieuw&oc=1999999547")

        assert "nog geen lokale beheerder" in citizen.text
        assert "aanvraag" not in {
            part for part in citizen.page.split('"') if part.startswith("/gebruikersbeheer/aanvraag")
        }


async def test_my_profile_shows_rights_relations_and_administrators_and_no_number_of_the_person() -> None:
    async with government() as (app, _), Visit(app) as visit:
        await visit.sign_in("employee", to="/mijn-profiel")

        for heading in ("Mijn gebruikersrechten", "Mijn werkrelaties", "Mijn Lokale Beheerders"):
            assert heading in visit.text
        assert "geldig" in visit.text
        assert app.state.world.current.person("employee").national_number not in visit.page


async def test_a_local_administrator_may_give_the_right_to_themselves_and_has_none_by_being_one() -> None:
    async with government() as (app, _), Visit(app) as lieve:
        assert await rights_in_register(app, "local-administrator") == []
        await ask(lieve, "local-administrator")
        await lieve.get("/gebruikersbeheer/taken/1")
        await lieve.post("/gebruikersbeheer/taken/1/goedkeuren")

        (right,) = await rights_in_register(app, "local-administrator")
        assert right["profiles"] == ["Gebruiker"]


async def test_my_profile_tells_a_legal_representative_that_no_right_is_needed() -> None:
    async with government() as (app, _), Visit(app) as visit:
        await visit.sign_in("legal-representative", to="/mijn-profiel")

        assert "Wettelijk vertegenwoordiger volgens KBO" in visit.text
        assert "u heeft geen gebruikersrecht nodig" in visit.text
        assert "Lieve Sleutelmans" in visit.text
