"""The order of the gate: signed in, for an organisation, facts fresh, decided, audited, and only then forwarded."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from broker.domain.people import Assurance, PersonRecord
from broker.domain.policy import AssuranceAtLeast, Policy, Requirement
from broker.ports import SignedIn
from broker.proxy.tunnel import TunnelGranted, TunnelRefused, UpgradeRequest
from tests.broker.gateway import BAKERY, ORIGIN, PERSON, World, a_right, an_identity, gateway


async def test_a_browser_without_a_session_is_sent_to_sign_in(world: World) -> None:
    answer = await world.get("/kmo-portefeuille/aanvraag?stap=2")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/_inkom/login?return_to=%2Fkmo-portefeuille%2Faanvraag%3Fstap%3D2"
    assert answer.headers["cache-control"] == "no-store"
    assert world.backend.received == []


@pytest.mark.parametrize(
    "headers", [{"accept": "application/json"}, {"accept": "*/*"}, {"accept": "text/html", "sec-fetch-mode": "cors"}]
)
async def test_a_script_without_a_session_is_told_and_never_sent_to_the_provider(
    world: World, headers: dict[str, str]
) -> None:
    answer = await world.client.get("/kmo-portefeuille/api", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["reason"] == "not-signed-in"
    assert problem["login_url"] == "/_inkom/login?return_to=%2Fkmo-portefeuille%2Fapi"
    assert problem["reference"]


async def test_a_form_posted_without_a_session_is_not_lost_silently(world: World) -> None:
    answer = await world.post("/kmo-portefeuille/aanvraag", {"bedrag": "100"})
    assert answer.status_code == 401
    assert "What you sent has not been received." in answer.text
    assert "return_to=%2Fkmo-portefeuille%2F&" not in answer.text
    assert world.backend.received == []


async def test_an_admitted_request_is_audited_before_it_is_forwarded_with_identity(world: World) -> None:
    await world.sign_in()
    answer = await world.get("/kmo-portefeuille/pagina?x=1", x_inkom_person="me", x_inkom_role="legal-representative")
    assert answer.status_code == 200
    (received,) = world.backend.received
    assert received.target == b"/kmo-portefeuille/pagina?x=1"
    assert received.values(b"x-inkom-decision") == [b"record-1"]
    assert received.values(b"x-inkom-role") == [b"user"]
    assert received.values(b"x-inkom-name") == [b"Ana%C3%AFs%20Testers"]
    assert received.values(b"x-inkom-organisation") == [b"1999999943"]
    assert len(received.values(b"x-inkom-person")) == 1
    assert received.values(b"x-inkom-person") != [b"me"]
    assert received.values(b"x-inkom-national-number") == []
    assert b"inkom-localhost" not in b"".join(received.values(b"cookie"))
    assert [decision.reason for decision in world.audit.decisions] == ["inkom-user"]


async def test_the_national_number_goes_only_to_an_application_that_has_a_purpose_for_it() -> None:
    basis = {"national_number": {"purpose": "aid register", "legal_basis": "decree"}}
    async with gateway(application=basis) as world:
        await world.sign_in()
        await world.get("/kmo-portefeuille/")
        (received,) = world.backend.received
        assert received.values(b"x-inkom-national-number") == [PERSON.digits.encode()]


async def test_nothing_is_forwarded_when_the_audit_record_cannot_be_written(world: World) -> None:
    await world.sign_in()
    world.audit.full = True
    answer = await world.get("/kmo-portefeuille/")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "15"
    assert world.backend.received == []


async def test_a_refusal_is_audited_and_never_forwarded(world: World) -> None:
    world.registers.record = PersonRecord(rights=(a_right(until=date(2026, 5, 31)),), organisations=(BAKERY,))
    await world.sign_in()
    answer = await world.ask("/kmo-portefeuille/")
    assert answer.status_code == 403
    assert answer.json()["reason"] == answer.json()["cause"] == "right-expired"
    assert answer.json()["reference"] == "record-1"
    assert [decision.allowed for decision in world.audit.decisions] == [False]
    assert world.backend.received == []


async def test_a_right_ends_at_midnight_in_brussels_without_a_new_sign_in(world: World) -> None:
    world.registers.record = PersonRecord(rights=(a_right(until=date(2026, 6, 1)),), organisations=(BAKERY,))
    await world.sign_in()
    world.clock.instant = datetime(2026, 6, 1, 21, 59, 59, tzinfo=UTC)
    assert (await world.ask("/kmo-portefeuille/")).status_code == 200
    world.clock.instant = datetime(2026, 6, 1, 22, 0, 0, tzinfo=UTC)
    assert (await world.ask("/kmo-portefeuille/")).status_code == 403


async def test_facts_that_are_too_old_are_read_anew_once_for_many_requests(world: World) -> None:
    await world.sign_in()
    world.forget_facts()
    world.registers.record = PersonRecord(rights=(a_right(until=date(2026, 5, 31)),), organisations=(BAKERY,))
    asked = world.registers.asked
    answers = await asyncio.gather(*(world.ask("/kmo-portefeuille/") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {403}
    assert world.registers.asked == asked + 1


async def test_facts_that_are_too_old_and_a_register_that_is_away_answer_503_and_not_403(world: World) -> None:
    await world.sign_in()
    world.registers.away = True
    assert (await world.ask("/kmo-portefeuille/")).status_code == 200
    world.forget_facts()
    answer = await world.ask("/kmo-portefeuille/")
    assert answer.status_code == 503
    assert answer.json()["reason"] == "register"
    world.registers.away = False
    assert (await world.ask("/kmo-portefeuille/")).status_code == 200


async def test_somebody_who_was_just_given_a_right_gets_in_at_the_next_try(world: World) -> None:
    world.registers.record = PersonRecord(organisations=(BAKERY,))
    await world.sign_in()
    assert (await world.ask("/kmo-portefeuille/")).status_code == 403
    world.registers.record = PersonRecord(rights=(a_right(),), organisations=(BAKERY,))
    assert (await world.ask("/kmo-portefeuille/")).status_code == 403
    world.clock.forward(seconds=6)
    assert (await world.ask("/kmo-portefeuille/")).status_code == 200


async def test_a_refused_session_asks_the_registers_at_most_every_five_seconds(world: World) -> None:
    world.registers.record = PersonRecord(organisations=(BAKERY,))
    await world.sign_in()
    world.clock.forward(seconds=6)
    asked = world.registers.asked
    for _ in range(5):
        await world.ask("/kmo-portefeuille/")
    assert world.registers.asked == asked + 1
    world.registers.away = True
    world.clock.forward(seconds=6)
    assert (await world.ask("/kmo-portefeuille/")).status_code == 403


async def test_somebody_whom_the_organisation_no_longer_knows_must_choose_again(world: World) -> None:
    await world.sign_in()
    world.registers.record = PersonRecord()
    world.forget_facts()
    assert (await world.ask("/kmo-portefeuille/")).json()["reason"] == "organisation-not-chosen"


async def test_a_session_that_ended_while_its_facts_were_read_stays_ended(world: World) -> None:
    await world.sign_in()
    world.forget_facts()
    asking = asyncio.create_task(world.ask("/kmo-portefeuille/"))
    await asyncio.sleep(0)
    world.sessions.kept.clear()
    assert (await asking).status_code == 401


async def test_nobody_gets_in_while_redis_is_away(world: World) -> None:
    await world.sign_in()
    world.sessions.away = True
    answer = await world.get("/kmo-portefeuille/")
    assert answer.status_code == 503
    assert "Please try again in a little while" in answer.text
    assert world.backend.received == []


async def test_a_mistake_of_our_own_while_deciding_lets_nobody_in(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.sign_in()

    async def broken(*_: object, **__: object) -> str:
        raise ZeroDivisionError("a secret detail")

    monkeypatch.setattr(world.audit, "decided", broken)
    answer = await world.get("/kmo-portefeuille/")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert world.backend.received == []


async def test_two_session_cookies_count_as_none(world: World) -> None:
    await world.sign_in()
    world.client.cookies.clear()
    answer = await world.ask("/kmo-portefeuille/", cookie="inkom-localhost=cookie-1; inkom-localhost=cookie-1")
    assert answer.status_code == 401


@pytest.mark.parametrize("address", ["/unknown/", "/KMO-portefeuille/", "/kmo-portefeuille-extra/", "/_inkom/none"])
async def test_an_address_that_is_no_application_is_not_found(world: World, address: str) -> None:
    await world.sign_in()
    assert (await world.get(address)).status_code == 404
    assert (await world.ask(address)).headers["content-type"] == "application/problem+json"
    assert world.backend.received == []


async def test_an_application_without_its_last_slash_is_sent_on(world: World) -> None:
    answer = await world.get("/kmo-portefeuille")
    assert (answer.status_code, answer.headers["location"]) == (303, "/kmo-portefeuille/")


async def test_a_backend_that_is_away_is_said_to_be_so(world: World) -> None:
    await world.sign_in()
    world.server.close()
    answer = await world.get("/kmo-portefeuille/")
    assert answer.status_code == 502
    assert "The application does not answer at the moment." in answer.text


def demanding(level: Assurance) -> dict[str, object]:
    def change(policy: Policy) -> Policy:
        return replace(
            policy, require=(Requirement(id="level", condition=AssuranceAtLeast(level=level)), *policy.require)
        )

    return {"change": change}


async def test_somebody_below_the_level_is_sent_to_step_up_and_comes_back_in() -> None:
    async with gateway(change=demanding(Assurance.HIGH)["change"]) as world:  # type: ignore[arg-type]
        low = an_identity(assurance=Assurance.LOW)
        world.provider.signed_in = SignedIn(identity=low)
        await world.sign_in()
        answer = await world.get("/kmo-portefeuille/x")
        assert answer.headers["location"] == "/_inkom/login?return_to=%2Fkmo-portefeuille%2Fx&level=high"
        await world.get(answer.headers["location"])
        attempt = world.provider.attempts[-1]
        assert (attempt.level, attempt.subject, attempt.organisation) == (Assurance.HIGH, low.subject, BAKERY.number)
        world.provider.signed_in = SignedIn(identity=an_identity())
        back = await world.get(f"/_inkom/callback?code=c&state={attempt.state}")
        assert back.headers["location"] == "/kmo-portefeuille/x"
        assert (await world.get("/kmo-portefeuille/x")).status_code == 200
        assert list(world.sessions.kept) == ["cookie-2"]


async def test_somebody_below_the_level_who_would_be_refused_anyway_is_refused() -> None:
    async with gateway(change=demanding(Assurance.HIGH)["change"]) as world:  # type: ignore[arg-type]
        world.registers.record = PersonRecord(organisations=(BAKERY,))
        world.provider.signed_in = SignedIn(identity=an_identity(assurance=Assurance.LOW))
        await world.sign_in()
        assert (await world.get("/kmo-portefeuille/")).status_code == 403


def an_upgrade(
    world: World, *, origin: bytes | None = ORIGIN.encode(), path: bytes = b"/kmo-portefeuille/ws"
) -> UpgradeRequest:
    cookie = b"; ".join(f"{name}={value}".encode() for name, value in world.client.cookies.items())
    headers = [(b"host", b"localhost:8000"), (b"cookie", cookie)]
    if origin is not None:
        headers.append((b"origin", origin))
    return UpgradeRequest(target=path, headers=headers, client="127.0.0.1", secure=False)


async def test_a_tunnel_is_judged_like_a_request_and_ends_with_the_session(world: World) -> None:
    await world.sign_in()
    granted = await world.gate.admit_tunnel(an_upgrade(world))
    assert isinstance(granted, TunnelGranted)
    assert (b"x-inkom-organisation", b"1999999943") in granted.headers
    world.sessions.kept.clear()
    async with asyncio.timeout(5):
        assert await granted.ended == "session ended"


@pytest.mark.parametrize(
    ("origin", "path", "status"),
    [
        (None, b"/kmo-portefeuille/ws", 403),
        (b"https://evil.test", b"/kmo-portefeuille/ws", 403),
        (b"null", b"/kmo-portefeuille/ws", 403),
        (ORIGIN.encode(), b"/unknown/ws", 404),
    ],
)
async def test_a_tunnel_from_another_origin_or_to_nowhere_is_refused(
    world: World, origin: bytes | None, path: bytes, status: int
) -> None:
    await world.sign_in()
    refused = await world.gate.admit_tunnel(an_upgrade(world, origin=origin, path=path))
    assert isinstance(refused, TunnelRefused)
    assert refused.status == status


async def test_an_encoded_letter_is_the_letter_and_what_is_sent_on_stays_as_it_was(world: World) -> None:
    await world.sign_in()
    granted = await world.gate.admit_tunnel(an_upgrade(world, path=b"/%6bmo-portefeuille/ws"))
    assert isinstance(granted, TunnelGranted)
    assert world.audit.decisions[-1].application == "kmo-portefeuille"


async def test_a_tunnel_without_a_session_or_a_store_is_refused(world: World) -> None:
    refused = await world.gate.admit_tunnel(an_upgrade(world))
    assert isinstance(refused, TunnelRefused)
    assert refused.status == 401
    await world.sign_in()
    world.sessions.away = True
    refused = await world.gate.admit_tunnel(an_upgrade(world))
    assert isinstance(refused, TunnelRefused)
    assert refused.status == 503
