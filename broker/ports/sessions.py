"""What the gateway keeps for a while: sessions, and what leads to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

from broker.domain.numbers import EnterpriseNumber, NationalNumber
from broker.domain.parked import Owner, ParkedPost
from broker.domain.session import Destination, OpenSession, Session, SignInAttempt
from broker.ports.signals import Announced


class SessionStore(Protocol):
    """Sessions by cookie value. Every method raises StoreUnavailable."""

    async def find(self, cookie: str, *, counts_as_use: bool = True) -> Session | None:
        """Return the session; None for anything forged, foreign, broken, idle or over.

        An open stream looks without counting as use, so that it does not keep its session alive.
        """

    async def left(self, cookie: str) -> timedelta | None:
        """Return how long the session goes on if nobody uses it; None when it is over. Asking is no use."""

    async def begin(self, session: Session) -> str:
        """Store a new session and return its cookie value."""

    async def use(self, cookie: str, session: Session) -> None:
        """Note that a session, found without counting it as use, is used after all."""

    async def amend(self, cookie: str, change: Callable[[Session], Session]) -> Session | None:
        """Change the session as it stands, whoever else writes it; None when it has ended (it stays ended)."""

    async def renew(self, cookie: str, session: Session) -> str | None:
        """Let the session, with its organisation, go on under a new cookie; None when it had ended.

        Whatever else was changed since it was read is kept.
        """

    async def end(self, cookie: str) -> None:
        """End the session for good."""

    async def ping(self) -> None:
        """Return when the store works."""


class Memory(Protocol):
    """Whether what was read is still so, told without asking again."""

    def holds(self) -> bool:
        """Whether nothing that was read has changed; False as soon as that cannot be known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """A session with what was announced about its person by now.

    It ends by itself at `ends_at` unless it is used, and a use after `use_counts_until` has to be noted. `memory` is
    None where nothing tells of changes: then it may not be kept.
    """

    session: Session
    announced: Announced
    ends_at: datetime
    use_counts_until: datetime
    memory: Memory | None = None


class MarkedSessions(SessionStore, Protocol):
    """Sessions read together with what was announced about their people. Every method raises StoreUnavailable."""

    async def marked(self, cookie: str, *, counts_as_use: bool = True) -> Marked | None:
        """Return what `find` returns, with what was announced about the person by now."""


class SessionIndex(Protocol):
    """Which sessions a person has. `person` is the pseudonym of the audit log. Every method raises StoreUnavailable."""

    async def of(self, person: str) -> tuple[OpenSession, ...]:
        """Return a person's sessions, the newest first."""

    async def end(self, person: str, references: Sequence[str]) -> tuple[str, ...]:
        """End sessions of a person at once, on every machine; return the references of those that were open."""


class FlightState(Enum):
    """Who flies: we, somebody else, or for a while nobody."""

    MINE = "mine"
    THEIRS = "theirs"
    RESTING = "resting"


@dataclass(slots=True, kw_only=True)
class Flight:
    """One flight. Setting `rests` lets nobody else try for a while after it."""

    state: FlightState
    rests: bool = False


class Flights(Protocol):
    """Work that only one may do at a time, on all machines."""

    def alone(self, name: str) -> AbstractAsyncContextManager[Flight]:
        """Within it nobody else flies by that name, when the flight's state is MINE. Raises StoreUnavailable."""


class AttemptStore(Protocol):
    """Attempts to sign in, each usable once and only in the browser that began it. Raises StoreUnavailable."""

    async def keep(self, attempt: SignInAttempt, *, browser: str) -> None:
        """Keep an attempt for ten minutes, bound to a browser by the value of its sign-in cookie."""

    async def take(self, state: str, *, browser: str) -> SignInAttempt | None:
        """Return the attempt and forget it, exactly once; None when unknown, used, too old or another browser's."""

    async def destination(self, state: str, *, browser: str) -> Destination | None:
        """Return where an attempt of this browser led that is finished or too old; None when nobody knows any more."""

    async def finished(self, attempt: SignInAttempt, *, browser: str) -> None:
        """Remember for four hours where an attempt led that ended in a session."""


class PostedAnswers(Protocol):
    """Answers of providers that arrived as a form, for the moment until the browser asks for the result.

    A form from another site brings no cookie along (SameSite=Lax); the address that the browser is sent to next does.
    Every method raises StoreUnavailable.
    """

    async def keep(self, answer: Sequence[tuple[str, str]], *, provider: str) -> str:
        """Keep an answer for a minute and return the ticket for it, which says nothing of what is in it."""

    async def take(self, ticket: str, *, provider: str) -> tuple[tuple[str, str], ...] | None:
        """Return the answer and forget it, exactly once; None when unknown, used, too old or another provider's."""


class Parking(Protocol):
    """Forms that wait for their sender to sign in again, and whose sessions were. Raises StoreUnavailable.

    `browser` is the value of the cookie for kept forms: for another browser a form is not there.
    """

    async def remember(self, cookie: str, owner: Owner) -> None:
        """Remember whose session a cookie stands for, longer than the session lasts."""

    async def owner(self, cookie: str) -> Owner | None:
        """Return whose session a cookie stood for; None when nobody knows any more."""

    async def forget(self, cookie: str) -> None:
        """Forget whose session it was."""

    async def park(self, post: ParkedPost, *, browser: str) -> bool:
        """Keep a form for fifteen minutes; False when there is no room."""

    async def look(self, name: str, *, browser: str) -> ParkedPost | None:
        """Return a form and leave it where it is."""

    async def take(self, name: str, *, browser: str) -> ParkedPost | None:
        """Return a form and forget it, exactly once."""


class LastChoices(Protocol):
    """Which organisation a person chose last, under a pseudonym. Raises StoreUnavailable."""

    async def remember(self, number: NationalNumber, organisation: EnterpriseNumber) -> None:
        """Remember a choice, for a year at most."""

    async def recall(self, number: NationalNumber) -> EnterpriseNumber | None:
        """Return the last choice, if it is known."""
