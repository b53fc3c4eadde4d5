"""A whole gateway in the test's own process: the real gate, pages and policies, with stand-ins behind the ports.

The backend is real and listens on a socket. Requests come in through ASGI as the edge would hand them over.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import httpx2
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from starlette.types import Receive, Scope, Send

from broker.adapters.assertion import AssertionSigner
from broker.adapters.metrics import PrometheusMeasures
from broker.adapters.policy_files import load
from broker.assembly import assemble
from broker.config import Acm, Application, Audit, ForwardAuth, Key, Provider, Sessions, Settings
from broker.config import Registers as RegisterSettings
from broker.domain.decide import Decision
from broker.domain.demand import AcrTable
from broker.domain.identity_headers import audit_pseudonym
from broker.domain.numbers import EnterpriseNumber, NationalNumber
from broker.domain.parked import Owner, ParkedPost
from broker.domain.people import (
    Assurance,
    Enterprise,
    KboFunction,
    Organisation,
    PersonRecord,
    RelationStatus,
    SignInMethod,
    UserRight,
    WorkingRelation,
)
from broker.domain.policy import Policy
from broker.domain.registration import Contact, Registration
from broker.domain.session import (
    FIRST_PROVIDER,
    Destination,
    Identity,
    OpenSession,
    Session,
    SignInAttempt,
    TokenGrant,
)
from broker.domain.validity import Period, brussels_day
from broker.parts import Parts
from broker.ports import (
    AccessTokens,
    Announced,
    AuditUnavailable,
    Contacts,
    Event,
    FallenLevel,
    Flight,
    FlightState,
    LoggedOut,
    LogoutRefused,
    Marked,
    Memory,
    NamedPerson,
    ProviderUnavailable,
    RegisterUnavailable,
    RegistrationsUnavailable,
    SecurityEvent,
    SetAside,
    SignedIn,
    StoreUnavailable,
    StreamEvent,
)
from broker.proxy.gate import Gate
from tests.broker.proxy.world import Backend
from tests.project.places import ROOT

ORIGIN = "http://localhost:8000"
BAKERY = Organisation(number=EnterpriseNumber("1999999943"), name="Voorbeeld Bakkerij BV")
FLORIST = Organisation(number=EnterpriseNumber("1999999151"), name="Zoë's Bloemen & Co")
PAGE = {"accept": "text/html", "sec-fetch-mode": "navigate", "accept-language": "en"}
PSEUDONYM_KEY = b"p" * 32
SIGNALS_TOKEN = "the-token-of-the-transmitter"
PERSON = NationalNumber("82672100108")


def ec_key() -> str:
    """A fresh P-256 key in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def a_right(
    organisation: Organisation = BAKERY,
    *,
    until: date = date(2030, 1, 1),
    profiles: tuple[str, ...] = ("Gebruiker",),
    status: RelationStatus = RelationStatus.ACTIVE,
) -> UserRight:
    """A user right in an organisation, valid unless said otherwise."""
    since = Period(begins=date(2020, 1, 1), until=date(2030, 1, 1))
    return UserRight(
        organisation=organisation.number,
        name="VLAIO Inkom Gebruiker Nieuw",
        profiles=profiles,
        period=Period(begins=date(2020, 1, 1), until=until),
        relation=WorkingRelation(organisation=organisation.number, status=status, period=since),
    )


def a_function(organisation: Organisation = BAKERY, code: str = "10002") -> KboFunction:
    """A function in KBO that still runs."""
    return KboFunction(organisation=organisation.number, code=code, period=Period(begins=date(2020, 1, 1), until=None))


def employee() -> PersonRecord:
    """Somebody with a valid right in the bakery."""
    return PersonRecord(rights=(a_right(),), organisations=(BAKERY,))


def an_identity(**differing: Any) -> Identity:
    """Somebody who signed in with itsme."""
    known: dict[str, Any] = {
        "issuer": "http://localhost:9000/op",
        "subject": "subject-of-an",
        "national_number": PERSON,
        "given_name": "Anaïs",
        "family_name": "Testers",
        "method": SignInMethod.ITSME,
        "assurance": Assurance.HIGH,
        "authenticated_at": datetime(2026, 6, 1, 8, 0, tzinfo=UTC),
    }
    return Identity(**{**known, **differing})


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.instant = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.instant

    def today(self) -> date:
        return brussels_day(self.instant)

    def forward(self, **length: float) -> None:
        self.instant += timedelta(**length)


@dataclass
class MemorySessions:
    """Sessions in a dictionary; `away` makes the store fail."""

    kept: dict[str, Session] = field(default_factory=dict)
    away: bool = False
    numbered: int = 0
    idle: timedelta = timedelta(minutes=30)
    uses: int = 0
    announcements: MemoryAnnouncements | None = None
    clock: Hands = field(default_factory=Hands)
    used: dict[str, datetime] = field(default_factory=dict)
    memory: Memory | None = None

    async def find(self, cookie: str, *, counts_as_use: bool = True) -> Session | None:
        self._reach()
        self.uses += counts_as_use
        session = self.kept.get(cookie)
        if session is None:
            return None
        found = replace(session, used_at=self.used.get(cookie, session.began_at))
        if counts_as_use:
            await self.use(cookie, session)
        return found

    async def marked(self, cookie: str, *, counts_as_use: bool = True) -> Marked | None:
        session = await self.find(cookie, counts_as_use=counts_as_use)
        if session is None:
            return None
        nothing = Announced(mark="", sessions_ended_at=None)
        used_at = self.used.get(cookie, session.began_at)
        return Marked(
            session=session,
            announced=await self.announcements.about(session.identity) if self.announcements else nothing,
            ends_at=used_at + self.idle,
            use_counts_until=used_at + timedelta(minutes=1),
            memory=self.memory,
        )

    async def left(self, cookie: str) -> timedelta | None:
        self._reach()
        return self.idle if cookie in self.kept else None

    async def begin(self, session: Session) -> str:
        self._reach()
        self.numbered += 1
        self.kept[f"cookie-{self.numbered}"] = session
        self.used[f"cookie-{self.numbered}"] = self.clock.now()
        return f"cookie-{self.numbered}"

    async def use(self, cookie: str, session: Session) -> None:
        self._reach()
        self.used[cookie] = self.clock.now()

    async def amend(self, cookie: str, change: Callable[[Session], Session]) -> Session | None:
        self._reach()
        if cookie not in self.kept:
            return None
        self.kept[cookie] = change(self.kept[cookie])
        return self.kept[cookie]

    async def renew(self, cookie: str, session: Session) -> str | None:
        self._reach()
        return await self.begin(session) if self.kept.pop(cookie, None) else None

    async def end(self, cookie: str) -> None:
        self._reach()
        self.kept.pop(cookie, None)

    async def ping(self) -> None:
        self._reach()

    def _reach(self) -> None:
        if self.away:
            raise StoreUnavailable("the session store does not work (for this test)")


@dataclass
class MemoryIndex:
    """The same sessions by person."""

    sessions: MemorySessions

    async def of(self, person: str) -> tuple[OpenSession, ...]:
        listed = [
            OpenSession(
                reference=one.reference,
                person=person,
                began_at=one.began_at,
                used_at=self.sessions.used[cookie],
                organisation=one.acting.organisation.number if one.acting else None,
                browser=one.browser,
            )
            for cookie, one in self.sessions.kept.items()
            if audit_pseudonym(one.identity.national_number, key=PSEUDONYM_KEY) == person
        ]
        return tuple(sorted(listed, key=lambda one: one.began_at, reverse=True))

    async def end(self, person: str, references: Sequence[str]) -> tuple[str, ...]:
        mine = {one.reference for one in await self.of(person)}.intersection(references)
        for cookie in [cookie for cookie, one in self.sessions.kept.items() if one.reference in mine]:
            await self.sessions.end(cookie)
        return tuple(sorted(mine))


@dataclass
class MemoryFlights:
    """One at a time in this process; `rested` names those that should not be tried again yet."""

    flying: set[str] = field(default_factory=set)
    rested: set[str] = field(default_factory=set)

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[Flight]:
        if name in self.flying or name in self.rested:
            yield Flight(state=FlightState.RESTING if name in self.rested else FlightState.THEIRS)
            return
        self.flying.add(name)
        flight = Flight(state=FlightState.MINE)
        try:
            yield flight
        finally:
            self.flying.discard(name)
            if flight.rests:
                self.rested.add(name)


@dataclass
class MemoryAttempts:
    """Attempts in a dictionary."""

    kept: dict[tuple[str, str], SignInAttempt] = field(default_factory=dict)
    led: dict[tuple[str, str], Destination] = field(default_factory=dict)

    async def keep(self, attempt: SignInAttempt, *, browser: str) -> None:
        self.kept[attempt.state, browser] = attempt

    async def finished(self, attempt: SignInAttempt, *, browser: str) -> None:
        self.led[attempt.state, browser] = Destination.of(attempt)

    def grow_old(self) -> None:
        """Let every attempt be too old to be used."""
        for place, attempt in self.kept.items():
            self.led[place] = Destination.of(attempt)
        self.kept.clear()

    async def destination(self, state: str, *, browser: str) -> Destination | None:
        return self.led.get((state, browser))

    async def take(self, state: str, *, browser: str) -> SignInAttempt | None:
        return self.kept.pop((state, browser), None)


@dataclass
class MemoryParking:
    """Kept forms in a dictionary; `full` leaves no room."""

    kept: dict[tuple[str, str], ParkedPost] = field(default_factory=dict)
    owners: dict[str, Owner] = field(default_factory=dict)
    full: bool = False

    async def remember(self, cookie: str, owner: Owner) -> None:
        self.owners[cookie] = owner

    async def owner(self, cookie: str) -> Owner | None:
        return self.owners.get(cookie)

    async def forget(self, cookie: str) -> None:
        self.owners.pop(cookie, None)

    async def park(self, post: ParkedPost, *, browser: str) -> bool:
        if self.full:
            return False
        self.kept[post.name, browser] = post
        return True

    async def look(self, name: str, *, browser: str) -> ParkedPost | None:
        return self.kept.get((name, browser))

    async def take(self, name: str, *, browser: str) -> ParkedPost | None:
        return self.kept.pop((name, browser), None)


@dataclass
class MemoryPosted:
    """Posted answers in a dictionary."""

    kept: dict[tuple[str, str], tuple[tuple[str, str], ...]] = field(default_factory=dict)

    async def keep(self, answer: Sequence[tuple[str, str]], *, provider: str) -> str:
        ticket = f"ticket-{len(self.kept)}"
        self.kept[ticket, provider] = tuple(answer)
        return ticket

    async def take(self, ticket: str, *, provider: str) -> tuple[tuple[str, str], ...] | None:
        return self.kept.pop((ticket, provider), None)


@dataclass
class MemoryChoices:
    """Last choices in a dictionary."""

    kept: dict[NationalNumber, EnterpriseNumber] = field(default_factory=dict)

    async def remember(self, number: NationalNumber, organisation: EnterpriseNumber) -> None:
        self.kept[number] = organisation

    async def recall(self, number: NationalNumber) -> EnterpriseNumber | None:
        return self.kept.get(number)


@dataclass
class StandInRegisters:
    """Registers that know one person; `away` makes them fail, `asked` counts."""

    record: PersonRecord = field(default_factory=employee)
    active: bool = True
    away: bool = False
    asked: int = 0
    helpers: Contacts = field(
        default_factory=lambda: Contacts(
            organisation=BAKERY, representatives=("Arne Baas",), administrators=("Lies Sleutel",)
        )
    )

    async def person(self, identity: Identity) -> PersonRecord:
        self.asked += 1
        await asyncio.sleep(0)
        if self.away:
            raise RegisterUnavailable("IDM does not answer (for this test)")
        return self.record

    async def enterprise(self, number: EnterpriseNumber) -> Enterprise | None:
        organisation = self.record.organisation(number)
        return Enterprise(organisation=organisation, active=self.active) if organisation else None

    async def contacts(self, number: EnterpriseNumber, *, day: date) -> Contacts:
        if self.away:
            raise RegisterUnavailable("IDM does not answer (for this test)")
        return self.helpers


def a_contact(**differing: str) -> Contact:
    """Where the bakery can be reached."""
    known = {
        "email": "info@bakkerij.test",
        "phone": "+3212345678",
        "street": "Deegstraat",
        "house_number": "7 bus 2",
        "postal_code": "9000",
        "municipality": "Gent",
        "language": "nl",
    }
    return Contact(**{**known, **differing})


def a_registration(organisation: Organisation = BAKERY, **differing: Any) -> Registration:
    """The registration of an organisation, made by somebody a year ago."""
    known: dict[str, Any] = {
        "organisation": organisation,
        "contact": a_contact(),
        "registered_by": "a-pseudonym",
        "registered_by_name": "Arne Baas",
        "registered_at": datetime(2025, 6, 1, 8, 0, tzinfo=UTC),
    }
    return Registration(**{**known, **differing})


@dataclass
class MemoryRegistrations:
    """Everything is registered but what is `missing`; `made` are those made here, `away` makes the database fail."""

    missing: set[EnterpriseNumber] = field(default_factory=set)
    made: dict[EnterpriseNumber, Registration] = field(default_factory=dict)
    away: bool = False

    async def find(self, number: EnterpriseNumber) -> Registration | None:
        await self.ping()
        if number in self.missing:
            return self.made.get(number)
        return a_registration(Organisation(number=number, name=""))

    async def register(self, registration: Registration) -> Registration:
        await self.ping()
        return self.made.setdefault(registration.organisation.number, registration)

    async def all(self, *, since: datetime | None = None) -> AsyncIterator[Registration]:
        for one in self.made.values():
            yield one

    async def ping(self) -> None:
        if self.away:
            raise RegistrationsUnavailable("the registrations database does not work (for this test)")

    async def aclose(self) -> None:
        """Nothing is open."""


@dataclass
class MemoryAnnouncements:
    """Announcements in this process; `away` makes the store fail."""

    marks: dict[tuple[str, str], str] = field(default_factory=dict)
    ended: dict[tuple[str, str], datetime] = field(default_factory=dict)
    over: set[tuple[str, str]] = field(default_factory=set)
    fallen: dict[tuple[str, str], FallenLevel] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    begun: set[tuple[str, str]] = field(default_factory=set)
    watched: dict[tuple[str, str], list[asyncio.Event]] = field(default_factory=dict)
    away: bool = False
    clock: Hands = field(default_factory=Hands)

    async def about(self, identity: Identity) -> Announced:
        names = [(identity.issuer, name) for name in (identity.subject, identity.acm_session) if name]
        ends = [self.ended[name] for name in names if name in self.ended]
        return Announced(
            mark=".".join(self.marks.get(name, "") for name in names).strip("."),
            sessions_ended_at=max(ends, default=None),
            over=any(name in self.over for name in names[1:]),
            fallen=tuple(self.fallen[name] for name in names if name in self.fallen),
        )

    async def announce(self, *, issuer: str, subject: str, event_id: str, ends_sessions: bool) -> bool:
        if self.away:
            raise StoreUnavailable("the session store does not work (for this test)")
        if event_id in self.seen:
            return False
        self.seen.add(event_id)
        who = (issuer, subject)
        self.marks[who] = event_id
        if ends_sessions:
            self.ended[who] = self.clock.now()
        for changed in self.watched.get(who, ()):
            changed.set()
        return True

    async def pass_on(self, event: SecurityEvent) -> bool:
        if self.away:
            raise StoreUnavailable("the session store does not work (for this test)")
        if event.event_id in self.seen:
            return False
        self.seen.add(event.event_id)
        at = min(event.at or self.clock.now(), self.clock.now())
        for whom in event.about:
            who = (whom.issuer, whom.subject if isinstance(whom, NamedPerson) else whom.sid)
            self.marks[who] = event.event_id
            if event.ends_sessions:
                self.ended[who] = at
            if event.falls_to is not None:
                self.fallen[who] = FallenLevel(level=event.falls_to, at=at)
            for changed in self.watched.get(who, ()):
                changed.set()
        return True

    async def announce_session_ended(
        self, *, issuer: str, sid: str, event_id: str, only_begun_here: bool = False
    ) -> bool:
        if self.away:
            raise StoreUnavailable("the session store does not work (for this test)")
        if event_id in self.seen or (only_begun_here and (issuer, sid) not in self.begun):
            return False
        self.seen.add(event_id)
        self.over.add((issuer, sid))
        for changed in self.watched.get((issuer, sid), ()):
            changed.set()
        return True

    async def session_began(self, identity: Identity) -> None:
        self.begun.add((identity.issuer, identity.acm_session or ""))

    @contextmanager
    def watching(self, identity: Identity) -> Iterator[asyncio.Event]:
        changed = asyncio.Event()
        for name in (identity.subject, identity.acm_session or ""):
            self.watched.setdefault((identity.issuer, name), []).append(changed)
        yield changed
        for watchers in self.watched.values():
            if changed in watchers:
                watchers.remove(changed)


@dataclass
class StandInSignals:
    """Reads a token of our own form: `KIND SUBJECT ID`, or raises `refusal`. `said`: what events say besides."""

    refusal: Exception | None = None
    said: dict[str, Any] = field(default_factory=dict)
    aside: str = "not-ours"

    async def read(self, token: bytes) -> SecurityEvent | StreamEvent | SetAside:
        if self.refusal is not None:
            raise self.refusal
        kind, subject, event_id = token.decode().split()
        if kind == "other":
            return SetAside(event_id=event_id, reason=self.aside)
        if kind in ("verification", "stream-updated"):
            whole = {"stream": subject, "state": None, "status": None, **self.said}
            return StreamEvent(event_id=event_id, **whole)
        whole = {
            "issuer": "http://localhost:9000/op",
            "kinds": (kind,),
            "about": (NamedPerson(issuer="http://localhost:9000/op", subject=subject),),
            "at": None,
            "ends_sessions": kind == "session-revoked",
            "falls_to": None,
            **self.said,
        }
        return SecurityEvent(event_id=event_id, **whole)


@dataclass
class MemoryStreamNotes:
    """What is known of our stream, in this process."""

    stream: str | None = None
    states: set[str] = field(default_factory=set)
    status: str | None = None

    async def is_ours(self, stream: str) -> bool:
        return self.stream in (None, stream)

    async def verified(self, state: str | None) -> bool:
        return state is None or state in self.states

    async def updated(self, status: str) -> None:
        self.status = status


@dataclass
class StandInProvider:
    """A provider that sends back whoever `signed_in` is, or raises `refusal`."""

    signed_in: SignedIn = field(default_factory=lambda: SignedIn(identity=an_identity()))
    refusal: Exception | None = None
    attempts: list[SignInAttempt] = field(default_factory=list)
    revoked: list[TokenGrant] = field(default_factory=list)
    away: bool = False
    logout: str | None = "http://localhost:9000/op/v1/logout?client_id=inkom-gateway"

    async def authorization_url(self, attempt: SignInAttempt) -> str:
        if isinstance(self.refusal, ProviderUnavailable) and not self.refusal.lost:
            raise self.refusal
        self.attempts.append(attempt)
        return f"http://localhost:9000/op/v1/auth?state={attempt.state}"

    async def identify(self, attempt: SignInAttempt, response: Sequence[tuple[str, str]]) -> SignedIn:
        if self.refusal is not None:
            raise self.refusal
        return self.signed_in

    async def logout_url(self, *, state: str) -> str | None:
        return self.logout

    async def refresh(
        self, identity: Identity, grant: TokenGrant, *, keep: Callable[[TokenGrant], Awaitable[None]]
    ) -> Identity:
        raise AssertionError("nothing is refreshed here")

    async def revoke(self, grant: TokenGrant) -> None:
        self.revoked.append(grant)
        if self.away:
            raise ProviderUnavailable("revocation: no answer in time (for this test)")

    async def switch_url(self) -> str | None:
        return f"{self.logout}&switch=true" if self.logout else None

    async def logged_out(self, token: str) -> LoggedOut:
        """Reads a token of our own form: `SUBJECT SID ID`, with "-" for nothing."""
        if self.refusal is not None:
            raise self.refusal
        if token.count(" ") != 2:
            raise LogoutRefused("not a signed token")
        subject, session, token_id = (None if word == "-" else word for word in token.split(" "))
        return LoggedOut(issuer="http://localhost:9000/op", subject=subject, session=session, token_id=token_id or "")


@dataclass
class MemoryAudit:
    """Records in a list; `full` makes writing fail."""

    decisions: list[Decision] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    full: bool = False
    about: list[tuple[str, str]] = field(default_factory=list)  # session and person
    requests: list[tuple[str, str, str]] = field(default_factory=list)  # record, method and path
    paths: list[str] = field(default_factory=list)

    async def decided(self, decision: Decision, *, session: str, person: str, method: str, path: str) -> str:
        if self.full:
            raise AuditUnavailable("the audit log cannot be written: the disk is full")
        self.decisions.append(decision)
        self.about.append((session, person))
        self.paths.append(path)
        return f"record-{len(self.decisions)}"

    async def happened(self, event: Event) -> str:
        self.events.append(event)
        return f"event-{len(self.events)}"

    def used(self, record: str, *, method: str, path: str) -> bool:
        if self.full:
            return False
        self.requests.append((record, method, path))
        return True


@dataclass(kw_only=True)
class World:
    """A gateway and everything around it. `get` and `post` keep cookies, as a browser does."""

    gate: Gate
    backend: Backend
    server: asyncio.Server
    clock: Hands
    sessions: MemorySessions
    attempts: MemoryAttempts
    parking: MemoryParking
    choices: MemoryChoices
    registers: StandInRegisters
    registrations: MemoryRegistrations
    provider: StandInProvider
    others: Mapping[str, StandInProvider]
    audit: MemoryAudit
    measures: PrometheusMeasures
    announcements: MemoryAnnouncements
    signals: StandInSignals
    notes: MemoryStreamNotes
    client: httpx2.AsyncClient

    async def get(self, address: str, **headers: str) -> httpx2.Response:
        return await self.client.get(address, headers={**PAGE, **_named(headers)})

    async def ask(self, address: str, **headers: str) -> httpx2.Response:
        """Ask as a script does."""
        return await self.client.get(address, headers={"accept": "application/json", **_named(headers)})

    async def post(self, address: str, fields: dict[str, str], **headers: str) -> httpx2.Response:
        own = {"origin": ORIGIN, "sec-fetch-site": "same-origin"}
        return await self.client.post(address, data=fields, headers={**PAGE, **own, **_named(headers)})

    async def sign_in(self, return_to: str = "/kmo-portefeuille/") -> httpx2.Response:
        """Go to the provider and back; return the answer of the callback."""
        await self.get(f"/_inkom/login?return_to={return_to}")
        state = self.provider.attempts[-1].state
        return await self.get(f"/_inkom/callback?code=a-code&state={state}")

    @property
    def session(self) -> Session:
        """The one session there is."""
        (only,) = self.sessions.kept.values()
        return only

    async def signal(self, kind: str, *, subject: str = "subject-of-an", event_id: str = "one") -> httpx2.Response:
        """Send an event as the transmitter does."""
        headers = {"content-type": "application/secevent+jwt", "authorization": f"Bearer {SIGNALS_TOKEN}"}
        token = f"{kind} {subject} {event_id}"
        return await self.client.post("/_inkom/signals", content=token.encode(), headers=headers)

    def forget_facts(self) -> None:
        """Let all facts be too old."""
        self.clock.forward(seconds=301)


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@cache
def shipped_policy(applications: tuple[str, ...]) -> Policy:
    """The policy in `policies/`; read once, as reading and judging it takes longer than most tests."""
    (policy,) = load(ROOT / "policies", applications=applications)
    return policy


@asynccontextmanager
async def gateway(
    *,
    change: Callable[[Policy], Policy] = lambda policy: policy,
    application: dict[str, Any] | None = None,
    acm: dict[str, Any] | None = None,
    tokens: Callable[[Hands], Mapping[str, AccessTokens]] = lambda _: {},
    accepted: Mapping[str, tuple[str, ...]] | None = None,
    others_acr: Mapping[str, AcrTable] | None = None,
    forward_auth: ForwardAuth | None = None,
) -> AsyncIterator[World]:
    """Run a gateway in front of one backend that serves all three applications.

    `accepted` names the providers of applications, and makes those that are not acm, with the `acr` values of
    `others_acr`; `acm` changes that topic. `forward_auth` names proxies that may ask.
    """
    backend = Backend()
    server = await asyncio.start_server(backend.serve, "127.0.0.1", 0)
    backend.port = server.sockets[0].getsockname()[1]
    settings = _settings(f"http://127.0.0.1:{backend.port}", application or {}, accepted or {}, acm or {})
    settings = msgspec.structs.replace(settings, forward_auth=forward_auth)
    clock, registers, provider = Hands(), StandInRegisters(), StandInProvider()
    sessions = MemorySessions(clock=clock)
    attempts, choices, audit = MemoryAttempts(), MemoryChoices(), MemoryAudit()
    measures, registrations, parking = PrometheusMeasures(), MemoryRegistrations(), MemoryParking()
    others = {name: StandInProvider() for name in settings.providers}
    announcements, signals = MemoryAnnouncements(clock=clock), StandInSignals()
    sessions.announcements, notes = announcements, MemoryStreamNotes()
    parts = Parts(
        clock=clock,
        sessions=sessions,
        index=MemoryIndex(sessions=sessions),
        flights=MemoryFlights(),
        attempts=attempts,
        parking=parking,
        posted=MemoryPosted(),
        choices=choices,
        registers=registers,
        registrations=registrations,
        provider=provider,
        others=others,
        others_acr=others_acr or {},
        audit=audit,
        assertions=AssertionSigner(key=ec_key(), client_keys=(), issuer=ORIGIN, clock=clock),
        measures=measures,
        announcements=announcements,
        tokens=tokens(clock),
        signals=signals,
        signals_token=SIGNALS_TOKEN,
        stream_notes=notes,
        vital={"sessions": sessions.ping, "registrations": registrations.ping},
        useful={},
    )
    policy = shipped_policy(tuple(settings.applications))
    gate = assemble(settings, (change(policy),), parts, pseudonym_key=PSEUDONYM_KEY)
    transport = httpx2.ASGITransport(app=as_from_the_edge(gate), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN, follow_redirects=False) as client:
        yield World(
            gate=gate,
            backend=backend,
            server=server,
            clock=clock,
            sessions=sessions,
            attempts=attempts,
            parking=parking,
            choices=choices,
            registers=registers,
            registrations=registrations,
            provider=provider,
            others=others,
            audit=audit,
            measures=measures,
            announcements=announcements,
            signals=signals,
            notes=notes,
            client=client,
        )
    for protected in gate.applications:
        await protected.upstream.aclose()
    server.close()
    await server.wait_closed()


def as_from_the_edge(gate: Gate) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """Give each request what the edge adds to it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        extensions = {"inkom.target": scope["raw_path"] + query, "inkom.abort": lambda: None}
        await gate({**scope, "extensions": extensions}, receive, send)

    return app


def _settings(
    upstream: str, application: dict[str, Any], accepted: Mapping[str, tuple[str, ...]], acm: dict[str, Any]
) -> Settings:
    title = {"nl": "Toepassing", "en": "Application"}
    names = ("kmo-portefeuille", "ecologiepremie-plus", "coronamaatregelen")
    return Settings(
        public_url=ORIGIN,
        acm=Acm(issuer="http://localhost:9000/op", client_id="inkom-gateway", **acm),
        providers={
            name: Provider(
                title={"nl": f"Dienst {name}", "en": f"Service {name}"},
                issuer=f"https://{name}.example/op",
                client_id="inkom-gateway",
            )
            for name in sorted({one for names in accepted.values() for one in names} - {FIRST_PROVIDER})
        },
        registers=RegisterSettings(idm="http://localhost:9000/idm/v1", kbo="http://localhost:9000/kbo/v1"),
        sessions=Sessions(redis="redis://localhost"),
        audit=Audit(file="unused"),
        assertion=Key(key_file="unused"),
        pseudonym=Key(key_file="unused"),
        applications={
            name: Application(
                title=title, upstream=upstream, providers=accepted.get(name, (FIRST_PROVIDER,)), **application
            )
            for name in names
        },
    )
