"""Signing in and out: attempts of their own, a new session each time, and no way to be sent elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from urllib.parse import quote

import pytest

from broker.domain.people import PersonRecord
from broker.domain.session import SignInAttempt, TokenGrant
from broker.ports import Mismatch, ProviderUnavailable, SignedIn, SignInRefused
from tests.broker.gateway import BAKERY, FLORIST, ORIGIN, World, a_right, an_identity

SESSION = "inkom-localhost"


async def test_signing_in_begins_a_session_and_leads_back(world: World) -> None:
    answer = await world.sign_in("/kmo-portefeuille/aanvraag")
    assert (answer.status_code, answer.headers["location"]) == (303, "/kmo-portefeuille/aanvraag")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{SESSION}=cookie-1; Path=/; HttpOnly; SameSite=Lax")
    assert "Domain" not in cookie
    assert world.session.acting is not None
    assert world.session.acting.organisation == BAKERY
    assert [event.kind for event in world.audit.events] == ["signed-in"]


async def test_several_tabs_that_sign_in_at_once_all_finish_where_they_wanted(world: World) -> None:
    for path in ("/kmo-portefeuille/a", "/ecologiepremie-plus/b", "/coronamaatregelen/c"):
        await world.get(f"/_inkom/login?return_to={path}")
    states = [attempt.state for attempt in world.provider.attempts]
    assert len({attempt.nonce for attempt in world.provider.attempts} | set(states)) == 6
    ended = [await world.get(f"/_inkom/callback?code=c&state={state}") for state in reversed(states)]
    assert [answer.headers["location"] for answer in ended] == [
        "/coronamaatregelen/c",
        "/ecologiepremie-plus/b",
        "/kmo-portefeuille/a",
    ]


async def test_a_session_that_the_browser_had_before_is_over_after_signing_in(world: World) -> None:
    await world.sign_in()
    await world.sign_in()
    assert list(world.sessions.kept) == ["cookie-2"]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "code=c",
        "code=c&state=",
        "code=c&state=unknown",
        "code=c&state=a&state=a",
        "error=access_denied",
        "state=%00",
    ],
)
async def test_a_callback_without_an_attempt_of_this_browser_makes_no_session(world: World, query: str) -> None:
    answer = await world.get(f"/_inkom/callback?{query}")
    assert answer.status_code == 403
    assert "This sign-in can't be finished" in answer.text
    assert world.sessions.kept == {}


async def test_an_attempt_of_another_browser_is_refused(world: World) -> None:
    await world.get("/_inkom/login")
    world.client.cookies.clear()
    answer = await world.get(f"/_inkom/callback?code=c&state={world.provider.attempts[-1].state}")
    assert answer.status_code == 403
    assert world.sessions.kept == {}


@pytest.mark.parametrize("planted", ["attacker", "x" * 3000, "a,b c", '"quoted"'])
async def test_a_sign_in_cookie_that_we_did_not_make_is_replaced(world: World, planted: str) -> None:
    answer = await world.get("/_inkom/login", cookie=f"inkom-localhost-signin={planted}")
    assert answer.headers["set-cookie"].startswith("inkom-localhost-signin=")
    assert planted not in answer.headers["set-cookie"]


async def test_a61_going_back_to_the_callback_after_signing_in_leads_to_where_it_led(
    world: World, record_property: Callable[[str, object], None]
) -> None:
    await world.sign_in("/kmo-portefeuille/aanvraag")
    await world.sign_in("/coronamaatregelen/")
    first, second = (attempt.state for attempt in world.provider.attempts)
    for state, path in ((first, "/kmo-portefeuille/aanvraag"), (second, "/coronamaatregelen/"), ("unknown", "/")):
        again = await world.get(f"/_inkom/callback?code=c&state={state}")
        assert (again.status_code, again.headers["location"]) == (303, path)
    assert list(world.sessions.kept) == ["cookie-2"]
    record_property("statement", "A61: Back to the callback leads to the application; the code is not redeemed twice")
    record_property("seen", "303 to where that very sign-in led; still one session")


async def test_a60_who_comes_too_late_starts_again_with_the_same_goal(
    world: World, record_property: Callable[[str, object], None]
) -> None:
    await world.post("/_inkom/login?return_to=%2Fkmo-portefeuille%2Fx&go=1", {"fragment": "deel-2"})
    world.attempts.grow_old()
    answer = await world.get(f"/_inkom/callback?code=c&state={world.provider.attempts[-1].state}")
    assert answer.status_code == 403
    assert "This sign-in can't be finished" in answer.text
    assert 'href="/_inkom/login?return_to=%2Fkmo-portefeuille%2Fx#deel-2"' in answer.text
    assert world.sessions.kept == {}
    record_property("statement", "A60: an answer after the timeout gets a friendly page, the target is kept")
    record_property("seen", "403, a page with 'Sign in again' to the same target, fragment included; no session")


@pytest.mark.parametrize("mismatch", Mismatch)
async def test_an_answer_that_was_refused_makes_a_page_with_a_way_back_and_no_session(
    world: World, mismatch: Mismatch
) -> None:
    world.provider.refusal = SignInRefused(mismatch, "what it was")
    answer = await world.sign_in()
    assert answer.status_code == (200 if mismatch is Mismatch.CANCELLED else 403)
    anew = "&amp;prompt=login" if mismatch is Mismatch.INTERACTION_NEEDED else ""
    assert f'href="/_inkom/login?return_to=%2Fkmo-portefeuille%2F{anew}"' in answer.text
    assert "what it was" not in answer.text
    assert world.sessions.kept == {}
    assert world.audit.events[-1].kind == "sign-in-refused"


async def test_when_somebody_else_answers_a_step_up_the_former_session_is_over(world: World) -> None:
    await world.sign_in()
    world.provider.refusal = SignInRefused(Mismatch.OTHER_PERSON, "another person")
    await world.sign_in()
    assert world.sessions.kept == {}


async def test_a_provider_that_is_away_is_said_to_be_so(world: World) -> None:
    world.provider.refusal = ProviderUnavailable("discovery does not answer")
    answer = await world.get("/_inkom/login")
    assert answer.status_code == 503
    assert "Signing in with the government does not work at the moment." in answer.text


PAYLOADS = (
    "//evil.test",
    "///evil.test",
    "/\\evil.test",
    "\\/\\/evil.test",
    "/\t/evil.test",
    "/\nevil",
    "/\r\\evil.test",
    "https:evil.test",
    "https:///evil.test",
    "https://localhost:8000@evil.test",
    "javascript:alert(1)",
    "data:text/html,x",
    "/ /evil.test",
    "/a\x00b",
    "/é",
    "evil.test",
    "",
    "/" + "a" * 2048,
    "/<script>",
    '/"onload=',
)


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_d49_d50_no_return_address_leads_off_the_site(world: World, payload: str) -> None:
    answer = await world.sign_in(quote(payload, safe=""))
    assert answer.headers["location"] == "/"


async def test_an_organisation_chosen_at_acm_is_not_asked_for_again(world: World) -> None:
    world.registers.record = PersonRecord(rights=(a_right(), a_right(FLORIST)), organisations=(BAKERY, FLORIST))
    world.provider.signed_in = SignedIn(identity=an_identity(), chosen=FLORIST.number)
    await world.sign_in()
    assert world.session.acting is not None
    assert world.session.acting.organisation == FLORIST


async def test_an_organisation_of_acm_that_the_registers_do_not_know_must_be_chosen(world: World) -> None:
    world.provider.signed_in = SignedIn(identity=an_identity(), chosen=FLORIST.number)
    answer = await world.sign_in()
    assert answer.headers["location"].startswith("/_inkom/organisation?return_to=")
    assert world.session.acting is None


async def test_registers_that_are_away_do_not_undo_the_sign_in(world: World) -> None:
    world.registers.away = True
    answer = await world.sign_in()
    assert answer.headers["location"].startswith("/_inkom/organisation")
    assert (await world.get("/_inkom/organisation")).status_code == 503
    world.registers.away = False
    assert (await world.get("/_inkom/organisation")).status_code == 200


async def test_signing_out_ends_the_session_here_and_at_the_provider(world: World) -> None:
    await world.sign_in()
    answer = await world.post("/_inkom/logout", {"form_token": world.session.form_token})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("http://localhost:9000/op/v1/logout")
    assert f"{SESSION}=; Path=/; Max-Age=0" in answer.headers["set-cookie"]
    assert world.sessions.kept == {}
    assert (await world.get("/_inkom/logged-out?state=whatever")).status_code == 200


async def test_signing_out_works_when_the_provider_is_away(world: World) -> None:
    await world.sign_in()
    world.provider.logout = None
    answer = await world.post("/_inkom/logout", {"form_token": world.session.form_token})
    assert answer.headers["location"] == "/_inkom/logged-out"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.test"},
        {"origin": "null"},
        {"origin": "http://other.localhost:8000"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"content_type": "text/plain"},
    ],
)
async def test_another_site_cannot_sign_a_visitor_out(world: World, headers: dict[str, str]) -> None:
    await world.sign_in()
    answer = await world.post("/_inkom/logout", {"form_token": world.session.form_token}, **headers)
    assert answer.status_code == 403
    assert len(world.sessions.kept) == 1


@pytest.mark.parametrize("token", ["", "wrong", "é"])
async def test_a_form_without_the_token_of_the_session_does_nothing(world: World, token: str) -> None:
    await world.sign_in()
    assert (await world.post("/_inkom/logout", {"form_token": token})).status_code == 403
    assert len(world.sessions.kept) == 1


async def test_a_form_that_is_far_too_large_does_nothing(world: World) -> None:
    await world.sign_in()
    fields = {"form_token": world.session.form_token, "filling": "x" * 20_000}
    assert (await world.post("/_inkom/logout", fields)).status_code == 403


async def test_signing_out_by_following_a_link_is_not_possible(world: World) -> None:
    await world.sign_in()
    assert (await world.get("/_inkom/logout")).status_code == 405
    assert len(world.sessions.kept) == 1


async def test_signing_out_twice_is_no_mistake(world: World) -> None:
    answer = await world.post("/_inkom/logout", {})
    assert (answer.status_code, answer.headers["location"]) == (303, "/_inkom/logged-out")


async def test_the_language_of_the_visit_goes_along_to_the_provider(world: World) -> None:
    await world.get("/_inkom/login", accept_language="nl")
    assert world.provider.attempts[-1].language == "nl"
    assert ORIGIN not in world.provider.attempts[-1].return_to


async def test_c39_a_logout_that_comes_while_the_code_is_redeemed_ends_the_new_session_too(world: World) -> None:
    identify = world.provider.identify

    async def slowly(attempt: SignInAttempt, response: Sequence[tuple[str, str]]) -> SignedIn:
        signed_in = await identify(attempt, response)
        world.clock.forward(seconds=1)
        who = signed_in.identity
        await world.announcements.announce(
            issuer=who.issuer, subject=who.subject, event_id="logout one", ends_sessions=True
        )
        world.clock.forward(seconds=1)
        return signed_in

    world.provider.identify = slowly  # type: ignore[method-assign]  # the provider of this test takes its time
    await world.sign_in()
    answer = await world.get("/kmo-portefeuille/")
    assert answer.headers["location"].startswith("/_inkom/login")
    assert world.backend.received == []


async def test_signing_out_revokes_the_refresh_token_and_never_waits_for_it(world: World) -> None:
    grant = TokenGrant(refresh_token="a-token", expires_at=world.clock.now(), renew_at=world.clock.now())
    world.provider.signed_in = replace(world.provider.signed_in, grant=grant)
    await world.sign_in()
    form = {"form_token": world.session.form_token}
    world.provider.away = True
    answer = await world.post("/_inkom/logout", form)
    assert answer.status_code == 303
    assert world.sessions.kept == {}
    assert world.provider.revoked == [grant]
