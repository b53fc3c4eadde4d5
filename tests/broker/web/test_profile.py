"""The own session, as a page and as JSON: no number, no token, and nothing for strangers."""

from __future__ import annotations

from tests.broker.gateway import PERSON, World, an_identity


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
