"""The mock government as a process on a port of its own, as another team would run it, and what its world says."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import yaml

from tests.conformance.processes import answers, free_port, running
from tests.project.places import ROOT

REGISTER_TOKEN = "conformance-register-token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Government:
    """`origin` has no final slash."""

    origin: str
    log: Path

    @property
    def issuer(self) -> str:
        return f"{self.origin}/op"

    def tell(self, path: str, content: Mapping[str, object]) -> dict[str, Any]:
        """Post to the control interface."""
        with plain_client() as client:
            answer = client.post(f"{self.origin}{path}", json=content)
        assert answer.is_success, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def requests(self) -> dict[str, dict[str, int]]:
        """How often each of its endpoints was asked since the reset, by status."""
        seen: dict[str, dict[str, int]] = httpx2.get(f"{self.origin}/mock/requests", trust_env=False).json()["requests"]
        return seen

    def arm(self, fault: str, *, client_id: str) -> None:
        """Let one answer to that client be wrong in one way."""
        self.tell("/mock/fault", {"fault": fault, "client_id": client_id})


def plain_client() -> httpx2.Client:
    """A client for plain http: it does not load the machine's certificates, which takes longer than a request."""
    return httpx2.Client(trust_env=False, timeout=20, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


@contextmanager
def mock_government(
    folder: Path, *options: str, port: int | None = None, origin: str | None = None
) -> Iterator[Government]:
    """Run `inkom-mock` for the length of a block, on a free port and at its own address unless said otherwise."""
    own, log = port or free_port(), folder / "mock-government.log"
    address = origin or f"http://localhost:{own}"
    command = (
        *(sys.executable, "-m", "mock_idp", "--port", str(own), "--origin", address),
        *("--register-token", REGISTER_TOKEN, *options),
    )
    with running(command, log=log, ready=answers(f"http://localhost:{own}/health"), folder=ROOT):
        yield Government(origin=address, log=log)


@dataclass(frozen=True, slots=True, kw_only=True)
class CastMember:
    """What world.yaml says of a person; `national_number` is in digits."""

    national_number: str
    given_name: str
    family_name: str


def cast_member(key: str) -> CastMember:
    """Read one person of the cast, so that no number is written down twice."""
    world = yaml.safe_load((ROOT / "mock_idp" / "world.yaml").read_text(encoding="utf-8"))
    person = world["people"][key]
    digits = "".join(character for character in person["national_number"] if character.isdigit())
    return CastMember(national_number=digits, given_name=person["given_name"], family_name=person["family_name"])
