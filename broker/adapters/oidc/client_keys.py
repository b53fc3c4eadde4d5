"""The gateway's own keys as a client: read from PEM or JWK, used to sign what it sends, and published.

With several keys the first one signs and all are published, so that a key can be known to the provider before it is
used and after. Where the keys come from is `broker/config/`'s affair.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, RSAKey, import_key


class SigningKey:
    """A private key of the client: RS256 or ES256, as its kind says."""

    def __init__(self, text: str, *, key_id: str | None = None) -> None:
        """Raises ValueError for a key that is unfit."""
        self._key = read_private_key(text)
        self.algorithm = "RS256" if isinstance(self._key, RSAKey) else "ES256"
        # Without a name of its own, the key goes by its thumbprint (RFC 7638), as in the published key set.
        self.key_id = key_id or self._key.kid or self._key.thumbprint()

    def sign(self, claims: Mapping[str, Any], *, typ: str | None = None) -> str:
        """Return a JWT (RFC 7519) in compact form."""
        header = {"alg": self.algorithm, "kid": self.key_id, **({"typ": typ} if typ else {})}
        return jwt.encode(header, dict(claims), self._key, algorithms=[self.algorithm])

    def published(self) -> dict[str, Any]:
        """Return the public half as a JWK. The provider may verify RS256 and PS256 with an RSA key: hence no `alg`."""
        return {**self._key.as_dict(private=False), "kid": self.key_id, "use": "sig"}


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
