"""Signing in to user management through ACM, and choosing the organisation to work for."""

import pytest

from mock_idp.idm.signin import own_address
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
