"""`/_inkom/auth`: who may ask, and what is answered about requests that may pass, may not pass, or cannot be judged."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from typing import Any

import httpx2
import pytest

from broker.config import ForwardAuth
from broker.domain.people import PersonRecord
from tests.broker.gateway import BAKERY, ORIGIN, PAGE, PERSON, World, a_right, as_from_the_edge, gateway

PROXIES = ForwardAuth(
    nginx=("10.0.0.1",), haproxy=("10.0.0.2",), caddy=("10.0.0.3",), traefik=("10.0.0.4/31",), envoy=("2001:db8::/64",)
)
ADDRESS = {
    "nginx": "10.0.0.1",
    "haproxy": "10.0.0.2",
    "caddy": "10.0.0.3",
    "traefik": "10.0.0.5",
    "envoy": "2001:db8::7",
}
PASSING = ("caddy", "traefik", "envoy")
SCRIPT = {"accept": "application/json"}
IDENTITY = {
    "x-inkom-person",
    "x-inkom-name",
    "x-inkom-organisation",
    "x-inkom-organisation-name",
    "x-inkom-role",
    "x-inkom-right",
    "x-inkom-profile",
    "x-inkom-assurance",
    "x-inkom-decision",
    "x-inkom-assertion",
}
Ask = Callable[..., Any]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with gateway(forward_auth=PROXIES) as world:
        yield world


@asynccontextmanager
async def seen_from(world: World, address: str) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(
        app=as_from_the_edge(world.gate), client=(address, 50000), raise_app_exceptions=False
    )
    async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN, follow_redirects=False) as client:
        yield client


def question(proxy: str, target: str, method: str) -> tuple[str, str, dict[str, str]]:
    """Method, address and fields of a product's question about a request."""
    if proxy == "envoy":
        return method, f"/_inkom/auth{target}", {}
    if proxy in ("nginx", "haproxy"):
        return "GET", "/_inkom/auth", {"x-original-method": method, "x-original-uri": target}
    fields = {
        "x-forwarded-method": method,
        "x-forwarded-uri": target,
        "x-forwarded-proto": "http",
        "x-forwarded-host": "localhost:8000",
        "x-forwarded-for": "192.0.2.7",
    }
    return "GET", "/_inkom/auth", fields


async def ask(
    world: World,
    proxy: str,
    target: str = "/kmo-portefeuille/",
    *,
    method: str = "GET",
    visitor: dict[str, str] = SCRIPT,
    address: str | None = None,
) -> httpx2.Response:
    """Ask as a product does for a visitor, with the visitor's cookies, from its own address unless said otherwise."""
    asking, place, fields = question(proxy, target, method)
    cookies = "; ".join(f"{name}={value}" for name, value in world.client.cookies.items())
    headers = {**visitor, **fields, **({"cookie": cookies} if cookies else {})}
    async with seen_from(world, ADDRESS[proxy] if address is None else address) as client:
        return await client.request(asking, place, headers=headers)


@pytest.mark.parametrize("proxy", ADDRESS)
async def test_a_request_that_may_pass_is_answered_with_the_identity_and_nothing_else(world: World, proxy: str) -> None:
    await world.sign_in()
    answer = await ask(world, proxy, "/kmo-portefeuille/aanvraag?x=1", method="PUT")
    assert (answer.status_code, answer.content) == (200, b"")
    assert set(answer.headers) == {*IDENTITY, "cache-control", "content-length"}
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-inkom-organisation"] == "1999999943"
    assert answer.headers["x-inkom-decision"] == "record-1"
    assert PERSON.digits not in str(answer.headers)
    assert world.backend.received == []


async def test_backends_hear_the_same_by_either_way(world: World) -> None:
    await world.sign_in()
    answer = await ask(world, "nginx", "/kmo-portefeuille/")
    await world.get("/kmo-portefeuille/")
    (received,) = world.backend.received
    for name in IDENTITY - {"x-inkom-decision", "x-inkom-assertion"}:
        assert [answer.headers[name].encode()] == received.values(name.encode()), name


async def test_a_decision_is_recorded_and_counted_as_any_other(world: World) -> None:
    await world.sign_in()
    await ask(world, "nginx", "/kmo-portefeuille/")
    await world.get("/kmo-portefeuille/")
    asked, forwarded = world.audit.decisions
    assert asked == forwarded
    assert world.audit.about[0] == world.audit.about[1]
    lines = world.measures.exposition().decode().splitlines()
    counted = next(line for line in lines if line.startswith("inkom_requests_total") and "Forward" in line)
    assert counted.endswith(" 2.0")


async def test_a_question_is_a_use_of_the_session(world: World) -> None:
    await world.sign_in()
    before = world.sessions.uses
    await ask(world, "nginx")
    assert world.sessions.uses == before + 1


async def test_what_a_visitor_claims_to_be_is_not_repeated(world: World) -> None:
    await world.sign_in()
    spoofed = {**SCRIPT, "x-inkom-person": "me", "x-inkom-national-number": "1", "x-inkom-anything": "1"}
    answer = await ask(world, "nginx", visitor=spoofed)
    assert answer.status_code == 200
    assert answer.headers["x-inkom-person"] != "me"
    assert {name for name in answer.headers if name.startswith("x-inkom-")} == IDENTITY


async def test_the_national_number_is_told_only_where_there_is_a_purpose_for_it() -> None:
    basis = {"national_number": {"purpose": "aid register", "legal_basis": "decree"}}
    async with gateway(application=basis, forward_auth=PROXIES) as world:
        await world.sign_in()
        answer = await ask(world, "nginx")
        assert answer.headers["x-inkom-national-number"] == PERSON.digits


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.6", "10.0.1.1", "2001:db8:0:1::7", "::1", "unknown", ""])
@pytest.mark.parametrize("proxy", ["nginx", "caddy", "envoy"])
async def test_nobody_else_may_ask_and_for_them_nothing_stands_there(world: World, proxy: str, address: str) -> None:
    await world.sign_in()
    answer = await ask(world, proxy, address=address)
    nothing = await world.ask("/_inkom/nothing-at-all")
    assert (answer.status_code, answer.content) == (404, nothing.content)
    assert dict(answer.headers) == dict(nothing.headers)
    assert world.audit.decisions == []


async def test_without_configuration_nothing_stands_there() -> None:
    async with gateway() as world:
        await world.sign_in()
        answer = await ask(world, "nginx")
        assert (answer.status_code, answer.content) == (404, (await world.ask("/_inkom/nothing-at-all")).content)


async def test_a_peer_is_known_in_the_form_that_a_socket_for_both_kinds_of_addresses_shows(world: World) -> None:
    await world.sign_in()
    assert (await ask(world, "nginx", address="::ffff:10.0.0.1")).status_code == 200
    assert (await ask(world, "nginx", address="::ffff:10.0.0.9")).status_code == 404


async def test_the_address_itself_is_not_up_for_interpretation(world: World) -> None:
    await world.sign_in()
    _, _, fields = question("nginx", "/kmo-portefeuille/", "GET")
    async with seen_from(world, ADDRESS["nginx"]) as client:
        client.cookies.update(world.client.cookies)
        for place in ("/_inkom/%61uth", "/_inkom/auth%2F", "/_inkom/Auth", "/%5Finkom/auth"):
            assert (await client.get(place, headers=fields)).status_code == 404, place


@pytest.mark.parametrize(("asker", "spelling"), [("nginx", "caddy"), ("caddy", "nginx"), ("envoy", "nginx")])
async def test_a_question_in_another_products_spelling_is_refused(world: World, asker: str, spelling: str) -> None:
    await world.sign_in()
    answer = await ask(world, spelling, address=ADDRESS[asker])
    assert answer.status_code == 400
    assert answer.json()["reason"] == "question"
    assert world.audit.decisions == []


async def test_a_target_of_another_application_in_disguise_is_refused(world: World) -> None:
    await world.sign_in()
    for target in ("/kmo-portefeuille/../ecologiepremie-plus/", "/kmo-portefeuille//", "/kmo-portefeuille/%2e%2e/"):
        answer = await ask(world, "nginx", target)
        assert answer.status_code == 400, target
    assert world.audit.decisions == []


@pytest.mark.parametrize("proxy", ADDRESS)
@pytest.mark.parametrize("target", ["/", "/unknown/", "/kmo-portefeuille", "/_inkom/profile"])
async def test_what_is_no_application_is_never_allowed(world: World, proxy: str, target: str) -> None:
    await world.sign_in()
    assert (await ask(world, proxy, target)).status_code == 404


@pytest.mark.parametrize("proxy", ADDRESS)
async def test_a_program_without_a_session_gets_401_and_where_people_sign_in(world: World, proxy: str) -> None:
    answer = await ask(world, proxy, "/kmo-portefeuille/api?x=1")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["reason"] == "not-signed-in"
    assert answer.json()["login_url"] == "/_inkom/login?return_to=%2Fkmo-portefeuille%2Fapi%3Fx%3D1"
    assert "location" not in answer.headers


@pytest.mark.parametrize("proxy", ["nginx", "haproxy"])
async def test_a_proxy_that_hands_refusals_over_gets_statuses_that_it_understands(world: World, proxy: str) -> None:
    answer = await ask(world, proxy, visitor=PAGE)
    assert (answer.status_code, answer.json()["reason"]) == (401, "not-signed-in")
    assert "location" not in answer.headers


@pytest.mark.parametrize("proxy", PASSING)
async def test_a_browser_is_sent_to_sign_in_at_our_public_address(world: World, proxy: str) -> None:
    answer = await ask(world, proxy, "/kmo-portefeuille/aanvraag?stap=2", visitor=PAGE)
    assert answer.status_code == 303
    there = f"{ORIGIN}/_inkom/login?return_to=%2Fkmo-portefeuille%2Faanvraag%3Fstap%3D2"
    assert answer.headers["location"] == there


@pytest.mark.parametrize("proxy", PASSING)
async def test_a_refused_person_reads_why(world: World, proxy: str) -> None:
    await world.sign_in()
    world.registers.record = PersonRecord(rights=(a_right(until=date(2026, 5, 31)),), organisations=(BAKERY,))
    world.forget_facts()
    answer = await ask(world, proxy, visitor=PAGE)
    assert answer.status_code == 403
    assert "text/html" in answer.headers["content-type"]
    assert not {name for name in answer.headers if name.startswith("x-inkom-")}
    assert (await ask(world, proxy)).json()["cause"] == "right-expired"


@pytest.mark.parametrize("proxy", ["nginx", "haproxy"])
async def test_a_refusal_is_403_where_the_proxy_hands_it_over(world: World, proxy: str) -> None:
    await world.sign_in()
    world.registers.record = PersonRecord(rights=(), organisations=(BAKERY,))
    world.forget_facts()
    answer = await ask(world, proxy, visitor=PAGE)
    assert answer.status_code == 403
    assert not {name for name in answer.headers if name.startswith("x-inkom-")}


@pytest.mark.parametrize("proxy", PASSING)
async def test_whoever_has_to_choose_or_register_an_organisation_is_sent_there(world: World, proxy: str) -> None:
    await world.sign_in()
    (cookie,) = world.sessions.kept
    session = world.session
    world.sessions.kept[cookie] = replace(session, acting=None)
    answer = await ask(world, proxy, visitor=PAGE)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"{ORIGIN}/_inkom/organisation?return_to=%2Fkmo-portefeuille%2F",
    )
    world.sessions.kept[cookie] = session
    world.registrations.missing.add(BAKERY.number)
    world.forget_facts()
    answer = await ask(world, proxy, visitor=PAGE)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"{ORIGIN}/_inkom/registration?return_to=%2Fkmo-portefeuille%2F",
    )


@pytest.mark.parametrize("proxy", ADDRESS)
async def test_when_facts_or_the_audit_log_are_away_nobody_passes(world: World, proxy: str) -> None:
    await world.sign_in()
    world.audit.full = True
    assert (await ask(world, proxy)).status_code == 503
    world.audit.full = False
    world.registers.away = True
    world.forget_facts()
    answer = await ask(world, proxy)
    assert (answer.status_code, answer.json()["reason"]) == (503, "register")
    world.sessions.away = True
    answer = await ask(world, proxy)
    assert answer.status_code == 503
    assert not {name for name in answer.headers if name.startswith("x-inkom-")}


@pytest.mark.parametrize("proxy", PASSING)
async def test_a_form_that_comes_too_late_is_not_kept_as_nobody_here_sees_it(world: World, proxy: str) -> None:
    await world.sign_in()
    (cookie,) = world.sessions.kept
    await world.sessions.end(cookie)
    form = {**PAGE, "origin": ORIGIN, "content-type": "application/x-www-form-urlencoded"}
    answer = await ask(world, proxy, "/kmo-portefeuille/aanvraag", method="POST", visitor=form)
    assert answer.status_code == 401
    assert "What you sent has not been received." in answer.text
    assert world.parking.kept == {}
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(("proxy", "status"), [("nginx", 403), ("haproxy", 403), ("caddy", 200), ("envoy", 200)])
async def test_a_post_that_may_stand_for_a_kept_form_is_left_to_the_gateway(
    world: World, proxy: str, status: int
) -> None:
    await world.sign_in()
    world.client.cookies.set("inkom-localhost-parked", "p" * 43, domain="localhost.local")
    assert (await ask(world, proxy, method="POST")).status_code == status
    assert (await ask(world, proxy, method="GET")).status_code == 200


@pytest.mark.parametrize("proxy", ADDRESS)
async def test_a_websocket_is_left_to_the_gateway_which_ends_it_in_time(world: World, proxy: str) -> None:
    await world.sign_in()
    for fields in ({"sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="}, {"upgrade": "WebSocket"}):
        answer = await ask(world, proxy, visitor={**SCRIPT, **fields})
        assert (answer.status_code, answer.json()["reason"]) == (403, "websocket")


async def test_a_session_that_ended_ends_here_too(world: World) -> None:
    await world.sign_in()
    assert (await ask(world, "nginx")).status_code == 200
    (cookie,) = world.sessions.kept
    await world.sessions.end(cookie)
    assert (await ask(world, "nginx")).status_code == 401
