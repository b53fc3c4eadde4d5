"""The fast path: requests that may pass are carried without going through ASGI, and watched while they run.

It decides nothing: the gate does, by the same `kept` and `decide` that the path through ASGI asks. What is out of the
ordinary (nobody signed in, a body of unknown length, an expectation, an application that may ask for more) takes the
other path, and so does every outcome but a pass. Every few milliseconds it looks at all that is under way: whose pass
no longer holds is judged anew, and what has not moved for too long is ended.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from broker.cookies import carries_cookie, cookie_value
from broker.ports import ForwardingFailed
from broker.proxy.carriage import Carriage
from broker.proxy.credentials import presented_token
from broker.proxy.fields import lines_of, request_head
from broker.proxy.messages import Headers, Look, application_path, client_fields, origin_form
from broker.proxy.passes import Pass
from broker.proxy.undecided import Undecided

if TYPE_CHECKING:
    from broker.proxy.edge import EdgeProtocol
    from broker.proxy.gate import Gate

_LOOKS_EVERY = 0.05
_UNWATCHED = 0.1  # a page that is about to come is not cut because its session ended while it was being made
_log = logging.getLogger("inkom.gate")


class FastPath:
    """Carries what the gate has decided on already. One for each worker."""

    def __init__(self, gate: Gate, *, interval: timedelta = timedelta(seconds=1)) -> None:
        """`interval` is how often a request is judged anew where nothing tells of changes."""
        self._gate = gate
        self._interval = interval.total_seconds()
        self._loop = asyncio.get_running_loop()
        self._under_way: set[Carriage] = set()
        self._looking: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._discard = self._under_way.discard

    def carriage(
        self, edge: EdgeProtocol, method: bytes, look: Look, *, keep_alive: bool
    ) -> Carriage | Undecided | None:
        """Return what carries the request that the edge has read the head of; None when it takes the other path."""
        prepared = look.prepared
        if not isinstance(prepared, _Prepared):
            prepared = look.prepared = self._prepared(edge, look)
        if prepared.cookie is None or (prepared.keeps_form and method == b"POST"):
            return None
        path = application_path(edge.url)
        application = self._gate.carried(path, length=prepared.length)
        if application is None or (prepared.has_token and application.api is not None):
            return None
        verb = method.decode()
        granted = self._gate.kept(prepared.cookie, path, application, method=verb)
        if granted is not None:
            return self._carry(edge, granted, method, edge.url, prepared, keep_alive=keep_alive)
        headers, target, ready = edge.headers, edge.url, prepared
        return Undecided(
            edge,
            method=method,
            keep_alive=keep_alive,
            decide=lambda: self._gate.decide(headers, target, application, method=verb),
            carry=lambda found: self._carry(edge, found, method, target, ready, keep_alive=keep_alive),
            answer=self._gate.answering,
        )

    def _carry(
        self, edge: EdgeProtocol, granted: Pass, method: bytes, target: bytes, prepared: _Prepared, *, keep_alive: bool
    ) -> Carriage:
        sent, rewriting = origin_form(target), granted.application.rewriting
        if rewriting is not None:
            sent = rewriting.target(sent)
        carriage = Carriage(
            edge,
            granted,
            method=method,
            head=request_head(method, sent, prepared.lines + granted.lines),
            keep_alive=keep_alive,
            own_cookies=self._gate.own_cookies,
            over=self._discard,
            failed=self._failed,
        )
        self._under_way.add(carriage)
        carriage.next_look = carriage.since + (self._interval if granted.memory is None else _UNWATCHED)
        if self._timer is None:
            self._timer = self._loop.call_later(_LOOKS_EVERY, self._look_at_all)
        return carriage

    def _prepared(self, edge: EdgeProtocol, look: Look) -> _Prepared:
        """Make out what heads with these fields have in common."""
        length = _length(look.ruled)
        fields = client_fields(look.headers, dropped_cookies=self._gate.own_cookies, ruled=look.ruled)
        return _Prepared(
            # Without a cookie nobody is signed in; a body of unknown length and an expectation are not for this path.
            cookie=None if length is None else cookie_value(look.ruled, self._gate.cookies.session),
            length=length or 0,
            keeps_form=carries_cookie(look.ruled, self._gate.cookies.parked),
            has_token=presented_token(look.ruled, session_cookie=self._gate.cookies.session) is not None,
            lines=lines_of(fields) + self._gate.lines_about(edge.client),
        )

    def _failed(self, carriage: Carriage, failure: ForwardingFailed) -> None:
        """A request got no whole answer: one of ours, if none has begun, else none at all."""
        application = carriage.granted.application
        if failure.answer_started:
            self._gate.was_cut(failure, application)
            carriage.edge.transport.abort()
        else:
            carriage.edge.answer_in_asgi(carriage, self._gate.failing(failure, application))

    # Watching

    def _look_at_all(self) -> None:
        self._timer = self._loop.call_later(_LOOKS_EVERY, self._look_at_all) if self._under_way else None
        now = self._loop.time()
        instant, day = self._gate.clock.now(), self._gate.clock.today()
        for carriage in list(self._under_way):
            if carriage.steps != carriage.seen_steps:
                carriage.seen_steps, carriage.moved = carriage.steps, now
            elif carriage.has_waited(now - carriage.moved, now):
                carriage.time_out()
                continue
            if carriage.is_being_looked_at or now < carriage.next_look or carriage.granted.holds_at(instant, day):
                continue
            carriage.is_being_looked_at = True
            task = self._loop.create_task(self._look(carriage, instant - timedelta(seconds=now - carriage.since)))
            self._looking.add(task)
            task.add_done_callback(self._looking.discard)

    async def _look(self, carriage: Carriage, began: datetime) -> None:
        """Judge a request that still runs anew, and cut it when it would no longer be let in."""
        try:
            # What is being sent in was begun with a sign-in that was recent enough, and is not lost half-way.
            reading = carriage.method in (b"GET", b"HEAD")
            granted = await self._gate.again(carriage.granted, now=None if reading else began)
        except Exception:
            _log.exception("a request that runs could not be judged anew")
            granted = None
        carriage.is_being_looked_at = False
        if carriage not in self._under_way:
            return
        if granted is None:
            carriage.cut()
            return
        carriage.granted = granted
        carriage.next_look = self._loop.time() + (self._interval if granted.memory is None else _LOOKS_EVERY)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """What heads with the same fields have in common for this path; `lines` are what backends get of them.

    `cookie` is the session's, None where the request takes the other path.
    """

    cookie: str | None
    length: int
    keeps_form: bool
    has_token: bool
    lines: bytes


def _length(headers: Headers) -> int | None:
    """The length of the body; None for a request that takes the other path whatever the gate says."""
    length = 0
    for name, value in headers:
        if name == b"content-length":
            length = int(value)
        elif name in (b"transfer-encoding", b"expect"):
            return None
    return length
