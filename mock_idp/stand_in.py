"""The mock government as a process of one's own tests: on a free port, driven from the outside, ended with them.

    with standing_in() as mock:
        client = mock.register("http://localhost:3000/callback")
        mock.sign_in_next("employee")

Needs the standard library only, so that it fits into anybody's tests. `mock_idp.pytest_plugin` makes a fixture of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from http.client import HTTPConnection
from typing import IO, Literal
from urllib.parse import urlsplit

from mock_idp.acm.scopes import SCOPES

KeyMode = Literal["announce", "rotate", "drop-old", "just-before-signing", "same-kid-new-key"]
_READY = "mock government ready on "
_SECONDS_TO_STOP = 10
_SECONDS_TO_ANSWER = 30


class StandInError(Exception):
    """The mock did not start, or refused what it was asked; the text is the mock's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredClient:
    """A relying party that the mock knows."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn:
    """A running mock. `client_id` and `client_secret` are those of a client that is there from the start."""

    origin: str
    client_id: str = "demo-client"
    client_secret: str = field(repr=False, default="demo-client-secret")

    @property
    def issuer(self) -> str:
        return f"{self.origin}/op"

    @property
    def discovery(self) -> str:
        return f"{self.issuer}/.well-known/openid-configuration"

    def register(
        self, *redirect_uris: str, client_id: str = "under-test", client_secret: str = "hush", **more: object
    ) -> RegisteredClient:
        """A client with these addresses; a second time, it is replaced. `more` are keys of `mock_idp/clients.yaml`."""
        entry = {
            "client_id": client_id,
            "client_secret": client_secret,
            "redirect_uris": list(redirect_uris),
            "scopes": list(SCOPES),
            **more,
        }
        self._post("/mock/clients", entry)
        return RegisteredClient(client_id=client_id, client_secret=client_secret, redirect_uris=redirect_uris)

    def sign_in_next(
        self, person: str, *, method: str | None = None, organisation: str | None = None, client_id: str | None = None
    ) -> None:
        """The next authorization request (of that client, or of any) is answered for this person, without pages."""
        asked = {
            "mock_person": person,
            "mock_method": method,
            "mock_organisation": organisation,
            "client_id": client_id,
        }
        self._post("/mock/next-login", _given(asked))

    def fault(
        self,
        name: str,
        *,
        times: int | Literal["always"] = 1,
        client_id: str | None = None,
        seconds: float | None = None,
    ) -> None:
        """The next answers of that kind are wrong in that way; `faults` lists the names."""
        self._post("/mock/fault", _given({"fault": name, "times": times, "client_id": client_id, "seconds": seconds}))

    def rotate_keys(self, mode: KeyMode = "rotate", *, alg: Literal["RS256", "ES256"] | None = None) -> None:
        self._post("/mock/keys", _given({"mode": mode, "alg": alg}))

    def set_day(self, day: date | str) -> None:
        """Rights and pages follow that day; the times in tokens stay real."""
        self._post("/mock/clock", {"day": str(day)})

    @property
    def day(self) -> date:
        return date.fromisoformat(str(self._get("/mock/clock")["day"]))

    def reset(self) -> None:
        """As at the start, but for the clients, which stay."""
        self._post("/mock/reset", {})

    def people(self) -> tuple[str, ...]:
        """The keys for `sign_in_next`; `inkom-mock people` has their stories."""
        return self._names("/mock/people", "people", "key")

    def faults(self) -> tuple[str, ...]:
        return self._names("/mock/faults", "faults", "fault")

    def _names(self, path: str, many: str, one: str) -> tuple[str, ...]:
        rows = self._get(path)[many]
        return tuple(str(row[one]) for row in rows) if isinstance(rows, list) else ()

    def _get(self, path: str) -> Mapping[str, object]:
        return self._asked("GET", path, None)

    def _post(self, path: str, content: Mapping[str, object]) -> None:
        self._asked("POST", path, json.dumps(content))

    def _asked(self, method: str, path: str, body: str | None) -> Mapping[str, object]:
        connection = HTTPConnection(urlsplit(self.origin).netloc, timeout=_SECONDS_TO_ANSWER)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            told = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status >= 400:
            raise StandInError(f"{path}: {told.get('error', told)}")
        return dict(told)


@contextmanager
def standing_in(*arguments: str) -> Iterator[StandIn]:
    """Run `inkom-mock` on a free port for the length of a block; `arguments` are further options of its own."""
    command = [sys.executable, "-m", "mock_idp", "--port", "0", "--smtp-port", "off", "--log-level", "warning"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([*command, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        try:
            yield StandIn(origin=_origin(process, log))
        finally:
            process.terminate()
            try:
                process.wait(_SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _origin(process: subprocess.Popen[bytes], log: IO[bytes]) -> str:
    line = b"" if process.stdout is None else process.stdout.readline()
    if not line.startswith(_READY.encode()):
        process.wait(_SECONDS_TO_STOP)
        log.seek(0)
        raise StandInError(f"inkom-mock did not start:\n{log.read().decode(errors='replace')}")
    return line.decode().removeprefix(_READY).split()[0]


def _given(asked: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in asked.items() if value is not None}
