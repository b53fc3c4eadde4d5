"""The mail of the mock as one thing: the catcher with its mailbox, the job with its schedule, and runs on request.

Everything here lives in one event loop. Other processes may run the job on the same database: the ledger keeps them
apart.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date
from pathlib import Path

from mock_idp.clock import Clock
from mock_idp.mail.candidates import due_reminders
from mock_idp.mail.catcher import catching
from mock_idp.mail.due import Reminder
from mock_idp.mail.ledger import Ledger
from mock_idp.mail.letters import Letters
from mock_idp.mail.mailbox import Mailbox
from mock_idp.mail.run import Report, Run
from mock_idp.mail.schedule import Schedule
from mock_idp.mail.settings import MailServer, MailSettings
from mock_idp.world.live import LiveWorld
from pagekit.kit import PageKit, Site

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
LOCALES = HERE / "locales"
LOOK_EVERY_SECONDS = 0.5

# Below uvicorn's logger, so that `--log-level` and its output hold for these lines as well.
LOG = logging.getLogger("uvicorn.mail")


class NoMailServer(Exception):
    """There is nowhere to send to: the catcher does not run, and no other server was named."""


class Interrupted(Exception):
    """The world was reset, or the program stops, while mail was being sent."""


class MailOffice:
    def __init__(
        self,
        settings: MailSettings,
        *,
        world: LiveWorld,
        clock: Clock,
        origin: str,
        tell: Callable[[Report], None] | None = None,
    ) -> None:
        """`tell` hears of a long run's counts so far; by default the log does."""
        self._settings = settings
        self._world = world
        self._clock = clock
        self._ledger = Ledger(world, clock, domain=settings.sender.rpartition("@")[2])
        kit = PageKit(templates=TEMPLATES, locales=LOCALES, site=Site(name="Mailbox"))
        self._letters = Letters(kit=kit, origin=origin, sender=settings.sender, language=settings.language)
        self._schedule = None if settings.at is None else Schedule(clock, at=settings.at)
        self._tell = tell or _log
        self._running: set[asyncio.Task[Report]] = set()
        self._catcher: MailServer | None = None
        self.mailbox = Mailbox(world, clock)
        self.last_report: Report | None = None

    @property
    def server(self) -> MailServer | None:
        """Where mail goes now."""
        return self._settings.server or self._catcher

    @property
    def catches_on(self) -> int | None:
        """The port of the catcher while it runs."""
        return None if self._catcher is None else self._catcher.port

    def reset(self) -> None:
        """The old world's mail is not sent into the new one."""
        for task in self._running:
            task.cancel()
        self.last_report = None
        if self._schedule is not None:
            self._schedule.reset()

    def due(self, day: date) -> Iterator[Reminder]:
        """Who is to be told on that day, told already or not."""
        return due_reminders(self._world, self._clock, day)

    async def run(self, day: date | None = None) -> Report:
        """Send what is due and not sent yet. Raises NoMailServer and Interrupted."""
        server = self.server
        if server is None:
            raise NoMailServer
        run = Run(
            world=self._world,
            clock=self._clock,
            ledger=self._ledger,
            letters=self._letters,
            server=server,
            sender=self._settings.sender,
            day=day or self._clock.today(),
            tell=self._tell,
        )
        task = asyncio.create_task(run.complete())
        self._running.add(task)
        try:
            await asyncio.wait({task})
        finally:
            # When whoever asked for it is gone, it ends in good order: what it had in hand waits for the next run.
            task.cancel()
            await asyncio.wait({task})
            self._running.discard(task)
        if task.cancelled():
            raise Interrupted
        self.last_report = task.result()
        LOG.info("mail: %s", self.last_report.summary())
        return self.last_report

    @asynccontextmanager
    async def open(self, catcher: socket.socket | None) -> AsyncIterator[None]:
        """Catches and sends for the length of a block. Without a socket nothing is caught."""
        async with AsyncExitStack() as stack:
            if catcher is not None:
                await stack.enter_async_context(catching(catcher, self.mailbox))
                host, port = catcher.getsockname()[:2]
                self._catcher = MailServer(host=host, port=port)
            nightly = asyncio.create_task(self._follow(self._schedule)) if self._schedule and self.server else None
            try:
                yield
            finally:
                if nightly is not None:
                    nightly.cancel()
                    await asyncio.wait({nightly})
                self._catcher = None

    async def _follow(self, schedule: Schedule) -> None:
        """Looks again and again, since the clock can be moved by anybody at any time."""
        while True:
            day = schedule.due()
            if day is not None:
                try:
                    schedule.ran(day, complete=(await self.run(day)).is_complete)
                except Interrupted:
                    LOG.info("mail: the run of %s was interrupted", day)
                except Exception:
                    # What goes wrong once, such as a database that another program locks, must not end the schedule.
                    LOG.exception("mail: the run of %s broke off and will be tried again", day)
                    schedule.ran(day, complete=False)
            await asyncio.sleep(LOOK_EVERY_SECONDS)


def _log(report: Report) -> None:
    LOG.info("mail, so far: %s", report.summary())
