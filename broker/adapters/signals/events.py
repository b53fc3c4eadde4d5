"""Security Event Tokens (RFC 8417) from one transmitter: who signed, for whom, how old, and about whom. No storing.

The events are those of CAEP 1.0; others are acknowledged and change nothing, as Shared Signals asks of a receiver that
did not order them. Refusals are told in the words of RFC 8935 section 2.4.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from broker.adapters.http import BackChannel, NoAnswer
from broker.adapters.oidc.kept import Kept
from broker.adapters.oidc.keys import KeyNotFound, ProviderKey, read_keys
from broker.adapters.oidc.tokens import SignatureDiffers, VerifiedClaims, instant_of, type_of, verify_signature
from broker.adapters.wire import NotUnderstood
from broker.ports import Clock, ProviderUnavailable, SecurityEvent, SignalRefused, SignInRefused

_CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
_SESSION_REVOKED = f"{_CAEP}session-revoked"
# After these the facts about the person may differ from what we read.
_CHANGES_FACTS = frozenset(
    {f"{_CAEP}{kind}" for kind in ("token-claims-change", "credential-change", "assurance-level-change")}
)
_TYPE = "secevent+jwt"  # RFC 8417 section 2.3: keeps other tokens of the same signer from passing as events
_MOST_TEXT = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class TransmitterSettings:
    """The one transmitter that is believed. Durations in seconds.

    `provider` is the issuer whose subjects it speaks of when it names no issuer with them. `jwks_uri` says where its
    keys are; it may raise ProviderUnavailable. `every_event_ends_sessions` is for a gateway that cannot read facts
    anew: a new sign-in is the only news there is.
    """

    issuer: str
    provider: str
    jwks_uri: Callable[[], Awaitable[str]]
    audience: str
    algorithms: tuple[str, ...]
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
        self._keys = Kept(
            self._fetch_keys,
            lifetime=settings.keys_lifetime,
            stale_lifetime=settings.keys_stale_lifetime,
            refetch_interval=settings.keys_refetch_interval,
        )

    async def read(self, token: bytes) -> SecurityEvent:
        """Return what a token announces."""
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
        events = claims.get("events")
        if not isinstance(events, dict) or not events or not all(isinstance(event, dict) for event in events.values()):
            raise SignalRefused("invalid_request", "events is absent, empty or not of objects")
        event_id = claims.get("jti")
        if not isinstance(event_id, str) or not 1 <= len(event_id) <= _MOST_TEXT:
            raise SignalRefused("invalid_request", "jti is absent, empty or too long")
        kinds = tuple(kind for kind in events if kind == _SESSION_REVOKED or kind in _CHANGES_FACTS)
        issuer, subject = self._subject(claims, [events[kind] for kind in kinds]) if kinds else ("", "")
        return SecurityEvent(
            event_id=event_id,
            kinds=tuple(kind.removeprefix(_CAEP) for kind in kinds),
            issuer=issuer,
            subject=subject,
            ends_sessions=_SESSION_REVOKED in kinds or (self._settings.every_event_ends_sessions and bool(kinds)),
        )

    async def _verified(self, token: str) -> VerifiedClaims:
        if _declared_type(token) != _TYPE:
            raise SignalRefused("invalid_request", "typ is not secevent+jwt")
        keys = await self._keys.get()
        try:
            return self._signed(token, keys)
        except (KeyNotFound, SignatureDiffers) as error:
            newer = await self._keys.newer_than(keys)
            if newer is None and isinstance(error, KeyNotFound):
                # Perhaps a new key, and we may not look yet. To refuse would lose the event: it is to come again.
                raise ProviderUnavailable("a key of the transmitter's that we cannot look up now") from None
        if newer is None:
            raise SignalRefused("invalid_key", "signed by none of the transmitter's keys")
        try:
            return self._signed(token, newer)
        except (KeyNotFound, SignatureDiffers):
            raise SignalRefused("invalid_key", "signed by none of the transmitter's keys") from None

    def _signed(self, token: str, keys: tuple[ProviderKey, ...]) -> VerifiedClaims:
        try:
            return verify_signature(token, keys, algorithms=self._settings.algorithms).claims
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

    def _subject(self, claims: VerifiedClaims, events: list[Mapping[str, Any]]) -> tuple[str, str]:
        """Who is meant: `sub_id` of the token (RFC 9493), or `subject` within events as older transmitters write it.

        Several members of `events` tell of one event under several names (RFC 8417 section 2), so of one subject.
        """
        named = [claims["sub_id"]] if "sub_id" in claims else [event.get("subject") for event in events]
        found = {_identified(one, self._settings.provider) for one in named}
        if len(found) != 1:
            raise SignalRefused("invalid_request", "the events name several subjects")
        return found.pop()

    async def _fetch_keys(self) -> tuple[ProviderKey, ...]:
        address = await self._settings.jwks_uri()
        try:
            answer = await self._channel.get(address)
            if answer.status != 200:
                raise ProviderUnavailable(f"the transmitter's keys: status {answer.status}")
            return read_keys(answer.body)
        except (NoAnswer, NotUnderstood) as error:
            raise ProviderUnavailable(f"the transmitter's keys: {error}") from None


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


def _identified(named: object, provider: str) -> tuple[str, str]:
    """Return issuer and subject of a subject identifier (RFC 9493)."""
    if not isinstance(named, dict):
        raise SignalRefused("invalid_request", "sub_id is absent")
    match named.get("format"):
        case "iss_sub":
            found = (named.get("iss"), named.get("sub"))
        case "opaque":
            found = (provider, named.get("id"))
        case _:
            raise SignalRefused("invalid_request", "sub_id is in a format that we do not process")
    whose, who = found
    if not isinstance(whose, str) or not isinstance(who, str) or not 1 <= len(who) <= _MOST_TEXT or not whose:
        raise SignalRefused("invalid_request", "sub_id names nobody")
    return whose, who
