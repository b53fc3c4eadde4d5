"""Pushed authorization requests (RFC 9126) that wait to be used: once, soon, and by the client that pushed them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from mock_idp.clock import Clock

LIFETIME = timedelta(seconds=60)
PREFIX = "urn:ietf:params:oauth:request_uri:"
AT_MOST = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    client_id: str
    parameters: Mapping[str, str]
    expires_at: datetime


class PushedRequests:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: dict[str, Pushed] = {}

    def put(self, client_id: str, parameters: Mapping[str, str]) -> str:
        while len(self._waiting) >= AT_MOST:
            del self._waiting[next(iter(self._waiting))]
        request_uri = PREFIX + secrets.token_urlsafe(32)
        self._waiting[request_uri] = Pushed(
            client_id=client_id, parameters=dict(parameters), expires_at=self._clock.now() + LIFETIME
        )
        return request_uri

    def take(self, request_uri: str, *, client_id: str) -> Mapping[str, str] | None:
        pushed = self._waiting.get(request_uri)
        if pushed is None or pushed.client_id != client_id:
            return None
        del self._waiting[request_uri]
        return pushed.parameters if pushed.expires_at > self._clock.now() else None

    def reset(self) -> None:
        self._waiting.clear()
