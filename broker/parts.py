"""From settings to adapters: everything of the gateway that speaks to the outside, behind its ports."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from broker.adapters.assertion import AssertionSigner
from broker.adapters.audit import AuditFile
from broker.adapters.bearer.chosen import chosen_tokens, token_channels
from broker.adapters.clock import MovedClock, SystemClock
from broker.adapters.http import BackChannel, Limits
from broker.adapters.metrics import PrometheusMeasures
from broker.adapters.oidc.logged_out import SeveralLogoutTokens
from broker.adapters.oidc.provider import OidcProvider
from broker.adapters.oidc.settings import (
    ACM_ACR,
    Authentication,
    CertificateAuthentication,
    ClaimNames,
    KeyAuthentication,
    OidcSettings,
    SecretAuthentication,
    acr_table,
)
from broker.adapters.registers.chosen import chosen_registers, magda_channel
from broker.adapters.registrations import Database, SqlRegistrations
from broker.adapters.sessions.attempts import RedisAttempts
from broker.adapters.sessions.choices import RedisChoices
from broker.adapters.sessions.connection import Connection, connect
from broker.adapters.sessions.flights import RedisFlights
from broker.adapters.sessions.index import RedisSessionIndex
from broker.adapters.sessions.parking import RedisParking
from broker.adapters.sessions.posted import RedisPostedAnswers
from broker.adapters.sessions.store import RedisSessions
from broker.adapters.signals.announcements import RedisAnnouncements
from broker.adapters.signals.chosen import event_poller, event_reader, transmitter_tls
from broker.adapters.signals.stream_notes import RedisStreamNotes
from broker.config import Acm, ClientSecrets, Secrets, Settings
from broker.domain.demand import AcrTable
from broker.domain.session import FIRST_PROVIDER
from broker.ports import (
    AccessTokens,
    Announcements,
    Assertions,
    AttemptStore,
    AuditLog,
    Clock,
    Flights,
    IdentityProvider,
    LastChoices,
    LogoutTokens,
    MarkedSessions,
    Measures,
    Parking,
    PostedAnswers,
    Registers,
    Registrations,
    SessionIndex,
    SignalReader,
    StreamNotes,
)

CALLBACK = "/_inkom/callback"
LOGGED_OUT = "/_inkom/logged-out"
LOGIN = "/_inkom/login"
_OWNER_KNOWN = timedelta(hours=1)  # after the session's latest end: whose it was, for a form that comes too late


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything of the gateway that speaks to the outside, behind its ports.

    `provider` is ACM, `others` are the providers beside it, by id; without `logout_tokens` only ACM's are read.
    `tokens` are by application, for those that serve programs, and so is `backend_tls`, where it is no ordinary one.
    `vital` and `useful` are what readiness asks; `closing` is awaited, in order, when the gateway stops.
    """

    clock: Clock
    sessions: MarkedSessions
    index: SessionIndex
    flights: Flights
    attempts: AttemptStore
    parking: Parking
    posted: PostedAnswers
    choices: LastChoices
    registers: Registers
    registrations: Registrations
    provider: IdentityProvider
    audit: AuditLog
    assertions: Assertions
    measures: Measures
    announcements: Announcements
    stream_notes: StreamNotes
    vital: Mapping[str, Callable[[], Awaitable[None]]]
    useful: Mapping[str, Callable[[], Awaitable[None]]]
    tokens: Mapping[str, AccessTokens] = field(default_factory=dict)
    backend_tls: Mapping[str, Callable[[], ssl.SSLContext]] = field(default_factory=dict)
    acr: AcrTable = field(default_factory=lambda: ACM_ACR)
    others: Mapping[str, IdentityProvider] = field(default_factory=dict)
    others_acr: Mapping[str, AcrTable] = field(default_factory=dict)
    logout_tokens: LogoutTokens | None = None
    signals: SignalReader | None = None
    signals_token: str | None = None
    polling: Callable[[Callable[[bytes], Awaitable[None]]], Coroutine[Any, Any, None]] | None = None
    following: tuple[Callable[[], Coroutine[Any, Any, None]], ...] = ()
    closing: tuple[Callable[[], Awaitable[None]], ...] = ()

    @property
    def providers(self) -> Mapping[str, IdentityProvider]:
        """All providers by id."""
        return {FIRST_PROVIDER: self.provider, **self.others}


def connect_parts(settings: Settings, secrets: Secrets, *, near: Path) -> Parts:
    """Return the adapters that the settings describe."""
    registers_channel = BackChannel(Limits(total=settings.registers.time_limit))
    clock, moved = _clock(settings, registers_channel)
    redis = connect(settings.sessions.redis)
    announcements = RedisAnnouncements(
        redis, key=secrets.pseudonym_key, lifetime=timedelta(seconds=settings.sessions.absolute), clock=clock
    )
    index = connect_index(settings, secrets, redis, clock=clock)
    sessions = RedisSessions(
        redis,
        secrets=secrets.session_secrets,
        idle=timedelta(seconds=settings.sessions.idle),
        absolute=timedelta(seconds=settings.sessions.absolute),
        clock=clock,
        announcements=announcements,
        index=index,
        prolonged_every=timedelta(seconds=_shortest_idle(settings) / 10),
    )
    magda = magda_channel(settings.registers, secrets)
    registers = chosen_registers(
        settings.registers, secrets, channel=registers_channel, magda_channel=magda, clock=clock
    )
    public_url = settings.public_url.rstrip("/")
    channels = {
        name: BackChannel(Limits(total=one.time_limit), tls=secrets.clients[name].tls)
        for name, one in settings.all_providers.items()
    }
    oidc = {name: oidc_settings(name, settings, secrets) for name in settings.all_providers}
    providers = {name: OidcProvider(one, clock=clock, channel=channels[name]) for name, one in oidc.items()}
    by_issuer = {one.issuer: providers[name] for name, one in oidc.items()}
    provider, acm = providers.pop(FIRST_PROVIDER), oidc[FIRST_PROVIDER]
    events = BackChannel(Limits(total=settings.acm.time_limit), tls=transmitter_tls(settings, secrets))
    signals = event_reader(settings, acm, provider, clock, events)
    registrations = SqlRegistrations(Database.at(secrets.database, near=near))
    audit = AuditFile(near / settings.audit.file, clock=clock)
    measures = PrometheusMeasures()
    polling = event_poller(settings, secrets, redis, measures)
    token_lines = token_channels(settings, secrets)
    return Parts(
        clock=clock,
        sessions=sessions,
        index=index,
        flights=RedisFlights(redis),
        attempts=RedisAttempts(redis, secrets=secrets.session_secrets),
        parking=RedisParking(
            redis,
            secrets=secrets.session_secrets,
            clock=clock,
            largest=settings.sessions.parked_body,
            owners=timedelta(seconds=settings.sessions.absolute) + _OWNER_KNOWN,
        ),
        posted=RedisPostedAnswers(redis, secrets=secrets.session_secrets),
        choices=RedisChoices(redis, secrets=secrets.session_secrets, pseudonym_key=secrets.pseudonym_key),
        registers=registers,
        registrations=registrations,
        provider=provider,
        others=providers,
        others_acr={name: oidc[name].acr for name in providers},
        logout_tokens=SeveralLogoutTokens(by_issuer),
        audit=audit,
        assertions=AssertionSigner(
            key=secrets.assertion_key, client_keys=secrets.client_keys, issuer=public_url, clock=clock
        ),
        measures=measures,
        acr=acm.acr,
        vital={"sessions": sessions.ping, "registrations": registrations.ping},
        useful={"provider": provider.ready, **{f"provider {name}": one.ready for name, one in providers.items()}},
        announcements=announcements,
        tokens=chosen_tokens(settings, secrets, redis=redis, channels=token_lines, clock=clock),
        backend_tls=secrets.backend_tls,
        signals=signals,
        signals_token=secrets.signals_token,
        stream_notes=RedisStreamNotes(redis, clock=clock),
        polling=polling[0].follow if polling else None,
        following=(*((moved.follow,) if moved else ()), announcements.follow, sessions.reads.follow),
        closing=(
            registers_channel.aclose,
            magda.aclose,
            *(channel.aclose for channel in (*channels.values(), *token_lines.values())),
            events.aclose,
            *((polling[1].aclose,) if polling else ()),
            sessions.aclose,
            registrations.aclose,
            audit.aclose,
        ),
    )


def _shortest_idle(settings: Settings) -> float:
    """Return the shortest idle limit in seconds: the last use must be known finely enough for it."""
    own = [one.sessions.idle for one in settings.applications.values() if one.sessions.idle is not None]
    return min([settings.sessions.idle, *own])


def connect_index(settings: Settings, secrets: Secrets, redis: Connection, *, clock: Clock) -> RedisSessionIndex:
    """Return the index of sessions, which operators' commands ask too."""
    return RedisSessionIndex(
        redis,
        secrets=secrets.session_secrets,
        pseudonym_key=secrets.pseudonym_key,
        idle=timedelta(seconds=settings.sessions.idle),
        absolute=timedelta(seconds=settings.sessions.absolute),
        clock=clock,
    )


def callback_of(provider: str) -> str:
    """Return the path at which a provider answers: one of its own for each (RFC 9700 2.1, 4.4.2)."""
    return CALLBACK if provider == FIRST_PROVIDER else f"{CALLBACK}/{provider}"


def oidc_settings(name: str, settings: Settings, secrets: Secrets) -> OidcSettings:
    """Return what a provider's adapter is told. Raises ValueError for what would switch a check off."""
    acm, client, public_url = settings.all_providers[name], secrets.clients[name], settings.public_url.rstrip("/")
    return OidcSettings(
        issuer=acm.issuer,
        client_id=acm.client_id,
        redirect_uri=public_url + callback_of(name),
        post_logout_redirect_uri=public_url + LOGGED_OUT,
        entry_uri=public_url + LOGIN,
        authentication=_authentication(acm, client),
        request=acm.request,
        request_key=next(iter(client.keys), None),
        sender_constrained=acm.sender_constrained,
        dpop_secret=secrets.pseudonym_key,
        scopes=acm.scopes,
        algorithms=acm.algorithms,
        acr=acr_table(acm.acr),
        claims=ClaimNames(role=acm.role_claim, national_number=acm.national_number_claim),
        keeps_claims=settings.registers.source == "claims",
        refreshes=acm.refresh,
        response_mode=acm.response_mode,
        leeway=acm.leeway,
    )


def _authentication(acm: Acm, client: ClientSecrets) -> Authentication:
    match acm.client_authentication:
        case "private_key_jwt":
            return KeyAuthentication(private_key=client.keys[0], audience=acm.assertion_audience)
        case "tls_client_auth" | "self_signed_tls_client_auth" as method:
            return CertificateAuthentication(method=method)
        case method:
            return SecretAuthentication(method=method, secret=client.secret or "")


def _clock(settings: Settings, channel: BackChannel) -> tuple[Clock, MovedClock | None]:
    """Return the clock, and the one to follow where a demo or a test moves the day."""
    system = SystemClock()
    if settings.development.clock is None:
        return system, None
    moved = MovedClock(system, url=settings.development.clock, channel=channel)
    return moved, moved
