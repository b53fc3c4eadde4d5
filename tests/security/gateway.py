"""A real gateway process behind which backends record every byte, and somebody who is signed in at it.

Redis is real, and the session is put there by the gateway's own store, as a sign-in would. What is in front of the
gateway in a test connects to `port`. Providers and registers are not there: nothing here needs them.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx2

from broker.adapters.sessions import RedisSessions
from broker.config import Secrets, Settings, load
from broker.domain.people import Assurance, Facts, KboFunction, SignInMethod
from broker.domain.session import Acting, Session
from broker.domain.validity import Period
from broker.parts import connect_parts
from tests.broker.gateway import BAKERY, an_identity
from tests.conformance.keys import ec_key_pair
from tests.conformance.processes import free_ports, running
from tests.project.places import ROOT
from tests.redis_server import redis_server
from tests.security.backend import Backend, running_backend
from tests.security.cases.answers import PLAYS

HOST = b"gw.example"
COOKIE_NAME = b"__Host-inkom"
MAX_BODY = 200_000

_OPEN = """
policy: open
title: {nl: Open, en: Open}
applications: [public, publicity, awkward]
require:
  - {id: active, organisation: {active: true, registered: true}}
allow:
  - {id: representative, legal_representative: true}
tests:
  - name: A legal representative
    given: {method: eid, organisation: "1999.999.943", legal_representative: true}
    expect: {allowed: true, reason: representative}
  - name: A ceased organisation
    given: {method: eid, organisation: "1999.999.943", legal_representative: true, active: false}
    expect: {allowed: false, reason: active, cause: organisation-ceased}
"""
_CLOSED = """
policy: closed
title: {nl: Gesloten, en: Closed}
applications: [admin]
require:
  - {id: active, organisation: {active: true, registered: true}}
allow:
  - {id: administrator, right: {name: Beheer, profile: [Beheerder]}}
tests:
  - name: An administrator
    given:
      method: eid
      organisation: "1999.999.943"
      working_relation: {}
      rights: [{name: Beheer, profile: Beheerder}]
    expect: {allowed: true, reason: administrator}
  - name: A ceased organisation
    given: {method: eid, organisation: "1999.999.943", active: false}
    expect: {allowed: false, reason: active, cause: organisation-ceased}
"""


class Records:
    """The decisions in an audit log that grows, and the requests that were forwarded on each: method and path."""

    def __init__(self, file: Path) -> None:
        self.by_id: dict[str, dict[str, Any]] = {}
        self.forwarded: dict[str, set[tuple[str, str]]] = {}
        self._file = file
        self._read = 0

    def read_on(self) -> None:
        """Read what was written since."""
        with self._file.open("rb") as log:
            log.seek(self._read)
            whole = log.read().rpartition(b"\n")[0] + b"\n"
        self._read += len(whole) if whole != b"\n" else 0
        for line in whole.splitlines():
            record = json.loads(line) if line else {}
            match record.get("kind"):
                case "decision":
                    self.by_id[record["id"]] = record
                    self.forwarded[record["id"]] = {(record["method"], record["path"])}
                case "request":
                    self.forwarded[record["decision"]].add((record["method"], record["path"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """`backend` serves the open applications and the closed one, `awkward` misbehaves, `detour` is a proxy that the
    environment names and that nobody may use.
    """

    port: int
    cookie: bytes
    backend: Backend
    awkward: Backend
    detour: Backend
    records: Records
    folder: Path

    def decision(self, record: str) -> dict[str, Any]:
        """The audit record of a decision. Raises KeyError."""
        self.records.read_on()
        return self.records.by_id[record]

    def forwarded(self, record: str) -> set[tuple[str, str]]:
        """Method and path of the requests that were forwarded on a decision. Raises KeyError."""
        self.records.read_on()
        return self.records.forwarded[record]


@contextmanager
def running_gateway(folder: Path, *, fast_path: bool = True) -> Iterator[Gateway]:
    """Run Redis, backends and the gateway for the length of a block."""
    (folder / "redis").mkdir()
    with (
        redis_server(folder / "redis") as redis,
        running_backend() as backend,
        running_backend(PLAYS) as awkward,
        running_backend() as detour,
    ):
        port, operators = free_ports(2)
        content = _configuration(
            folder,
            port=port,
            operators=operators,
            redis=redis.url,
            backend=backend,
            awkward=awkward,
            fast_path=fast_path,
        )
        configuration = folder / "inkom.yaml"
        configuration.write_text(json.dumps(content), encoding="utf-8")
        serve = (str(Path(sysconfig.get_path("scripts"), "inkom")), "serve", "--config", str(configuration))
        proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), f"http://127.0.0.1:{detour.port}")
        with running(serve, log=folder / "gateway.log", ready=lambda: _live(port), folder=ROOT, environment=proxies):
            cookie = asyncio.run(_signed_in(configuration))
            yield Gateway(
                port=port,
                cookie=COOKIE_NAME + b"=" + cookie,
                backend=backend,
                awkward=awkward,
                detour=detour,
                records=Records(folder / "audit.jsonl"),
                folder=folder,
            )


def _live(port: int) -> bool:
    try:
        answer = httpx2.get(
            f"http://127.0.0.1:{port}/_inkom/health/live", headers={"host": HOST.decode()}, trust_env=False, timeout=5
        )
    except httpx2.HTTPError:
        return False
    return answer.status_code == 200


async def _signed_in(configuration: Path) -> bytes:
    """The cookie of a legal representative."""
    settings, kept = load(configuration, {})
    return await _begin(settings, kept, near=configuration.parent)


async def _begin(settings: Settings, kept: Secrets, *, near: Path) -> bytes:
    parts = connect_parts(settings, kept, near=near)
    identity, now = an_identity(issuer=settings.acm.issuer, authenticated_at=datetime.now(UTC)), datetime.now(UTC)  # noqa: TID251  (the process has the machine's clock)
    facts = Facts(
        organisation=BAKERY.number,
        active=True,
        registered=True,
        method=SignInMethod.EID,
        assurance=Assurance.HIGH,
        functions=(
            KboFunction(organisation=BAKERY.number, code="10002", period=Period(begins=date(2020, 1, 1), until=None)),
        ),
    )
    mark = (await parts.announcements.about(identity)).mark
    session = Session(
        reference=secrets.token_hex(8),
        identity=identity,
        began_at=now,
        form_token=secrets.token_urlsafe(16),
        acting=Acting(organisation=BAKERY, facts=facts, read_at=now, announced=mark),
    )
    assert isinstance(parts.sessions, RedisSessions)
    cookie = await parts.sessions.begin(session)
    for close in parts.closing:
        await close()
    return cookie.encode("ascii")


def _configuration(
    folder: Path, *, port: int, operators: int, redis: str, backend: Backend, awkward: Backend, fast_path: bool
) -> dict[str, Any]:
    for name in ("session-secrets", "pseudonym"):
        (folder / name).write_text(secrets.token_urlsafe(32))
    (folder / "policies").mkdir()
    (folder / "policies" / "open.yaml").write_text(_OPEN, encoding="utf-8")
    (folder / "policies" / "closed.yaml").write_text(_CLOSED, encoding="utf-8")
    nowhere = "http://127.0.0.1:9"  # the port of the discard service, where nothing listens
    recorded = {"upstream": f"http://127.0.0.1:{backend.port}", "max_body": MAX_BODY}
    upstreams: dict[str, dict[str, Any]] = {
        "public": recorded,
        "publicity": recorded,
        "admin": recorded,
        "awkward": {
            "upstream": f"http://127.0.0.1:{awkward.port}",
            "time_limits": {"connect": 1, "first_byte": 0.5, "idle": 0.5},
        },
    }
    return {
        "public_url": f"https://{HOST.decode()}",
        "listen": {"host": "127.0.0.1", "port": port, "workers": 1, "fast_path": fast_path},
        "operators": {"host": "127.0.0.1", "port": operators},
        "acm": {
            "issuer": nowhere,
            "client_id": "inkom-gateway",
            "client_authentication": "client_secret_basic",
            "client_secret": "of-no-use-here",
        },
        # However long the tests take, the facts of the session are fresh: no register is there to ask.
        "registers": {"idm": nowhere, "kbo": nowhere, "token": "of-no-use-here", "facts_max_age": 86_400},
        "registrations": {"database": f"sqlite:///{folder / 'registrations.sqlite'}"},
        "sessions": {"redis": redis, "secrets_file": "session-secrets"},
        "policies": "policies",
        "audit": {"file": "audit.jsonl"},
        "assertion": {"key_file": str(ec_key_pair(folder / "assertion.pem").file)},
        "pseudonym": {"key_file": "pseudonym"},
        "applications": {name: {"title": {"nl": name, "en": name}, **one} for name, one in upstreams.items()},
    }
