"""Who calls the token, PAR and introspection endpoints: by secret, by assertion (private_key_jwt), or by certificate.

Anything doubtful is invalid_client (RFC 6749 section 5.2). More than one method at once is an error too.
"""

from __future__ import annotations

import hmac
import json
import math
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import unquote_plus

from joserfc.errors import JoseError
from joserfc.jws import extract_compact
from joserfc.jwt import decode
from starlette.requests import Request

from mock_idp.acm.answers import OAuthError
from mock_idp.acm.certificates import certificate_of, proves
from mock_idp.acm.client_keys import NoKeysError, keys_of
from mock_idp.acm.clients import Client, Clients
from mock_idp.acm.used_once import UsedOnce
from mock_idp.clock import Clock

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LEEWAY = 30  # seconds that clocks may differ
LONGEST_LIFE = 600  # an assertion that lives longer than ten minutes is a mistake worth finding in a test


class ClientAuthentication:
    def __init__(self, clients: Clients, clock: Clock, *, audiences: tuple[str, ...]) -> None:
        self._clients = clients
        self._clock = clock
        self._audiences = audiences
        self._used = UsedOnce(clock, kept=timedelta(seconds=LONGEST_LIFE + LEEWAY))

    async def client(self, request: Request, parameters: Mapping[str, str]) -> Client:
        """Raises OAuthError invalid_client (401)."""
        authorization = request.headers.get("authorization")
        used = [authorization, parameters.get("client_secret"), parameters.get("client_assertion")]
        given = sum(value is not None for value in used)
        if given == 0 and (certificate := certificate_of(request)) is not None:
            return self._by_certificate(certificate, parameters.get("client_id", ""))
        if given != 1:
            raise _unauthenticated("exactly one way of client authentication is needed")
        if authorization is not None:
            return self._by_basic(authorization, parameters)
        if "client_assertion" in parameters:
            return await self._by_assertion(parameters)
        return self._by_secret(parameters.get("client_id", ""), parameters["client_secret"])

    def _by_basic(self, authorization: str, parameters: Mapping[str, str]) -> Client:
        scheme, _, credentials = authorization.partition(" ")
        if scheme.lower() != "basic":
            raise _unauthenticated("the Authorization header must be Basic")
        try:
            halves = b64decode(credentials.strip(), validate=True).decode("utf-8")
        except (Base64Error, UnicodeDecodeError) as error:
            raise _unauthenticated("the Authorization header is not base64") from error
        name, _, secret = halves.partition(":")
        # Both halves are form-urlencoded first (RFC 6749 section 2.3.1).
        client = self._by_secret(unquote_plus(name), unquote_plus(secret))
        if parameters.get("client_id", client.client_id) != client.client_id:
            raise _unauthenticated("client_id is another one than in the Authorization header")
        return client

    def _by_secret(self, client_id: str, secret: str) -> Client:
        client = self._clients.find(client_id)
        if client is None or client.secret is None:
            raise _unauthenticated("unknown client, or a client without a secret")
        if not hmac.compare_digest(client.secret.encode(), secret.encode()):
            raise _unauthenticated("wrong secret")
        return client

    def _by_certificate(self, certificate: bytes, client_id: str) -> Client:
        """RFC 8705 section 2: `client_id` says whose certificate it should be."""
        client = self._clients.find(client_id)
        if client is None or not proves(certificate, client):
            raise _unauthenticated("the certificate is not this client's")
        return client

    async def _by_assertion(self, parameters: Mapping[str, str]) -> Client:
        """RFC 7523 section 3, with the audiences that OpenID Connect Core section 9 and FAPI 2 allow."""
        if parameters.get("client_assertion_type") != ASSERTION_TYPE:
            raise _unauthenticated(f"client_assertion_type must be {ASSERTION_TYPE}")
        assertion = parameters["client_assertion"]
        client = self._clients.find(_unverified_issuer(assertion))
        if client is None or parameters.get("client_id", client.client_id) != client.client_id:
            raise _unauthenticated("the assertion's issuer is not this client")
        try:
            keys = await keys_of(client)
        except NoKeysError as error:
            raise _unauthenticated(str(error)) from error
        try:
            claims = decode(assertion, keys, algorithms=list(client.assertion_algs)).claims
        except (JoseError, ValueError) as error:
            raise _unauthenticated("the assertion's signature or algorithm is not acceptable") from error
        self._check_claims(client, claims)
        return client

    def _check_claims(self, client: Client, claims: Mapping[str, object]) -> None:
        now = self._clock.seconds()
        if claims.get("iss") != client.client_id or claims.get("sub") != client.client_id:
            raise _unauthenticated("iss and sub of an assertion are the client_id")
        audience = claims.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        if not any(value in self._audiences for value in named):
            raise _unauthenticated("the assertion is meant for another audience")
        expiry = _date(claims, "exp")
        if expiry is None or expiry + LEEWAY <= now or expiry > now + LONGEST_LIFE:
            raise _unauthenticated("exp of the assertion is missing, past, or more than ten minutes ahead")
        for name in ("nbf", "iat"):
            begin = _date(claims, name)
            if begin is not None and begin > now + LEEWAY:
                raise _unauthenticated(f"{name} of the assertion is in the future")
        self._remember(client, claims.get("jti"))

    def _remember(self, client: Client, jti: object) -> None:
        if not isinstance(jti, str) or not jti:
            raise _unauthenticated("jti of the assertion is missing")
        if not self._used.first_time(client.client_id, jti):
            raise _unauthenticated("jti of the assertion was used before")


def _unverified_issuer(assertion: str) -> str:
    """Only to find whose keys to try; believed after the signature has been checked."""
    try:
        claims = json.loads(extract_compact(assertion.encode()).payload)
    except (JoseError, ValueError) as error:
        raise _unauthenticated("the assertion is not a JWT") from error
    issuer = claims.get("iss") if isinstance(claims, dict) else None
    return issuer if isinstance(issuer, str) else ""


def _date(claims: Mapping[str, object], name: str) -> int | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _unauthenticated(f"{name} of the assertion is not a number")
    return int(value)


def _unauthenticated(why: str) -> OAuthError:
    return OAuthError("invalid_client", why, status=401)
