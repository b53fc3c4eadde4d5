"""Discovery and the key set: what a relying party reads before it sends anybody here."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mock_idp.acm.clients import ASSERTION_ALGS
from mock_idp.acm.dpop import ALGS as DPOP_ALGS
from mock_idp.acm.endpoint_faults import EndpointFaults
from mock_idp.acm.methods import Method
from mock_idp.acm.provider import Provider
from mock_idp.acm.scopes import SCOPES
from mock_idp.faults import Stage

SHORTLY = {"Cache-Control": "public, max-age=60"}


class DiscoveryEndpoints:
    def __init__(self, provider: Provider, faults: EndpointFaults) -> None:
        self._provider = provider
        self._faults = faults

    async def configuration(self, request: Request) -> Response:
        proper = JSONResponse(metadata(self._provider.issuer, self._provider.settings.tls_origin), headers=SHORTLY)
        return await self._faults.answer(proper, Stage.DISCOVERY)

    async def keys(self, request: Request) -> Response:
        proper = JSONResponse(self._provider.keys.published().as_dict(private=False), headers=SHORTLY)
        return await self._faults.answer(proper, Stage.KEYS)


def metadata(issuer: str, tls_origin: str | None) -> dict[str, object]:
    """OpenID Connect Discovery section 3, RFC 8414, RFC 8705, RFC 9101, RFC 9126, RFC 9207 and RFC 9449.

    ACM's own document has no `scopes_supported` and lists `plain` for PKCE; the mock follows the certification suite in
    the first and RFC 9700 in the second. The federal token's URN among `acr_values_supported` is our own invention.
    """
    by_certificate = [] if tls_origin is None else ["tls_client_auth", "self_signed_tls_client_auth"]
    authentication = ["client_secret_basic", "client_secret_post", "private_key_jwt", *by_certificate]
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/v1/auth",
        "token_endpoint": f"{issuer}/v1/token",
        "userinfo_endpoint": f"{issuer}/v1/userinfo",
        "jwks_uri": f"{issuer}/v1/keys",
        "end_session_endpoint": f"{issuer}/v1/logout",
        "introspection_endpoint": f"{issuer}/v1/introspect",
        "revocation_endpoint": f"{issuer}/v1/revoke",
        "revocation_endpoint_auth_methods_supported": authentication,
        "revocation_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGS),
        "pushed_authorization_request_endpoint": f"{issuer}/v1/par",
        "require_pushed_authorization_requests": False,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "userinfo_signing_alg_values_supported": ["RS256", "ES256"],
        "token_endpoint_auth_methods_supported": authentication,
        "token_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGS),
        "introspection_endpoint_auth_methods_supported": authentication,
        "introspection_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGS),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "acr_values_supported": [method.acr for method in Method],
        "ui_locales_supported": ["nl", "en"],
        "prompt_values_supported": ["none", "login", "select_account"],
        "scopes_supported": list(SCOPES),
        "claims_supported": [
            *("iss", "sub", "aud", "azp", "iat", "exp", "nonce", "auth_time", "acr", "amr", "at_hash", "sid", "kid"),
            *("given_name", "family_name", "name", "rrn", "cot"),
            *("vo_id", "vo_email", "vo_doelgroepcode", "vo_doelgroepnaam", "vo_orgcode", "vo_orgnaam"),
            *("wv_orgcode", "vlaio_inkom_rol_3d"),
        ],
        "claims_parameter_supported": True,
        "request_parameter_supported": True,
        "request_uri_parameter_supported": False,
        "request_object_signing_alg_values_supported": list(ASSERTION_ALGS),
        "dpop_signing_alg_values_supported": list(DPOP_ALGS),
        **_with_certificates(tls_origin),
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "frontchannel_logout_supported": True,
        "frontchannel_logout_session_supported": True,
    }


def _with_certificates(tls_origin: str | None) -> dict[str, object]:
    """The second door, where clients show their certificate (RFC 8705 sections 3.3 and 5)."""
    if tls_origin is None:
        return {}
    endpoints = {
        "token_endpoint": "token",
        "userinfo_endpoint": "userinfo",
        "introspection_endpoint": "introspect",
        "pushed_authorization_request_endpoint": "par",
    }
    return {
        "tls_client_certificate_bound_access_tokens": True,
        "mtls_endpoint_aliases": {name: f"{tls_origin}/op/v1/{path}" for name, path in endpoints.items()},
    }
