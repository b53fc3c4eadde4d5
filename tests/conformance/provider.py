"""A provider that is not ours: npm's oidc-provider, in two releases, and a visitor's way through its pages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2

from tests.conformance.browser import Browser
from tests.conformance.government import CastMember
from tests.conformance.keys import KeyPair
from tests.conformance.node import HERE, node
from tests.conformance.processes import answers, running

RELEASES = ("oidc-provider-8", "oidc-provider-9")
ACR = "https://foreign.example/assurance/card-and-pin"
LOGIN = "somebody-of-the-cast"
STRANGER = "somebody-else"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignProvider:
    """How the provider is set up. `client` is the gateway's entry; `published` differs from `signing` in one test.

    A `strict` one takes signed, pushed requests only, and asks for a nonce in DPoP proofs.
    """

    package: str
    port: int
    client: Mapping[str, object]
    person: CastMember
    signing: tuple[KeyPair, ...]
    published: tuple[KeyPair, ...] | None = None
    claims_by_userinfo_only: bool = True
    acr: str = ACR
    strict: bool = False

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.port}"

    def with_keys(self, *signing: KeyPair, published: tuple[KeyPair, ...] | None = None) -> ForeignProvider:
        """The same provider with other keys, the first of which signs."""
        return replace(self, signing=signing, published=published)

    def told(self) -> dict[str, Any]:
        """What provider.mjs reads."""
        person = {
            "rrn": self.person.national_number,
            "given_name": self.person.given_name,
            "family_name": self.person.family_name,
        }
        published = None if self.published is None else [pair.public["keys"][0] for pair in self.published]
        return {
            "package": self.package,
            "port": self.port,
            "issuer": self.issuer,
            "clients": [self.client],
            "keys": [pair.private for pair in self.signing],
            "published_keys": published,
            "acr": self.acr,
            "strict": self.strict,
            "accounts": {LOGIN: person, STRANGER: {}},
            "claims_by_userinfo_only": self.claims_by_userinfo_only,
        }


class ProviderPlace:
    """Where one foreign provider runs at a time: it goes on for the next test, unless that wants another."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._told: dict[str, Any] | None = None
        self._running = ExitStack()

    def run(self, provider: ForeignProvider) -> None:
        if self._told == provider.told():
            return
        self.end()
        self._running.enter_context(foreign_provider(self._folder, provider))
        self._told = provider.told()

    def end(self) -> None:
        self._told = None
        self._running.close()


@contextmanager
def foreign_provider(folder: Path, provider: ForeignProvider) -> Iterator[ForeignProvider]:
    """Run it for the length of a block; it forgets everybody when it ends."""
    instructions = folder / "provider.json"
    instructions.write_text(json.dumps(provider.told()), encoding="utf-8")
    command = node(HERE / "provider.mjs", instructions)
    ready = answers(f"{provider.issuer}/.well-known/openid-configuration")
    with running(command, log=folder / "provider.log", ready=ready):
        yield provider


def pass_pages(browser: Browser, page: httpx2.Response, *, login: str = LOGIN) -> httpx2.Response:
    """Sign in on the provider's page, and agree on the next that the application may know."""
    agreeing = browser.submit(page, login=login, password="any will do")
    assert "Authorize" in agreeing.text, agreeing.text
    return browser.submit(agreeing, prompt="consent")
