"""Signing in to user management through ACM, and choosing the organisation to work for."""

import pytest
from sqlalchemy import select

from mock_idp.idm.signin import own_address
from mock_idp.world.tables import AdministratorRow, EnterpriseRow, PersonRow
from tests.mock_idp.idm.visit import BAKERY, ORIGIN, TRAINING, Visit, government


async def test_an_administrator_of_one_organisation_is_at_work_at_once() -> None:
    async with government() as (app, _), Visit(app) as visit:
        await visit.sign_in("local-administrator")

        assert visit.path == "/gebruikersbeheer"


async def test_somebody_who_administers_nothing_is_told_who_can_change_that() -> None:
    async with government() as (app, _), Visit(app) as visit:
        await visit.sign_in("employee", to="/gebruikersbeheer/organisatie")

        assert visit.status == 403
        assert "U bent geen lokale beheerder" in visit.text


async def test_an_organisation_of_somebody_else_cannot_be_chosen() -> None:
    async with government() as (app, _), Visit(app) as visit:
        await visit.sign_in("local-administrator", to="/gebruikersbeheer/organisatie")
        number = TRAINING if BAKERY in visit.page else BAKERY

        await visit.post("/gebruikersbeheer/organisatie", organisation=number)

        assert visit.status == 403


async def test_a_form_of_another_site_changes_nothing() -> None:
    async with government() as (app, _), Visit(app) as visit:
        await visit.sign_in("local-administrator", to="/gebruikersbeheer/organisatie")
        fields = visit.hidden("/gebruikersbeheer/organisatie")

        answer = await visit._browser.post(
            "/gebruikersbeheer/organisatie", data=fields, headers={"origin": "https://elsewhere.test"}
        )

        assert answer.status_code == 403


async def test_signing_out_ends_the_session_here_and_at_acm() -> None:
    async with government() as (app, _), Visit(app) as visit:
        await visit.sign_in("local-administrator", to="/gebruikersbeheer/organisatie")

        await visit.post("/gebruikersbeheer/afmelden")

        assert "U bent afgemeld" in visit.text
        await visit.get("/gebruikersbeheer/organisatie")
        assert visit.path.startswith("/signin/")


async def test_a_callback_that_nobody_asked_for_signs_nobody_in() -> None:
    async with government() as (app, _), Visit(app) as visit:
        await visit.get(f"/gebruikersbeheer/terug?code=x&state=y&iss={ORIGIN}/op")

        assert visit.status == 400
        assert "niet gelukt" in visit.text


@pytest.mark.parametrize(
    "to", ["//elsewhere.test", "https://elsewhere.test/", "/\\elsewhere", "/people", "/gebruikersbeheerx", None, ""]
)
def test_only_our_own_pages_are_places_to_return_to(to: str | None) -> None:
    assert own_address(to) == "/gebruikersbeheer"


def test_a_page_with_its_question_is_a_place_to_return_to() -> None:
    asked = "/gebruikersbeheer/aanvraag?dg=EA&ec=VLAIO"

    assert own_address(asked) == asked


async def test_an_administrator_of_two_organisations_chooses_and_the_last_choice_is_marked_next_time() -> None:
    async with government() as (app, _), Visit(app) as visit:
        with app.state.world.changing() as session:
            lieve = session.scalars(select(PersonRow).where(PersonRow.key == "local-administrator")).one()
            session.add(AdministratorRow(organisation=TRAINING, person_id=lieve.id, level="local"))
        await visit.sign_in("local-administrator")
        assert visit.path == "/gebruikersbeheer/organisatie"
        assert "Hieronder moet u kiezen voor welke organisatie u precies wilt werken." in visit.text
        assert "Voorbeeld Bakkerij BV 1999.999.943" in visit.text
        assert "Uw laatste keuze" not in visit.text

        await visit.post("/gebruikersbeheer/organisatie", organisation=TRAINING)

        assert visit.path == "/gebruikersbeheer"
        assert "Voorbeeld Opleidingen NV" in visit.page
        await visit.get("/gebruikersbeheer/organisatie")
        assert visit.text.count("Uw laatste keuze") == 1
        assert "Uw laatste keuze Voorbeeld Opleidingen NV" in visit.text


async def test_a_search_narrows_a_long_list_of_organisations() -> None:
    async with government() as (app, _), Visit(app) as visit:
        with app.state.world.changing() as session:
            lieve = session.scalars(select(PersonRow).where(PersonRow.key == "local-administrator")).one()
            numbers = session.scalars(select(EnterpriseRow.number).where(EnterpriseRow.key.like("branch-%")).limit(20))
            for number in numbers.all():
                session.add(AdministratorRow(organisation=number, person_id=lieve.id, level="local"))
        await visit.sign_in("local-administrator", to="/gebruikersbeheer/organisatie?q=1999.999.943")

        assert "Voorbeeld Bakkerij BV" in visit.text
        assert "Zonneveld" not in visit.text
        await visit.get("/gebruikersbeheer/organisatie?q=bestaat+niet")
        assert "Geen van uw organisaties past bij die zoekopdracht." in visit.text
