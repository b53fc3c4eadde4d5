"""The ID token as ACM writes it, before and after signing; where a fault is armed, the wrong one that was asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from mock_idp.acm import id_token_faults
from mock_idp.acm.claims import identity_claims
from mock_idp.acm.clients import Client
from mock_idp.acm.keys import base64url
from mock_idp.acm.provider import Provider
from mock_idp.acm.tokens import Grant
from mock_idp.faults import Armed

LIFETIME = 3600  # seconds, as in ACM's example


def claims_of(provider: Provider, grant: Grant, client: Client) -> dict[str, object]:
    """Who the person is, by the scopes of the grant: the same in the ID token and in userinfo."""
    world = provider.world.current
    person = world.person(grant.person_key)
    if person is None:
        return {}
    identity = identity_claims(
        world,
        person,
        client,
        scopes=grant.scopes,
        organisation=grant.organisation,
        today=provider.clock.today(),
    )
    return {"sub": person.subject, **identity}


def signed_id_token(provider: Provider, grant: Grant, client: Client, *, access_token: str, fault: Armed | None) -> str:
    claims = _id_token_claims(provider, grant, client, access_token)
    return id_token_faults.sign(claims, provider.keys, alg=client.id_token_alg, fault=fault)


def _id_token_claims(provider: Provider, grant: Grant, client: Client, access_token: str) -> Mapping[str, object]:
    now = provider.clock.seconds()
    claims: dict[str, object] = {
        "iss": provider.issuer,
        "aud": client.client_id,
        "azp": client.client_id,
        "iat": now,
        "exp": now + LIFETIME,
        "auth_time": int(grant.authenticated_at.timestamp()),
        "at_hash": at_hash(access_token),
        "amr": list(grant.method.amr),
        "sid": grant.sid,
    }
    if grant.nonce is not None:
        claims["nonce"] = grant.nonce
    # ACM puts `acr` in the token when acr_values was sent; most tests want it always.
    if client.acr_always or grant.acr_values:
        claims["acr"] = grant.method.acr
    return {**claims, **claims_of(provider, grant, client)}


def at_hash(access_token: str) -> str:
    """The left half of SHA-256 (OpenID Connect Core section 3.1.3.6), for RS256 and ES256 alike."""
    return base64url(hashlib.sha256(access_token.encode()).digest()[:16])
