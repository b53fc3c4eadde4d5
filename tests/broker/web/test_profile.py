"""The own session, as a page and as JSON: no number, no token, and nothing for strangers."""

from __future__ import annotations

from datetime import timedelta

from broker.domain.people import PersonRecord
from tests.broker.gateway import BAKERY, FLORIST, ORIGIN, PERSON, World, a_right, an_identity


async def test_the_page_says_who_for_whom_and_how(world: World) -> None:
    await world.sign_in()
    page = await world.get("/_inkom/profile")
    for part in ("Anaïs Testers", "Voorbeeld Bakkerij BV", "1999.999.943", "itsme®", "high", "Sign out"):
        assert part in page.text
    assert PERSON.digits not in page.text
    assert PERSON.dotted not in page.text


async def test_the_page_is_only_for_somebody_who_is_signed_in(world: World) -> None:
    answer = await world.get("/_inkom/profile")
    assert answer.headers["location"] == "/_inkom/login?return_to=%2F_inkom%2Fprofile"


async def test_unknown_method_and_level_are_said_to_be_unknown(world: World) -> None:
    world.provider.signed_in = type(world.provider.signed_in)(identity=an_identity(method=None, assurance=None))
    await world.sign_in()
    assert "unknown" in (await world.get("/_inkom/profile")).text
    me = (await world.ask("/_inkom/me")).json()
    assert (me["method"], me["assurance"]) == (None, None)


async def test_a_script_learns_the_same_without_any_secret(world: World) -> None:
    nobody = await world.ask("/_inkom/me")
    assert nobody.status_code == 401
    assert {"reason", "reference", "login_url"} <= nobody.json().keys()
    await world.sign_in()
    answer = await world.ask("/_inkom/me")
    assert answer.headers["cache-control"] == "no-store"
    me = answer.json()
    assert me["organisation"] == {"number": "1999999943", "name": "Voorbeeld Bakkerij BV"}
    assert me["name"] == "Anaïs Testers"
    assert world.session.form_token not in answer.text
    assert "cookie-1" not in answer.text
    assert PERSON.digits not in answer.text


async def test_a_script_learns_how_long_the_session_goes_on_and_by_whom_without_using_it(world: World) -> None:
    await world.sign_in()
    world.sessions.idle = timedelta(minutes=5)
    uses = world.sessions.uses
    me = (await world.ask("/_inkom/me")).json()
    assert (me["ends_in"], me["latest_in"]) == (300, 28_800)
    world.clock.forward(hours=7, minutes=58)
    me = (await world.ask("/_inkom/me")).json()
    assert (me["ends_in"], me["latest_in"]) == (120, 120)
    assert world.sessions.uses == uses
    (received,) = await received_by(world)
    # No backend can tell from it who it is.
    assert me["person"] != received
    assert me["person"] == (await world.ask("/_inkom/me")).json()["person"]


async def received_by(world: World) -> list[str]:
    await world.get("/kmo-portefeuille/")
    return [value.decode() for value in world.backend.received[-1].values(b"x-inkom-person")]


async def test_only_a_page_of_our_own_extends_the_session(world: World) -> None:
    await world.sign_in()
    world.sessions.uses = 0
    own = {"origin": ORIGIN, "sec-fetch-site": "same-origin"}
    assert (await world.client.post("/_inkom/me", headers={**own, "origin": "https://evil.test"})).status_code == 403
    assert world.sessions.uses == 0
    assert (await world.client.post("/_inkom/me", headers=own)).json()["ends_in"] == 1800
    assert world.sessions.uses == 1
    world.sessions.kept.clear()
    assert (await world.client.post("/_inkom/me", headers=own)).status_code == 401


async def test_a_sign_in_in_a_second_tab_ends_on_a_page_that_sends_back_to_the_first(world: World) -> None:
    asked = await world.get("/_inkom/signed-in")
    assert asked.headers["location"] == "/_inkom/login?return_to=%2F_inkom%2Fsigned-in"
    world.registers.record = PersonRecord(rights=(a_right(), a_right(FLORIST)), organisations=(BAKERY, FLORIST))
    await world.sign_in()
    choose = await world.get("/_inkom/signed-in")
    assert choose.headers["location"] == "/_inkom/organisation?return_to=%2F_inkom%2Fsigned-in"
    token = world.session.form_token
    await world.post("/_inkom/organisation", {"organisation": BAKERY.number.digits, "form_token": token})
    page = await world.get("/_inkom/signed-in")
    assert "Close this tab" in page.text
    assert "connect-src 'self'" in page.headers["content-security-policy"]
