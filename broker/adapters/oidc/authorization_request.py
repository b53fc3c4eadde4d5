"""The authorization request: what is asked, and how it travels to the provider (OpenID Connect Core 3.1.2.1).

In the browser's address, as a signed object (RFC 9101), or under a name that the provider gave it after it was pushed
(RFC 9126). No input or output: pushing is `client_calls`' work.
"""

from __future__ import annotations

import json
import secrets
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc.jwk import ECKey

from broker.adapters.oidc.client_keys import SigningKey
from broker.adapters.oidc.settings import OidcSettings
from broker.domain.session import SignInAttempt

# RFC 9101 10.2 (FAPI 2.0: at most an hour): long enough for a slow way to the provider.
_OBJECT_SECONDS = 120


def request_parameters(
    attempt: SignInAttempt, settings: OidcSettings, *, max_age: int | None, key: ECKey | None
) -> dict[str, str]:
    """Return what is asked of the provider; `key` is that of DPoP, to which the code is then bound (RFC 9449 10)."""
    parameters = {
        "response_type": "code",
        "client_id": settings.client_id,
        "redirect_uri": settings.redirect_uri,
        "scope": " ".join(settings.scopes_to_ask),
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": str(create_s256_code_challenge(attempt.code_verifier)),
        "code_challenge_method": "S256",
        "acr_values": " ".join(attempt.demand.values(settings.acr)) or None,
        "max_age": None if max_age is None else str(max_age),
        "prompt": " ".join(one.value for one in attempt.prompt) or None,
        "ui_locales": attempt.language,
        "login_hint": attempt.login_hint or (_organisation_hint(attempt) if settings.hints_organisation else None),
        # In the address is the code flow's own way, and needs no asking (Multiple Response Types 2.1).
        "response_mode": None if settings.response_mode == "query" else settings.response_mode,
        "dpop_jkt": None if key is None else key.thumbprint(),
    }
    return {name: value for name, value in parameters.items() if value is not None}


def signed_request(
    parameters: Mapping[str, str], key: SigningKey, settings: OidcSettings, *, now: datetime
) -> dict[str, str]:
    """Return the parameters with all of them in a signed object, and outside only what Core 6.1 wants there too.

    No `sub`: else the object could pass for a client assertion (RFC 9101 10.8).
    """
    seconds = int(now.timestamp())
    claims: dict[str, Any] = {
        **parameters,
        "iss": settings.client_id,
        "aud": settings.issuer,
        "jti": secrets.token_urlsafe(24),
        "iat": seconds,
        "nbf": seconds,
        "exp": seconds + _OBJECT_SECONDS,
    }
    if "max_age" in parameters:
        claims["max_age"] = int(parameters["max_age"])  # Core 6.1: numbers are numbers there
    outside = {name: parameters[name] for name in ("client_id", "response_type", "scope")}
    return {**outside, "request": key.sign(claims, typ="oauth-authz-req+jwt")}


def pushed_request(client_id: str, request_uri: str) -> dict[str, str]:
    """Return all that the browser carries of a request that was pushed (RFC 9126 4)."""
    return {"client_id": client_id, "request_uri": request_uri}


def address_with(endpoint: str, parameters: Mapping[str, str]) -> str:
    """Return an endpoint of the provider with parameters; a query of its own stays (RFC 6749 3.1)."""
    return str(add_params_to_uri(endpoint, list(parameters.items())))


def _organisation_hint(attempt: SignInAttempt) -> str | None:
    """Return ACM's hint for "gericht aanmelden", so that a person who steps up need not choose again."""
    if attempt.organisation is None:
        return None
    hint = json.dumps({"cap_hint": "EA", "code_hint": attempt.organisation.digits}, separators=(",", ":"))
    return b64encode(hint.encode("ascii")).decode("ascii")
