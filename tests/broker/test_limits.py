"""One application asks more of a session than the gateway does: used and begun more recently, at both sides (D61)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from broker.config import Freshness
from broker.domain.demand import Prompt
from broker.ports import Mismatch, SignInRefused
from tests.broker.gateway import World, gateway

STRICT, OWN_PAGE = "/kmo-portefeuille/", "/_inkom/profile"


@pytest.fixture
async def idle() -> AsyncIterator[World]:
    async with gateway(application={"sessions": Freshness(idle=300)}) as world:
        await world.sign_in()
        yield world


@pytest.fixture
async def absolute() -> AsyncIterator[World]:
    async with gateway(application={"sessions": Freshness(absolute=1800)}) as world:
        await world.sign_in()
        yield world


async def lets_in(world: World) -> bool:
    answer = await world.get(STRICT)
    if answer.status_code == 200:
        return True
    assert answer.headers["location"].startswith("/_inkom/login?return_to=%2Fkmo-portefeuille%2F")
    return False


async def test_d61_an_application_takes_a_session_until_its_own_idle_limit_and_no_longer(idle: World) -> None:
    idle.clock.forward(seconds=299)
    assert await lets_in(idle)
    idle.clock.forward(seconds=299)
    assert await lets_in(idle)
    idle.clock.forward(seconds=300)
    assert not await lets_in(idle)


async def test_d61_an_application_takes_a_session_until_its_own_absolute_limit_and_no_longer(absolute: World) -> None:
    for _ in range(3):
        absolute.clock.forward(seconds=599)
        assert await lets_in(absolute)
    absolute.clock.forward(seconds=3)
    assert not await lets_in(absolute)


async def test_asking_again_is_no_way_around_the_limit(idle: World) -> None:
    idle.clock.forward(seconds=300)
    assert not await lets_in(idle)
    await idle.get("/_inkom/login?return_to=/kmo-portefeuille/")
    assert not await lets_in(idle)


async def test_the_provider_has_to_ask_anew_or_its_own_session_would_answer_for_the_person(idle: World) -> None:
    idle.clock.forward(seconds=300)
    answer = await idle.get(STRICT)
    await idle.get(answer.headers["location"])
    assert idle.provider.attempts[-1].prompt == (Prompt.LOGIN,)


async def test_signing_in_again_is(idle: World) -> None:
    idle.clock.forward(seconds=300)
    assert not await lets_in(idle)
    await idle.sign_in()
    assert await lets_in(idle)


async def test_the_rest_of_the_gateway_goes_by_its_own_limits(absolute: World) -> None:
    absolute.clock.forward(seconds=1800)
    assert (await absolute.get(OWN_PAGE)).status_code == 200


async def test_a_program_is_told_that_it_has_to_sign_in(absolute: World) -> None:
    absolute.clock.forward(seconds=1800)
    answer = await absolute.ask(STRICT)
    assert (answer.status_code, answer.json()["reason"]) == (401, "not-signed-in")
    assert absolute.backend.received == []


async def test_a_sign_in_that_was_given_up_is_no_way_around_the_limit(idle: World) -> None:
    idle.clock.forward(seconds=300)
    await idle.get((await idle.get(STRICT)).headers["location"])
    idle.provider.refusal = SignInRefused(Mismatch.CANCELLED, "access_denied")
    await idle.get(f"/_inkom/callback?error=access_denied&state={idle.provider.attempts[-1].state}")
    assert not await lets_in(idle)


async def test_a_form_that_waits_is_no_way_around_the_limit(idle: World) -> None:
    idle.clock.forward(seconds=300)
    assert (await idle.post(STRICT, {"amount": "100"})).status_code == 401
    ((name, _),) = idle.parking.kept
    await idle.get(f"/_inkom/parked/{name}")
    await idle.post(STRICT, {"inkom_parked": name, "form_token": idle.session.form_token})
    assert idle.backend.received == []
    assert not await lets_in(idle)
