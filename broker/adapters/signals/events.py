"""Security Event Tokens (RFC 8417) from one transmitter: who signed, for whom, and how old. No storing.

About whom is `subjects`, and what follows `caep`. Events that we do not know are acknowledged and change nothing, as
Shared Signals asks of a receiver that did not order them. Refusals are told in the words of RFC 8935 section 2.4.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from broker.adapters.http import BackChannel
from broker.adapters.oidc.keys import ProviderKey
from broker.adapters.oidc.published_keys import PublishedKeys, SignedByNone, fetch_keys
from broker.adapters.oidc.tokens import VerifiedClaims, instant_of, type_of
from broker.adapters.signals.caep import ACTED_ON, CAEP, meaning_of
from broker.adapters.signals.subjects import Speaker, named, unprocessed_members
from broker.domain.people import Assurance
from broker.ports import (
    Clock,
    ProviderUnavailable,
    SecurityEvent,
    SetAside,
    SignalRefused,
    SignInRefused,
    StreamEvent,
)

_SSF = "https://schemas.openid.net/secevent/ssf/event-type/"
_VERIFICATION, _STREAM_UPDATED = f"{_SSF}verification", f"{_SSF}stream-updated"
_TYPE = "secevent+jwt"  # RFC 8417 section 2.3: keeps other tokens of the same signer from passing as events
_MOST_TEXT = 255
_MOST_STATE = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class TransmitterSettings:
    """The one transmitter that is believed. Durations in seconds.

    `provider` is the issuer whose subjects it speaks of when it names no issuer with them. `jwks_uri` says where its
    keys are, `critical_members` which members of a complex subject must be understood; both may raise
    ProviderUnavailable. `levels` are the provider's names for levels. `every_event_ends_sessions` is for a gateway that
    cannot read facts anew: a new sign-in is the only news there is.
    """

    issuer: str
    provider: str
    jwks_uri: Callable[[], Awaitable[str]]
    audience: str
    algorithms: tuple[str, ...]
    critical_members: Callable[[], Awaitable[frozenset[str]]]
    levels: Mapping[str, Assurance]
    leeway: float = 30
    max_age: float = 600
    keys_lifetime: float = 3600
    keys_stale_lifetime: float = 86400
    keys_refetch_interval: float = 60
    every_event_ends_sessions: bool = False


class EventReader:
    """The SignalReader port. Raises SignalRefused for the transmitter's mistakes, ProviderUnavailable for its keys."""

    def __init__(self, settings: TransmitterSettings, *, clock: Clock, channel: BackChannel) -> None:
        """Nothing is fetched before it is needed."""
        self._settings = settings
        self._clock = clock
        self._channel = channel
        self._keys = PublishedKeys(
            self._fetch_keys,
            lifetime=settings.keys_lifetime,
            stale_lifetime=settings.keys_stale_lifetime,
            refetch_interval=settings.keys_refetch_interval,
        )

    async def read(self, token: bytes) -> SecurityEvent | StreamEvent | SetAside:
        """Return what a token announces."""
        claims = await self._genuine(token)
        events, event_id = claims.get("events"), claims.get("jti")
        if not isinstance(events, dict) or not events or not all(isinstance(event, dict) for event in events.values()):
            raise SignalRefused("invalid_request", "events is absent, empty or not of objects")
        if not isinstance(event_id, str) or not 1 <= len(event_id) <= _MOST_TEXT:
            raise SignalRefused("invalid_request", "jti is absent, empty or too long")
        if _VERIFICATION in events or _STREAM_UPDATED in events:
            return _about_the_stream(event_id, claims, events)
        ours = {kind: event for kind, event in events.items() if kind in ACTED_ON}
        if not ours:
            return SetAside(event_id=event_id, reason="not-ours")
        subject = _one_subject(claims, list(ours.values()))
        about = named(subject, Speaker(issuers=(self._settings.provider, self._settings.issuer)))
        unprocessed = unprocessed_members(subject)
        if unprocessed and unprocessed & await self._settings.critical_members():
            # Shared Signals 1.0: what must be understood and is not makes the event one that we do not understand.
            return SetAside(event_id=event_id, reason="critical-member")
        if not about:
            return SetAside(event_id=event_id, reason="nobody-known")
        meaning = meaning_of(ours, happened=claims.get("toe"), levels=self._settings.levels)
        return SecurityEvent(
            event_id=event_id,
            issuer=self._settings.issuer,
            kinds=tuple(kind.removeprefix(CAEP) for kind in ours),
            about=about,
            at=meaning.at or self._issued_late(claims),
            ends_sessions=meaning.ends_sessions or self._settings.every_event_ends_sessions,
            falls_to=meaning.falls_to,
        )

    def _issued_late(self, claims: VerifiedClaims) -> datetime | None:
        """Return when an event was issued that comes late and does not say when it happened: not after that."""
        issued = instant_of(claims, "iat") or 0.0
        late = issued < self._clock.now().timestamp() - self._settings.leeway
        return datetime.fromtimestamp(issued, UTC) if late else None

    async def _genuine(self, token: bytes) -> VerifiedClaims:
        """Return the claims of a token that this transmitter made for us, lately."""
        try:
            text = token.decode("ascii")
        except UnicodeDecodeError:
            raise SignalRefused("invalid_request", "this is not a signed token") from None
        claims = await self._verified(text)
        if claims.get("iss") != self._settings.issuer:
            raise SignalRefused("invalid_issuer", "iss is another issuer")
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if self._settings.audience not in audiences:
            raise SignalRefused("invalid_audience", "aud is absent or somebody else")
        self._check_age(claims)
        _check_no_other_token(claims)
        return claims

    async def _verified(self, token: str) -> VerifiedClaims:
        if _declared_type(token) != _TYPE:
            raise SignalRefused("invalid_request", "typ is not secevent+jwt")
        try:
            return (await self._keys.verify(token, algorithms=self._settings.algorithms)).claims
        except SignedByNone as refused:
            if refused.may_be_new:
                # To refuse would lose the event: it is to come again.
                raise ProviderUnavailable("a key of the transmitter's that we cannot look up now") from None
            raise SignalRefused("invalid_key", "signed by none of the transmitter's keys") from None
        except SignInRefused as refused:
            raise SignalRefused("invalid_request", refused.detail) from None

    def _check_age(self, claims: VerifiedClaims) -> None:
        """RFC 8417 has no `exp`; `iat` says when the event was issued, and an old one is no news."""
        now = self._clock.now().timestamp()
        try:
            issued = instant_of(claims, "iat")
        except SignInRefused:
            issued = None
        if issued is None or issued > now + self._settings.leeway:
            raise SignalRefused("invalid_request", "iat is absent or in the future")
        if issued < now - self._settings.max_age:
            raise SignalRefused("invalid_request", "iat is too long ago")

    async def _fetch_keys(self) -> tuple[ProviderKey, ...]:
        address = await self._settings.jwks_uri()
        return await fetch_keys(address, channel=self._channel, whose="the transmitter's keys")


def _declared_type(token: str) -> str | None:
    """`typ` of the header, in lower case and without the optional prefix (RFC 7515 section 4.1.9)."""
    try:
        named = type_of(token)
    except SignInRefused as refused:
        raise SignalRefused("invalid_request", refused.detail) from None
    return None if named is None else named.lower().removeprefix("application/")


def _check_no_other_token(claims: VerifiedClaims) -> None:
    """Refuse what an ID Token or access token has (OpenID Shared Signals Framework 1.0: `sub` and `exp` MUST NOT)."""
    if "sub" in claims or "exp" in claims:
        raise SignalRefused("invalid_request", "sub or exp does not belong in an event")


def _one_subject(claims: VerifiedClaims, events: list[Mapping[str, Any]]) -> object:
    """Who is meant: `sub_id` of the token (RFC 9493), or `subject` within events as older transmitters write it.

    Several members of `events` tell of one event under several names (RFC 8417 section 2), so of one subject.
    """
    if "sub_id" in claims:
        return claims["sub_id"]
    first, *others = (event.get("subject") for event in events)
    if any(other != first for other in others):
        raise SignalRefused("invalid_request", "the events name several subjects")
    return first


def _about_the_stream(event_id: str, claims: VerifiedClaims, events: Mapping[str, Mapping[str, Any]]) -> StreamEvent:
    """A verification or an update of the stream (Shared Signals 1.0, section 8.1.4 and 8.1.5)."""
    if len(events) != 1:
        raise SignalRefused("invalid_request", "an event about the stream stands alone")
    named_by = claims.get("sub_id")
    stream = named_by.get("id") if isinstance(named_by, dict) and named_by.get("format") == "opaque" else None
    verification, updated = events.get(_VERIFICATION), events.get(_STREAM_UPDATED)
    state = verification.get("state") if verification is not None else None
    status = updated.get("status") if updated is not None else None
    if state is not None and (not isinstance(state, str) or len(state) > _MOST_STATE):
        raise SignalRefused("invalid_state", "state is not one of ours")
    if updated is not None and status not in ("enabled", "paused", "disabled"):
        raise SignalRefused("invalid_request", "status is none of the three")
    return StreamEvent(
        event_id=event_id, stream=stream if isinstance(stream, str) else None, state=state, status=status
    )
