"""The operators' pages: figures without persons, and health on a port of its own."""

from __future__ import annotations

import httpx2
import pytest

from broker.adapters.metrics import CONTENT_TYPE
from broker.ports import Mismatch, SignInRefused
from broker.web.operators import operators_pages
from broker.web.status import StatusPages
from tests.broker.gateway import BAKERY, PERSON, World


def figure(world: World, line: str) -> float:
    found = [
        float(text.rpartition(" ")[2])
        for text in world.measures.exposition().decode().splitlines()
        if text.startswith(line + " ")
    ]
    return found[0] if found else 0.0


async def test_requests_are_counted_by_application_and_outcome(world: World) -> None:
    await world.ask("/kmo-portefeuille/")
    await world.sign_in()
    await world.ask("/kmo-portefeuille/")
    await world.ask("/kmo-portefeuille/")
    assert figure(world, 'inkom_requests_total{application="kmo-portefeuille",outcome="SignIn"}') == 1
    assert figure(world, 'inkom_requests_total{application="kmo-portefeuille",outcome="Forward"}') == 2
    assert figure(world, "inkom_judging_seconds_count") == 3


async def test_sign_ins_are_counted_by_how_they_ended(world: World) -> None:
    await world.sign_in()
    world.provider.refusal = SignInRefused(Mismatch.CANCELLED, "cancelled")
    await world.sign_in()
    assert figure(world, 'inkom_sign_ins_total{result="ok"}') == 1
    assert figure(world, 'inkom_sign_ins_total{result="cancelled"}') == 1


async def test_a_backend_that_is_away_is_counted(world: World) -> None:
    await world.sign_in()
    world.server.close()
    await world.ask("/kmo-portefeuille/")
    line = 'inkom_forwarding_failures_total{application="kmo-portefeuille",kind="UpstreamUnreachable"}'
    assert figure(world, line) == 1


async def test_no_figure_names_a_person_or_an_organisation(world: World) -> None:
    await world.sign_in()
    await world.ask("/kmo-portefeuille/secret-path")
    figures = world.measures.exposition().decode()
    for personal in (PERSON.digits, BAKERY.number.digits, "Anaïs", "secret-path", world.session.reference):
        assert personal not in figures


@pytest.mark.parametrize(("path", "said"), [("/", "/metrics"), ("/metrics", "inkom_requests"), ("/health/live", "ok")])
async def test_the_port_answers_operators_whatever_host_they_ask_for(world: World, path: str, said: str) -> None:
    status = StatusPages(pages=None, assertions=None, vital={}, useful={})  # type: ignore[arg-type]  # not asked for here
    pages = operators_pages(status=status, exposition=world.measures.exposition, content_type=CONTENT_TYPE)
    transport = httpx2.ASGITransport(app=pages)
    async with httpx2.AsyncClient(transport=transport, base_url="http://10.0.0.1:8001") as client:
        answer = await client.get(path)
    assert answer.status_code == 200
    assert said in answer.text
