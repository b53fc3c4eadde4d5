"""What KBO was told of a person stands under *Historiek* in user management, in words."""

from tests.mock_idp.idm.visit import BAKERY, Visit, government


async def test_an_administrator_reads_what_kbo_was_told_of_an_employee() -> None:
    async with government() as (app, clock), Visit(app) as visit:
        path = f"/kbo/loket/{BAKERY}/functie?houder=natural-person"
        await visit.get(path)
        await visit.post(path, person="employee", code="10002", first=f"{clock.today():%d/%m/%Y}")
        assert "gemeld aan KBO" in visit.text

        await visit.sign_in("local-administrator", to="/gebruikersbeheer/personen/employee/historiek")

    assert "Functie gemeld aan KBO" in visit.text
    assert "Bestuurder (10002)" in visit.text
