"""Choosing and switching the organisation: only one's own, under a new session id, nothing of the former left."""

from __future__ import annotations

import pytest

from broker.domain.numbers import EnterpriseNumber
from broker.domain.people import Organisation, PersonRecord
from tests.broker.gateway import BAKERY, FLORIST, PERSON, World, a_function, a_right


def both() -> PersonRecord:
    return PersonRecord(rights=(a_right(),), functions=(a_function(FLORIST),), organisations=(BAKERY, FLORIST))


def many() -> PersonRecord:
    numbers = (f"{first:08}{97 - first % 97:02}" for first in range(19999000, 19999300))
    organisations = tuple(
        Organisation(number=EnterpriseNumber(number), name=f"Onderneming {index:03}")
        for index, number in enumerate(numbers)
    )
    return PersonRecord(rights=tuple(a_right(one) for one in organisations), organisations=organisations)


async def test_several_organisations_are_offered_by_name_and_number(world: World) -> None:
    world.registers.record = both()
    answer = await world.sign_in()
    page = await world.get(answer.headers["location"])
    assert page.status_code == 200
    assert page.text.index("Voorbeeld Bakkerij BV") < page.text.index("Zoë&#39;s Bloemen &amp; Co")
    assert "1999.999.151" in page.text
    assert 'type="search"' not in page.text


async def choose(world: World, number: str, **more: str) -> int:
    fields = {
        "organisation": number,
        "form_token": world.session.form_token,
        "return_to": "/kmo-portefeuille/x",
        **more,
    }
    answer = await world.post("/_inkom/organisation", fields)
    if answer.status_code == 303:
        assert answer.headers["location"] == "/kmo-portefeuille/x"
    return answer.status_code


async def test_a_choice_gives_the_session_a_new_id_and_is_remembered(world: World) -> None:
    world.registers.record = both()
    await world.sign_in()
    assert await choose(world, FLORIST.number.digits) == 303
    assert list(world.sessions.kept) == ["cookie-2"]
    await world.ask("/kmo-portefeuille/")
    assert world.backend.received[-1].values(b"x-inkom-role") == [b"legal-representative"]
    assert world.choices.kept == {PERSON: FLORIST.number}
    page = await world.get("/_inkom/organisation")
    assert "your last choice" in page.text
    assert "You work for this organisation now." in page.text
    assert page.text.index("Bloemen") < page.text.index("Bakkerij")


async def test_after_switching_nothing_of_the_former_organisation_is_used(world: World) -> None:
    world.registers.record = both()
    await world.sign_in()
    await choose(world, FLORIST.number.digits)
    await choose(world, BAKERY.number.digits)
    await world.ask("/kmo-portefeuille/")
    received = world.backend.received[-1]
    assert received.values(b"x-inkom-organisation") == [b"1999999943"]
    assert received.values(b"x-inkom-role") == [b"user"]
    former = await world.client.get("/kmo-portefeuille/", headers={"cookie": "inkom-localhost=cookie-2"})
    assert former.status_code == 401


@pytest.mark.parametrize("number", ["1999999844", "1999999999", "", "../x", "1999.999.943"])
async def test_an_organisation_that_is_not_ones_own_cannot_be_chosen(world: World, number: str) -> None:
    world.registers.record = both()
    await world.sign_in()
    assert await choose(world, number) == 403
    assert world.session.acting is None


async def test_trying_for_anothers_organisation_is_audited(world: World) -> None:
    await world.sign_in()
    await choose(world, "1999999844")
    assert (world.audit.events[-1].kind, world.audit.events[-1].organisation) == ("organisation-refused", "1999999844")


async def test_a_choice_from_another_site_changes_nothing(world: World) -> None:
    world.registers.record = both()
    await world.sign_in()
    fields = {"organisation": BAKERY.number.digits, "form_token": world.session.form_token}
    answer = await world.post("/_inkom/organisation", fields, origin="https://evil.test")
    assert answer.status_code == 403
    assert world.session.acting is None


async def test_a_choice_after_the_session_ended_leads_to_signing_in(world: World) -> None:
    answer = await world.post("/_inkom/organisation", {"organisation": BAKERY.number.digits})
    assert answer.headers["location"].startswith("/_inkom/login")
    answer = await world.get("/_inkom/organisation?return_to=/kmo-portefeuille/")
    assert answer.headers["location"].startswith("/_inkom/login?return_to=%2F_inkom%2Forganisation%3F")


async def test_a_long_list_is_searched_without_case_and_accents_and_read_in_pages(world: World) -> None:
    world.registers.record = many()
    await world.sign_in()
    first = await world.get("/_inkom/organisation")
    assert "300 organisations found." in first.text
    assert first.text.count('name="organisation"') == 20
    last = await world.get("/_inkom/organisation?page=15")
    assert "Onderneming 299" in last.text
    for strange in ("0", "-1", "99", "x", "\u0661", "1" * 50):
        assert (await world.get(f"/_inkom/organisation?page={strange}")).status_code == 200
    found = await world.get("/_inkom/organisation?q=ONDERNÉMING 123")
    assert "1 organisation found." in found.text
    by_number = await world.get(f"/_inkom/organisation?q={many().organisations[7].number.dotted}")
    assert "Onderneming 007" in by_number.text
    none = await world.get("/_inkom/organisation?q=<script>alert(1)</script>")
    assert "No organisation found" in none.text
    assert "<script>" not in none.text


async def test_somebody_without_organisations_reads_both_roads_to_access(world: World) -> None:
    world.registers.record = PersonRecord()
    answer = await world.sign_in()
    page = await world.get(answer.headers["location"])
    assert page.status_code == 403
    assert "Legal representatives get in by themselves" in page.text
    assert "A user right for everybody else" in page.text
    assert (await world.ask("/kmo-portefeuille/")).json()["reason"] == "organisation-not-chosen"
    navigated = await world.get("/kmo-portefeuille/")
    assert navigated.headers["location"].startswith("/_inkom/organisation?return_to=")


async def test_names_that_could_harm_a_page_or_a_header_are_harmless(world: World) -> None:
    hostile = Organisation(number=BAKERY.number, name='<script>alert("x")</script>\r\nX-Evil: 1 \u202e\u2028')
    world.registers.record = PersonRecord(rights=(a_right(),), organisations=(hostile, FLORIST))
    await world.sign_in()
    page = await world.get("/_inkom/organisation")
    assert "<script>" not in page.text
    await choose(world, BAKERY.number.digits)
    await world.ask("/kmo-portefeuille/")
    (value,) = world.backend.received[-1].values(b"x-inkom-organisation-name")
    assert value.isascii()
    assert b"%0D%0A" in value
    assert world.backend.received[-1].values(b"x-evil") == []
