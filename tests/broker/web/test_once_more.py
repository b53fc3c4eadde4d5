"""A sign-in whose answer was lost on the way is begun once more; nobody has to know."""

from __future__ import annotations

import httpx2
import pytest

from broker.ports import ProviderUnavailable
from tests.broker.gateway import World

APPLICATION = "/kmo-portefeuille/page?x=1"
LOST = ProviderUnavailable("token endpoint: the connection failed", lost=True)


async def come_back(world: World) -> httpx2.Response:
    return await world.get(f"/_inkom/callback?code=a-code&state={world.provider.attempts[-1].state}")


async def test_the_person_is_sent_to_the_provider_again_and_lands_where_they_wanted(world: World) -> None:
    await world.get(f"/_inkom/login?return_to={APPLICATION}")
    first = world.provider.attempts[-1]
    world.provider.refusal = LOST

    answer = await come_back(world)

    world.provider.refusal = None
    again = world.provider.attempts[-1]
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (
        303,
        "http://localhost:9000/op/v1/auth",
    )
    assert len({first.state, again.state, first.nonce, again.nonce, first.code_verifier, again.code_verifier}) == 6
    assert (again.return_to, again.once_more) == (APPLICATION, True)
    assert (await come_back(world)).headers["location"] == APPLICATION
    assert b'inkom_sign_ins_total{result="once-more"} 1.0' in world.measures.exposition()


async def test_it_is_not_begun_a_third_time_but_offered_with_the_way_to_where_they_wanted(world: World) -> None:
    await world.get(f"/_inkom/login?return_to={APPLICATION}")
    world.provider.refusal = LOST
    await come_back(world)

    answer = await come_back(world)

    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert "/_inkom/login?return_to=%2Fkmo-portefeuille%2Fpage%3Fx%3D1" in answer.text
    assert world.sessions.kept == {}


@pytest.mark.parametrize("detail", ["token endpoint: status 500", "token endpoint: no answer in time"])
async def test_a_provider_that_does_not_work_is_not_asked_once_more(world: World, detail: str) -> None:
    await world.get(f"/_inkom/login?return_to={APPLICATION}")
    world.provider.refusal = ProviderUnavailable(detail)

    answer = await come_back(world)

    assert answer.status_code == 503
    assert len(world.provider.attempts) == 1


async def test_the_first_answer_serves_no_second_time(world: World) -> None:
    await world.get(f"/_inkom/login?return_to={APPLICATION}")
    state = world.provider.attempts[-1].state
    world.provider.refusal = LOST
    await come_back(world)
    world.provider.refusal = None

    answer = await world.get(f"/_inkom/callback?code=a-code&state={state}")

    assert answer.status_code == 403
    assert world.sessions.kept == {}
