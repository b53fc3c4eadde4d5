"""The streams: which receiver hears of which events, about whom, and how they are delivered (Shared Signals 1.0).

A client that was registered with a `signals_uri` has a stream from the start; one that makes a stream of its own, by
the management interface, hears through that one only. Nothing is kept over the end of the program.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mock_idp.acm.clients import Client, Clients
from mock_idp.signals.sets import EVENTS, Sent


class Method(StrEnum):
    PUSH = "urn:ietf:rfc:8935"
    POLL = "urn:ietf:rfc:8936"


class Status(StrEnum):
    """A paused stream keeps its events until it is enabled again; a disabled one has none."""

    ENABLED = "enabled"
    PAUSED = "paused"
    DISABLED = "disabled"


@dataclass(slots=True, kw_only=True)
class Stream:
    """`authorization` is the header that a receiver wants with each push. `left_out` are subjects it does not want.

    `said` are subjects of whom an event waits that was not handed out yet: it tells of all that changes until then.
    """

    stream_id: str
    client_id: str
    audience: str
    method: Method
    endpoint: str
    authorization: str | None = field(repr=False, default=None)
    events_requested: tuple[str, ...] | None = None
    description: str | None = None
    status: Status = Status.ENABLED
    reason: str | None = None
    left_out: set[str] = field(default_factory=set)
    said: set[str] = field(default_factory=set)
    waiting: deque[Sent] = field(default_factory=deque)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def forget(self) -> None:
        """Nothing waits any more."""
        self.waiting.clear()
        self.said.clear()

    @property
    def events_delivered(self) -> tuple[str, ...]:
        """Those that we have and that were asked for; all when nothing was asked for in particular."""
        return EVENTS if self.events_requested is None else tuple(e for e in EVENTS if e in self.events_requested)

    def described(self, issuer: str) -> dict[str, object]:
        """The stream's configuration (section 8.1.1). What a push shows the receiver is a secret of its own."""
        described: dict[str, object] = {
            "stream_id": self.stream_id,
            "iss": issuer,
            "aud": self.audience,
            "events_supported": list(EVENTS),
            "events_requested": list(EVENTS if self.events_requested is None else self.events_requested),
            "events_delivered": list(self.events_delivered),
            "delivery": {"method": self.method, "endpoint_url": self.endpoint},
        }
        return described if self.description is None else {**described, "description": self.description}


class Streams:
    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._made: dict[str, Stream] = {}
        self._fixed: dict[str, Stream] = {}

    def listening(self) -> tuple[Stream, ...]:
        """All streams, whatever their status."""
        owners = {stream.client_id for stream in self._made.values()}
        fixed = [self._fixed_of(client) for client in self._clients.listening() if client.client_id not in owners]
        return (*fixed, *self._made.values())

    def of(self, client_id: str) -> tuple[Stream, ...]:
        """Those that a client made itself."""
        return tuple(stream for stream in self._made.values() if stream.client_id == client_id)

    def find(self, stream_id: str) -> Stream | None:
        """A stream by its name, or by its client's where that has one from the start."""
        return next((stream for stream in self.listening() if stream.stream_id == stream_id), None)

    def make(self, client: Client) -> Stream:
        """A stream without events or delivery yet."""
        stream = Stream(
            stream_id=secrets.token_urlsafe(12),
            client_id=client.client_id,
            audience=client.signals_audience or client.client_id,
            method=Method.POLL,
            endpoint="",
        )
        self._made[stream.stream_id] = stream
        return stream

    def remove(self, stream: Stream) -> None:
        self._made.pop(stream.stream_id, None)
        stream.status = Status.DISABLED
        stream.forget()
        stream.news.set()

    def _fixed_of(self, client: Client) -> Stream:
        """The client's stream as its registration stands now."""
        stream = self._fixed.get(client.client_id)
        if stream is None:
            stream = self._fixed[client.client_id] = Stream(
                stream_id=client.client_id, client_id=client.client_id, audience="", method=Method.PUSH, endpoint=""
            )
        stream.audience = client.signals_audience or client.client_id
        stream.endpoint = client.signals_uri or ""
        stream.authorization = None if client.signals_token is None else f"Bearer {client.signals_token}"
        return stream


def subject_name(subject: object) -> str | None:
    """What a subject identifier (RFC 9493) calls a person of ours; None for one by which we find nobody."""
    if not isinstance(subject, Mapping):
        return None
    match subject.get("format"):
        case "iss_sub":
            name = subject.get("sub")
        case "opaque":
            name = subject.get("id")
        case "complex":
            return subject_name(subject.get("user"))
        case _:
            return None
    return name if isinstance(name, str) else None
