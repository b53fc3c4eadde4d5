"""The whole chain as `inkom demo` starts it, on free ports, and visitors who walk through it over HTTP."""

from __future__ import annotations

import os
import signal
import subprocess
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import httpx2

from broker.demo.options import free_port
from tests.broker.demo.choices import free_ports_in_a_row
from tests.project.places import ROOT

APPLICATIONS = ("kmo-portefeuille", "ecologiepremie-plus", "coronamaatregelen")
BROWSER = {"accept": "text/html,application/xhtml+xml", "sec-fetch-mode": "navigate", "accept-language": "en"}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LONGEST_WALK = 12
_MOST_STARTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Addresses and files of one running chain."""

    directory: Path
    gateway: str
    mock: str
    backends: tuple[str, ...]
    redis_port: int
    process: subprocess.Popen[str]

    @property
    def audit(self) -> Path:
        """The gateway's audit log."""
        return self.directory / "audit.jsonl"

    @property
    def redis_password(self) -> str:
        """The password of the gateway's Redis user."""
        return (self.directory / "keys" / "redis-password").read_text().strip()

    def tell_mock(self, path: str, **content: Any) -> httpx2.Response:
        """Post to the mock's control interface."""
        response = httpx2.post(f"{self.mock}{path}", json=content, trust_env=False)
        response.raise_for_status()
        return response

    def ask_mock(self, path: str) -> dict[str, Any]:
        """Get from the mock's control interface."""
        answer: dict[str, Any] = httpx2.get(f"{self.mock}{path}", trust_env=False).json()
        return answer

    def people(self) -> list[dict[str, Any]]:
        """The cast, each with story and expected outcome."""
        people: list[dict[str, Any]] = httpx2.get(f"{self.mock}/mock/people", trust_env=False).json()["people"]
        return people

    def visitor(self) -> Visitor:
        """A new visitor with an empty browser."""
        return Visitor(chain=self)


@dataclass(slots=True, kw_only=True)
class Visitor:
    """One browser without a screen: keeps cookies, follows redirects one by one, remembers every page it saw."""

    chain: Chain
    client: httpx2.Client = field(
        default_factory=lambda: httpx2.Client(trust_env=False, headers=BROWSER, timeout=20, follow_redirects=False)
    )
    pages: list[str] = field(default_factory=list)
    answers: list[httpx2.Response] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def get(self, address: str, **options: Any) -> httpx2.Response:
        """Fetch one address below the gateway or anywhere, without following a redirect."""
        return self._seen(self.client.get(urljoin(self.chain.gateway, address), **options))

    def post(self, address: str, **fields: str) -> httpx2.Response:
        """Post a form as a page of the same origin would."""
        target = urljoin(self.chain.gateway, address)
        parts = urlsplit(target)
        headers = {"origin": f"{parts.scheme}://{parts.netloc}", "sec-fetch-site": "same-origin"}
        return self._seen(self.client.post(target, data=fields, headers=headers))

    def follow(self, response: httpx2.Response, **shortcut: str) -> httpx2.Response:
        """Follow redirects to a page; at ACM the shortcut names who signs in, and how."""
        for _ in range(_LONGEST_WALK):
            if response.status_code not in _REDIRECTS:
                return response
            address = urljoin(str(response.url), response.headers["location"])
            if urlsplit(address).path == "/op/v1/auth" and shortcut:
                address += "&" + urlencode(shortcut)
            response = self.get(address)
        raise AssertionError(f"still redirected after {_LONGEST_WALK} steps: {self.addresses[-3:]}")

    def open(
        self, person: str, *, application: str = APPLICATIONS[0], method: str = "itsme", organisation: str | None = None
    ) -> httpx2.Response:
        """Open an application as a person of the cast, signing in on the way; return the page where that ends."""
        shortcut = {"mock_person": person, "mock_method": method}
        if organisation is not None:
            shortcut["mock_organisation"] = organisation
        return self.follow(self.get(f"/{application}/"), **shortcut)

    def choose(self, number: str, *, return_to: str = "/kmo-portefeuille/") -> httpx2.Response:
        """Choose an organisation on the gateway's page."""
        answer = self.post(
            "/_inkom/organisation", organisation=number, return_to=return_to, form_token=self.form_token()
        )
        return self.follow(answer)

    def form_token(self) -> str:
        """The token that the session's own pages carry in their forms."""
        page = self.get("/_inkom/profile").text
        return page.partition('name="form_token" value="')[2].partition('"')[0]

    def _seen(self, response: httpx2.Response) -> httpx2.Response:
        self.addresses.append(str(response.url))
        self.addresses.append(response.headers.get("location", ""))
        self.pages.append(response.text)
        self.answers.append(response)
        return response


@contextmanager
def running_chain(directory: Path, *, environment: Mapping[str, str] | None = None) -> Iterator[Chain]:
    """Start the chain, wait for its `ready`, and stop it afterwards."""
    chain = _started(directory, environment or {})
    try:
        yield chain
    finally:
        chain.process.send_signal(signal.SIGTERM)
        chain.process.communicate(timeout=30)


def _started(directory: Path, environment: Mapping[str, str]) -> Chain:
    """Return a chain that is ready. A port that was free a moment ago may be taken by now: then others are tried."""
    for _ in range(_MOST_STARTS):
        chain = _start(directory, environment)
        printed = _until_ready(chain.process)
        if printed is None:
            return chain
        chain.process.communicate(timeout=30)  # which closes its end of the pipe too
        if "in use" not in printed:
            raise AssertionError("the chain did not start:\n" + printed)
    raise AssertionError(f"no ports stayed free long enough, {_MOST_STARTS} times")


def _start(directory: Path, environment: Mapping[str, str]) -> Chain:
    first, redis_port = free_ports_in_a_row(7), free_port()
    process = subprocess.Popen(
        [
            *(str(Path(sysconfig.get_path("scripts"), "inkom")), "demo", "--directory", str(directory)),
            *("--gateway-port", str(first), "--operators-port", str(first + 1), "--mock-port", str(first + 2)),
            *("--apps-port-base", str(first + 3), "--redis-port", str(redis_port), "--smtp-port", str(first + 6)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        cwd=ROOT,
        env={**surroundings(), **environment},
        text=True,
    )
    return Chain(
        directory=directory,
        gateway=f"http://localhost:{first}",
        mock=f"http://localhost:{first + 2}",
        backends=tuple(f"http://localhost:{first + 3 + index}" for index in range(3)),
        redis_port=redis_port,
        process=process,
    )


def surroundings() -> dict[str, str]:
    """The environment without settings meant for other programs: the gateway refuses a name that it does not know."""
    return {name: value for name, value in os.environ.items() if not name.startswith("INKOM_")}


def _until_ready(process: subprocess.Popen[str]) -> str | None:
    """Wait for the line `ready`; return what was printed if it never came."""
    printed: list[str] = []
    for line in process.stdout or ():
        printed.append(line)
        if line.startswith("ready"):
            return None
    return "".join(printed)
