"""A tiny OpenID Provider on the small server, which says whatever a test wants it to say.

The mock government is the real counterpart (see `test_against_mock.py`); this one is for shapes that it cannot give.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from broker.adapters.http import BackChannel, Limits
from broker.adapters.oidc import OidcProvider, OidcSettings, SecretAuthentication
from tests.broker.adapters.examples import AN, NOW, STATE, SetClock, attempt
from tests.broker.adapters.small_server import Reply, Request, SmallServer

CLIENT_ID, SECRET, ACCESS_TOKEN = "inkom-client", "a secret/with: signs", "an-access-token"
SUBJECT = "2365621db15c6e2846ca71a1f2774e79fa28c487"
ITSME = "urn:be:vlaanderen:authmech:itsme"
SMS = "urn:be:vlaanderen:authmech:csamsms"
RSA = RSAKey.generate_key(2048, {"kid": "one"})
OTHER_RSA = RSAKey.generate_key(2048, {"kid": "one"})
EC = ECKey.generate_key("P-256", {"kid": "two"})


def json_reply(document: object, status: int = 200) -> Reply:
    return Reply(status=status, body=json.dumps(document).encode())


def at_hash(access_token: str) -> str:
    digest = hashlib.sha256(access_token.encode()).digest()
    return urlsafe_b64encode(digest[:16]).decode().rstrip("=")


class TinyProvider:
    """`metadata`, `claims`, `userinfo` and `tokens` are plain dicts to be changed; None in `claims` removes a claim."""

    def __init__(self, server: SmallServer) -> None:
        self.server = server
        self.clock = SetClock()
        self.issuer = f"{server.origin}/op"
        self.key: RSAKey | ECKey = RSA
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "one"}
        self.keys: list[RSAKey | ECKey] = [RSA]
        self.metadata: dict[str, Any] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/v1/auth",
            "token_endpoint": f"{self.issuer}/v1/token",
            "userinfo_endpoint": f"{self.issuer}/v1/userinfo",
            "jwks_uri": f"{self.issuer}/v1/keys",
            "end_session_endpoint": f"{self.issuer}/v1/logout",
            "code_challenge_methods_supported": ["plain", "S256"],
            "authorization_response_iss_parameter_supported": True,
        }
        issued = int(NOW.timestamp())
        self.claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": SUBJECT,
            "aud": CLIENT_ID,
            "azp": CLIENT_ID,
            "nonce": attempt().nonce,
            "iat": issued,
            "exp": issued + 3600,
            "at_hash": at_hash(ACCESS_TOKEN),
            "acr": ITSME,
            "kid": "one",
            "given_name": "An",
            "family_name": "Testers",
            "rrn": AN.digits,
            "sid": "acm-session",
        }
        self.userinfo: dict[str, Any] = {"sub": SUBJECT}
        self.tokens: dict[str, Any] = {"access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 3600}
        server.on("/op/.well-known/openid-configuration", lambda _: json_reply(self.metadata))
        server.on("/op/v1/keys", lambda _: json_reply({"keys": [key.as_dict(private=False) for key in self.keys]}))
        server.on("/op/v1/token", self._token)
        server.on("/op/v1/userinfo", lambda _: json_reply(self.userinfo))

    def asked(self, endpoint: str) -> list[Request]:
        return self.server.asked(f"/op/v1/{endpoint}")

    def id_token(self) -> str:
        claims = {name: value for name, value in self.claims.items() if value is not None}
        return jwt.encode(self.header, claims, self.key, algorithms=[self.header["alg"]])

    def response(self, **changes: str | None) -> list[tuple[str, str]]:
        parameters = {"code": "a-code", "state": STATE, "iss": self.issuer, **changes}
        return [(name, value) for name, value in parameters.items() if value is not None]

    def settings(self, **changes: object) -> OidcSettings:
        values: dict[str, object] = {
            "issuer": self.issuer,
            "client_id": CLIENT_ID,
            "redirect_uri": "https://gateway.example/_inkom/callback",
            "post_logout_redirect_uri": "https://gateway.example/_inkom/logged-out",
            "entry_uri": "https://gateway.example/_inkom/login",
            "authentication": SecretAuthentication(method="client_secret_basic", secret=SECRET),
        }
        return OidcSettings(**{**values, **changes})  # type: ignore[arg-type]  # the changes are the test's own

    def relying_party(self, **changes: object) -> OidcProvider:
        channel = BackChannel(Limits(connect=1.0, total=1.0, body=200_000))
        return OidcProvider(self.settings(**changes), clock=self.clock, channel=channel)

    def _token(self, _: Request) -> Reply:
        return json_reply({"id_token": self.id_token(), **self.tokens})
