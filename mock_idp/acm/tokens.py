"""Codes, access tokens and refresh tokens: handing out, redeeming once, revoking together.

All that descends from one authorization is one grant; revoking the grant revokes everything that came of it. Opaque
values in memory, as ACM's are opaque. What an ID token says is written in `id_token`.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from mock_idp.acm.methods import Method
from mock_idp.clock import Clock

CODE_LIFETIME = timedelta(seconds=30)  # ACM: exchange within 30 seconds
ACCESS_LIFETIME = timedelta(seconds=3600)
REFRESH_LIFETIME = timedelta(hours=12)
AT_MOST = 20_000
KEPT = TypeVar("KEPT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One authorization: who, for whom, by which method. `organisation` only if it was chosen at ACM."""

    id: str
    client_id: str
    person_key: str
    scopes: tuple[str, ...]
    nonce: str | None
    method: Method
    authenticated_at: datetime
    organisation: str | None
    sid: str
    acr_values: tuple[str, ...]
    claims_in_userinfo: tuple[str, ...]
    dpop_jkt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What an access token is bound to: a key's thumbprint (RFC 9449), a certificate's (RFC 8705), or nothing."""

    key: str | None = None
    certificate: str | None = None


UNBOUND = Binding()


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    grant: Grant
    redirect_uri: str
    code_challenge: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    grant: Grant
    scopes: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime
    binding: Binding = UNBOUND


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    grant: Grant
    expires_at: datetime


class Tokens:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        self._codes: dict[str, Code] = {}
        self._used_codes: dict[str, str] = {}
        self._access: dict[str, AccessToken] = {}
        self._refresh: dict[str, RefreshToken] = {}
        self._used_refresh: dict[str, str] = {}
        self._revoked: set[str] = set()

    def new_code(self, grant: Grant, *, redirect_uri: str, code_challenge: str | None) -> str:
        value = secrets.token_urlsafe(32)
        _bound(self._codes)
        self._codes[value] = Code(
            grant=grant,
            redirect_uri=redirect_uri,
            code_challenge=code_challenge,
            expires_at=self._clock.now() + CODE_LIFETIME,
        )
        return value

    def take_code(self, value: str) -> Code | None:
        """The code, once. Used a second time, all tokens of its grant are revoked (RFC 6749 section 4.1.2)."""
        if value in self._used_codes:
            self.revoke(self._used_codes[value])
            return None
        code = self._codes.pop(value, None)
        if code is None:
            return None
        _bound(self._used_codes)
        self._used_codes[value] = code.grant.id
        return code if code.expires_at > self._clock.now() else None

    def new_access_token(
        self,
        grant: Grant,
        *,
        scopes: tuple[str, ...],
        binding: Binding = UNBOUND,
        lifetime: timedelta = ACCESS_LIFETIME,
    ) -> str:
        value = secrets.token_urlsafe(32)
        now = self._clock.now()
        _bound(self._access)
        self._access[value] = AccessToken(
            grant=grant, scopes=scopes, issued_at=now, expires_at=now + lifetime, binding=binding
        )
        return value

    def access_token(self, value: str) -> AccessToken | None:
        found = self._access.get(value)
        if found is None or found.expires_at <= self._clock.now() or found.grant.id in self._revoked:
            return None
        return found

    def new_refresh_token(self, grant: Grant) -> str:
        value = secrets.token_urlsafe(32)
        _bound(self._refresh)
        self._refresh[value] = RefreshToken(grant=grant, expires_at=self._clock.now() + REFRESH_LIFETIME)
        return value

    def refresh_token(self, value: str, *, client_id: str) -> RefreshToken | None:
        """Another client's token is unknown. One used up before revokes its whole family (RFC 9700 section 4.14.2)."""
        if value in self._used_refresh:
            self.revoke(self._used_refresh[value])
            return None
        found = self._refresh.get(value)
        if found is None or found.grant.client_id != client_id or found.grant.id in self._revoked:
            return None
        return found if found.expires_at > self._clock.now() else None

    def use_up(self, value: str) -> None:
        found = self._refresh.pop(value, None)
        if found is not None:
            _bound(self._used_refresh)
            self._used_refresh[value] = found.grant.id

    def revoke_refresh_token(self, value: str, *, client_id: str) -> None:
        """Revoke a client's own refresh token, and the access tokens of its grant with it (RFC 7009 section 2.1)."""
        found = self._refresh.get(value)
        if found is not None and found.grant.client_id == client_id:
            self.revoke(found.grant.id)

    def revoke_access_token(self, value: str, *, client_id: str) -> None:
        """Revoke one access token of a client; the grant lives on."""
        found = self._access.get(value)
        if found is not None and found.grant.client_id == client_id:
            del self._access[value]

    def revoke(self, grant_id: str) -> None:
        self._revoked.add(grant_id)


def _bound(kept: dict[str, KEPT]) -> None:
    """Room for one more: the oldest goes."""
    while len(kept) >= AT_MOST:
        del kept[next(iter(kept))]


def confirmation(binding: Binding) -> dict[str, object]:
    """`cnf`: what the token is bound to (RFC 9449 section 6.2, RFC 8705 section 3.2)."""
    members = {"jkt": binding.key, "x5t#S256": binding.certificate}
    known = {name: value for name, value in members.items() if value is not None}
    return {"cnf": known} if known else {}
