"""A refusal explains itself: which road failed and why, the next step, and who can help, in two languages."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from broker.domain.decide import Cause
from broker.domain.people import PersonRecord, RelationStatus
from broker.web.refusal import advice_for, help_for, sentence
from tests.broker.gateway import BAKERY, FLORIST, World, a_function, a_right


async def refused(world: World, record: PersonRecord, language: str = "en") -> str:
    world.registers.record = record
    await world.sign_in()
    answer = await world.get("/kmo-portefeuille/x?y=1", accept_language=language)
    assert answer.status_code == 403
    assert answer.headers["cache-control"] == "no-store"
    return answer.text


def with_right(**differing: object) -> PersonRecord:
    return PersonRecord(rights=(a_right(**differing),), organisations=(BAKERY,))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("record", "said", "advice"),
    [
        (with_right(until=date(2026, 5, 31)), "expired on <time", "extend your user right"),
        (with_right(status=RelationStatus.PAUSED), "is paused", "resume your working relation"),
        (with_right(status=RelationStatus.PENDING), "still pending", "activate your working relation"),
        (
            with_right(profiles=("Dienstverlener kmo-portefeuille",)),
            "the profile Gebruiker is missing",
            "add the profile",
        ),
        (
            PersonRecord(rights=(a_right(FLORIST),), organisations=(BAKERY,)),
            "but for another organisation",
            "Choose the organisation for which you hold the right",
        ),
        (PersonRecord(organisations=(BAKERY,)), "You do not hold the user right", "Ask a local administrator"),
        (
            PersonRecord(functions=(a_function(code="10021"),), organisations=(BAKERY,)),
            "does not make you a legal representative",
            "Ask a local administrator",
        ),
    ],
)
async def test_each_reason_is_said_with_its_next_step(
    world: World, record: PersonRecord, said: str, advice: str
) -> None:
    text = await refused(world, record)
    assert said in text
    assert advice in text


DEEP_LINK = (
    "https://vo-gebruikersbeheer.vlaanderen.be/aanvraag"
    "?dg=EA&amp;ec=VLAIO_Inkom_Gebruiker_Nieuw&amp;ctx=Gebruiker&amp;oc=1999999943"
)


@pytest.mark.parametrize(
    ("record", "offered"),
    [
        (PersonRecord(organisations=(BAKERY,)), True),
        (with_right(until=date(2026, 5, 31)), True),
        (with_right(profiles=("Dienstverlener kmo-portefeuille",)), True),
        (with_right(status=RelationStatus.PAUSED), False),
        (with_right(status=RelationStatus.PENDING), False),
    ],
)
async def test_the_right_can_be_asked_for_by_one_click_where_that_would_help(
    world: World, record: PersonRecord, offered: bool
) -> None:
    assert (DEEP_LINK in await refused(world, record)) is offered


async def test_where_nobody_could_decide_no_request_is_offered(world: World) -> None:
    world.registers.helpers = replace(world.registers.helpers, administrators=())
    assert "aanvraag" not in await refused(world, PersonRecord(organisations=(BAKERY,)))


async def test_who_can_help_is_named_with_the_links_and_the_help_desk(world: World) -> None:
    text = await refused(world, PersonRecord(organisations=(BAKERY,)))
    for part in (
        "Arne Baas",
        "Lies Sleutel",
        "https://vo-gebruikersbeheer.vlaanderen.be/",
        "https://mijnprofiel-gebruikersbeheer.vlaanderen.be/",
        "kbopub.economie.fgov.be",
        "five working days",
        "+32 2 553 1700",
        "www.vlaio.be",
        "RECO-RD-1",
        "/_inkom/organisation?return_to=/kmo-portefeuille/x%3Fy%3D1",
    ):
        assert part in text


async def test_a_refusal_in_dutch_gives_the_day_as_people_in_belgium_write_it(world: World) -> None:
    text = await refused(world, with_right(until=date(2026, 5, 31)), "nl-BE,nl;q=0.9")
    assert 'lang="nl"' in text
    assert "31/05/2026" in text
    assert "Toepassing" in text


async def test_a_ceased_organisation_is_refused_though_it_is_represented(world: World) -> None:
    world.registers.active = False
    text = await refused(world, PersonRecord(functions=(a_function(),), organisations=(BAKERY,)))
    assert "this organisation has ceased" in text


async def test_a_refusal_works_without_the_names_when_the_register_is_away(world: World) -> None:
    world.registers.record = PersonRecord(organisations=(BAKERY,))
    await world.sign_in()
    world.registers.away = True
    text = (await world.get("/kmo-portefeuille/")).text
    assert "The names can't be shown at the moment." in text


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_a_sentence_advice_and_help(cause: Cause) -> None:
    assert sentence(cause)
    assert advice_for(cause)
    assert isinstance(help_for(cause), tuple)
