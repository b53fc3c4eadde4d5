"""An issuer of access tokens, and a client with a key of its own, whose every claim and header a test decides."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from broker.adapters.bearer.dpop import Proof
from broker.adapters.bearer.settings import TokenTerms
from broker.adapters.oidc.keys import ProviderKey, read_keys
from broker.adapters.oidc.published_keys import PublishedKeys
from tests.broker.adapters.examples import NOW

ISSUER = "https://acm.example/op"
TERMS = TokenTerms(
    application="kmo-portefeuille",
    issuer=ISSUER,
    audience="kmo-portefeuille",
    scopes=("kmo.read",),
    persons_acr=frozenset({"urn:be:vlaanderen:authmech:eid"}),
)
NOW_SECONDS = int(NOW.timestamp())


def good_claims(*, now: int = NOW_SECONDS, **changed: Any) -> dict[str, Any]:
    """Claims of a token that opens the bakery for a program; a change to None leaves one out."""
    claims = {
        "iss": ISSUER,
        "aud": "kmo-portefeuille",
        "sub": "crm",
        "client_id": "crm",
        "iat": now,
        "exp": now + 600,
        "jti": "one",
        "scope": "kmo.write kmo.read",
        "vo_orgcode": "1999999943",
        "vlaio_inkom_rol_3d": ["VLAIOInkomGebruikerNieuw-Gebruiker:1999999943"],
    }
    return {name: value for name, value in {**claims, **changed}.items() if value is not None}


def compact(header: Mapping[str, Any], claims: Any, key: RSAKey | ECKey | bytes | None) -> str:
    """A JWS of exactly this header and content; without a key it has no signature, with bytes it is an HS256 one."""
    signed = f"{_part(header)}.{_part(claims)}"
    match key:
        case None:
            signature = b""
        case bytes():
            signature = hmac.digest(key, signed.encode(), "sha256")
        case _:
            signature = JWSRegistry.algorithms[header["alg"]].sign(signed.encode(), key)
    return f"{signed}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _part(value: Any) -> str:
    text = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return urlsafe_b64encode(text).rstrip(b"=").decode()


@dataclass(kw_only=True)
class Issuer:
    """Signs with one P-256 key, and publishes it."""

    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "first"}))

    def token(self, claims: Mapping[str, Any] | None = None, **header: Any) -> str:
        named = {"alg": "ES256", "typ": "at+jwt", "kid": self.key.kid, **header}
        return compact({k: v for k, v in named.items() if v is not None}, claims or good_claims(), self.key)

    def key_set(self) -> bytes:
        return msgspec.json.encode({"keys": [self.key.as_dict(private=False)]})

    def keys(self) -> PublishedKeys:
        """The keys as a verifier has them, without the way there."""
        return PublishedKeys(self.fetch, lifetime=60, stale_lifetime=60, refetch_interval=60)

    async def fetch(self) -> tuple[ProviderKey, ...]:
        return read_keys(self.key_set())


@dataclass(kw_only=True)
class Holder:
    """A client that proves to hold a key (RFC 9449). A change to None leaves a claim or header out."""

    key: ECKey | RSAKey = field(default_factory=lambda: ECKey.generate_key("P-256"))

    @property
    def thumbprint(self) -> str:
        return self.key.thumbprint()

    def proof(
        self,
        token: str,
        *,
        method: str = "GET",
        address: str = "https://inkom.example/kmo-portefeuille/api",
        now: int = NOW_SECONDS,
        header: Mapping[str, Any] | None = None,
        signed_by: RSAKey | ECKey | bytes | None = None,
        **changed: Any,
    ) -> str:
        digest = hashlib.sha256(token.encode()).digest()
        claims = {
            "htm": method,
            "htu": address,
            "iat": now,
            "jti": secrets.token_urlsafe(8),
            "ath": urlsafe_b64encode(digest).rstrip(b"=").decode(),
            **changed,
        }
        alg = "RS256" if isinstance(self.key, RSAKey) else "ES256"
        named = {"typ": "dpop+jwt", "alg": alg, "jwk": self.key.as_dict(private=False), **(header or {})}
        return compact(
            {k: v for k, v in named.items() if v is not None},
            {k: v for k, v in claims.items() if v is not None},
            None if named["alg"] == "none" else signed_by or self.key,
        )


@dataclass
class MemoryProofs:
    """Remembers in a set."""

    shown: set[Proof] = field(default_factory=set)

    async def is_first(self, proof: Proof) -> bool:
        first = proof not in self.shown
        self.shown.add(proof)
        return first
