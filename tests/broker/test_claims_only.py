"""A gateway without registers, put together from its configuration, in front of the mock government's ACM.

Only the backend is the test's own, and the clock is moved by hand. IDM and KBO of the mock fail throughout: whoever
asked them would not get far.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import msgspec
import pytest

from broker.adapters.clock import SystemClock
from broker.adapters.policy_files import load as load_policies
from broker.assembly import assemble
from broker.config import load
from broker.demo.registered import UNREGISTERED
from broker.domain.validity import brussels_day
from broker.parts import connect_parts
from mock_idp.fault_list import all_faults
from tests.broker.adapters.conftest import MockGovernment
from tests.broker.adapters.conftest import mock as mock
from tests.broker.adapters.conftest import redis as redis
from tests.broker.adapters.conftest import running_mock as running_mock
from tests.broker.adapters.conftest import shared_redis as shared_redis
from tests.broker.gateway import ORIGIN, PAGE, MemoryRegistrations, as_from_the_edge, ec_key
from tests.broker.proxy.world import Backend
from tests.project.places import ROOT
from tests.redis_server import RedisServer

BAKERY, TRAINING = "1999999943", "1999999844"
PLACE = "/kmo-portefeuille/"
CLIENT, SECRET = "claims-only", "a-secret-of-the-tests"
# What no register says here: ACM lets somebody choose an enterprise that ceased, and the older right is not in the
# table of this configuration.
OTHERWISE = {"ceased-enterprise": True, "older-right": False}
# The mock's list is about a gateway with registers. Without them, nobody acts for what ACM did not name.
STRICTER = {"organisation-blank", "role-older-name"}


class MovedByHand:
    """The real time, and what a test adds to it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return SystemClock().now() + self.ahead

    def today(self) -> date:
        return brussels_day(self.now())


@dataclass
class Claimant:
    """A gateway and a browser that signs in there as somebody of the mock's cast."""

    mock: MockGovernment
    backend: Backend
    clock: MovedByHand
    client: httpx2.AsyncClient

    async def get(self, address: str) -> httpx2.Response:
        return await self.client.get(address, headers=PAGE)

    async def sign_in(self, person: str, organisation: str | None = BAKERY) -> httpx2.Response:
        """Go to ACM as a browser would, without pages, and return the answer of the callback."""
        self.client.cookies.clear()
        begun = await self.get(f"/_inkom/login?return_to={PLACE}")
        script = {"mock_person": person, "mock_method": "itsme"}
        if organisation is not None:
            script["mock_organisation"] = organisation
        async with httpx2.AsyncClient(trust_env=False) as browser:
            answer = await browser.get(str(httpx2.URL(begun.headers["location"]).copy_merge_params(script)))
        assert answer.status_code == 303, answer.text
        back = urlsplit(answer.headers["location"])
        return await self.get(f"{back.path}?{back.query}")

    async def enters(self, person: str, organisation: str | None = BAKERY) -> bool:
        """Whether somebody gets in, all the way to the backend."""
        await self.sign_in(person, organisation)
        before = len(self.backend.received)
        answer = await self.get(PLACE)
        assert len(self.backend.received) - before == (1 if answer.status_code == 200 else 0)
        return answer.status_code == 200


@asynccontextmanager
async def claimant(
    mock: MockGovernment,
    redis: RedisServer,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    **registers: object,
) -> AsyncIterator[Claimant]:
    client: dict[str, object] = {
        "client_id": CLIENT,
        "name": "Without registers",
        "redirect_uris": [f"{ORIGIN}/_inkom/callback"],
        "post_logout_redirect_uris": [f"{ORIGIN}/_inkom/logged-out"],
        "client_secret": SECRET,
        "scopes": ["openid", "profile", "rrn", "vo", "wettelijkvertegenwoordiger", "vlaio_inkom"],
        "organisation_choice": "acm",
    }
    mock.post("/mock/clients", client)
    for register in ("idm", "kbo"):
        mock.post("/mock/fault", {"fault": f"{register}-500", "times": "always"})
    clock = MovedByHand()
    monkeypatch.setattr("broker.parts.SystemClock", lambda: clock)
    backend = Backend()
    server = await asyncio.start_server(backend.serve, "127.0.0.1", 0)
    backend.port = server.sockets[0].getsockname()[1]
    path = folder / "inkom.yaml"
    path.write_bytes(msgspec.yaml.encode(configuration(mock, redis, backend, {"source": "claims", **registers})))
    (folder / "assertion.pem").write_text(ec_key())
    (folder / "pseudonym.key").write_text("p" * 32)
    settings, secrets = load(path, {})
    # As in the demo: everything is registered on INKOM but for one enterprise.
    registrations = MemoryRegistrations(missing={UNREGISTERED})
    parts = replace(connect_parts(settings, secrets, near=folder), registrations=registrations)
    policies = load_policies(ROOT / "policies", applications=settings.applications.keys())
    gate = assemble(settings, policies, parts, pseudonym_key=secrets.pseudonym_key)
    transport = httpx2.ASGITransport(app=as_from_the_edge(gate), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN, follow_redirects=False) as browser:
        yield Claimant(mock=mock, backend=backend, clock=clock, client=browser)
    for protected in gate.applications:
        await protected.upstream.aclose()
    for close in parts.closing:
        await close()
    server.close()
    await server.wait_closed()


def configuration(
    mock: MockGovernment, redis: RedisServer, backend: Backend, registers: dict[str, object]
) -> dict[str, Any]:
    title = {"nl": "Toepassing", "en": "Application"}
    names = ("kmo-portefeuille", "ecologiepremie-plus", "coronamaatregelen")
    return {
        "public_url": ORIGIN,
        "acm": {
            "issuer": mock.issuer,
            "client_id": CLIENT,
            "client_authentication": "client_secret_basic",
            "client_secret": SECRET,
        },
        "registers": registers,
        "sessions": {"redis": redis.url, "secrets": ["s" * 40]},
        "audit": {"file": "audit.jsonl"},
        "assertion": {"key_file": "assertion.pem"},
        "pseudonym": {"key_file": "pseudonym.key"},
        "applications": {name: {"title": title, "upstream": f"http://127.0.0.1:{backend.port}"} for name in names},
    }


@pytest.fixture
async def world(
    mock: MockGovernment, redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Claimant]:
    async with claimant(mock, redis, tmp_path, monkeypatch) as here:
        yield here


async def test_a_representative_and_an_employee_get_in(world: Claimant) -> None:
    assert await world.enters("legal-representative")
    assert world.backend.received[-1].values(b"x-inkom-role") == [b"legal-representative"]
    assert await world.enters("employee")
    sent = world.backend.received[-1]
    assert (sent.values(b"x-inkom-role"), sent.values(b"x-inkom-organisation")) == ([b"user"], [BAKERY.encode()])
    assert sent.values(b"x-inkom-organisation-name") == [b"Voorbeeld%20Bakkerij%20BV"]
    assert sent.values(b"x-inkom-right") == [b"VLAIO%20Inkom%20Gebruiker%20Nieuw"]


async def test_the_whole_cast_gets_what_its_story_says(world: Claimant) -> None:
    people = httpx2.get(f"{world.mock.origin}/mock/people", trust_env=False).json()["people"]
    found, expected = {}, {}
    for one in people:
        organisation = one["acts_for"]["number"] if one["acts_for"] else None
        found[one["key"]] = await world.enters(one["key"], organisation)
        told = one["outcome"]["kmo-portefeuille"]["expect"] == "allowed"
        expected[one["key"]] = OTHERWISE.get(one["key"], told)
    assert found == expected
    assert sum(found.values()) >= 5


ODD = ("role-", "organisation-", "representative-", "target-group-", "mandate")


async def test_no_odd_claim_opens_more_than_it_says(world: Claimant) -> None:
    found, expected = {}, {}
    for fault in all_faults():
        if not fault.name.startswith(ODD) or fault.expected == "either":
            continue
        person = "legal-representative" if fault.name.startswith(("representative-", "mandate")) else "employee"
        world.mock.post("/mock/fault", {"fault": fault.name})
        found[fault.name] = await world.enters(person)
        expected[fault.name] = fault.expected == "accept" and fault.name not in STRICTER
    assert found == expected
    assert len(found) > 12


async def test_the_end_of_the_id_token_ends_the_session(world: Claimant) -> None:
    assert await world.enters("employee")
    world.clock.ahead = timedelta(seconds=3590)
    assert (await world.get(PLACE)).status_code == 200
    world.clock.ahead = timedelta(seconds=3601)
    before = len(world.backend.received)
    answer = await world.get(PLACE)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/_inkom/login?")
    assert (await world.get("/_inkom/organisation")).headers["location"].startswith("/_inkom/login?")
    assert (await world.client.get("/_inkom/me")).status_code == 401
    posted = await world.client.post(PLACE, data={"a": "b"}, headers={**PAGE, "origin": ORIGIN})
    assert posted.status_code == 401
    assert len(world.backend.received) == before


async def test_the_page_about_the_session_says_when_the_claims_end(world: Claimant) -> None:
    assert await world.enters("employee")
    told = datetime.fromisoformat((await world.client.get("/_inkom/me")).json()["ends_at"])
    assert timedelta(minutes=59) < told - SystemClock().now() <= timedelta(minutes=60)


async def test_a_refusal_names_nobody_and_says_to_sign_in_again(world: Claimant) -> None:
    await world.sign_in("service-provider", TRAINING)
    answer = await world.get(PLACE)
    assert answer.status_code == 403
    assert "what you may do is known from when you signed in" in answer.text
    assert "KBO lists nobody" not in answer.text
    assert "Nobody has been designated yet" not in answer.text


async def test_a_citizen_is_told_to_choose_an_organisation(world: Claimant) -> None:
    answer = await world.sign_in("citizen", None)
    assert answer.headers["location"].startswith("/_inkom/organisation")
    page = await world.get(answer.headers["location"])
    assert page.status_code == 403
    assert "You signed in as a citizen" in page.text


async def test_a_mandate_is_refused_at_the_door(world: Claimant) -> None:
    world.mock.post("/mock/fault", {"fault": "mandate"})
    answer = await world.sign_in("legal-representative")
    assert answer.status_code == 403
    assert "You signed in with a mandate" in answer.text
    assert (await world.get(PLACE)).status_code == 303


async def test_an_organisation_that_acm_did_not_name_cannot_be_chosen(world: Claimant) -> None:
    assert await world.enters("two-organisations", "1999999151")
    page = (await world.get("/_inkom/organisation")).text
    assert "1999.999.151" in page
    assert page.count('name="organisation"') == 1
    token = page.split('name="form_token" value="', 1)[1].partition('"')[0]
    answer = await world.client.post(
        "/_inkom/organisation",
        data={"form_token": token, "organisation": TRAINING},
        headers={**PAGE, "origin": ORIGIN, "sec-fetch-site": "same-origin"},
    )
    assert answer.status_code == 403


async def test_an_older_right_opens_where_the_table_has_it(
    mock: MockGovernment, redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rights = {"VLAIOInkomGebruiker": "VLAIO Inkom Gebruiker"}
    async with claimant(mock, redis, tmp_path, monkeypatch, claims={"rights": rights}) as world:
        assert await world.enters("older-right")
        assert not await world.enters("employee")
