"""A form that comes when its session is over: kept for its sender, asked about, and sent once, byte for byte."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace

import httpx2
import pytest

from broker.domain.people import Assurance, PersonRecord, SignInMethod
from broker.domain.policy import AssuranceAtLeast, Policy, Requirement
from broker.ports import SignedIn
from tests.broker.gateway import BAKERY, FLORIST, ORIGIN, PAGE, World, a_right, an_identity, gateway

TARGET = "/kmo-portefeuille/aanvraag?stap=2"
OWN = {**PAGE, "origin": ORIGIN, "sec-fetch-site": "same-origin"}
MULTIPART = (
    b'--x\r\nContent-Disposition: form-data; name="document"; filename="a.pdf"\r\n'
    b"Content-Type: application/pdf\r\n\r\n" + bytes(range(256)) * 20 + b"\r\n--x--\r\n"
)
BODIES = {
    "a form": ("application/x-www-form-urlencoded", b"bedrag=100&naam=Zo%C3%AB"),
    "a form with a file": ("multipart/form-data; boundary=x", MULTIPART),
    "plain text": ("text/plain;charset=UTF-8", "naam=Zoë\r\n".encode()),
    "JSON": ("application/json", json.dumps({"a": [1, None]}).encode()),
    "bytes": ("application/octet-stream", bytes(range(256))),
    "nothing": ("application/x-www-form-urlencoded", b""),
}


@pytest.fixture
async def late(world: World) -> World:
    """Somebody who was signed in, and whose session ended by itself."""
    await world.sign_in()
    world.sessions.kept.clear()
    return world


async def send(
    world: World, target: str = TARGET, *, content: bytes = b"bedrag=100", **headers: str
) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    kind = {"content-type": "application/x-www-form-urlencoded"}
    return await world.client.post(target, content=content, headers={**OWN, **kind, **named})


def kept_name(answer: httpx2.Response) -> str:
    found = re.search(r"%2F_inkom%2Fparked%2F([A-Za-z0-9_-]{43})", answer.text)
    assert found, answer.text
    return found[1]


async def confirm(world: World, name: str, **fields: str) -> httpx2.Response:
    """Press the button of the page that asks."""
    page = await world.get(f"/_inkom/parked/{name}")
    action = re.search(r'action="(/kmo[^"]*)"', page.text)
    assert action, page.text
    token = world.session.form_token
    return await world.post(action[1].replace("&amp;", "&"), {"inkom_parked": name, "form_token": token, **fields})


async def test_d52_what_was_posted_is_sent_byte_for_byte_after_signing_in_and_saying_yes(late: World) -> None:
    for content_type, body in BODIES.values():
        await kept_and_sent(late, content_type, body)
        late.sessions.kept.clear()
        late.backend.received.clear()


async def kept_and_sent(late: World, content_type: str, body: bytes) -> None:
    referer = f"{ORIGIN}/kmo-portefeuille/aanvraag?stap=1"
    answer = await send(late, content=body, content_type=content_type, referer=referer)
    assert answer.status_code == 401
    assert "What you filled in is not lost." in answer.text
    name = kept_name(answer)
    ended = await late.sign_in(f"/_inkom/parked/{name}")
    assert ended.headers["location"] == f"/_inkom/parked/{name}"
    assert late.backend.received == []

    answer = await confirm(late, name)
    assert answer.status_code == 200
    (received,) = late.backend.received
    assert (received.method, received.target, received.body) == ("POST", TARGET.encode(), body)
    assert received.values(b"content-type") == [content_type.encode()]
    assert received.values(b"referer") == [referer.encode()]
    assert len(received.values(b"x-inkom-decision")) == 1
    assert b"parked" not in b"".join(received.values(b"cookie"))
    assert late.audit.events[-1].kind == "kept-form-sent"


async def test_it_is_sent_once_however_often_the_button_is_pressed(late: World) -> None:
    name = kept_name(await send(late))
    await late.sign_in()
    token = {"inkom_parked": name, "form_token": late.session.form_token}
    assert (await late.post(TARGET, token)).status_code == 200
    again = await late.post(TARGET, token)
    assert again.status_code == 410
    assert "There is nothing left to send." in again.text
    assert len(late.backend.received) == 1
    assert (await late.get(f"/_inkom/parked/{name}")).status_code == 410


async def test_the_page_says_what_waits_but_not_what_stands_in_it(late: World) -> None:
    name = kept_name(await send(late, content=b"bedrag=geheim"))
    await late.sign_in()
    page = await late.get(f"/_inkom/parked/{name}")
    for said in (
        "Do you still want to send this?",
        "Application",
        "01/06/2026 10:00",
        "13 B",
        "Anaïs Testers",
        "1999.999.943",
    ):
        assert said in page.text
    assert "geheim" not in page.text
    # Chromium holds the redirect that answers a form to form-action.
    assert "form-action 'self' http://localhost:9000 https:;" in page.headers["content-security-policy"]
    assert late.backend.received == []


async def test_who_does_not_want_to_send_it_erases_it(late: World) -> None:
    name = kept_name(await send(late))
    await late.sign_in()
    refused = await late.post(f"/_inkom/parked/{name}", {"form_token": "of another session"})
    assert refused.status_code == 403
    answer = await late.post(f"/_inkom/parked/{name}", {"form_token": late.session.form_token})
    assert "What you had filled in is erased." in answer.text
    assert late.parking.kept == {}
    assert (await late.post(f"/_inkom/parked/{name}", {"form_token": late.session.form_token})).status_code == 410


async def test_another_person_gets_neither_to_see_nor_to_send_it(late: World) -> None:
    name = kept_name(await send(late))
    late.provider.signed_in = SignedIn(identity=an_identity(subject="somebody-else", given_name="Piet"))
    await late.sign_in()
    answer = await late.get(f"/_inkom/parked/{name}")
    assert answer.status_code == 403
    assert "It has not been sent, and it is erased." in answer.text
    assert late.parking.kept == {}
    assert late.audit.events[-1].kind == "kept-form-refused"


async def test_another_person_who_knows_the_address_sends_nothing(late: World) -> None:
    name = kept_name(await send(late))
    late.provider.signed_in = SignedIn(identity=an_identity(subject="somebody-else"))
    await late.sign_in()
    answer = await late.post(TARGET, {"inkom_parked": name, "form_token": late.session.form_token})
    assert answer.status_code == 403
    assert late.backend.received == []
    assert late.parking.kept == {}


async def test_for_another_organisation_it_waits_until_the_first_one_is_chosen_again(world: World) -> None:
    world.registers.record = PersonRecord(rights=(a_right(), a_right(FLORIST)), organisations=(BAKERY, FLORIST))
    world.provider.signed_in = SignedIn(identity=an_identity(), chosen=BAKERY.number)
    await world.sign_in()
    world.sessions.kept.clear()
    name = kept_name(await send(world))
    world.provider.signed_in = SignedIn(identity=an_identity(), chosen=FLORIST.number)
    await world.sign_in()
    page = await world.get(f"/_inkom/parked/{name}")
    assert "Choose Voorbeeld Bakkerij BV again to send it." in re.sub(r"<[^>]*>", "", page.text)
    assert "Send it now" not in page.text
    sent = await world.post(TARGET, {"inkom_parked": name, "form_token": world.session.form_token})
    assert sent.headers["location"].startswith(f"/_inkom/parked/{name}?")
    assert world.backend.received == []
    choice = {"organisation": BAKERY.number.digits, "return_to": f"/_inkom/parked/{name}"}
    chosen = await world.post("/_inkom/organisation", {**choice, "form_token": world.session.form_token})
    assert chosen.headers["location"] == f"/_inkom/parked/{name}"
    assert (await confirm(world, name)).status_code == 200
    assert [received.body for received in world.backend.received] == [b"bedrag=100"]


async def test_a_form_that_comes_before_an_organisation_was_chosen_waits_too(world: World) -> None:
    world.registers.record = PersonRecord(rights=(a_right(), a_right(FLORIST)), organisations=(BAKERY, FLORIST))
    await world.sign_in()
    answer = await send(world)
    assert answer.status_code == 403
    assert "Choose an organisation first" in answer.text
    name = kept_name(answer)
    assert (await world.get(f"/_inkom/parked/{name}")).headers["location"].startswith("/_inkom/organisation?return_to=")
    choice = {"organisation": BAKERY.number.digits, "return_to": f"/_inkom/parked/{name}"}
    await world.post("/_inkom/organisation", {**choice, "form_token": world.session.form_token})
    assert (await confirm(world, name)).status_code == 200


def at_a_high_level(policy: Policy) -> Policy:
    level = Requirement(id="level", condition=AssuranceAtLeast(level=Assurance.HIGH))
    return replace(policy, require=(level, *policy.require))


async def test_a_form_for_which_a_more_certain_sign_in_is_needed_waits_too() -> None:
    async with gateway(change=at_a_high_level) as world:
        low = an_identity(method=SignInMethod.SMS, assurance=Assurance.LOW)
        world.provider.signed_in = SignedIn(identity=low)
        await world.sign_in()
        answer = await send(world)
        assert "Sign in in a more certain way first" in answer.text
        assert "&amp;level=high" in answer.text
        name = kept_name(answer)
        world.provider.signed_in = SignedIn(identity=an_identity())
        await world.sign_in(f"/_inkom/parked/{name}")
        assert (await confirm(world, name)).status_code == 200
        assert [received.body for received in world.backend.received] == [b"bedrag=100"]


async def test_d53_a_form_of_another_site_is_never_kept(late: World) -> None:
    foreign: tuple[dict[str, str], ...] = (
        {"sec_fetch_site": "cross-site", "origin": "https://evil.test"},
        {"sec_fetch_site": "same-site", "origin": "https://other.localhost:8000"},
        {"origin": "null"},
        {"origin": "https://evil.test"},
    )
    for headers in foreign:
        answer = await send(late, content=b"a=1", **headers)
        assert answer.status_code == 401
        assert "What you sent has not been received." in answer.text
        assert late.parking.kept == {}


async def test_nothing_is_kept_after_signing_out(world: World) -> None:
    await world.sign_in()
    former = dict(world.client.cookies)
    await world.post("/_inkom/logout", {"form_token": world.session.form_token})
    for name, value in former.items():
        world.client.cookies.set(name, value, domain="localhost.local")
    answer = await send(world)
    assert "What you sent has not been received." in answer.text
    assert world.parking.kept == {}


async def test_what_is_too_large_is_said_to_be_so(late: World) -> None:
    answer = await send(late, content=b"x" * 262_145)
    assert "It was too large to keep for you: more than 262.1 kB." in answer.text
    assert late.parking.kept == {}


async def test_where_there_is_no_room_nothing_is_promised(late: World) -> None:
    late.parking.full = True
    answer = await send(late)
    assert "What you sent has not been received." in answer.text
    assert "set-cookie" not in answer.headers


async def test_a_script_is_told_so_and_nothing_is_kept(late: World) -> None:
    answer = await send(late, accept="application/json", sec_fetch_mode="cors")
    assert answer.headers["content-type"] == "application/problem+json"
    assert late.parking.kept == {}


async def test_a_confirmation_needs_the_sessions_own_page(late: World) -> None:
    name = kept_name(await send(late))
    await late.sign_in()
    token = late.session.form_token
    forged = await late.post(TARGET, {"inkom_parked": name, "form_token": "guessed"})
    foreign = await late.post(
        TARGET, {"inkom_parked": name, "form_token": token}, origin="https://evil.test", sec_fetch_site="cross-site"
    )
    elsewhere = await late.post("/kmo-portefeuille/elders", {"inkom_parked": name, "form_token": token})
    assert [forged.status_code, foreign.status_code, elsewhere.status_code] == [403, 403, 410]
    assert late.backend.received == []
    assert len(late.parking.kept) == 1


async def test_another_browser_finds_nothing(late: World) -> None:
    name = kept_name(await send(late))
    await late.sign_in()
    late.client.cookies.delete("inkom-localhost-parked")
    assert (await late.get(f"/_inkom/parked/{name}")).status_code == 410
    assert len(late.parking.kept) == 1


async def test_when_the_session_ends_again_before_the_button_is_pressed_it_goes_on_waiting(late: World) -> None:
    name = kept_name(await send(late))
    await late.sign_in()
    token = late.session.form_token
    late.sessions.kept.clear()
    answer = await late.post(TARGET, {"inkom_parked": name, "form_token": token})
    back = f"/_inkom/parked/{name}?return_to=%2Fkmo-portefeuille%2F"
    assert (answer.status_code, answer.headers["location"]) == (303, back)
    asked = await late.get(f"/_inkom/parked/{name}")
    assert asked.headers["location"] == f"/_inkom/login?return_to=%2F_inkom%2Fparked%2F{name}"
    await late.sign_in()
    assert (await confirm(late, name)).status_code == 200


async def test_while_a_form_waits_every_other_post_passes_as_it_came(late: World) -> None:
    await send(late)
    await late.sign_in()
    bodies = [b"a=1", b"inkom_other=1", b"", b"x" * 600, b"inkom_parke", "naam=Zoë".encode()]
    for body in bodies:
        assert (await send(late, content=body)).status_code == 200
    assert [received.body for received in late.backend.received] == bodies


async def test_a_kept_form_that_the_policy_refuses_now_is_refused(late: World) -> None:
    name = kept_name(await send(late))
    await late.sign_in()
    late.registers.record = PersonRecord(organisations=(BAKERY,))
    late.forget_facts()
    answer = await confirm(late, name)
    assert answer.status_code == 403
    assert late.backend.received == []


async def test_c14_a_redirect_that_answers_a_form_is_a_303(
    world: World, record_property: Callable[[str, object], None]
) -> None:
    await world.sign_in()
    forms: tuple[tuple[str, dict[str, str]], ...] = (
        ("/_inkom/organisation", {"organisation": BAKERY.number.digits, "return_to": "/kmo-portefeuille/"}),
        ("/_inkom/login?return_to=%2Fkmo-portefeuille%2F&go=1", {"fragment": "deel-2"}),
        ("/_inkom/logout", {}),
    )
    statuses = []
    for address, fields in forms:
        token = world.session.form_token
        statuses.append((await world.post(address, {**fields, "form_token": token})).status_code)
    late = await send(world)
    assert (statuses, late.status_code) == ([303, 303, 303], 401)
    record_property("statement", "C14: a redirect after a post that carries data is a 303, never a 307")
    record_property("seen", f"organisation, sign-in and sign-out: {statuses}; a late form: a page, no redirect")


async def test_d51_no_choice_of_an_organisation_leads_off_the_site(world: World) -> None:
    await world.sign_in()
    for payload in (
        "//evil.test",
        "/\\evil.test",
        "/\t/evil.test",
        "https:evil.test",
        "javascript:alert(1)",
        "/%0d\nx",
    ):
        fields = {"organisation": BAKERY.number.digits, "return_to": payload}
        answer = await world.post("/_inkom/organisation", {**fields, "form_token": world.session.form_token})
        assert answer.headers["location"] == "/"
