"""What everybody sees of an enterprise and of an establishment unit."""

import re
from datetime import timedelta

import pytest

from mock_idp.idm.rules import written_day
from tests.mock_idp.kbo.visitor import (
    BAKERY,
    BUILDER,
    HOLDING,
    TRAINING,
    TRANSPORT,
    UNLISTED,
    WOUND_UP,
    Visitor,
)


async def test_an_enterprise_shows_its_number_status_begin_and_address(onlooker: Visitor) -> None:
    await onlooker.get(f"/kbo/onderneming/{BAKERY}")

    assert '<h1><bdi lang="">Voorbeeld Bakkerij BV</bdi></h1>' in onlooker.page
    assert "Ondernemingsnummer 1999.999.943" in onlooker.text
    assert "Status actief" in onlooker.text
    assert "Adres Voorbeeldplein 12, 9000 Gent" in onlooker.text
    assert "Begindatum" in onlooker.text
    assert "stopgezet" not in onlooker.text


async def test_the_rubric_functions_says_who_holds_what_and_who_represents(onlooker: Visitor) -> None:
    await onlooker.get(f"/kbo/onderneming/{BAKERY}")

    manager, skill = rows(onlooker, "Functies")
    assert re.search(r"Zaakvoerder 10006 Arne Testers natuurlijke persoon sinds [\d/]+ ja [\d/]+", manager)
    assert re.search(r"Basiskennis bedrijfsbeheer 20090 Arne Testers natuurlijke persoon sinds [\d/]+ nee", skill)


async def test_a_company_as_director_and_its_representative_each_have_their_line(onlooker: Visitor) -> None:
    await onlooker.get(f"/kbo/onderneming/{BUILDER}")

    company, person = rows(onlooker, "Functies")
    assert "Denkbeeld Holding NV onderneming" in company
    assert "Guido Metser voor Denkbeeld Holding NV natuurlijke persoon voor een onderneming" in person
    assert f'<a href="/kbo/onderneming/{HOLDING}"><bdi lang="">Denkbeeld Holding NV</bdi></a>' in onlooker.page


async def test_former_functions_are_folded_away(onlooker: Visitor) -> None:
    await onlooker.get(f"/kbo/onderneming/{TRANSPORT}")

    folded = re.search(r"<details[^>]*>\s*<summary>1 vroegere functie</summary>.*?</details>", onlooker.page, re.S)
    yesterday = written_day(onlooker.clock.today() - timedelta(days=1))
    assert folded is not None
    assert "Fons Weleer" in folded[0]
    assert yesterday in folded[0]
    assert "Fons Weleer" not in onlooker.page.replace(folded[0], "")


async def test_a_ceased_enterprise_says_so_before_anything_else(visitor: Visitor) -> None:
    await visitor.get(f"/kbo/onderneming/{WOUND_UP}")

    assert re.search(r"Drukkerij Voorbij BV Deze onderneming is stopgezet sinds [\d/]+ Niemand kan", visitor.text)
    assert "niet meer" in rows(visitor, "Functies")[0]
    assert "geen wettelijk vertegenwoordiger" not in visitor.text
    visitor.clock.move_to(visitor.clock.today() - timedelta(days=365))
    await visitor.get(f"/kbo/onderneming/{WOUND_UP}")

    assert "Status actief" in visitor.text


async def test_without_a_legal_representative_the_five_working_days_are_told(onlooker: Visitor) -> None:
    await onlooker.get(f"/kbo/onderneming/{UNLISTED}")

    assert "Er staat geen wettelijk vertegenwoordiger" in onlooker.text
    assert "maximale verwerkingstijd van vijf werkdagen" in onlooker.text
    assert f'href="/kbo/loket/{UNLISTED}"' in onlooker.page
    assert "niemand een functie" in onlooker.text


async def test_somebody_who_does_not_represent_is_nobodys_legal_representative(visitor: Visitor) -> None:
    await visitor.add_function(UNLISTED, person="auditor", code="10021")
    await visitor.post(f"/kbo/loket/functie/{await last_row(visitor, UNLISTED)}/registreren")
    await visitor.get(f"/kbo/onderneming/{UNLISTED}")

    assert "Cédric Controleur" in visitor.text
    assert "Er staat geen wettelijk vertegenwoordiger" in visitor.text


async def test_with_a_legal_representative_the_same_help_stands_lower(onlooker: Visitor) -> None:
    await onlooker.get(f"/kbo/onderneming/{BAKERY}")

    assert "Staat er geen wettelijk vertegenwoordiger?" in onlooker.text
    assert "vijf werkdagen" in onlooker.text


async def test_establishment_units_have_a_page_of_their_own_and_closed_ones_are_folded_away(onlooker: Visitor) -> None:
    await onlooker.get(f"/kbo/onderneming/{BAKERY}")
    assert len(rows(onlooker, "Vestigingseenheden")) == 2
    assert "1 gesloten vestigingseenheid" in onlooker.text

    await onlooker.get("/kbo/vestiging/2999900390")
    assert "Vestigingseenheidsnummer 2.999.900.390" in onlooker.text
    assert "Oefenmarkt 7, 9300 Aalst" in onlooker.text
    assert "Status gesloten" in onlooker.text
    assert f'href="/kbo/onderneming/{BAKERY}"' in onlooker.page


@pytest.mark.parametrize(
    "path",
    [
        "/kbo/onderneming/1999999052x",
        "/kbo/onderneming/0207509031",
        "/kbo/onderneming/1999.999.943",
        "/kbo/vestiging/2999999999",
        "/kbo/loket/0207509031",
        "/kbo/loket/0207509031/functie",
        "/kbo/loket/0207509031/stopzetting",
        f"/kbo/loket/{BAKERY}/functie?houder=ghost",
        "/kbo/loket/functie/999999/einde",
        "/kbo/loket/functie/99999999999999999999999/einde",
    ],
)
async def test_what_is_not_there_is_a_page_that_says_so(onlooker: Visitor, path: str) -> None:
    await onlooker.get(path)

    assert onlooker.status == 404
    assert "Niet gevonden" in onlooker.text


async def test_no_page_of_kbo_shows_a_national_number(visitor: Visitor) -> None:
    numbers = [person.national_number for person in visitor.world.current.people]
    await visitor.add_function(UNLISTED, national_number="82672100108")
    for path in ("/kbo/loket", f"/kbo/loket/{UNLISTED}", f"/kbo/loket/{TRAINING}/functie"):
        await visitor.get(path)
        assert not [number for number in numbers if number in re.sub(r"[.\-]", "", visitor.page)]
    for enterprise in (BAKERY, TRAINING, BUILDER, TRANSPORT):
        await visitor.get(f"/kbo/onderneming/{enterprise}")
        assert not [number for number in numbers if number in re.sub(r"[.\-]", "", visitor.page)]


async def test_the_pages_speak_english_too(onlooker: Visitor) -> None:
    onlooker.language = "en"
    await onlooker.get(f"/kbo/onderneming/{BAKERY}")

    assert "Represents" in onlooker.text
    assert "Establishment units" in onlooker.text


def rows(visitor: Visitor, caption: str) -> list[str]:
    """The rows of the table with that caption, as read."""
    table = re.search(rf"<table(?:(?!</table>).)*<caption[^>]*>{caption}</caption>.*?</table>", visitor.page, re.DOTALL)
    assert table is not None
    body = table[0].partition("<tbody")[2]
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in re.findall(r"<tr.*?</tr>", body, re.DOTALL)]


async def last_row(visitor: Visitor, organisation: str) -> int:
    return (await visitor.get(f"/kbo/loket/{organisation}")).waiting_row()
