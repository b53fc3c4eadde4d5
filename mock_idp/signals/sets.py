"""Security Event Tokens (RFC 8417): what one says, and how one is made wrong for tests of receivers. No delivering."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mock_idp.acm.keys import SigningKey, base64url, compact
from mock_idp.acm.provider import Provider

CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
SSF = "https://schemas.openid.net/secevent/ssf/event-type/"


class Kind(StrEnum):
    SESSION_REVOKED = "session-revoked"
    TOKEN_CLAIMS_CHANGE = "token-claims-change"
    CREDENTIAL_CHANGE = "credential-change"
    ASSURANCE_LEVEL_CHANGE = "assurance-level-change"
    VERIFICATION = "verification"
    STREAM_UPDATED = "stream-updated"

    @property
    def about_stream(self) -> bool:
        """Sent whatever events a receiver asked for, also on a stream that is paused."""
        return self in (Kind.VERIFICATION, Kind.STREAM_UPDATED)

    @property
    def uri(self) -> str:
        return (SSF if self.about_stream else CAEP) + self.value


EVENTS = tuple(kind.uri for kind in Kind if not kind.about_stream)

# What CAEP 1.0 wants each event to have, when whoever sends it by hand says nothing else.
_SAID: Mapping[Kind, Mapping[str, object]] = {
    Kind.TOKEN_CLAIMS_CHANGE: {"claims": {}},  # which claims changed is for the registers to say
    Kind.CREDENTIAL_CHANGE: {"credential_type": "password", "change_type": "update"},
    Kind.ASSURANCE_LEVEL_CHANGE: {"namespace": "eIDAS", "current_level": "high", "change_direction": "increase"},
}


class Twist(StrEnum):
    """How one event can be made wrong, for tests of receivers."""

    TWICE = "twice"
    WRONG_KEY = "wrong-key"
    WRONG_AUDIENCE = "wrong-audience"
    WRONG_ISSUER = "wrong-issuer"
    WRONG_TYPE = "wrong-type"
    WRONG_ALGORITHM = "wrong-algorithm"
    OLD = "old"
    WITHOUT_ID = "without-id"
    WITH_SUB = "with-sub"
    WITH_EXP = "with-exp"
    SECOND_EVENT = "second-event"
    UNKNOWN_EVENT = "unknown-event"
    UNKNOWN_PERSON = "unknown-person"


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What is to be announced. `person` is a key of the cast, for the log; `says` is added to the event itself."""

    kind: Kind
    person: str
    subject: Mapping[str, object]
    happened: int
    says: Mapping[str, object] = field(default_factory=dict)
    twist: Twist | None = None
    event_id: str = field(default_factory=lambda: secrets.token_urlsafe(16))


@dataclass(slots=True, kw_only=True)
class Sent:
    """One event on its way to one receiver, and what became of it: `status` of the last answer, 0 when there was none.

    With poll, 202 stands for acknowledged and 400 for refused. `token` is made when it is first handed out.
    """

    client_id: str
    stream_id: str
    news: News
    at: datetime
    tries: int = 0
    status: int = 0
    token: str | None = field(default=None, repr=False)


def token_for(sent: Sent, *, audience: str, provider: Provider) -> str:
    """The event, signed; the same one however often it is handed out."""
    if sent.token is None:
        sent.token = _signed(sent.news, audience, provider)
    return sent.token


def _signed(news: News, audience: str, provider: Provider) -> str:
    twist = news.twist
    now = provider.clock.seconds()
    claims: dict[str, object] = {
        "iss": "https://idp.elsewhere.example/op" if twist is Twist.WRONG_ISSUER else provider.issuer,
        "aud": "somebody-else" if twist is Twist.WRONG_AUDIENCE else audience,
        "iat": now - 30 * 24 * 3600 if twist is Twist.OLD else now,
        "sub_id": dict(news.subject),
        "events": _events(news),
    }
    if twist is not Twist.WITHOUT_ID:
        claims["jti"] = news.event_id
    if twist is Twist.WITH_SUB:
        claims["sub"] = "somebody"
    if twist is Twist.WITH_EXP:
        claims["exp"] = now + 300
    alg = "ES256" if twist is Twist.WRONG_ALGORITHM else "RS256"
    key: SigningKey = provider.keys.signing_key(alg)
    typ = "JWT" if twist is Twist.WRONG_TYPE else "secevent+jwt"
    token = compact({"alg": alg, "typ": typ, "kid": key.kid}, claims, alg=alg, key=key)
    if twist is Twist.WRONG_KEY:
        return token.rpartition(".")[0] + "." + base64url(secrets.token_bytes(256))
    return token


def _events(news: News) -> dict[str, object]:
    if news.twist is Twist.UNKNOWN_EVENT:
        return {f"{CAEP}unheard-of": {"event_timestamp": news.happened}}
    event = {**_SAID.get(news.kind, {}), **news.says}
    if not news.kind.about_stream:
        event = {"event_timestamp": news.happened, **event}
    if news.twist is Twist.SECOND_EVENT:
        return {news.kind.uri: event, "https://idp.elsewhere.example/the-same-by-another-name": {}}
    return {news.kind.uri: event}
