"""Somebody in a browser at KBO's pages: looks, fills in forms, reads. All in this process."""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from urllib.parse import quote

import httpx2
from starlette.applications import Starlette

from mock_idp.clock import Clock
from mock_idp.faults import Faults
from mock_idp.idm.rules import written_day
from mock_idp.kbo.app import routes
from mock_idp.registers.routes import Registers
from mock_idp.settings import Settings
from mock_idp.world.file import load_seed
from mock_idp.world.live import LiveWorld

ORIGIN = "http://localhost:9000"
BAKERY, TRAINING, BUILDER, HOLDING = "1999999943", "1999999844", "1999999250", "1999999349"
FLORIST, WOUND_UP, UNLISTED, TRANSPORT = "1999999151", "1999999448", "1999999547", "1999999745"
TOKEN = {"Authorization": "Bearer demo-register-token"}
FROM_HERE = {"origin": ORIGIN, "sec-fetch-site": "same-origin"}


@dataclass(frozen=True, kw_only=True)
class Office:
    """KBO's pages and the registers over one world. `told`: whom the world named as changed."""

    app: Starlette
    clock: Clock
    world: LiveWorld
    told: list[str]

    def reset(self) -> None:
        self.clock.reset()
        self.world.reset()
        self.told.clear()


def office() -> Office:
    """The rest of the mock, whose keys take longer than all of this, is not needed here."""
    clock = Clock()
    seed = load_seed(Settings().world_file, today=clock.real_day())
    world = LiveWorld(lambda: seed, clock=clock)
    told: list[str] = []
    world.on_change(told.append)
    registers = Registers(world=world, clock=clock, faults=Faults(()), token="demo-register-token")
    pages = routes(
        world=world, clock=clock, origin=ORIGIN, working_days=5, static_url="/kit", accessibility_url="/accessibility"
    )
    return Office(app=Starlette(routes=[*pages, *registers.routes()]), clock=clock, world=world, told=told)


class Visitor:
    """`page` is the last page's HTML, `status` its status, `at` its path and query."""

    def __init__(self, browser: httpx2.AsyncClient, office: Office) -> None:
        self.browser = browser
        self.clock = office.clock
        self.world = office.world
        self.told = office.told
        self.language = "nl"
        self.page, self.status, self.at = "", 0, ""

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

    async def choose_term(self, working_days: int) -> None:
        await self.get("/kbo/loket")
        await self.post("/kbo/loket/termijn", working_days=str(working_days))

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
async def visiting(place: Office) -> AsyncIterator[Visitor]:
    transport = httpx2.ASGITransport(app=place.app)
    no_certificates = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # loading the machine's takes longer than a page
    async with httpx2.AsyncClient(
        transport=transport, base_url=ORIGIN, follow_redirects=True, verify=no_certificates
    ) as browser:
        yield Visitor(browser, place)
