"""Somebody in a browser at KBO's pages: looks, fills in forms, reads. The whole mock runs in this process."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from urllib.parse import quote

import httpx2

from mock_idp.app import create_app
from mock_idp.clock import Clock
from mock_idp.idm.rules import written_day
from mock_idp.settings import Settings
from mock_idp.world.live import LiveWorld

ORIGIN = "http://localhost:9000"
BAKERY, TRAINING, BUILDER, HOLDING = "1999999943", "1999999844", "1999999250", "1999999349"
FLORIST, WOUND_UP, UNLISTED, TRANSPORT = "1999999151", "1999999448", "1999999547", "1999999745"
TOKEN = {"Authorization": "Bearer demo-register-token"}
FROM_HERE = {"origin": ORIGIN, "sec-fetch-site": "same-origin"}


class Visitor:
    """`page` is the last page's HTML, `status` its status, `at` its path and query. `told`: whom the world named."""

    def __init__(self, browser: httpx2.AsyncClient, clock: Clock, world: LiveWorld) -> None:
        self.browser = browser
        self.clock = clock
        self.world = world
        self.told: list[str] = []
        self.language = "nl"
        self.page, self.status, self.at = "", 0, ""
        world.on_change(self.told.append)

    async def get(self, path: str) -> Visitor:
        return self._keep(await self.browser.get(path, headers={"accept-language": self.language}))

    async def search(self, typed: str, more: str = "") -> Visitor:
        return await self.get(f"/kbo?q={quote(typed)}{more}")

    async def post(self, path: str, **fields: str) -> Visitor:
        """Send the form of the last page that goes there, with these fields filled in."""
        return await self.post_raw(path, {**self.hidden(path), **fields})

    async def post_raw(self, path: str, fields: dict[str, str], headers: dict[str, str] = FROM_HERE) -> Visitor:
        spoken = {**headers, "accept-language": self.language}
        return self._keep(await self.browser.post(path, data=fields, headers=spoken))

    def hidden(self, action: str) -> dict[str, str]:
        for form in re.findall(r"<form\b.*?</form>", self.page, re.DOTALL):
            if f'action="{action}"' in form:
                pairs = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
                return {name: unescape(value) for name, value in pairs}
        raise AssertionError(f"no form for {action} on {self.at}")

    async def add_function(
        self, number: str, *, holder: str = "natural-person", code: str = "10002", first: str = "", **who: str
    ) -> Visitor:
        path = f"/kbo/loket/{number}/functie?houder={holder}"
        await self.get(path)
        return await self.post(path, code=code, first=first or written_day(self.clock.today()), **who)

    def waiting_row(self) -> int:
        """The first of the functions with a button Record now."""
        found = re.search(r"/kbo/loket/functie/(\d+)/registreren", self.page)
        assert found is not None, self.text
        return int(found[1])

    async def functions(self, number: str) -> list[str]:
        """What the register tells a gateway: the codes of the functions that hold today."""
        answer = await self.browser.get(f"/kbo/v1/enterprises/{number}", headers=TOKEN)
        day = self.clock.today().isoformat()
        return [one["code"] for one in answer.json()["functions"] if one["from"] <= day <= one["until"]]

    @property
    def text(self) -> str:
        """What a reader sees of the main part, with spaces in place of line breaks and markup."""
        main = re.search(r"<main.*</main>", self.page, re.DOTALL)
        without = re.sub(r"<[^>]+>", " ", main[0] if main else self.page)
        return " ".join(unescape(without).split())

    def error_of(self, name: str) -> str:
        found = re.search(rf'id="{name}-error">.*?</p>', self.page, re.DOTALL)
        return "" if found is None else " ".join(unescape(re.sub(r"<[^>]+>", " ", "<" + found[0])).split())

    def value_of(self, name: str) -> str:
        found = re.search(rf'<input [^>]*name="{name}"[^>]* value="([^"]*)"', self.page)
        assert found is not None, f"no field {name} on {self.at}"
        return unescape(found[1])

    def _keep(self, answer: httpx2.Response) -> Visitor:
        self.page, self.status, self.at = answer.text, answer.status_code, answer.url.raw_path.decode()
        return self


@asynccontextmanager
async def visiting(settings: Settings | None = None) -> AsyncIterator[Visitor]:
    clock = Clock()
    app = create_app(settings or Settings(), clock=clock)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN, follow_redirects=True) as browser:
        yield Visitor(browser, clock, app.state.world)
