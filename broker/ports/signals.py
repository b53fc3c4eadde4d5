"""What is announced about people by others, and how it reaches every machine."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from broker.domain.people import Assurance
from broker.domain.session import Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPerson:
    """Somebody as their sign-in names them (RFC 9493, iss_sub)."""

    issuer: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedSession:
    """One session at the provider (`sid`)."""

    issuer: str
    sid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityEvent:
    """What a transmitter announced: verified, and empty of facts. `issuer` is the transmitter's.

    `at` is when it happened, if the event says so: what began later is not meant. `falls_to` is the level to which
    assurance fell.
    """

    event_id: str
    issuer: str
    kinds: tuple[str, ...]
    about: tuple[NamedPerson | NamedSession, ...]
    at: datetime | None
    ends_sessions: bool
    falls_to: Assurance | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvent:
    """What a transmitter says of the stream itself: a verification, or its new `status`."""

    event_id: str
    stream: str | None
    state: str | None
    status: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A genuine event that changes nothing here.

    `reason` is `not-ours`, `nobody-known` or `critical-member`.
    """

    event_id: str
    reason: str


class SignalReader(Protocol):
    """Verifies the events of one transmitter."""

    async def read(self, token: bytes) -> SecurityEvent | StreamEvent | SetAside:
        """Return what a Security Event Token announces. Raises SignalRefused, ProviderUnavailable."""


class StreamNotes(Protocol):
    """What we know of our stream at the transmitter, on all machines. Every method raises StoreUnavailable."""

    async def is_ours(self, stream: str) -> bool:
        """Whether a stream of this name may be ours: it is, or none is known."""

    async def verified(self, state: str | None) -> bool:
        """Note that a verification arrived; False when its state is not one that we gave."""

    async def updated(self, status: str) -> None:
        """Note the status that the transmitter gave our stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FallenLevel:
    """Sessions that began until `at` are no surer of their person than `level`."""

    level: Assurance
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """What was announced about a person and their session at the provider: a mark that every announcement replaces by
    one never used before ("" for none), and when sessions were ended, if ever. `over`: the provider ended this very
    session, so that none of ours that rests on it stands, whenever it began.
    """

    mark: str
    sessions_ended_at: datetime | None
    over: bool = False
    fallen: tuple[FallenLevel, ...] = ()


class Announcements(Protocol):
    """What became known about people since their facts were read, on all machines."""

    async def about(self, identity: Identity) -> Announced:
        """Return what was announced about a person. Raises StoreUnavailable."""

    async def announce(self, *, issuer: str, subject: str, event_id: str, ends_sessions: bool) -> bool:
        """Pass an event about a person on, once; False when it was passed on before. Raises StoreUnavailable."""

    async def pass_on(self, event: SecurityEvent) -> bool:
        """Pass an event of Shared Signals on, once; False when it was passed on before. Raises StoreUnavailable."""

    async def announce_session_ended(
        self, *, issuer: str, sid: str, event_id: str, only_begun_here: bool = False
    ) -> bool:
        """End the one session with the provider's `sid`, whenever ours began, once; False when passed on before.

        `only_begun_here` is for whoever proves nothing: a `sid` that `session_began` was never told changes nothing,
        and False is returned. Raises StoreUnavailable.
        """

    async def session_began(self, identity: Identity) -> None:
        """Remember that a session with this `sid` began here. Raises StoreUnavailable."""

    def watching(self, identity: Identity) -> AbstractContextManager[asyncio.Event]:
        """Within it, the event is set when something is announced about the person."""
