"""What the gateway needs from the world outside, as Protocols, and the errors these may raise.

    InkomError
    +-- RegisterUnavailable      IDM or KBO did not answer, or not in a form we understand
    +-- RegistrationsUnavailable the database of registrations on INKOM does not work, or is not migrated
    +-- StoreUnavailable         Redis cannot be reached or refuses
    +-- ProviderUnavailable      ACM's discovery, token, keys or userinfo endpoint did not answer properly
    +-- SignalRefused            what a transmitter of Shared Signals sent is not one of its events for us
    +-- LogoutRefused            what was sent as a logout token is none of the provider's for us
    +-- SignInRefused            what came back from ACM was not the answer to our question
    +-- AuditUnavailable         the audit record could not be written
    +-- ForwardingFailed         a request was admitted, but the backend could not be reached or did not behave

An error means "I cannot do my work", and every one of them ends in a page or a problem document that lets nobody in. A
missing session, an unknown organisation or a refusal is a value.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any, ClassVar, Protocol

from starlette.types import Receive, Scope, Send

from broker.domain.admission import Outcome
from broker.domain.claims import ClaimedRole
from broker.domain.decide import Decision
from broker.domain.machine import ApiTerms, MachineSession, Presented, Scheme, TokenClaims, TokenRefused
from broker.domain.numbers import EnterpriseNumber, NationalNumber
from broker.domain.parked import Owner, ParkedPost
from broker.domain.people import Assurance, Enterprise, Organisation, PersonRecord
from broker.domain.registration import Registration
from broker.domain.session import Destination, Identity, OpenSession, Session, SignInAttempt, TokenGrant


class InkomError(Exception):
    """Root of all errors that the gateway raises on purpose. Messages hold no personal facts."""


class RegisterUnavailable(InkomError):
    """A register did not answer, or not in a form we understand."""


class RegistrationsUnavailable(InkomError):
    """The database of registrations on INKOM cannot be reached, or its tables are not those of this version."""


class StoreUnavailable(InkomError):
    """The session store cannot be reached or refuses to work."""


class ProviderUnavailable(InkomError):
    """The OpenID Provider did not answer, or not in a form we understand.

    `lost` says that the connection broke before its answer was whole: it may have done what it was asked.
    """

    def __init__(self, detail: str, *, lost: bool = False) -> None:
        super().__init__(detail)
        self.lost = lost


class AuditUnavailable(InkomError):
    """The audit record could not be written; the request may not go on."""


class ForwardingFailed(InkomError):
    """An admitted request could not be carried to the backend and back (the kinds: proxy/failures.py).

    `status` is what the client is told; `answer_started` says whether the client saw a part of the answer already.
    """

    status: ClassVar[int] = 502
    answer_started: bool = False


class Mismatch(Enum):
    """Why an answer of the provider was refused: a closed list, each with a text in every language."""

    CANCELLED = "cancelled"
    UNKNOWN_ATTEMPT = "unknown-attempt"
    PROVIDER_ERROR = "provider-error"
    BAD_RESPONSE = "bad-response"
    BAD_TOKEN = "bad-token"
    BAD_CLAIMS = "bad-claims"
    LEVEL_NOT_REACHED = "level-not-reached"
    SIGNED_IN_TOO_LONG_AGO = "signed-in-too-long-ago"
    INTERACTION_NEEDED = "interaction-needed"
    OTHER_PERSON = "other-person"
    NO_NATIONAL_NUMBER = "no-national-number"
    ON_BEHALF_OF_ANOTHER = "on-behalf-of-another"
    UNKNOWN_PROVIDER = "unknown-provider"


class SignInRefused(InkomError):
    """The provider's answer was refused. `detail` is for the log: it never holds a token, a code or a claim's value."""

    def __init__(self, mismatch: Mismatch, detail: str) -> None:
        super().__init__(detail)
        self.mismatch = mismatch
        self.detail = detail


class LogoutRefused(InkomError):
    """A logout token was refused. The message is for the log and the provider: it holds nothing of the token."""


class SignalRefused(InkomError):
    """An event was refused. `code` is RFC 8935's (section 2.4); `detail` holds nothing of the event."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """Return this instant, with its time zone."""

    def today(self) -> date:
        """Return the calendar day in Brussels on which rights are judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """What came back from the provider, verified.

    `chosen` is the organisation chosen at ACM (`vo_orgcode`), `represents` what ACM says in `wv_orgcode`. They only
    suggest: the registers decide (docs/decisions/0006). Where none is asked, `identity.claimed` is what counts (0015).
    """

    identity: Identity
    chosen: EnterpriseNumber | None = None
    represents: EnterpriseNumber | None = None
    target_group: str | None = None
    roles: tuple[ClaimedRole, ...] = ()
    grant: TokenGrant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedOut:
    """What the provider ended, verified: one session (`sid`), or without one all sessions of a subject.

    `token_id` is the same when the same token is sent again.
    """

    issuer: str
    subject: str | None
    session: str | None
    token_id: str


class IdentityProvider(Protocol):
    """ACM, or any other OpenID Provider."""

    async def authorization_url(self, attempt: SignInAttempt) -> str:
        """Return where to send the browser. Raises ProviderUnavailable."""

    async def identify(self, attempt: SignInAttempt, response: Sequence[tuple[str, str]]) -> SignedIn:
        """Verify the authorization response, redeem the code, verify the ID Token and UserInfo.

        `response` are the parameters of the callback, in order, duplicates included, `state` already matched to the
        attempt. Raises SignInRefused, ProviderUnavailable.
        """

    async def logout_url(self, *, state: str) -> str | None:
        """Return where the provider ends its own session, or None when it offers nothing.

        Raises ProviderUnavailable.
        """

    async def refresh(
        self, identity: Identity, grant: TokenGrant, *, keep: Callable[[TokenGrant], Awaitable[None]]
    ) -> Identity:
        """Get new tokens for a session, and return who the person is by what comes with them.

        `keep` is awaited with what replaces the grant, before anything that could fail: the former one may be used up.
        Raises SignInRefused when the session may not go on, ProviderUnavailable when it is not known, and what `keep`
        raises.
        """

    async def revoke(self, grant: TokenGrant) -> None:
        """Tell the provider that a grant is not needed any more, where it wants to know. Raises ProviderUnavailable."""

    async def switch_url(self) -> str | None:
        """Return where the person chooses again for whom they act, keeping their session at the provider.

        None when the provider offers nothing. Raises ProviderUnavailable.
        """

    async def logged_out(self, token: str) -> LoggedOut:
        """Verify a logout token. Raises LogoutRefused, ProviderUnavailable."""


class LogoutTokens(Protocol):
    """Verifies what providers send when somebody signed out there: one provider does, and so do several together."""

    async def logged_out(self, token: str) -> LoggedOut:
        """Verify a logout token. Raises LogoutRefused, ProviderUnavailable."""


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

    async def update(self, cookie: str, session: Session) -> bool:
        """Store new facts under the same cookie; False when the session ended meanwhile (it stays ended)."""

    async def use(self, cookie: str, session: Session) -> None:
        """Note that a session, found without counting it as use, is used after all."""

    async def amend(self, cookie: str, change: Callable[[Session], Session]) -> Session | None:
        """Change the session as it stands, whoever else writes it; None when it has ended (it stays ended)."""

    async def renew(self, cookie: str, session: Session) -> str | None:
        """Store the session under a new cookie value and end the old one; None when the old one had ended."""

    async def end(self, cookie: str) -> None:
        """End the session for good."""

    async def ping(self) -> None:
        """Return when the store works."""


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


class MarkedSessions(SessionStore, Protocol):
    """Sessions read together with what was announced about their people. Every method raises StoreUnavailable."""

    async def marked(self, cookie: str, *, counts_as_use: bool = True) -> tuple[Session, Announced] | None:
        """Return what `find` returns, with what was announced about the person by now."""


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


class AccessTokens(Protocol):
    """Verifies the access tokens of one application's machine clients."""

    async def admit(self, presented: Presented, *, method: str, address: str) -> TokenClaims | TokenRefused:
        """Return what a token says that came with a request for `address` (without query).

        Raises ProviderUnavailable, StoreUnavailable.
        """

    async def again(self, token: str) -> TokenClaims | TokenRefused:
        """Return what the token of a request that still runs says now. Raises ProviderUnavailable."""


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


class PostedAnswers(Protocol):
    """Answers of providers that arrived as a form, for the moment until the browser asks for the result.

    A form from another site brings no cookie along (SameSite=Lax); the address that the browser is sent to next does.
    Every method raises StoreUnavailable.
    """

    async def keep(self, answer: Sequence[tuple[str, str]], *, provider: str) -> str:
        """Keep an answer for a minute and return the ticket for it, which says nothing of what is in it."""

    async def take(self, ticket: str, *, provider: str) -> tuple[tuple[str, str], ...] | None:
        """Return the answer and forget it, exactly once; None when unknown, used, too old or another provider's."""


class LastChoices(Protocol):
    """Which organisation a person chose last, under a pseudonym. Raises StoreUnavailable."""

    async def remember(self, number: NationalNumber, organisation: EnterpriseNumber) -> None:
        """Remember a choice, for a year at most."""

    async def recall(self, number: NationalNumber) -> EnterpriseNumber | None:
        """Return the last choice, if it is known."""


class Measures(Protocol):
    """Counts for operators. Nothing here can fail, and nothing names a person, an organisation or a path."""

    def judged(self, application: str, outcome: str, *, seconds: float) -> None:
        """Count a request for an application by its outcome, and how long it took to judge."""

    def forwarding_failed(self, application: str, kind: str) -> None:
        """Count an admitted request that got no whole answer, by the kind of failure."""

    def signalled(self, result: str) -> None:
        """Count an event of Shared Signals: `passed-on`, `repeated`, why it changes nothing, or why it was refused."""

    def signed_in(self, result: str) -> None:
        """Count a sign-in: `ok`, or why it was refused."""

    def provider_logout(self, result: str) -> None:
        """Count a logout that the provider told: `ok`, `repeated`, `refused` or `unavailable`."""

    def refreshed(self, result: str) -> None:
        """Count a refresh of tokens: `ok`, `provider-away`, or why it was refused."""

    def exposition(self) -> bytes:
        """Return all figures in Prometheus' text form."""


class Assertions(Protocol):
    """Signs what backends are told."""

    def sign(self, claims: tuple[tuple[str, str], ...], *, audience: str) -> str:
        """Return a JWT about these claims for one application, valid for at most 60 seconds."""

    def published_keys(self) -> dict[str, Any]:
        """Return the JSON Web Key Set (RFC 7517) with which backends and the provider verify."""


class Registers(Protocol):
    """IDM and KBO, or what stands in their place. Every method raises RegisterUnavailable."""

    async def person(self, identity: Identity) -> PersonRecord:
        """Return all functions, rights and organisations of a person (an empty record for somebody unknown)."""

    async def enterprise(self, number: EnterpriseNumber) -> Enterprise | None:
        """Return an enterprise as of today, or None when KBO does not know it."""

    async def contacts(self, number: EnterpriseNumber, *, day: date) -> Contacts:
        """Return who can help in an organisation that day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacts:
    """Names of the people who can help in an organisation; not `known` when there is no register that has them."""

    organisation: Organisation | None
    representatives: tuple[str, ...] = ()
    administrators: tuple[str, ...] = ()
    known: bool = True


class Registrations(Protocol):
    """Which organisations are registered on INKOM. Every method raises RegistrationsUnavailable."""

    async def find(self, number: EnterpriseNumber) -> Registration | None:
        """Return an organisation's registration, if there is one."""

    async def register(self, registration: Registration) -> Registration:
        """Store a registration unless there is one, and return the one in force: the first wins, on all machines."""

    def all(self, *, since: datetime | None = None) -> AsyncIterator[Registration]:
        """Return the registrations made since an instant, oldest first."""

    async def ping(self) -> None:
        """Return when the database works and has the tables of this version."""

    async def aclose(self) -> None:
        """Close what is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the audit log that is not a decision: sign-in, refused sign-in, sign-out, choice, registration."""

    kind: str
    session: str | None
    organisation: str | None
    detail: str


class AuditLog(Protocol):
    """The durable record of who did what. Every method raises AuditUnavailable."""

    async def decided(self, decision: Decision, *, session: str, person: str, method: str, path: str) -> str:
        """Write a decision and return the record's id. `person` is the pseudonym."""

    async def happened(self, event: Event) -> str:
        """Write another event and return the record's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One request for an application, judged. `record` is the audit record's id, where a decision was made.

    `api` is what the application says to programs, if it serves any; `scheme` is set when a token was presented.
    """

    application: str
    outcome: Outcome | TokenRefused
    session: Session | MachineSession | None
    cookie: str | None
    target: bytes
    record: str | None = None
    api: ApiTerms | None = None
    scheme: Scheme | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer for a client that does not show pages."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Answers(Protocol):
    """How outcomes and failures look; the gate calls it for every request that it does not forward."""

    async def outcome(self, passage: Passage, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that is not forwarded."""

    async def failure(self, error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that could not be judged or forwarded."""

    def shows_pages(self, scope: Scope) -> bool:
        """Whether the client of a request is a browser that navigates, and no program."""

    def problem(self, subject: Passage | Exception) -> Reply:
        """Return the same as a problem document (RFC 9457), for WebSocket upgrades."""


class Replays(Protocol):
    """Puts a kept form in the place of the request by which a person confirms that it is to be sent."""

    async def request(self, scope: Scope, receive: Receive, send: Send) -> tuple[Scope, Receive] | None:
        """Return the request to judge: the one that came, or the kept one; None when it was answered here.

        Raises InkomError.
        """
