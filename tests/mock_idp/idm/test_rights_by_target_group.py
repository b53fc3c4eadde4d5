"""*Gebruikersrechten per doelgroep*: what can be granted to whom, and what it opens."""

import pytest

from tests.mock_idp.idm.visit import Visit, government

GROUPS = "/gebruikersbeheer/doelgroepen"


async def test_every_target_group_is_listed_and_only_enterprises_have_rights_here() -> None:
    async with government() as (app, _), Visit(app) as lieve:
        await lieve.sign_in("local-administrator", to=GROUPS)

        for name in ("Economische actoren", "Burgers", "Lokale besturen", "VO-medewerkers", "Feitelijke verenigingen"):
            assert name in lieve.text
        assert lieve.text.count("Hier geen gebruikersrechten") == 5
        assert "3 gebruikersrechten" in lieve.text


async def test_a_right_tells_its_profiles_and_what_each_opens() -> None:
    async with government() as (app, _), Visit(app) as lieve:
        await lieve.sign_in("local-administrator", to=f"{GROUPS}/ea")
        assert "VLAIO Inkom Gebruiker Nieuw" in lieve.text
        await lieve.get(f"{GROUPS}/EA/VLAIOInkomGebruikerNieuw")

        for words in ("Gebruiker", "kmo-portefeuille", "Ecologiepremie Plus", "De ingang voor dienstverleners"):
            assert words in lieve.text
        await lieve.get(f"{GROUPS}/EA/VoorbeeldSubsidieloket")
        assert "niets met INKOM te maken" in lieve.text
        assert "Ecologiepremie" not in lieve.text


async def test_a_group_without_rights_says_that_there_are_none_here() -> None:
    async with government() as (app, _), Visit(app) as lieve:
        await lieve.sign_in("local-administrator", to=f"{GROUPS}/GID")

        assert "Voor deze doelgroep zijn hier geen gebruikersrechten" in lieve.text


@pytest.mark.parametrize("path", ["XX", "XX/Y", "EA/Y", "GID/VLAIOInkomGebruikerNieuw"])
async def test_what_does_not_exist_leads_to_the_list(path: str) -> None:
    async with government() as (app, _), Visit(app) as lieve:
        await lieve.sign_in("local-administrator", to=f"{GROUPS}/{path}")

        assert lieve.path == GROUPS
