"""Proof of possession by the application's own key (DPoP, RFC 9449): a stolen access token alone is of no use.

Each sign-in has a key of its own, derived from a secret that all workers share, so that the worker where the browser
comes back proves itself with the key that the request named. A server may ask for a nonce of its own in each proof: it
says so in a refusal, which is answered once.
"""

from __future__ import annotations

import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwt
from joserfc.jwk import ECKey

from broker.adapters.http import Answer
from broker.adapters.wire import NotUnderstood, read_json
from broker.ports import Clock

ALGORITHM = "ES256"
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256 (FIPS 186-4 D.1.2.3)
# RFC 9449 8.1: NQCHAR. Longer than any server needs, and far shorter than a header may be.
_NONCE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,512}")
# RFC 9449 9, RFC 9110 11.1: the scheme without regard to capitals.
_CHALLENGE = re.compile(r'\bdpop\b[^\n]*\berror\s*=\s*"?use_dpop_nonce\b', re.IGNORECASE)

Call = Callable[[Mapping[str, str]], Awaitable[Answer]]


def proof_key(secret: bytes, *, sign_in: str) -> ECKey:
    """Return the key of one sign-in: the same for the same secret and name, and for no others."""
    spread = HKDF(algorithm=SHA256(), length=48, salt=None, info=b"inkom dpop " + sign_in.encode()).derive(secret)
    # 128 bits more than the order has, so that no key is likelier than another (FIPS 186-5 A.2.1).
    scalar = int.from_bytes(spread, "big") % (_ORDER - 1) + 1
    return ECKey.import_key(ec.derive_private_key(scalar, ec.SECP256R1()))


class Proofs:
    """Makes proofs, and keeps the nonce that each address gave out last."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._nonces: dict[str, str] = {}

    async def proven(
        self, call: Call, key: ECKey, *, method: str, address: str, access_token: str | None = None
    ) -> Answer:
        """Call with a proof; once more when the server asks for its nonce. Raises what the call raises.

        `call` gets the header to send, and must make everything else that serves once anew (a client assertion).
        """
        answer = await call({"dpop": self._proof(key, method=method, address=address, access_token=access_token)})
        if not self._learnt(address, answer) or not _asks_for_nonce(answer):
            return answer
        answer = await call({"dpop": self._proof(key, method=method, address=address, access_token=access_token)})
        self._learnt(address, answer)
        return answer

    def _proof(self, key: ECKey, *, method: str, address: str, access_token: str | None) -> str:
        """Return a proof for one call (RFC 9449 4.2)."""
        claims: dict[str, Any] = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": urlsplit(address)._replace(query="", fragment="").geturl(),
            "iat": int(self._clock.now().timestamp()),
        }
        if access_token is not None:
            claims["ath"] = urlsafe_b64encode(sha256(access_token.encode()).digest()).rstrip(b"=").decode()
        if (nonce := self._nonces.get(address)) is not None:
            claims["nonce"] = nonce
        header = {"typ": "dpop+jwt", "alg": ALGORITHM, "jwk": key.as_dict(private=False)}
        return jwt.encode(header, claims, key, algorithms=[ALGORITHM])

    def _learnt(self, address: str, answer: Answer) -> bool:
        """Keep the nonce that came along, if one did (RFC 9449 8.2)."""
        nonce = answer.headers.get("dpop-nonce")
        if nonce is None or not _NONCE.fullmatch(nonce):
            return False
        self._nonces[address] = nonce
        return True


def _asks_for_nonce(answer: Answer) -> bool:
    """Whether a refusal is only about the nonce (RFC 9449 8 for the provider, 9 for what the token opens)."""
    if answer.status not in (400, 401):
        return False
    if _CHALLENGE.search(answer.headers.get("www-authenticate", "")):
        return True
    try:
        return read_json(answer.body, dict[str, Any]).get("error") == "use_dpop_nonce"
    except NotUnderstood:
        return False
