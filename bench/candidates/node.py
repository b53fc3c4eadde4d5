"""A gateway of npm's packages (bench/node/gateway.mjs), with a session laid into Redis as its sign-in would."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.candidates.candidate import Running
from bench.needs import NODE
from bench.ports import free_port
from bench.processes import PROXY_CORE, running
from bench.site import Site, answers

# As much as a session of ours tells a backend.
_SESSION = {
    "legalRepresentative": False,
    "rights": [
        {"name": "VLAIO Inkom Gebruiker Nieuw", "profile": "Gebruiker", "from": "2020-01-01", "until": "2999-12-31"}
    ],
    "headers": {
        "x-inkom-person": "p-0123456789abcdef0123456789abcdef",
        "x-inkom-name": "Test%20Persoon",
        "x-inkom-organisation": "1999999943",
        "x-inkom-organisation-name": "Voorbeeld%20Bakkerij%20BV",
        "x-inkom-role": "user",
        "x-inkom-right": "VLAIO%20Inkom%20Gebruiker%20Nieuw",
        "x-inkom-profile": "Gebruiker",
        "x-inkom-assurance": "high",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeGateway:
    """undici and ioredis, with a cache in process."""

    name: str = "node"
    title: str = "Node.js, undici, cache in process"

    def absent(self) -> str | None:
        return None

    @contextmanager
    def start(self, site: Site) -> Iterator[Running]:
        room, port, redis = site.room(self.name), free_port(), site.redis("others")
        token = secrets.token_urlsafe(32)
        with redis.ask() as client:
            client.set(f"session:{token}", json.dumps(_SESSION))
        command = ("node", str(NODE / "gateway.mjs"), str(port), str(site.backend()), str(redis.port))
        with running(command, core=PROXY_CORE, log=room / "log", ready=answers(port)) as group:
            yield Running(name=self.name, port=port, groups=(group,), cookie=f"sid={token}", identity="X-Inkom-Person")
