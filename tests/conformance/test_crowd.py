"""A crowd signs in at the same moment, on two gateways with one Redis: each as themselves, none as another."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import ssl
import subprocess
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2
import pytest

from broker.adapters.registrations import Database, SqlRegistrations
from broker.domain.numbers import EnterpriseNumber
from broker.domain.people import Organisation
from broker.domain.registration import Registration
from tests.broker.gateway import a_contact
from tests.conformance.browser import NAVIGATION
from tests.conformance.government import mock_government
from tests.conformance.pair import Pair, running_pair

# CROWD=1000 takes forty seconds on two cores where nothing else runs. A code lives for thirty seconds at ACM and at the
# mock, which shares those cores with both gateways, the registers and the crowd; so every run has a smaller crowd.
PEOPLE = int(os.environ.get("CROWD", "300"))
SECONDS = 240
_INVENTED = "SELECT key, national_number, given_name, family_name FROM person WHERE generated"
# Everybody shares two cores with the provider and both registers, which are one process of Python.
PATIENCE_SECONDS = 60
DISCLOSURE = {"purpose": "a test", "legal_basis": "none: invented people"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One of the crowd; the number is in digits."""

    key: str
    national_number: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """Who a visitor is to the gateway (`me`), and what the backend received about them, if they got there."""

    me: Mapping[str, Any]
    headers: Mapping[str, str] | None


@pytest.mark.serial
@pytest.mark.timeout(SECONDS)
def test_a_crowd_signs_in_at_once_each_as_themselves(tmp_path: Path, redis: str) -> None:
    database, folders = tmp_path / "world.db", iter(range(10))
    make = [str(Path(sysconfig.get_path("scripts"), "inkom-mock")), "generate", "--people", str(PEOPLE)]
    subprocess.run([*make, "--database", str(database)], check=True, capture_output=True, timeout=60)
    people = invented(database)

    def new_folder() -> Path:
        folder = tmp_path / f"gateway-{next(folders)}"
        folder.mkdir()
        return folder

    with (
        mock_government(tmp_path, "--database", str(database)) as government,
        running_pair(
            new_folder, government=government, redis=redis, disclosing=DISCLOSURE, time_limit=PATIENCE_SECONDS
        ) as pair,
    ):
        asyncio.run(register_all(pair, database))
        arrived = asyncio.run(all_at_once(pair, people))
        asked = government.requests()

    as_another = [
        person.key for person, seen in zip(people, arrived, strict=True) if seen.me.get("name") != person.name
    ]
    assert as_another == []
    inside = [(person, seen.headers) for person, seen in zip(people, arrived, strict=True) if seen.headers is not None]
    assert len(inside) > PEOPLE / 3
    assert [headers["x-inkom-national-number"] for _, headers in inside] == [one.national_number for one, _ in inside]
    assert len({headers["x-inkom-person"] for _, headers in inside}) == len(inside)
    assert len({seen.me["session"] for seen in arrived}) == PEOPLE

    assert asked["GET /op/v1/auth"] == {"303": PEOPLE}
    assert asked["POST /op/v1/token"] == {"200": PEOPLE}
    assert asked["GET /op/v1/userinfo"] == {"200": PEOPLE}
    assert asked["GET /op/.well-known/openid-configuration"] == {"200": 2}
    assert asked["GET /op/v1/keys"] == {"200": 2}


def invented(database: Path) -> list[Person]:
    with sqlite3.connect(database) as world:
        rows = world.execute(_INVENTED).fetchall()
    world.close()
    return [Person(key=key, national_number=number, name=f"{given} {family}") for key, number, given, family in rows]


async def register_all(pair: Pair, database: Path) -> None:
    """Register every enterprise on INKOM, so that rights decide."""
    with sqlite3.connect(database) as world:
        numbers = [number for (number,) in world.execute("SELECT number FROM enterprise")]
    world.close()
    for gateway in (pair.first, pair.second):
        registrations = SqlRegistrations(Database.at("sqlite:///registrations.sqlite", near=gateway.folder))
        await registrations.register_all([_registration(number) for number in numbers])
        await registrations.aclose()


def _registration(number: str) -> Registration:
    return Registration(
        organisation=Organisation(number=EnterpriseNumber(number), name="An enterprise"),
        contact=a_contact(),
        registered_by="a test",
        registered_by_name="a test",
        registered_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


async def all_at_once(pair: Pair, people: list[Person]) -> list[Arrived]:
    """Every second one at the other gateway; nobody waits for anybody."""
    gateways = (pair.first, pair.second)
    limits = httpx2.Limits(max_connections=PEOPLE, max_keepalive_connections=0)
    plain = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    async with httpx2.AsyncHTTPTransport(verify=plain, limits=limits) as transport:
        visits = (visit(transport, gateways[at % 2].origin, person) for at, person in enumerate(people))
        return await asyncio.gather(*visits)


async def visit(transport: httpx2.AsyncHTTPTransport, origin: str, person: Person) -> Arrived:
    """Open the application in a browser of one's own, sign in, and look who one is."""
    # Not closed: the transport is everybody's.
    browser = httpx2.AsyncClient(transport=transport, headers=NAVIGATION, timeout=SECONDS, trust_env=False)
    answer = await browser.get(f"{origin}/kmo-portefeuille/api/headers")
    while answer.is_redirect:
        address = urljoin(str(answer.url), answer.headers["location"])
        if urlsplit(address).path == "/op/v1/auth":
            address += f"&mock_person={person.key}&mock_method=itsme"
        answer = await browser.get(address)
    inside = answer.status_code == 200 and answer.headers["content-type"].startswith("application/json")
    me = await browser.get(f"{origin}/_inkom/me", headers={"accept": "application/json"})
    return Arrived(me=me.json(), headers=dict(answer.json()["headers"]) if inside else None)
