"""The gateway: `inkom serve` with a configuration of its own, and a session from a real sign-in."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.candidates.candidate import Running
from bench.ports import free_port
from bench.processes import PROXY_CORE, ROOT, running
from bench.site import APPLICATION, LIVE_APPLICATION, Site, answers
from bench.visitor import Visitor
from broker.config import Listen
from broker.cookies import Cookies
from broker.demo.registered import register

_LONG = 86_400  # seconds: facts are not read anew, and nobody is too late, while we measure
_LARGEST_BODY = 2_000_000_000
_PATIENCE = 180.0  # seconds; ten thousand applications take a while to read


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningGateway(Running):
    """With what else a measurement may need of it."""

    configuration: Path
    audit: Path
    session_cookie: str
    token: str

    def settle(self) -> None:
        """Empty the audit log, which grows by some MB in each second of load."""
        with suppress(FileNotFoundError):
            os.truncate(self.audit, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """`listen` is what to write below that topic, `topics` are further ones; `redis` is whose Redis it uses."""

    name: str = "gateway"
    title: str = "gateway"
    workers: int = 1
    applications: int = 3
    redis: str = "gateway"
    listen: Mapping[str, Any] = field(default_factory=dict)
    topics: Mapping[str, Any] = field(default_factory=dict)

    def absent(self) -> str | None:
        unknown = [key for key in self.listen if key not in Listen.__struct_fields__]
        return f"this version has no setting listen.{unknown[0]}" if unknown else None

    @contextmanager
    def start(self, site: Site) -> Iterator[RunningGateway]:
        room, runtime, port = site.room("gateway"), site.runtime(), free_port()
        configuration = room / "inkom.yaml"
        settings = self.settings(site, port=port, room=room)
        site.register_client(_registration(port, json.loads(runtime.client_jwks.read_text())))
        # JSON is YAML too; without spaces, as ten thousand applications are a large file.
        configuration.write_text(json.dumps(settings, separators=(",", ":")))
        (room / "policies").mkdir()
        (room / "policies" / "inkom.yaml").write_text(policy_for(settings["applications"]))
        asyncio.run(register(runtime))
        command = (str(Path(sysconfig.get_path("scripts"), "inkom")), "serve", "--config", str(configuration))
        host = f"localhost:{port}"
        ready = answers(port, path="/_inkom/health/ready", host=host)
        with running(command, core=PROXY_CORE, log=room / "log", ready=ready, patience=_PATIENCE) as group:
            visitor = Visitor()
            visitor.sign_in(f"http://{host}/{APPLICATION}/1k")
            visitor.close()
            session = Cookies.of(secure=False).session
            token = visitor.cookies[host][session]
            yield RunningGateway(
                name=self.name,
                port=port,
                groups=(group,),
                cookie=f"{session}={token}",
                session_cookie=session,
                token=token,
                identity="X-Inkom-Person",
                configuration=configuration,
                audit=room / "audit.jsonl",
            )

    def paths(self) -> tuple[str, ...]:
        """The applications, by the first part of their paths."""
        further = (f"app-{number}" for number in range(self.applications - 2))
        return (APPLICATION, LIVE_APPLICATION, *further)[: self.applications]

    def settings(self, site: Site, *, port: int, room: Path) -> dict[str, Any]:
        """The whole configuration file."""
        runtime, government = site.runtime(), f"http://localhost:{site.government()}"
        upstreams = {name: site.backend() for name in self.paths()}
        if LIVE_APPLICATION in upstreams:
            upstreams[LIVE_APPLICATION] = site.live()
        return {
            "public_url": f"http://localhost:{port}",
            "listen": {"host": "127.0.0.1", "port": port, "workers": self.workers, **self.listen},
            "operators": {"host": "127.0.0.1", "port": free_port()},
            "acm": {
                "issuer": f"{government}/op",
                "client_id": _client(port),
                "private_key_file": str(runtime.client_key),
            },
            "registers": {
                "idm": f"{government}/idm/v1",
                "kbo": f"{government}/kbo/v1",
                "token_file": str(runtime.register_token),
                "facts_max_age": _LONG,
            },
            "sessions": {
                "redis": site.redis(self.redis).url,
                "secrets_file": str(runtime.session_secrets),
                "idle": _LONG,
                "absolute": _LONG,
            },
            "policies": "policies",
            "audit": {"file": str(room / "audit.jsonl")},
            "registrations": {"database": f"sqlite:///{runtime.registrations}"},
            "assertion": {"key_file": str(runtime.assertion_key)},
            "pseudonym": {"key_file": str(runtime.pseudonym_key)},
            "applications": {
                name: {
                    "title": {"nl": name, "en": name},
                    "upstream": f"http://127.0.0.1:{port}",
                    **({"max_body": _LARGEST_BODY} if name == LIVE_APPLICATION else {}),
                }
                for name, port in upstreams.items()
            },
            **self.topics,
        }


def policy_for(applications: Mapping[str, object]) -> str:
    """The shipped policy, for these applications."""
    shipped = (ROOT / "policies" / "inkom.yaml").read_text(encoding="utf-8")
    return re.sub(r"^applications: \[.*\]$", f"applications: [{', '.join(applications)}]", shipped, flags=re.MULTILINE)


def _client(port: int) -> str:
    return f"bench-gateway-{port}"


def _registration(port: int, jwks: object) -> dict[str, object]:
    gateway = f"http://localhost:{port}/_inkom"
    return {
        "client_id": _client(port),
        "name": "INKOM",
        "redirect_uris": [f"{gateway}/callback"],
        "post_logout_redirect_uris": [f"{gateway}/logged-out", f"{gateway}/login"],
        "jwks": jwks,
        "scopes": ["openid", "profile", "rrn", "vo", "wettelijkvertegenwoordiger", "vlaio_inkom"],
        "organisation_choice": "gateway",
    }
