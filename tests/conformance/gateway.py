"""The gateway as a process, configured for a foreign provider; sample backends behind it, a Redis beside it."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2

from broker.demo.registered import register, write_registrations
from broker.demo.runtime import Runtime
from tests.conformance.browser import Browser
from tests.conformance.government import REGISTER_TOKEN, Government
from tests.conformance.keys import ec_key_pair
from tests.conformance.processes import answers, free_ports, running
from tests.project.places import ROOT

CLIENT_ID = "inkom-gateway"
APPLICATIONS = ("kmo-portefeuille", "ecologiepremie-plus", "coronamaatregelen")
PROGRAMS = "coronamaatregelen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """Ports: its own, its operators', and those of the three sample backends."""

    folder: Path
    port: int
    operators: int
    backends: tuple[int, ...]

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def application(self) -> str:
        return f"{self.origin}/kmo-portefeuille/"

    @property
    def log(self) -> str:
        return (self.folder / "gateway.log").read_text(errors="replace")

    @property
    def audit(self) -> str:
        return (self.folder / "audit.jsonl").read_text()

    def last_decision(self) -> dict[str, Any]:
        """The last line of the audit log that tells of a decision."""
        lines = [json.loads(line) for line in self.audit.splitlines()]
        return next(line for line in reversed(lines) if "reason" in line)

    def noted(self) -> list[dict[str, Any]]:
        """The lines of the audit log about requests: each decision, and each later request under one."""
        lines = [json.loads(line) for line in self.audit.splitlines()]
        return [line for line in lines if line["kind"] in {"decision", "request"}]

    def noted_after(self, before: int, *, seconds: float = 0.3) -> list[dict[str, Any]]:
        """What was noted since there were so many: the line of a request is written in the turn that answers it."""
        deadline = time.monotonic() + seconds
        while len(noted := self.noted()) <= before and time.monotonic() < deadline:
            time.sleep(0.01)
        return noted[before:]

    def registration(self, **more: object) -> dict[str, object]:
        """What a provider has to know of this client, in the terms of OpenID Connect Dynamic Client Registration."""
        return {
            "client_id": CLIENT_ID,
            "redirect_uris": [f"{self.origin}/_inkom/callback"],
            "post_logout_redirect_uris": [f"{self.origin}/_inkom/logged-out"],
            **more,
        }

    def arrived(self, browser: Browser) -> dict[str, str] | None:
        """The headers that the backend received for this browser; None when somebody has to sign in first."""
        answer = browser.get(f"{self.application}api/headers")
        if answer.is_redirect:
            return None
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}\n{self.log[-3000:]}"
        return dict(answer.json()["headers"])

    def sign_out(self, browser: Browser) -> httpx2.Response:
        """Press the button on the gateway's page; the page to which that leads."""
        profile = browser.open(f"{self.origin}/_inkom/profile")
        token = profile.text.partition('name="form_token" value="')[2].partition('"')[0]
        return browser.follow(browser.post(f"{self.origin}/_inkom/logout", {"form_token": token}))


def new_gateway(folder: Path) -> Gateway:
    """A gateway on ports of its own, not yet started: providers hear of its addresses first."""
    port, operators, *backends = free_ports(5)
    return Gateway(folder=folder, port=port, operators=operators, backends=tuple(backends))


@contextmanager
def running_gateway(
    gateway: Gateway,
    *,
    acm: Mapping[str, object],
    government: Government,
    redis: str,
    beside: Gateway | None = None,
    more: Mapping[str, object] | None = None,
    disclosing: Mapping[str, str] | None = None,
    time_limit: float | None = None,
) -> Iterator[Gateway]:
    """Run gateway and backends for the length of a block; `acm` is that topic of the configuration, `more` others.

    `beside` is another gateway with whose secrets this one runs, so that both know each other's sessions; `disclosing`
    is why the applications get national numbers, if they do.
    """
    folder, ports = gateway.folder, ",".join(str(port) for port in gateway.backends)
    configuration = folder / "inkom.yaml"
    content = {**_configuration(gateway, acm, government, redis, beside=beside), **(more or {})}
    if time_limit is not None:
        content["registers"]["time_limit"] = time_limit
    if disclosing is not None:
        for application in content["applications"].values():
            application["national_number"] = disclosing
    configuration.write_text(json.dumps(content, indent=2), encoding="utf-8")  # JSON is YAML too
    serve = (str(Path(sysconfig.get_path("scripts"), "inkom")), "serve", "--config", str(configuration))
    backends = (sys.executable, "-m", "mock_apps", "--ports", ports, "--gateway", gateway.origin)
    backend = answers(f"http://localhost:{gateway.backends[-1]}/health")
    live = answers(f"{gateway.origin}/_inkom/health/live")
    with (
        running(serve, log=folder / "gateway.log", ready=lambda: True, folder=ROOT),
        # Both start at once; the block begins when both answer.
        running(backends, log=folder / "backends.log", ready=lambda: live() and backend(), folder=ROOT),
    ):
        yield gateway


@cache
def _every_enterprise_registered() -> bytes:
    """A database as in the demo: a foreign provider is not there to register anybody. Made once, copied for each."""
    with TemporaryDirectory() as folder:
        runtime = Runtime(directory=Path(folder))
        write_registrations(runtime)
        asyncio.run(register(runtime))
        return runtime.registrations.read_bytes()


def _registrations(folder: Path) -> str:
    database = folder / "registrations.sqlite"
    database.write_bytes(_every_enterprise_registered())
    return f"sqlite:///{database}"


def _configuration(
    gateway: Gateway, acm: Mapping[str, object], government: Government, redis: str, *, beside: Gateway | None
) -> dict[str, Any]:
    folder = gateway.folder
    for name in ("session-secrets", "pseudonym"):
        (folder / name).write_text((beside.folder / name).read_text() if beside else secrets.token_urlsafe(32))
    (folder / "register-token").write_text(REGISTER_TOKEN)
    assertion = ec_key_pair(folder / "assertion.pem")
    upstreams = zip(APPLICATIONS, gateway.backends, strict=True)
    return {
        "public_url": gateway.origin,
        "listen": {"host": "127.0.0.1", "port": gateway.port, "workers": 1},
        "operators": {"host": "127.0.0.1", "port": gateway.operators},
        "acm": {"client_id": CLIENT_ID, "scopes": ["openid", "profile", "rrn"], **acm},
        "registers": {
            "idm": f"{government.origin}/idm/v1",
            "kbo": f"{government.origin}/kbo/v1",
            "token_file": "register-token",
        },
        "registrations": {"database": _registrations(folder)},
        "sessions": {"redis": redis, "secrets_file": "session-secrets"},
        "policies": _policies(folder),
        "audit": {"file": "audit.jsonl"},
        "assertion": {"key_file": str(assertion.file)},
        "pseudonym": {"key_file": "pseudonym"},
        "applications": {
            name: {"title": {"nl": name, "en": name}, "upstream": f"http://localhost:{port}", **_api(name, government)}
            for name, port in upstreams
        },
    }


def _api(name: str, government: Government) -> dict[str, object]:
    """One of the applications serves programs too."""
    if name != PROGRAMS:
        return {}
    return {"api": {"issuer": government.issuer, "audience": name, "scopes": ["corona.read"]}}


def _policies(folder: Path) -> str:
    """The shipped policy, in which an operator let programs in."""
    shipped = (ROOT / "policies" / "inkom.yaml").read_text(encoding="utf-8")
    methods = "method: [eid, itsme, federal-token, app, sms"
    assert methods in shipped
    (folder / "policies").mkdir(exist_ok=True)
    edited = shipped.replace(methods, f"{methods}, client-credentials", 1)
    (folder / "policies" / "inkom.yaml").write_text(edited, encoding="utf-8")
    return "policies"
