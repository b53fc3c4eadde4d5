"""What every candidate is to the measurements: something that starts, is reached at a port, and is checked first."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from bench.processes import Group
from bench.site import APPLICATION, Site

# Eight fields as a browser sends them; Cookie and one field that only the proxy may set come on top.
REQUEST = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept": "application/json,text/plain,*/*",
    "Accept-Language": "nl-BE,nl;q=0.9,en;q=0.7",
    "Accept-Encoding": "gzip, deflate, br",
    "Referer": "http://localhost/kmo-portefeuille/",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Dest": "empty",
    "Sec-Fetch-Site": "same-origin",
}
SPOOFED = "mallory"


class CheckFailed(Exception):
    """A candidate does not do what it is measured for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A candidate that runs. `identity` is the header in which a backend gets the person; a plain proxy has none."""

    name: str
    port: int
    groups: tuple[Group, ...]
    cookie: str = ""
    identity: str | None = None

    @property
    def host(self) -> str:
        """What clients write as Host."""
        return f"localhost:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        """The header of each request of the load."""
        sent = {"Host": self.host, **REQUEST}
        if self.cookie:
            sent["Cookie"] = f"{self.cookie}; theme=dark"
        if self.identity:
            sent[self.identity] = SPOOFED
        return sent

    def cpu(self) -> float:
        """CPU seconds of all its processes so far."""
        return sum(group.cpu() for group in self.groups)

    def pss(self) -> int:
        """Memory in bytes of all its processes."""
        return sum(group.pss() for group in self.groups)

    def rss(self) -> int:
        """The same, with shared pages counted again for each process."""
        return sum(group.rss() for group in self.groups)

    def settle(self) -> None:
        """Called between rounds."""

    def path(self, last: str, *, application: str = APPLICATION) -> str:
        """The path of a page of an application."""
        return f"/{application}/{last}"


class Candidate(Protocol):
    """One kind of proxy, with everything set for this measurement."""

    @property
    def name(self) -> str:
        """One word, as `--candidates` takes it."""

    @property
    def title(self) -> str:
        """What the table says."""

    def start(self, site: Site) -> AbstractContextManager[Running]:
        """Run it on the proxy's core for the length of a block."""

    def absent(self) -> str | None:
        """Why it cannot be measured in this version of the product; None when it can."""


def check(running: Running) -> None:
    """Raise CheckFailed unless it proxies as it should: the right body, identity in, spoofed fields and cookie out."""
    for last, size in (("1k", 1000), ("100k", 100_000)):
        status, body = ask(running, last)
        _must(running, status == 200 and len(body) == size, f"{last}: {status} with {len(body)} bytes")
    status, _ = ask(running, "1k", method="HEAD")
    _must(running, status == 200, f"HEAD: {status}")
    if running.identity is None:
        return
    status, body = ask(running, "told")
    told = dict(line.split("=", 1) for line in body.decode("latin-1").splitlines())
    person = told[running.identity.lower().replace("-", "_")]
    _must(running, status == 200 and bool(person), f"the backend is told nobody ({status}, {json.dumps(told)})")
    _must(running, SPOOFED not in person, "a header that the client made up reaches the backend")
    _must(running, told["cookie"] == "theme=dark", "the session's cookie reaches the backend, or others are lost")
    without = {name: value for name, value in running.headers.items() if name != "Cookie"}
    status, _ = ask(running, "1k", headers=without)
    _must(running, status in (401, 302), f"without a cookie: {status}")


def ask(
    running: Running, last: str, *, method: str = "GET", headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """Status and body of one request as the load sends it."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
    try:
        connection.request(method, running.path(last), headers=dict(headers or running.headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _must(running: Running, holds: bool, what: str) -> None:
    if not holds:
        raise CheckFailed(f"{running.name} must not be measured: {what}")
