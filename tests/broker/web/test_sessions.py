"""Where a person is signed in: their own sessions and nobody else's, and an end that holds at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broker.domain.browsers import Browser
from broker.domain.numbers import NationalNumber
from broker.domain.session import Session
from tests.broker.gateway import PERSON, World, an_identity

LIST = "/_inkom/sessions"


@pytest.fixture
async def elsewhere(world: World) -> tuple[Session, Session]:
    """The person is signed in here, and on a phone and a tablet."""
    await world.sign_in()
    mine = world.session
    others = tuple(
        replace(mine, reference=letter * 16, browser=Browser(name="Safari", system=system), form_token="of another")
        for letter, system in (("a", "iPhone"), ("b", "iPad"))
    )
    for one in others:
        await world.sessions.begin(one)
    return others[0], others[1]


def form(world: World, **fields: str) -> dict[str, str]:
    return {"form_token": world.sessions.kept["cookie-1"].form_token, **fields}


def open_references(world: World) -> list[str]:
    return sorted(one.reference for one in world.sessions.kept.values())


async def test_the_list_shows_this_browser_and_the_others(world: World, elsewhere: object) -> None:
    page = await world.get(LIST)
    for part in ("this browser", "Safari on iPhone", "Safari on iPad", "End this session", "End all other sessions"):
        assert part in page.text
    assert page.text.count("1999.999.943") == 3
    assert "Voorbeeld Bakkerij BV" in page.text
    for secret in (PERSON.digits, PERSON.dotted, "cookie-1", "cookie-2", "of another"):
        assert secret not in page.text


async def test_whoever_is_signed_in_once_is_told_so(world: World) -> None:
    await world.sign_in()
    page = await world.get(LIST)
    assert "You are signed in nowhere else." in page.text
    assert "End all other sessions" not in page.text


async def test_the_list_is_only_for_somebody_who_is_signed_in(world: World) -> None:
    for answer in (await world.get(LIST), await world.post(LIST, {"end": "others"})):
        assert answer.headers["location"] == "/_inkom/login?return_to=%2F_inkom%2Fsessions"


async def test_the_sessions_of_others_are_not_listed(world: World) -> None:
    await world.sign_in()
    stranger = an_identity(national_number=NationalNumber("90651800257"))
    browser = Browser(name="Opera", system="Linux")
    await world.sessions.begin(replace(world.session, reference="c" * 16, identity=stranger, browser=browser))
    assert "Opera" not in (await world.get(LIST)).text
    await world.post(LIST, form(world, end="c" * 16))
    await world.post(LIST, form(world, end="others"))
    assert "c" * 16 in open_references(world)


async def test_one_session_is_ended_and_the_others_stay(world: World, elsewhere: tuple[Session, Session]) -> None:
    answer = await world.post(LIST, form(world, end=elsewhere[0].reference))
    assert (answer.status_code, answer.headers["location"]) == (303, "/_inkom/sessions?ended=1")
    assert elsewhere[0].reference not in open_references(world)
    assert len(open_references(world)) == 2
    assert "1 session was ended." in (await world.get(answer.headers["location"])).text


async def test_all_others_are_ended_and_this_one_stays(world: World, elsewhere: object) -> None:
    mine = world.sessions.kept["cookie-1"].reference
    answer = await world.post(LIST, form(world, end="others"))
    assert answer.headers["location"] == "/_inkom/sessions?ended=2"
    assert open_references(world) == [mine]
    assert (await world.get("/kmo-portefeuille/")).status_code == 200


async def test_each_end_is_audited_by_reference(world: World, elsewhere: tuple[Session, Session]) -> None:
    mine = world.sessions.kept["cookie-1"].reference
    await world.post(LIST, form(world, end="others"))
    ended = [event for event in world.audit.events if event.kind == "session-ended"]
    assert {event.session for event in ended} == {one.reference for one in elsewhere}
    assert {event.detail for event in ended} == {f"in the list of session {mine}"}


@pytest.mark.parametrize("wanted", ["", "d" * 16, "cookie-2", "' or 1=1"])
async def test_what_is_not_there_ends_nothing(world: World, elsewhere: object, wanted: str) -> None:
    answer = await world.post(LIST, form(world, end=wanted))
    assert "That session was over already." in (await world.get(answer.headers["location"])).text
    assert len(open_references(world)) == 3


async def test_this_session_is_not_ended_from_the_list(world: World, elsewhere: object) -> None:
    await world.post(LIST, form(world, end=world.sessions.kept["cookie-1"].reference))
    assert len(open_references(world)) == 3


async def test_a_form_of_another_site_or_session_ends_nothing(world: World, elsewhere: object) -> None:
    answers = [
        await world.post(LIST, {"end": "others", "form_token": "another"}),
        await world.post(LIST, form(world, end="others"), origin="https://elsewhere.example"),
    ]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert len(open_references(world)) == 3


async def test_the_profile_leads_to_the_list(world: World) -> None:
    await world.sign_in()
    assert f'href="{LIST}"' in (await world.get("/_inkom/profile")).text


async def test_a_browser_that_names_itself_oddly_is_shown_as_far_as_it_is_known(world: World) -> None:
    await world.sign_in()
    for letter, browser in (("a", Browser(name="Firefox")), ("b", Browser(system="Android")), ("c", None)):
        await world.sessions.begin(replace(world.sessions.kept["cookie-1"], reference=letter * 16, browser=browser))
    page = await world.get(LIST)
    for part in ("Firefox", "Android", "Unknown browser"):
        assert part in page.text
