"""Somebody in a browser at user management: signs in through the mock ACM, follows redirects, fills in forms."""

from __future__ import annotations

import functools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from typing import Self

import httpx2
from starlette.applications import Starlette

from mock_idp.app import create_app
from mock_idp.clock import Clock
from mock_idp.settings import Settings

ORIGIN = "http://localhost:9000"
BAKERY, TRAINING = "1999999943", "1999999844"
__all__ = ["BAKERY", "ORIGIN", "TRAINING", "Visit", "government"]


@asynccontextmanager
async def government() -> AsyncIterator[tuple[Starlette, Clock]]:
    """The whole mock in this process, as it was at its beginning, with a clock of its own."""
    app, clock = _started()
    clock.reset()
    app.state.world.reset()
    yield app, clock


@functools.cache
def _started() -> tuple[Starlette, Clock]:
    """Once for all tests of a process: the templates of every page are compiled once too."""
    clock = Clock()
    return create_app(Settings(), clock=clock), clock


class Visit:
    """One browser. `page` is the last page's text; `status` its status."""

    def __init__(self, app: Starlette) -> None:
        self._app = app
        self._browser = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app), base_url=ORIGIN, follow_redirects=True
        )
        self.page = ""
        self.status = 0
        self.path = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._browser.aclose()

    async def sign_in(self, person: str, *, to: str = "/gebruikersbeheer", method: str = "itsme") -> Self:
        """Without the pages of ACM: the next authorization request is answered for this person."""
        queued = await self._browser.post("/mock/next-login", json={"mock_person": person, "mock_method": method})
        assert queued.status_code == 200, queued.text
        return await self.get(to)

    async def get(self, path: str) -> Self:
        return self._keep(await self._browser.get(path, headers={"accept-language": "nl"}))

    async def post(self, path: str, *, form_of: str | None = None, **fields: str | list[str]) -> Self:
        """Send the first form of the last page whose action is `form_of` (or `path`), with these fields filled in."""
        hidden = self.hidden(form_of or path)
        return await self.post_raw(path, {**hidden, **fields})

    async def post_raw(self, path: str, fields: dict[str, str | list[str]] | dict[str, str]) -> Self:
        headers = {"origin": ORIGIN, "sec-fetch-site": "same-origin", "accept-language": "nl"}
        return self._keep(await self._browser.post(path, data=fields, headers=headers))

    def hidden(self, action: str) -> dict[str, str]:
        """The hidden fields of the form with that action."""
        for form in re.findall(r"<form\b.*?</form>", self.page, re.DOTALL):
            if f'action="{action}"' in form:
                pairs = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
                return {name: unescape(value) for name, value in pairs}
        raise AssertionError(f"no form for {action} on {self.path}")

    @property
    def text(self) -> str:
        """What a reader sees of the main part, with spaces in place of line breaks and markup."""
        main = re.search(r"<main.*</main>", self.page, re.DOTALL)
        without = re.sub(r"<[^>]+>", " ", main[0] if main else self.page)
        return " ".join(unescape(without).split())

    def _keep(self, answer: httpx2.Response) -> Self:
        self.page, self.status, self.path = answer.text, answer.status_code, answer.url.path
        return self
