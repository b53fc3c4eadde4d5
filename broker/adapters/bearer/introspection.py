"""Access tokens that only the provider can read: it is asked (RFC 7662), and its answer kept for a moment.

An answer is found again only by everything that led to it: the token, the endpoint, who asked, and all that the
application wants (CVE-2026-33496, CVE-2021-32701). Many requests with one token ask once. Errors are never kept.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from typing import Any
from urllib.parse import urlencode

from broker.adapters.bearer.rules import TokenUnfit
from broker.adapters.bearer.settings import IntrospectionTerms, TokenTerms
from broker.adapters.http import BackChannel, NoAnswer
from broker.adapters.oidc.client_authentication import basic_credentials
from broker.adapters.oidc.tokens import instant_of
from broker.adapters.wire import NotUnderstood, read_json
from broker.ports import Clock, ProviderUnavailable, SignInRefused
from broker.shared_work import SharedWork

_INACTIVE_KEPT = 5.0
_MOST_KEPT = 10_000

# None says that the token is not active.
Answer = Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class _Remembered:
    answer: Answer = field(repr=False)
    until: float


class RememberedAnswers:
    """A bounded number of answers, the longest unused forgotten first. Times in seconds since 1970."""

    def __init__(self, *, most: int = _MOST_KEPT) -> None:
        self._most = most
        self._answers: OrderedDict[bytes, _Remembered] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: bytes, *, now: float) -> _Remembered | None:
        """Return an answer that still counts."""
        found = self._answers.get(key)
        if found is None:
            return None
        if now >= found.until:
            del self._answers[key]
            return None
        self._answers.move_to_end(key)
        return found

    def put(self, key: bytes, answer: Answer, *, until: float) -> None:
        """Remember an answer until a moment."""
        self._answers[key] = _Remembered(answer, until)
        self._answers.move_to_end(key)
        while len(self._answers) > self._most:
            self._answers.popitem(last=False)


class IntrospectedTokens:
    """Asks about the tokens of one application."""

    signed = False

    def __init__(self, terms: TokenTerms, asking: IntrospectionTerms, *, channel: BackChannel, clock: Clock) -> None:
        self._asking = asking
        self._channel = channel
        self._clock = clock
        self._credentials = basic_credentials(asking.client_id, asking.client_secret)
        self._context = _digest(*map(repr, (asking.endpoint, asking.client_id, *astuple(terms))))
        # Apart, so that nobody who invents tokens drives the good ones out.
        self._active, self._inactive = RememberedAnswers(), RememberedAnswers()
        self._questions: SharedWork[bytes, Answer] = SharedWork()

    async def claims(self, token: str) -> Mapping[str, Any]:
        """Return what the provider says of an active token. Raises TokenUnfit, ProviderUnavailable."""
        answer = await self._answer(token)
        if answer is None:
            raise TokenUnfit("the provider does not know this token, or no longer")
        return answer

    async def _answer(self, token: str) -> Answer:
        key = _digest(self._context, token)
        now = self._clock.now().timestamp()
        found = self._active.get(key, now=now) or self._inactive.get(key, now=now)
        if found is not None:
            return found.answer
        return await self._questions.result(key, lambda: self._ask(key, token))

    async def _ask(self, key: bytes, token: str) -> Answer:
        # Counted from the question, not from the answer: what was revoked meanwhile is not kept for longer.
        now = self._clock.now().timestamp()
        answer = await self._asked(token)
        if answer is None:
            self._inactive.put(key, None, until=now + min(_INACTIVE_KEPT, self._asking.cached))
        else:
            self._active.put(key, answer, until=min(now + self._asking.cached, _end(answer, now)))
        return answer

    async def _asked(self, token: str) -> Answer:
        body = urlencode({"token": token, "token_type_hint": "access_token"}).encode("ascii")
        headers = {"content-type": "application/x-www-form-urlencoded", "authorization": self._credentials}
        try:
            answer = await self._channel.post(self._asking.endpoint, body, headers=headers)
        except NoAnswer as error:
            raise ProviderUnavailable(f"introspection: {error}") from None
        # RFC 7662, section 2.3: whatever goes wrong there says nothing of the token, so it is our trouble: 503.
        if answer.status != 200 or answer.media_type != "application/json":
            raise ProviderUnavailable(f"introspection: status {answer.status}, or not JSON")
        try:
            document = read_json(answer.body, dict[str, Any])
        except NotUnderstood as error:
            raise ProviderUnavailable(f"introspection: {error}") from None
        active = document.pop("active", None)
        if not isinstance(active, bool):
            raise ProviderUnavailable("introspection: active is not true or false")
        return document if active else None


def _end(answer: Mapping[str, Any], now: float) -> float:
    """When the token ends; an answer without a readable end is not kept at all."""
    try:
        return instant_of(answer, "exp") or now
    except SignInRefused:
        return now


def _digest(*parts: str | bytes) -> bytes:
    """A hash that keeps its parts apart: each is preceded by its length."""
    digest = hashlib.sha256()
    for part in parts:
        text = part.encode() if isinstance(part, str) else part
        digest.update(len(text).to_bytes(8, "big") + text)
    return digest.digest()
