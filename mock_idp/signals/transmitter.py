"""The transmitter: Security Event Tokens (RFC 8417) by push (RFC 8935), one receiver at a time and in order.

An event says that the claims about a person changed (CAEP 1.0, token-claims-change), never what changed. A receiver
that does not answer, or says that it cannot, is tried again for a while; one that refuses has heard enough. Nothing is
kept over the end of the program.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import httpx2
import structlog

from mock_idp.acm.clients import Client
from mock_idp.acm.keys import SigningKey, base64url, compact
from mock_idp.acm.provider import Provider

CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
MEDIA_TYPE = "application/secevent+jwt"
TIMEOUT = 3.0
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # seconds before each new try
SENT_KEPT = 200


class Kind(StrEnum):
    SESSION_REVOKED = "session-revoked"
    TOKEN_CLAIMS_CHANGE = "token-claims-change"
    CREDENTIAL_CHANGE = "credential-change"
    ASSURANCE_LEVEL_CHANGE = "assurance-level-change"


class Twist(StrEnum):
    """How one event can be made wrong, for tests of receivers."""

    TWICE = "twice"
    WRONG_KEY = "wrong-key"
    WRONG_AUDIENCE = "wrong-audience"
    WRONG_ISSUER = "wrong-issuer"
    WRONG_TYPE = "wrong-type"
    OLD = "old"
    WITHOUT_ID = "without-id"
    UNKNOWN_PERSON = "unknown-person"


@dataclass(slots=True, kw_only=True)
class Sent:
    """What became of one event: `status` of the last answer, 0 when there was none."""

    client_id: str
    kind: Kind
    person: str
    event_id: str
    at: datetime
    tries: int = 0
    status: int = 0


class Transmitter:
    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._waiting: dict[str, deque[tuple[Sent, str]]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._log = structlog.get_logger("mock_idp.signals")
        self.sent: deque[Sent] = deque(maxlen=SENT_KEPT)

    def person_changed(self, key: str) -> None:
        """To be called after a change of a function, a relation, a right or a duty is in force."""
        self.tell(key, Kind.TOKEN_CLAIMS_CHANGE)

    def tell(self, key: str, kind: Kind, *, twist: Twist | None = None) -> None:
        """Announce an event to everybody who listens. Without a running loop (a command) nobody does."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        for client in self._provider.clients.listening():
            event_id = secrets.token_urlsafe(16)
            for _ in range(2 if twist is Twist.TWICE else 1):
                self._queue(client, key, kind, event_id, twist)

    async def delivered(self) -> None:
        """Return when nothing waits any more: delivered, refused, or given up."""
        while self._tasks:
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def reset(self) -> None:
        """Forget what waits."""
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()
        self._waiting.clear()
        self.sent.clear()

    def _queue(self, client: Client, key: str, kind: Kind, event_id: str, twist: Twist | None) -> None:
        sent = Sent(client_id=client.client_id, kind=kind, person=key, event_id=event_id, at=self._provider.clock.now())
        self.sent.append(sent)
        self._waiting.setdefault(client.client_id, deque()).append((sent, self._token(client, sent, twist)))
        if client.client_id not in self._tasks:
            self._begin(client)

    def _begin(self, client: Client) -> None:
        task = asyncio.get_running_loop().create_task(self._deliver(client, self._waiting[client.client_id]))
        self._tasks[client.client_id] = task
        task.add_done_callback(lambda done: self._ended(client, done))

    def _ended(self, client: Client, done: asyncio.Task[None]) -> None:
        """Go on with what was queued while the last delivery was closing its connection."""
        if self._tasks.get(client.client_id) is not done:
            return  # the world was reset
        del self._tasks[client.client_id]
        if self._waiting[client.client_id] and not done.cancelled():
            self._begin(client)

    async def _deliver(self, client: Client, waiting: deque[tuple[Sent, str]]) -> None:
        """One after the other: a later event never overtakes an earlier one."""
        async with httpx2.AsyncClient(trust_env=False, timeout=TIMEOUT) as post:
            while waiting:
                sent, token = waiting.popleft()
                await self._push(post, client, sent, token)

    async def _push(self, post: httpx2.AsyncClient, client: Client, sent: Sent, token: str) -> None:
        headers = {"content-type": MEDIA_TYPE, "accept": "application/json"}
        if client.signals_token is not None:
            headers["authorization"] = f"Bearer {client.signals_token}"
        for pause in (*PAUSES, None):
            sent.tries += 1
            try:
                answer = await post.post(client.signals_uri or "", content=token, headers=headers)
                sent.status = answer.status_code
            except (httpx2.HTTPError, httpx2.InvalidURL):
                sent.status = 0
            if 0 < sent.status < 500 and sent.status != 429:
                break
            if pause is not None:
                await asyncio.sleep(pause)
        if sent.status != 202:
            self._log.warning("event not delivered", client_id=client.client_id, status=sent.status, tries=sent.tries)

    def _token(self, client: Client, sent: Sent, twist: Twist | None) -> str:
        person = self._provider.world.current.person(sent.person)
        subject = "nobody-known" if person is None or twist is Twist.UNKNOWN_PERSON else person.subject
        issuer = self._provider.issuer
        now = self._provider.clock.seconds()
        event: dict[str, object] = {"event_timestamp": now}
        if sent.kind is Kind.TOKEN_CLAIMS_CHANGE:
            event["claims"] = {}  # CAEP wants the member; which claims changed is for the registers to say
        claims: dict[str, object] = {
            "iss": "https://idp.elsewhere.example/op" if twist is Twist.WRONG_ISSUER else issuer,
            "aud": "somebody-else" if twist is Twist.WRONG_AUDIENCE else client.signals_audience or client.client_id,
            "iat": now - 3600 if twist is Twist.OLD else now,
            "sub_id": {"format": "iss_sub", "iss": issuer, "sub": subject},
            "events": {CAEP + sent.kind.value: event},
        }
        if twist is not Twist.WITHOUT_ID:
            claims["jti"] = sent.event_id
        key: SigningKey = self._provider.keys.signing_key("RS256")
        typ = "JWT" if twist is Twist.WRONG_TYPE else "secevent+jwt"
        token = compact({"alg": "RS256", "typ": typ, "kid": key.kid}, claims, alg="RS256", key=key)
        if twist is Twist.WRONG_KEY:
            return token.rpartition(".")[0] + "." + base64url(secrets.token_bytes(256))
        return token
