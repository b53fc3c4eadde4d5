"""How the gateway proves to the token endpoint that it is the registered client (OpenID Connect Core 9, RFC 8705).

A proof is made for one call and never sent twice: an assertion's `jti` is good for one use. With mutual TLS the proof
is the certificate on the connection, and the form only says who we are.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import assert_never
from urllib.parse import quote_plus

from broker.adapters.oidc.client_keys import SigningKey
from broker.adapters.oidc.settings import (
    Authentication,
    CertificateAuthentication,
    KeyAuthentication,
    SecretAuthentication,
)
from broker.ports import Clock

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientProof:
    """What a call carries besides its own form."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)


# From the token endpoint's address to a fresh proof.
Prove = Callable[[str], ClientProof]


def client_authentication(authentication: Authentication, *, client_id: str, issuer: str, clock: Clock) -> Prove:
    """Return what makes a proof for each call. Raises ValueError for a key that is unfit."""
    match authentication:
        case SecretAuthentication(method="client_secret_basic", secret=secret):
            proof = ClientProof(headers={"authorization": basic_credentials(client_id, secret)})
            return lambda _: proof
        case SecretAuthentication(secret=secret):
            proof = ClientProof(fields={"client_id": client_id, "client_secret": secret})
            return lambda _: proof
        case CertificateAuthentication():
            # RFC 8705 2: the certificate proves, and client_id says which client's certificate it should be.
            proof = ClientProof(fields={"client_id": client_id})
            return lambda _: proof
        case KeyAuthentication():
            return _assertion(authentication, client_id=client_id, issuer=issuer, clock=clock)
        case _:
            assert_never(authentication)


def basic_credentials(client_id: str, secret: str) -> str:
    """Return the Authorization field's value: both halves form-urlencoded first (RFC 6749 2.3.1)."""
    halves = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return "Basic " + b64encode(halves.encode("ascii")).decode("ascii")


def _assertion(authentication: KeyAuthentication, *, client_id: str, issuer: str, clock: Clock) -> Prove:
    key = SigningKey(authentication.private_key, key_id=authentication.key_id)

    def prove(token_endpoint: str) -> ClientProof:
        now = int(clock.now().timestamp())
        claims = {
            "iss": client_id,
            "sub": client_id,
            # For pushed requests too: RFC 9126 2 lets the provider take any of its own addresses.
            "aud": issuer if authentication.audience == "issuer" else token_endpoint,
            "jti": secrets.token_urlsafe(24),  # RFC 7523 3: never twice the same
            "iat": now,
            "exp": now + _ASSERTION_SECONDS,
        }
        return ClientProof(
            fields={
                "client_id": client_id,
                "client_assertion_type": _ASSERTION_TYPE,
                "client_assertion": key.sign(claims),
            }
        )

    return prove
