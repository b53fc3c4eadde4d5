"""Signed authorization requests (RFC 9101, OpenID Connect Core 6): by value, in `request`, with or without PAR.

What stands outside a signed request counts for nothing, save for `client_id`. A request by reference to the
client's own server is not offered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta

from joserfc.errors import JoseError
from joserfc.jwt import decode

from mock_idp.acm.answers import OAuthError
from mock_idp.acm.client_keys import NoKeysError, keys_of
from mock_idp.acm.clients import ASSERTION_ALGS, Client
from mock_idp.acm.used_once import UsedOnce
from mock_idp.clock import Clock

TYPES = ("oauth-authz-req+jwt", "JWT")
LEEWAY = 30
LONGEST_LIFE = 3600  # FAPI 2.0 Message Signing 5.3.1
_NO_PARAMETERS = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti", "sub"})


class RequestObjects:
    def __init__(self, clock: Clock, *, issuer: str) -> None:
        self._clock = clock
        self._issuer = issuer
        self._used = UsedOnce(clock, kept=timedelta(seconds=LONGEST_LIFE + LEEWAY))

    async def opened(self, client: Client, sent: Mapping[str, str]) -> Mapping[str, str]:
        """The parameters that count. Raises OAuthError invalid_request_object, or invalid_request without one."""
        text = sent.get("request")
        if text is None:
            if client.require_signed_request:
                raise OAuthError("invalid_request", "this client must sign its request (RFC 9101 section 10.5)")
            return sent
        try:
            token = decode(text, await keys_of(client), algorithms=list(ASSERTION_ALGS))
        except NoKeysError as error:
            raise _bad(str(error)) from error
        except (JoseError, ValueError) as error:
            raise _bad("its signature or algorithm is not acceptable") from error
        if token.header.get("typ", TYPES[0]) not in TYPES:
            raise _bad(f"its typ is not {TYPES[0]}")
        self._check(client, sent, token.claims)
        parameters = {
            name: _text(value)
            for name, value in token.claims.items()
            if name not in _NO_PARAMETERS and value is not None
        }
        # A script may ride along: it is the mock's own, and no part of the request.
        return {**{name: value for name, value in sent.items() if name.startswith("mock_")}, **parameters}

    def _check(self, client: Client, sent: Mapping[str, str], claims: Mapping[str, object]) -> None:
        if claims.get("iss") != client.client_id or claims.get("client_id") != client.client_id:
            raise _bad("iss and client_id must be the client's")
        if sent.get("client_id", client.client_id) != client.client_id:
            raise _bad("another client_id stands outside of it")
        if claims.get("sub") == client.client_id:
            raise _bad("with the client as sub it could be a client assertion (RFC 9101 section 10.8)")
        audience = claims.get("aud")
        if self._issuer not in (audience if isinstance(audience, list) else [audience]):
            raise _bad("aud must be the issuer")
        if "request" in claims or "request_uri" in claims:
            raise _bad("a request holds no other request (RFC 9101 section 4)")
        now, expiry = self._clock.seconds(), claims.get("exp")
        if not isinstance(expiry, int) or expiry + LEEWAY <= now or expiry > now + LONGEST_LIFE:
            raise _bad("exp is missing, past, or more than an hour ahead")
        begin = claims.get("nbf", now)
        if not isinstance(begin, int) or begin > now + LEEWAY:
            raise _bad("nbf is in the future")
        jti = claims.get("jti")
        if jti is not None and not self._used.first_time(client.client_id, str(jti)):
            raise _bad("its jti was used before")


def _text(value: object) -> str:
    """A parameter as it would stand in a form: numbers in digits, objects (`claims`) as JSON."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _bad(why: str) -> OAuthError:
    return OAuthError("invalid_request_object", f"the request object: {why}")
