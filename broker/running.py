"""What runs beside the gateway while it serves: check at the start, followers, signals, operators' port, closing."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import signal
import threading
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext

import uvicorn
from starlette.applications import Starlette

from broker.adapters.signals.lease import cancelled
from broker.config import Operators
from broker.intake import Intake
from broker.parts import Parts
from broker.ports import InkomError
from broker.proxy.certificates import Certificates
from broker.proxy.listening import listener
from broker.proxy.protected import Protected

_log = logging.getLogger("inkom")


@asynccontextmanager
async def running(parts: Parts, applications: Iterable[Protected], intake: Intake | None) -> AsyncIterator[None]:
    """Say what is missing at start, and close everything at the end."""
    for name, check in parts.vital.items():
        try:
            await check()
        except InkomError as error:
            _log.error("nobody can sign in until %s work: %s", name, error)
    applications = tuple(applications)
    follow_all = (*parts.following, *(application.upstream.follow for application in applications))
    following = [asyncio.create_task(follow()) for follow in follow_all]
    if intake is not None and parts.polling is not None:
        following.append(asyncio.create_task(parts.polling(intake.take)))
    for task in following:
        task.add_done_callback(_say_if_broken)
    try:
        yield
    finally:
        # Awaited: the poller acknowledges what it took in, and gives its lease back.
        await cancelled(*following)
        for application in applications:
            await application.upstream.aclose()
        for close in parts.closing:
            await close()


def _say_if_broken(following: asyncio.Task[None]) -> None:
    """Whoever follows does so until cancelled; an error that nobody foresaw is told now, not when everything ends."""
    if not following.cancelled() and (error := following.exception()) is not None:
        _log.error("a part of the gateway stopped; restart it", exc_info=error)


@asynccontextmanager
async def hearing(certificates: Certificates | None) -> AsyncIterator[None]:
    """Read certificates again on SIGHUP and when files change; stop when the supervisor of workers is gone."""
    loop, parent = asyncio.get_running_loop(), multiprocessing.parent_process()
    following = None if certificates is None else asyncio.create_task(certificates.follow())
    if following is not None:
        following.add_done_callback(_say_if_broken)
    signals = threading.current_thread() is threading.main_thread()
    if signals:
        loop.add_signal_handler(signal.SIGHUP, _reload, certificates)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # blocked while a worker starts, see `workers`
    if parent is not None:
        loop.add_reader(parent.sentinel, _orphaned, loop, parent.sentinel)
    try:
        yield
    finally:
        if parent is not None:
            loop.remove_reader(parent.sentinel)
        if signals:
            loop.remove_signal_handler(signal.SIGHUP)
        if following is not None:
            await cancelled(following)


def _reload(certificates: Certificates | None) -> None:
    if certificates is None:
        _log.info("nothing to read again: the gateway has no certificate of its own")
        return
    certificates.reload()


def _orphaned(loop: asyncio.AbstractEventLoop, sentinel: int) -> None:
    """A worker without its supervisor would hold the port against the next start."""
    loop.remove_reader(sentinel)
    _log.error("the supervisor of this worker is gone; stopping")
    signal.raise_signal(signal.SIGTERM)


class _SideServer(uvicorn.Server):
    """A second server in the same process; signals are the first one's."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]  # typed as a generator there
        return nullcontext()


@asynccontextmanager
async def serving(pages: Starlette, address: Operators, *, shared: bool) -> AsyncIterator[None]:
    """Serve the operators' pages beside the gateway; workers share the port."""
    listening = listener(address.host, address.port, shared=shared)
    server = _SideServer(
        uvicorn.Config(
            pages, lifespan="off", log_config=None, access_log=False, proxy_headers=False, server_header=False
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving
