"""A relying party that proves possession of a key with its requests (DPoP), as a careful client of RFC 9449 would."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.mock_idp.provider import CALLBACK, SECRET, VERIFIER, Party


@dataclass(kw_only=True)
class Proving:
    """How proofs are made; `changed` replaces claims, None leaves one out, and `header` replaces header members."""

    changed: Mapping[str, object] = field(default_factory=dict)
    header: Mapping[str, object] = field(default_factory=dict)


@dataclass
class KeyHolder:
    party: Party
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256"))

    def proof(
        self, method: str, address: str, proving: Proving, *, nonce: str | None = None, token: str | None = None
    ) -> str:
        claims: dict[str, Any] = {
            "jti": secrets.token_urlsafe(12),
            "htm": method,
            "htu": address,
            "iat": self.party.mock.clock.seconds(),
            "nonce": nonce,
            "ath": None if token is None else _hash(token),
            **proving.changed,
        }
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.key.as_dict(private=False), **proving.header}
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(header, kept, self.key, algorithms=["ES256"])

    def redeem(
        self, code: str, proving: Proving | None = None, *, nonce: str | None = None, **changed: str
    ) -> httpx2.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
            **changed,
        }
        address = f"{self.party.mock.issuer}/v1/token"
        proof = self.proof("POST", address, proving or Proving(), nonce=nonce)
        return self._post(address, form, proof)

    def push(self, proving: Proving | None = None, **changed: str | None) -> httpx2.Response:
        address = f"{self.party.mock.issuer}/v1/par"
        return self._post(address, self.party.request(**changed), self.proof("POST", address, proving or Proving()))

    def userinfo(
        self, token: str, proving: Proving | None = None, *, nonce: str | None = None, scheme: str = "DPoP"
    ) -> httpx2.Response:
        address = f"{self.party.mock.issuer}/v1/userinfo"
        proof = self.proof("GET", address, proving or Proving(), nonce=nonce, token=token)
        return self.party.mock.direct.get(address, headers={"Authorization": f"{scheme} {token}", "DPoP": proof})

    def _post(self, address: str, form: dict[str, str], proof: str) -> httpx2.Response:
        return self.party.mock.direct.post(
            address, data=form, auth=(self.party.client_id, SECRET), headers={"DPoP": proof}
        )


def _hash(token: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
