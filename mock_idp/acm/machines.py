"""Programs that get tokens for themselves: the client_credentials grant (RFC 6749 section 4.4), with JWT access tokens.

A token follows RFC 9068 and speaks of one organisation, as ACM's ID token does of a person in one: `vo_orgcode` and the
role claim. Opaque tokens say the same, on introspection. Which clients may do so stands in `clients.yaml` (`machine`).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mock_idp.acm.answers import OAuthError
from mock_idp.acm.tokens import Binding, confirmation
from mock_idp.clock import Clock
from mock_idp.strict_yaml import Fields

if TYPE_CHECKING:
    from mock_idp.acm.clients import Client
    from mock_idp.acm.provider import Provider

LIFETIME = 600  # seconds
AT_MOST = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a client may ask for itself: for whom (`aud`), for which organisation, with which roles."""

    audience: str
    organisation: str
    roles: tuple[str, ...]
    opaque: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineToken:
    claims: Mapping[str, object]
    expires_at: datetime


class MachineTokens:
    """The tokens that were given out, by value, so that they can be introspected."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        self._tokens: dict[str, MachineToken] = {}

    def keep(self, value: str, claims: Mapping[str, object], *, seconds: int) -> None:
        while len(self._tokens) >= AT_MOST:
            del self._tokens[next(iter(self._tokens))]
        expires_at = self._clock.now() + timedelta(seconds=seconds)
        self._tokens[value] = MachineToken(claims=claims, expires_at=expires_at)

    def find(self, value: str) -> MachineToken | None:
        found = self._tokens.get(value)
        return found if found is not None and found.expires_at > self._clock.now() else None


def read_machine(fields: Fields) -> Machine | None:
    place = fields.optional("machine")
    if place is None:
        return None
    own = Fields(place)
    machine = Machine(
        audience=own.text("audience"),
        organisation=own.text("organisation"),
        roles=own.texts("roles"),
        opaque=own.boolean_or("opaque", default=False),
    )
    own.finish()
    return machine


def token_answer(
    provider: Provider, client: Client, parameters: Mapping[str, str], *, binding: Binding
) -> dict[str, object]:
    """The answer to a client_credentials request; the token is bound to what the request proved."""
    if client.machine is None:
        raise OAuthError("unauthorized_client", "this client gets no tokens of its own (machine in clients.yaml)")
    scopes = _scopes(client, parameters.get("scope"))
    claims = _claims(provider, client, client.machine, scopes)
    claims |= confirmation(binding)
    opaque = client.machine.opaque
    value = secrets.token_urlsafe(32) if opaque else provider.keys.sign(claims, alg=client.id_token_alg, typ="at+jwt")
    provider.machines.keep(value, claims, seconds=LIFETIME)
    return {
        "access_token": value,
        "token_type": "Bearer" if binding.key is None else "DPoP",
        "expires_in": LIFETIME,
        "scope": " ".join(scopes),
    }


def _scopes(client: Client, wished: str | None) -> tuple[str, ...]:
    offered = tuple(scope for scope in client.scopes if scope != "openid")
    if wished is None:
        return offered
    scopes = tuple(dict.fromkeys(wished.split()))
    if not scopes or not set(scopes) <= set(offered):
        raise OAuthError("invalid_scope", "the client may not have one of these scopes")
    return scopes


def _claims(provider: Provider, client: Client, machine: Machine, scopes: tuple[str, ...]) -> dict[str, object]:
    now = provider.clock.seconds()
    enterprise = provider.world.current.enterprise(machine.organisation)
    claims: dict[str, object] = {
        "iss": provider.issuer,
        "aud": machine.audience,
        "sub": client.client_id,  # RFC 9068 section 2.2: there is no person
        "client_id": client.client_id,
        "iat": now,
        "exp": now + LIFETIME,
        "jti": secrets.token_urlsafe(16),
        "scope": " ".join(scopes),
        "vo_orgcode": machine.organisation,
        "vo_orgnaam": "" if enterprise is None else enterprise.name,
    }
    if machine.roles:
        claims[f"vlaio_inkom_rol_{client.role_claim_suffix}"] = [
            f"{role}:{machine.organisation}" for role in machine.roles
        ]
    return claims
