"""The addresses of one application, and which of them a request goes to.

Each address is an `Upstream`, a pool of its own. The one with the least under way is chosen among those that are
neither unhealthy (`checking`) nor ejected (`ejection`); ties take turns. When the application as a whole does not
answer, the circuit opens (`breaker`). A request without body and effect is tried once more, elsewhere, if the first
address did nothing with it. How much is under way is counted by the pools themselves, so it is right however it ends.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TypeVar

from broker.ports import Measures
from broker.proxy.breaker import Breaker, BreakerRules, Circuit
from broker.proxy.checking import HealthChecks
from broker.proxy.ejection import EjectionRules, Ejections
from broker.proxy.failures import (
    BackendsUnavailable,
    BodyTooLarge,
    ClientGone,
    ConnectTimedOut,
    ForwardingFailed,
    KeptConnectionDied,
    UpstreamBusy,
    UpstreamUnreachable,
)
from broker.proxy.health import Health, HealthRules
from broker.proxy.upstream import (
    RequestHead,
    TimeLimits,
    Upstream,
    UpstreamResponse,
    UpstreamTunnel,
    has_time,
    may_be_repeated,
)

WHOLE = "all"  # stands for all addresses of an application, in figures and log lines
_Answer = TypeVar("_Answer", bound=UpstreamResponse | UpstreamTunnel)
_log = logging.getLogger("inkom.backends")


class Backends:
    """The addresses of one application, by the names that operators know them by."""

    def __init__(
        self,
        application: str,
        addresses: Mapping[str, Upstream],
        *,
        measures: Measures,
        ejection: EjectionRules | None = None,
        breaker: BreakerRules | None = None,
        health: HealthRules | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._application = application
        self._names = tuple(addresses)
        self._upstreams = tuple(addresses.values())
        self._places = {upstream: place for place, upstream in enumerate(self._upstreams)}
        self._measures = measures
        self._clock = clock
        self._ejections = Ejections(len(self._upstreams), ejection or EjectionRules())
        self._breaker = Breaker(breaker or BreakerRules())
        self._rules = health
        self._health = [Health(health) for _ in self._upstreams] if health else []
        self._checks = HealthChecks(health, self._upstreams, self._checked) if health else None
        self._turn = 0
        self._told = self._breaker.state
        for name in (*self._names, WHOLE):
            measures.backend_state(application, name, usable=True)

    # What is offered in the place of a single Upstream

    @property
    def limits(self) -> TimeLimits:
        """The limits, which are those of every address."""
        return self._upstreams[0].limits

    @property
    def unused_connections(self) -> int:
        """How many connections wait for a next request, at all addresses."""
        return sum(upstream.unused_connections for upstream in self._upstreams)

    @property
    def outstanding(self) -> int:
        """How many requests and tunnels are under way, at all addresses."""
        return sum(upstream.outstanding for upstream in self._upstreams)

    async def send(self, head: RequestHead, body: AsyncIterator[bytes] | None) -> UpstreamResponse:
        """Send a request and return as soon as the head of its answer is there. Raises ForwardingFailed."""
        first = self.choose(self._clock())
        ends_at = first.ends_at()
        try:
            return await self._judged(first, first.send_once(head, body, ends_at=ends_at))
        except KeptConnectionDied:
            # That a connection was closed while it was unused speaks against no address.
            second = self.another(first) or first
        except (UpstreamUnreachable, ConnectTimedOut):
            other = (
                self.another(first)
                if has_time(ends_at) and may_be_repeated(head.method, has_body=body is not None)
                else None
            )
            if other is None:
                raise
            second = other
        return await self._judged(second, second.send_once(head, None, ends_at=ends_at, fresh=True))

    async def open_tunnel(self, head: RequestHead) -> UpstreamTunnel | UpstreamResponse:
        """Ask to switch protocols; an answer other than 101 is an ordinary response. Raises ForwardingFailed."""
        first = self.choose(self._clock())
        try:
            return await self._judged(first, first.open_tunnel(head))
        except (UpstreamUnreachable, ConnectTimedOut):
            second = self.another(first)
            if second is None:
                raise
        return await self._judged(second, second.open_tunnel(head))

    async def follow(self) -> None:
        """Check the addresses until cancelled, if that is configured."""
        if self._checks is not None:
            await self._checks.follow()

    async def aclose(self) -> None:
        """Drop the unused connections; those in use are dropped when their exchange ends."""
        for upstream in self._upstreams:
            await upstream.aclose()

    # Choosing, and noting how it went

    def choose(self, now: float) -> Upstream:
        """Return the address for a request that begins now (seconds of `time.monotonic`). Raises BackendsUnavailable.

        How it went must be noted: `answered`, `succeeded`, `failed` or `abandoned`.
        """
        chosen = self._least_busy(now, but=None)
        if chosen is None:
            raise BackendsUnavailable("every address is unhealthy", retry_after=self._next_check())
        if not self._breaker.admit(now):
            raise BackendsUnavailable("the circuit is open", retry_after=math.ceil(self._breaker.remaining(now)) or 1)
        self._tell_circuit()
        return chosen

    def another(self, than: Upstream) -> Upstream | None:
        """Return another address for a second attempt, if there is a healthy one, and count that attempt."""
        second = self._least_busy(self._clock(), but=than)
        if second is not None:
            self._measures.backend_event(self._application, self._names[self._places[second]], "repeated")
        return second

    def answered(self, upstream: Upstream, status: int) -> None:
        """Note the status with which an address answered."""
        if status < 500 or status == 501:  # RFC 9110 15.6.2: that a method is not known is no failure
            self.succeeded(upstream)
            return
        # It answers, so the circuit stays closed: what one visitor provokes must not shut the others out.
        self._breaker.succeeded()
        self._tell_circuit()
        self._count_against(upstream, f"status {status}")

    def succeeded(self, upstream: Upstream) -> None:
        """Note that an address answered as it should."""
        self._ejections.succeeded(self._places[upstream])
        self._breaker.succeeded()
        self._tell_circuit()

    def failed(self, upstream: Upstream, failure: ForwardingFailed) -> None:
        """Note that an address gave no answer. What is not the backend's doing does not count against it."""
        if isinstance(failure, ClientGone | BodyTooLarge | UpstreamBusy | KeptConnectionDied | BackendsUnavailable):
            self.abandoned(upstream)
            return
        self._breaker.failed(self._clock())
        self._tell_circuit()
        self._count_against(upstream, type(failure).__name__)

    def abandoned(self, _upstream: Upstream) -> None:
        """Note that a request ended without telling anything of the address."""
        self._breaker.abandoned(self._clock())

    # Inner workings

    async def _judged(self, upstream: Upstream, exchange: Awaitable[_Answer]) -> _Answer:
        """Await an exchange and note how it went."""
        try:
            answer = await exchange
        except ForwardingFailed as failed:
            self.failed(upstream, failed)
            raise
        except BaseException:
            self.abandoned(upstream)
            raise
        self.answered(upstream, answer.status if isinstance(answer, UpstreamResponse) else 101)
        return answer

    def _least_busy(self, now: float, *, but: Upstream | None) -> Upstream | None:
        """Return the healthy address with the least under way; an ejected one only where there is no other."""
        upstreams = self._upstreams
        if len(upstreams) == 1:
            return upstreams[0] if self._is_healthy(0) and upstreams[0] is not but else None
        for place in self._ejections.returning(now):
            self._change(place, "returned")
        best, least = -1, (True, math.inf)
        for step in range(len(upstreams)):
            place = (self._turn + step) % len(upstreams)
            if upstreams[place] is but or not self._is_healthy(place):
                continue
            rank = (self._ejections.is_out(place), upstreams[place].outstanding)
            if best < 0 or rank < least:
                best, least = place, rank
        if best < 0:
            return None
        self._turn = best + 1
        return upstreams[best]

    def _is_healthy(self, place: int) -> bool:
        return not self._health or self._health[place].healthy

    def _count_against(self, upstream: Upstream, why: str) -> None:
        place = self._places[upstream]
        healthy = [one for one in range(len(self._upstreams)) if self._is_healthy(one)]
        seconds = self._ejections.failed(place, self._clock(), usable=healthy)
        if seconds is not None:
            self._change(place, "ejected", seconds=seconds, last=why)

    def _checked(self, place: int, wrong: str | None) -> None:
        if self._health[place].checked(passed=wrong is None):
            self._change(place, "healthy") if wrong is None else self._change(place, "unhealthy", last=wrong)

    def _next_check(self) -> int:
        """In how many seconds an unhealthy address may count as healthy again."""
        return math.ceil(self._rules.interval * self._rules.healthy_after) if self._rules is not None else 1

    def _tell_circuit(self) -> None:
        """Tell if the circuit is in another state than was last told. Its trials, every few seconds, fill no log."""
        before, state = self._told, self._breaker.state
        if state is before:
            return
        self._told = state
        self._measures.backend_state(self._application, WHOLE, usable=state is Circuit.CLOSED)
        trial = Circuit.HALF_OPEN in (before, state) and state is not Circuit.CLOSED
        level = logging.DEBUG if trial else logging.INFO if state is Circuit.CLOSED else logging.WARNING
        self._tell(WHOLE, f"circuit-{state.value}", level)

    def _change(self, place: int, event: str, **details: object) -> None:
        usable = self._is_healthy(place) and not self._ejections.is_out(place)
        self._measures.backend_state(self._application, self._names[place], usable=usable)
        level = logging.INFO if event in {"healthy", "returned"} else logging.WARNING
        self._tell(self._names[place], event, level, **details)

    def _tell(self, name: str, event: str, level: int, **details: object) -> None:
        self._measures.backend_event(self._application, name, event)
        extra = {"application": self._application, "backend": name, "change": event, **details}
        _log.log(level, "a backend changed", extra=extra)
