"""Active health checks: asks each address of an application, again and again, and tells what came of it.

Each check opens a connection of its own: what is to be known is whether the next request would get one. What follows
from the answers is decided elsewhere (`health`, `backends`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from broker.proxy.failures import ForwardingFailed
from broker.proxy.health import HealthRules
from broker.proxy.upstream import RequestHead, TimeLimits, Upstream

_MOST_READ = 64 * 1024  # bytes of an answer; its end is not waited for beyond


class HealthChecks:
    """Asks the addresses of one application; `told` gets the place of an address and what is wrong there, or None."""

    def __init__(
        self, rules: HealthRules, upstreams: Sequence[Upstream], told: Callable[[int, str | None], None]
    ) -> None:
        self._rules = rules
        self._told = told
        limit = rules.time_limit
        limits = TimeLimits(connect=limit, first_byte=limit, idle=limit, pool_size=1)
        self._probes = [upstream.alike(limits=limits) for upstream in upstreams]
        self._head = RequestHead(
            method=b"GET",
            target=rules.path,
            # Backends send to https whoever comes without this, and choose a site by the host.
            headers=[
                (b"host", rules.host),
                (b"x-forwarded-proto", rules.proto),
                (b"x-forwarded-host", rules.host),
                (b"user-agent", b"inkom-health-check"),
                (b"accept", b"*/*"),
                (b"connection", b"close"),
            ],
        )

    async def follow(self) -> None:
        """Ask until cancelled."""
        try:
            async with asyncio.TaskGroup() as asking:
                for place in range(len(self._probes)):
                    asking.create_task(self._ask_again_and_again(place))
        finally:
            for probe in self._probes:
                await probe.aclose()

    async def _ask_again_and_again(self, place: int) -> None:
        # Spread over the interval, so that a machine with many addresses behind one cable is not asked all at once.
        await asyncio.sleep(self._rules.interval * place / len(self._probes))
        while True:
            self._told(place, await self.ask(place))
            await asyncio.sleep(self._rules.interval)

    async def ask(self, place: int) -> str | None:
        """Ask one address once, and return what is wrong with it, if anything."""
        try:
            async with asyncio.timeout(self._rules.time_limit):
                return await self._answer(self._probes[place])
        except TimeoutError:
            return "no whole answer in time"
        except ForwardingFailed as failed:
            return str(failed)

    async def _answer(self, probe: Upstream) -> str | None:
        response = await probe.send_once(self._head, None, ends_at=None, fresh=True)
        try:
            if response.status not in self._rules.statuses:
                return f"status {response.status}"
            read = 0
            async for octets in response:
                read += len(octets)
                if read > _MOST_READ:
                    break
            return None
        finally:
            await response.aclose()
