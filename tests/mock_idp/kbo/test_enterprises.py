"""Enterprises at the counter: a new one, one that ceases, one that is opened again."""

from datetime import timedelta

import pytest

from mock_idp.idm.rules import written_day
from mock_idp.numbers import parse_enterprise_number
from tests.mock_idp.kbo.visitor import BAKERY, TRAINING, WOUND_UP, Visitor

GOOD = {"name": "Nieuwe Wijnen BV", "address": "Kelderstraat 1, 8900 Ieper", "number": "", "began_on": "01/09/2024"}


async def test_a_new_enterprise_gets_a_number_and_is_found_at_once(visitor: Visitor) -> None:
    await visitor.get("/kbo/loket/nieuw")
    await visitor.post("/kbo/loket/nieuw", **GOOD)
    number = visitor.at.removeprefix("/kbo/loket/").removesuffix("?gedaan=nieuw")
    assert parse_enterprise_number(number) == number == "1999800104"

    await visitor.search("nieuwe wijnen")
    assert "Nieuwe Wijnen BV" in visitor.text
    await visitor.add_function(number, person="employee", first="01/09/2024")
    await visitor.get("/kbo/loket/nieuw")
    await visitor.post("/kbo/loket/nieuw", **{**GOOD, "name": "Nog Een BV"})
    assert visitor.at.startswith("/kbo/loket/19998002")


@pytest.mark.parametrize(
    ("wrong", "field", "told"),
    [
        ({"name": ""}, "name", "ingevuld"),
        ({"name": "x" * 201}, "name", "200"),
        ({"address": ""}, "address", "ingevuld"),
        ({"number": "1999.999.944"}, "number", "laatste twee cijfers"),
        ({"number": "0207.509.031"}, "number", "begint hier met 1999"),
        ({"number": "2.999.900.192"}, "number", "begint hier met 1999"),
        ({"number": "1999.999.943"}, "number", "Een andere onderneming heeft dit nummer"),
        ({"began_on": "32/01/2024"}, "began_on", "bestaande dag"),
        ({"began_on": "01/01/2999"}, "began_on", "niet in de toekomst"),
    ],
)
async def test_an_enterprise_that_cannot_be_is_told_beside_its_field(
    onlooker: Visitor, wrong: dict[str, str], field: str, told: str
) -> None:
    await onlooker.get("/kbo/loket/nieuw")
    await onlooker.post("/kbo/loket/nieuw", **{**GOOD, **wrong})

    assert onlooker.status == 422
    assert told in onlooker.error_of(field)
    assert {name: onlooker.value_of(name) for name in GOOD} == {**GOOD, **wrong}


async def test_an_enterprise_that_ceases_is_told_to_everybody_who_has_to_do_with_it(visitor: Visitor) -> None:
    path = f"/kbo/loket/{BAKERY}/stopzetting"
    await visitor.get(path)
    await visitor.post(path, ceased_on=written_day(visitor.clock.today()))

    assert "Deze onderneming is stopgezet" in visitor.text
    assert {"legal-representative", "employee", "local-administrator"} <= set(visitor.told)
    assert len(visitor.told) == len(set(visitor.told))
    await visitor.get(f"/kbo/onderneming/{BAKERY}")
    assert "Deze onderneming is stopgezet" in visitor.text
    await visitor.search("voorbeeld bakkerij")
    assert "Geen onderneming gevonden" in visitor.text
    await visitor.add_function(BAKERY, person="citizen")
    assert "niemand kan er nog een functie in krijgen" in visitor.error_of("code")

    await visitor.get(f"/kbo/loket/{BAKERY}")
    await visitor.post(f"/kbo/loket/{BAKERY}/heropening")
    assert "De onderneming is weer actief" in visitor.text


async def test_a_cessation_that_lies_ahead_waits_for_its_day(visitor: Visitor) -> None:
    day = visitor.clock.today() + timedelta(days=10)
    path = f"/kbo/loket/{TRAINING}/stopzetting"
    await visitor.get(path)
    await visitor.post(path, ceased_on=written_day(day))
    assert f"Ze wordt stopgezet op {written_day(day)}" in visitor.text
    assert "wordt stopgezet op" in (await visitor.get(f"/kbo/onderneming/{TRAINING}")).text
    visitor.clock.move_to(day)

    assert "Deze onderneming is stopgezet" in (await visitor.get(f"/kbo/onderneming/{TRAINING}")).text


@pytest.mark.parametrize(
    ("day", "told"),
    [("01/01/1990", "kan niet vroeger"), ("01/01/2999", "Niet meer dan een jaar"), ("nu", "bestaande dag")],
)
async def test_a_cessation_that_cannot_be_is_told(onlooker: Visitor, day: str, told: str) -> None:
    path = f"/kbo/loket/{TRAINING}/stopzetting"
    await onlooker.get(path)
    await onlooker.post(path, ceased_on=day)

    assert onlooker.status == 422
    assert told in onlooker.error_of("ceased_on")


async def test_what_has_ceased_does_not_cease_again(visitor: Visitor) -> None:
    await visitor.get(f"/kbo/loket/{WOUND_UP}/stopzetting")
    assert visitor.status == 404
    await reopen_twice(visitor)


async def reopen_twice(visitor: Visitor) -> None:
    """From two tabs: the second is told that nothing was left to do."""
    path = f"/kbo/loket/{WOUND_UP}/heropening"
    forms = []
    for _ in range(2):
        await visitor.get(f"/kbo/loket/{WOUND_UP}")
        forms.append(visitor.hidden(path))
    await visitor.post_raw(path, forms[0])
    assert visitor.status == 200
    await visitor.post_raw(path, forms[1])
    assert visitor.status == 409
