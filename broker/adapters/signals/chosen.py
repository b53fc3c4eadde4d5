"""From settings to what reads events of Shared Signals and fetches them, where a transmitter is configured."""

from __future__ import annotations

import ssl
from datetime import timedelta

from broker.adapters.http import BackChannel, Limits
from broker.adapters.oidc import OidcProvider, OidcSettings
from broker.adapters.sessions.connection import Connection
from broker.adapters.signals.events import EventReader, TransmitterSettings
from broker.adapters.signals.lease import Lease
from broker.adapters.signals.management import critical_members
from broker.adapters.signals.polling import Poller, PollSettings
from broker.config import Secrets, Settings
from broker.ports import Clock, Measures

_LEAST_MAX_AGE = 600.0
_MOST_POLLED = 16 * 1024 * 1024
_POLLER_LEASE = timedelta(seconds=6)


def transmitter_tls(settings: Settings, secrets: Secrets) -> ssl.SSLContext | None:
    """Return the context of connections to the transmitter: ACM's own where it is ACM, and an ordinary one else."""
    is_acm = settings.signals is not None and settings.signals.issuer in (None, settings.acm.issuer)
    return secrets.acm_tls if is_acm else None


def event_reader(
    settings: Settings, oidc: OidcSettings, provider: OidcProvider, clock: Clock, channel: BackChannel
) -> EventReader | None:
    """Return what verifies the transmitter's events, if there is one."""
    signals, acm = settings.signals, settings.acm
    if signals is None:
        return None
    issuer = signals.issuer or acm.issuer

    async def jwks_uri() -> str:
        return signals.jwks_uri or await provider.jwks_uri()

    transmitter = TransmitterSettings(
        issuer=issuer,
        provider=acm.issuer,
        jwks_uri=jwks_uri,
        audience=signals.audience or settings.public_url.rstrip("/"),
        algorithms=signals.algorithms,
        critical_members=critical_members(channel, issuer),
        levels={acr: meaning.assurance for acr, meaning in oidc.acr.items() if meaning.assurance is not None},
        leeway=acm.leeway,
        # What is older than any session is no news; until then, an event that was held up still counts.
        max_age=max(settings.sessions.absolute, _LEAST_MAX_AGE),
        every_event_ends_sessions=settings.registers.source == "claims",
    )
    return EventReader(transmitter, clock=clock, channel=channel)


def event_poller(
    settings: Settings, secrets: Secrets, redis: Connection, measures: Measures
) -> tuple[Poller, BackChannel] | None:
    """Return what fetches events, with the patient channel of its own, where the transmitter is to be polled."""
    poll = settings.signals.poll if settings.signals else None
    if poll is None:
        return None
    limits = Limits(total=poll.time_limit, body=_MOST_POLLED)
    channel = BackChannel(limits, tls=transmitter_tls(settings, secrets))
    return Poller(
        PollSettings(endpoint=poll.endpoint, token=secrets.signals_access_token, max_events=poll.max_events),
        channel=channel,
        lease=Lease(redis, "signals-poller", length=_POLLER_LEASE),
        measures=measures,
    ), channel
