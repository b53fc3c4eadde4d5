"""The chain of roles: who designates whom, what an administrator may do, and how it is withdrawn."""

import pytest

from tests.mock_idp.idm.visit import BAKERY, TRAINING, Visit, government

BTB = "/beheer-der-toegangsbeheer"
CITIZEN = "citizen"


async def designate(visit: Visit, number: str, person_number: str, *, level: str = "local") -> None:
    await visit.get(f"{BTB}/{number}/aanduiden")
    await visit.post(f"{BTB}/{number}/aanduiden", national_number=person_number)
    await visit.post(visit.path, level=level, email="beheer@voorbeeld.test")


def number_of(app: object, key: str) -> str:
    world = app.state.world.current  # type: ignore[attr-defined]
    return str(world.person(key).national_number)


async def test_a_legal_representative_designates_a_local_administrator_who_can_work_at_once() -> None:
    async with government() as (app, _), Visit(app) as arne, Visit(app) as citizen:
        await arne.sign_in("legal-representative", to=BTB)
        await designate(arne, BAKERY, number_of(app, CITIZEN))

        assert arne.status == 200
        assert "is vanaf nu lokale beheerder van Voorbeeld Bakkerij BV" in arne.text
        await citizen.sign_in(CITIZEN)
        assert citizen.path == "/gebruikersbeheer"


async def test_a_withdrawn_administrator_can_do_nothing_more_even_when_still_signed_in() -> None:
    async with government() as (app, _), Visit(app) as arne, Visit(app) as lieve:
        await lieve.sign_in("local-administrator", to="/gebruikersbeheer/taken")
        assert lieve.status == 200
        await arne.sign_in("legal-representative", to=f"{BTB}/{BAKERY}/intrekken/local-administrator")
        await arne.post(arne.path, reason="Uit dienst")

        assert "is geen lokale beheerder meer" in arne.text
        await lieve.get("/gebruikersbeheer/taken")
        assert lieve.status == 403
        assert "U bent geen lokale beheerder" in lieve.text


@pytest.mark.parametrize("key", ["employee", "local-administrator", "auditor", "former-director", "company-director"])
async def test_who_does_not_represent_the_enterprise_designates_nobody(key: str) -> None:
    async with government() as (app, _), Visit(app) as visit:
        await visit.sign_in(key, to=BTB)
        assert "U kan geen lokale beheerders aanduiden" in visit.text

        await visit.get(f"{BTB}/{BAKERY}/aanduiden")
        assert visit.status == 403


async def test_a_representative_of_one_enterprise_designates_nobody_in_another() -> None:
    async with government() as (app, _), Visit(app) as visit:
        await visit.sign_in("legal-representative", to=f"{BTB}/{TRAINING}/aanduiden")

        assert visit.status == 403


async def test_a_main_administrator_designates_local_ones_but_no_main_ones() -> None:
    async with government() as (app, _), Visit(app) as arne, Visit(app) as main:
        await arne.sign_in("legal-representative", to=BTB)
        await designate(arne, BAKERY, number_of(app, CITIZEN), level="main")

        await main.sign_in(CITIZEN, to=BTB)
        await main.get(f"{BTB}/{BAKERY}/aanduiden")
        await main.post(f"{BTB}/{BAKERY}/aanduiden", national_number=number_of(app, "employee"))
        assert 'value="main"' not in main.page
        await main.post(main.path, level="main", email="bram@voorbeeld.test")
        assert main.status == 403

        await designate(main, BAKERY, number_of(app, "employee"))
        assert "is vanaf nu lokale beheerder" in main.text


@pytest.mark.parametrize(
    ("number", "complaint"),
    [
        ("82672100109", "Dit is geen rijksregisternummer"),
        ("85.07.30-033.28", "alleen TST-nummers"),
        ("", "Dit is geen rijksregisternummer"),
        ("70670108776", "kent niemand met dit nummer"),
    ],
)
async def test_a_number_that_names_nobody_is_told_beside_its_field(number: str, complaint: str) -> None:
    async with government() as (app, _), Visit(app) as visit:
        await visit.sign_in("legal-representative", to=f"{BTB}/{BAKERY}/aanduiden")
        await visit.post(f"{BTB}/{BAKERY}/aanduiden", national_number=number)

        assert visit.status == 422
        assert complaint in visit.text


async def test_the_number_is_in_no_address_after_it_was_typed() -> None:
    async with government() as (app, _), Visit(app) as visit:
        await visit.sign_in("legal-representative", to=f"{BTB}/{BAKERY}/aanduiden")
        await visit.post(f"{BTB}/{BAKERY}/aanduiden", national_number=number_of(app, CITIZEN))

        assert visit.status == 200
        assert number_of(app, CITIZEN) not in visit.path + visit.page


async def test_a_ceased_enterprise_gets_no_new_administrators() -> None:
    async with government() as (app, _), Visit(app) as visit:
        await visit.sign_in("ceased-enterprise", to=BTB)
        (address,) = {part for part in visit.page.split('"') if part.startswith(f"{BTB}/1999")}
        await visit.get(f"{address}/aanduiden")
        await visit.post(f"{address}/aanduiden", national_number=number_of(app, CITIZEN))
        await visit.post(visit.path, level="local", email="beheer@voorbeeld.test")

        assert visit.status == 422
        assert "stopgezet" in visit.text
