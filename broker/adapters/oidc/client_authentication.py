"""How the gateway proves to the token endpoint that it is the registered client (OpenID Connect Core 9).

Authlib's own `client_secret_basic` leaves out the form-urlencoding of RFC 6749 2.3.1, and its `private_key_jwt` gives
an assertion a whole hour; so these three are ours, registered with its client.
"""

from __future__ import annotations

import secrets
import warnings
from base64 import b64encode
from collections.abc import Callable, MutableMapping
from typing import Any
from urllib.parse import quote_plus, urlencode

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, RSAKey, import_key

from broker.adapters.oidc.settings import KeyAuthentication, SecretAuthentication
from broker.ports import Clock

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_SECONDS = 60

# Authlib's form of an authentication method: (client, method, address, headers, body) to (address, headers, body).
Authenticate = Callable[[Any, str, str, MutableMapping[str, str], Any], tuple[str, MutableMapping[str, str], Any]]


def client_authentication(
    authentication: SecretAuthentication | KeyAuthentication, *, client_id: str, issuer: str, clock: Clock
) -> Authenticate:
    """Return the method in the form that Authlib's client calls. Raises ValueError for a key that is unfit."""
    match authentication:
        case SecretAuthentication(method="client_secret_basic", secret=secret):
            return _basic(client_id, secret)
        case SecretAuthentication(secret=secret):
            return _post({"client_id": client_id, "client_secret": secret})
        case KeyAuthentication():
            return _assertion(authentication, client_id=client_id, issuer=issuer, clock=clock)


def basic_credentials(client_id: str, secret: str) -> str:
    """Return the Authorization field's value: both halves form-urlencoded first (RFC 6749 2.3.1)."""
    halves = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return "Basic " + b64encode(halves.encode("ascii")).decode("ascii")


def read_private_key(text: str) -> RSAKey | ECKey:
    """Read a private RSA (2048 bits or more) or P-256 key from PEM or JWK. Raises ValueError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # about weak keys: refused below, in our own words
            key = _imported(text)
    except (JoseError, ValueError, TypeError, KeyError):
        raise ValueError("the client's private key is neither PEM nor JWK") from None
    if not key.is_private:
        raise ValueError("the client's key is a public one; the private one is needed")
    if isinstance(key, RSAKey) and key.raw_value.key_size < 2048:
        raise ValueError("the client's RSA key has less than 2048 bits")
    if isinstance(key, ECKey) and key.curve_name != "P-256":
        raise ValueError("the client's EC key must be on curve P-256, for ES256")
    return key


def _imported(text: str) -> RSAKey | ECKey:
    if text.lstrip().startswith("{"):
        document = msgspec.json.decode(text, type=dict[str, Any])
        key = import_key(document)
        if not isinstance(key, RSAKey | ECKey):
            raise TypeError("neither RSA nor EC")
        return key
    try:
        return RSAKey.import_key(text)
    except (JoseError, ValueError, TypeError):
        return ECKey.import_key(text)


def _basic(client_id: str, secret: str) -> Authenticate:
    credentials = basic_credentials(client_id, secret)

    def authenticate(
        client: Any, method: str, address: str, headers: MutableMapping[str, str], body: Any
    ) -> tuple[str, MutableMapping[str, str], Any]:
        headers["Authorization"] = credentials
        return address, headers, body

    return authenticate


def _post(fields: dict[str, str]) -> Authenticate:
    def authenticate(
        client: Any, method: str, address: str, headers: MutableMapping[str, str], body: Any
    ) -> tuple[str, MutableMapping[str, str], Any]:
        return address, headers, _with_fields(body, fields)

    return authenticate


def _assertion(authentication: KeyAuthentication, *, client_id: str, issuer: str, clock: Clock) -> Authenticate:
    key = read_private_key(authentication.private_key)
    # Without a name of its own, the key goes by its thumbprint (RFC 7638), as in the gateway's published key set.
    key_id = authentication.key_id or key.kid or key.thumbprint()
    header = {"alg": "RS256" if isinstance(key, RSAKey) else "ES256", "kid": key_id}

    def authenticate(
        client: Any, method: str, address: str, headers: MutableMapping[str, str], body: Any
    ) -> tuple[str, MutableMapping[str, str], Any]:
        now = int(clock.now().timestamp())
        claims: dict[str, Any] = {
            "iss": client_id,
            "sub": client_id,
            "aud": issuer if authentication.audience == "issuer" else address,
            "jti": secrets.token_urlsafe(24),  # RFC 7523 3: never twice the same
            "iat": now,
            "exp": now + _ASSERTION_SECONDS,
        }
        assertion = jwt.encode(header, claims, key, algorithms=[header["alg"]])
        fields = {"client_id": client_id, "client_assertion_type": _ASSERTION_TYPE, "client_assertion": assertion}
        return address, headers, _with_fields(body, fields)

    return authenticate


def _with_fields(body: Any, fields: dict[str, str]) -> bytes:
    text = body.decode("ascii") if isinstance(body, bytes) else str(body or "")
    return "&".join(part for part in (text, urlencode(fields)) if part).encode("ascii")
