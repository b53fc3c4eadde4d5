"""Answers that the provider lets the browser post (Form Post Response Mode): from another site, without cookies."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.broker.gateway import PAGE, World, gateway

FROM_THE_PROVIDER = {**PAGE, "origin": "http://localhost:9000", "sec-fetch-site": "cross-site"}
CALLBACK = "/_inkom/callback"


@pytest.fixture
async def posting() -> AsyncIterator[World]:
    async with gateway(acm={"response_mode": "form_post"}) as world:
        yield world


async def post_without_cookies(world: World, answer: dict[str, str] | str, **headers: str) -> httpx2.Response:
    """Post as a page of another site does: the browser leaves out cookies that are SameSite=Lax."""
    kept = dict(world.client.cookies)
    world.client.cookies.clear()
    form = {"content-type": "application/x-www-form-urlencoded", **FROM_THE_PROVIDER, **headers}
    body = answer if isinstance(answer, str) else str(httpx2.QueryParams(answer))
    response = await world.client.post(CALLBACK, content=body, headers=form)
    world.client.cookies.update(kept)
    return response


async def test_a_posted_answer_signs_in_by_way_of_a_ticket_that_tells_nothing(posting: World) -> None:
    await posting.get("/_inkom/login?return_to=/kmo-portefeuille/a")
    state = posting.provider.attempts[-1].state
    bounce = await post_without_cookies(posting, {"code": "a-code", "state": state})
    address = bounce.headers["location"]
    assert (bounce.status_code, address) == (303, f"{CALLBACK}?ticket=ticket-0")
    assert bounce.headers["cache-control"] == "no-store"
    assert bounce.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in bounce.headers
    landed = await posting.get(address)
    assert (landed.status_code, landed.headers["location"]) == (303, "/kmo-portefeuille/a")
    assert posting.session.identity.provider == "acm"


async def test_a_ticket_serves_once_and_in_the_browser_that_began(posting: World) -> None:
    await posting.get("/_inkom/login")
    state = posting.provider.attempts[-1].state
    address = (await post_without_cookies(posting, {"code": "c", "state": state})).headers["location"]
    cookies = dict(posting.client.cookies)
    posting.client.cookies.clear()
    assert (await posting.get(address)).status_code == 403
    posting.client.cookies.update(cookies)
    assert (await posting.get(address)).status_code == 403
    assert posting.sessions.kept == {}


async def test_an_answer_in_the_address_is_refused_where_it_has_to_be_posted(posting: World) -> None:
    await posting.get("/_inkom/login")
    answer = await posting.get(f"{CALLBACK}?code=c&state={posting.provider.attempts[-1].state}")
    assert answer.status_code == 403
    assert "Signing in did not work" in answer.text
    assert posting.sessions.kept == {}


async def test_a_posted_answer_is_refused_where_it_has_to_come_in_the_address(world: World) -> None:
    await world.get("/_inkom/login")
    answer = await post_without_cookies(world, {"code": "c", "state": world.provider.attempts[-1].state})
    assert answer.status_code == 403
    assert (await world.get(f"{CALLBACK}?ticket=ticket-0")).status_code == 403
    assert world.sessions.kept == {}


async def test_an_error_that_is_posted_makes_a_page_and_no_session(posting: World) -> None:
    posting.provider.refusal = None
    await posting.get("/_inkom/login")
    bounce = await post_without_cookies(posting, {"error": "login_required", "state": "forged"})
    answer = await posting.get(bounce.headers["location"])
    assert answer.status_code == 403
    assert posting.sessions.kept == {}


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ("code=c&state=" + "x" * 9000, {}),
        ("&".join(f"a{n}=1" for n in range(40)), {}),
        ("code=c&state=s", {"content-type": "text/plain"}),
        ("code=c&state=s", {"content-type": "multipart/form-data; boundary=x"}),
    ],
)
async def test_what_is_no_small_form_is_not_kept(posting: World, body: str, headers: dict[str, str]) -> None:
    answer = await post_without_cookies(posting, body, **headers)
    assert answer.status_code == 403
    assert "location" not in answer.headers


async def test_a_ticket_beside_other_parameters_is_no_ticket(posting: World) -> None:
    await posting.get("/_inkom/login")
    state = posting.provider.attempts[-1].state
    address = (await post_without_cookies(posting, {"code": "c", "state": state})).headers["location"]
    assert (await posting.get(f"{address}&code=other")).status_code == 403
    assert (await posting.get(f"{address}&ticket=other")).status_code == 403
    assert (await posting.get(address)).status_code == 303


async def test_going_back_to_a_used_ticket_leads_to_the_start_page(posting: World) -> None:
    await posting.get("/_inkom/login")
    state = posting.provider.attempts[-1].state
    address = (await post_without_cookies(posting, {"code": "c", "state": state})).headers["location"]
    await posting.get(address)
    assert (await posting.get(address)).headers["location"] == "/"
    assert len(posting.sessions.kept) == 1
