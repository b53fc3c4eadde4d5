"""Demonstrating proof of possession (RFC 9449), the server's side: proofs are read, nonces given out and asked for."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey, import_key
from joserfc.jwt import decode
from starlette.requests import Request

from mock_idp.acm.answers import OAuthError
from mock_idp.acm.keys import base64url
from mock_idp.acm.used_once import UsedOnce
from mock_idp.clock import Clock

ALGS = ("ES256", "RS256", "PS256")
AGE = 60  # seconds that a proof may be old, or ahead
NONCE_LIFETIME = timedelta(minutes=5)
MOST_NONCES = 1_000
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})


class UseNonceError(OAuthError):
    """The client has to come again with this nonce (RFC 9449 section 8)."""

    def __init__(self, nonce: str | None) -> None:
        super().__init__("use_dpop_nonce", "a nonce is needed in the DPoP proof")
        self.headers = {} if nonce is None else {"DPoP-Nonce": nonce}


class ProofReader:
    """`origins` are the addresses that the provider is reached at: that of its issuer, and the one for certificates."""

    def __init__(self, clock: Clock, *, origins: tuple[str, ...]) -> None:
        self._clock = clock
        self._origins = origins
        self._used = UsedOnce(clock, kept=timedelta(seconds=2 * AGE))
        self._nonces: dict[str, datetime] = {}

    def key_of(self, request: Request, *, access_token: str | None = None, with_nonce: bool) -> str | None:
        """The thumbprint of the key that the request proves; None without a proof. Raises OAuthError."""
        sent = request.headers.getlist("dpop")
        if not sent:
            return None
        if len(sent) > 1:
            raise _bad("there is more than one")
        key = _key(sent[0])
        try:
            claims = decode(sent[0], key, algorithms=list(ALGS)).claims
        except (JoseError, ValueError) as error:
            raise _bad("its signature or algorithm is not acceptable") from error
        thumbprint = str(key.thumbprint())
        self._check(request, claims, thumbprint, access_token)
        if with_nonce and not self._knows(claims.get("nonce")):
            raise UseNonceError(self.new_nonce())
        return thumbprint

    def new_nonce(self) -> str:
        now = self._clock.now()
        self._nonces = {nonce: until for nonce, until in self._nonces.items() if until > now}
        while len(self._nonces) >= MOST_NONCES:
            del self._nonces[next(iter(self._nonces))]
        nonce = secrets.token_urlsafe(16)
        self._nonces[nonce] = now + NONCE_LIFETIME
        return nonce

    def _knows(self, nonce: object) -> bool:
        return isinstance(nonce, str) and self._nonces.get(nonce, self._clock.now()) > self._clock.now()

    def _check(self, request: Request, claims: Mapping[str, object], thumbprint: str, access_token: str | None) -> None:
        """RFC 9449 section 4.3."""
        if claims.get("htm") != request.method:
            raise _bad("htm is another method")
        try:
            address = urlsplit(str(claims.get("htu")))._replace(query="", fragment="").geturl()
        except ValueError as error:
            raise _bad("htu is no address") from error
        if address not in {origin + request.url.path for origin in self._origins}:
            raise _bad("htu is another address")
        issued = claims.get("iat")
        if not isinstance(issued, int) or abs(self._clock.seconds() - issued) > AGE:
            raise _bad("iat is missing, or not now")
        if access_token is not None and claims.get("ath") != base64url(hashlib.sha256(access_token.encode()).digest()):
            raise _bad("ath is not that of the access token")
        jti = claims.get("jti")
        if not isinstance(jti, str) or not jti or not self._used.first_time(thumbprint, jti):
            raise _bad("jti is missing, or was used before")


def _key(proof: str) -> ECKey | RSAKey:
    header, _, _ = proof.partition(".")
    try:
        members = json.loads(urlsafe_b64decode(header + "=" * (-len(header) % 4)))
        jwk = members["jwk"]
        if members.get("typ") != "dpop+jwt" or members.get("alg") not in ALGS or _PRIVATE & jwk.keys():
            raise _bad("typ, alg or jwk of its header is not acceptable")
        key = import_key(jwk)
    except (ValueError, KeyError, TypeError, AttributeError, JoseError, RecursionError) as error:
        raise _bad("its header cannot be read") from error
    if not isinstance(key, ECKey | RSAKey):
        raise _bad("its key is of no kind that is taken here")
    return key


def _bad(why: str) -> OAuthError:
    return OAuthError("invalid_dpop_proof", f"the DPoP proof: {why}")
