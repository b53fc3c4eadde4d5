"""Whether the provider's metadata offer what the settings ask for: said in words before anybody signs in.

Only what the metadata deny is refused. Client authentication by secret or assertion is not looked at: ACM takes
assertions and does not say so in its metadata. No input or output.
"""

from __future__ import annotations

import msgspec

from broker.adapters.oidc.client_keys import SigningKey
from broker.adapters.oidc.dpop import ALGORITHM
from broker.adapters.oidc.settings import CertificateAuthentication, OidcSettings
from broker.adapters.wire import NotUnderstood


class Offers(msgspec.Struct):
    """What a provider says of itself (Discovery 3, RFC 9126 5, RFC 9101 10.5, RFC 9449 5.1, RFC 8705 3.3)."""

    code_challenge_methods_supported: list[str] | None = None
    response_types_supported: list[str] | None = None
    response_modes_supported: list[str] | None = None
    id_token_signing_alg_values_supported: list[str] | None = None
    pushed_authorization_request_endpoint: str | None = None
    require_pushed_authorization_requests: bool = False
    request_parameter_supported: bool = False
    request_object_signing_alg_values_supported: list[str] | None = None
    require_signed_request_object: bool = False
    dpop_signing_alg_values_supported: list[str] | None = None
    token_endpoint_auth_methods_supported: list[str] | None = None
    tls_client_certificate_bound_access_tokens: bool = False


def check_offers(offers: Offers, settings: OidcSettings) -> None:
    """Refuse a provider that does not offer what we ask for, or asks for what we do not do. Raises NotUnderstood."""
    if offers.response_types_supported is not None and "code" not in offers.response_types_supported:
        raise NotUnderstood("the provider does not offer response_type code")
    # Discovery 3: query and fragment unless said otherwise.
    if settings.response_mode not in (offers.response_modes_supported or ("query", "fragment")):
        raise NotUnderstood(f"the provider does not offer response_mode {settings.response_mode}")
    # RFC 9700 2.1.1: without the provider's word for it, nobody knows that PKCE protects anything.
    if settings.requires_advertised_s256 and "S256" not in (offers.code_challenge_methods_supported or ()):
        raise NotUnderstood("the provider does not offer PKCE with S256")
    offered = offers.id_token_signing_alg_values_supported
    if offered is not None and not set(offered) & set(settings.algorithms):
        raise NotUnderstood("the provider signs with none of the algorithms that are allowed")
    _check_request(offers, settings)
    _check_sender_constraint(offers, settings)
    methods = offers.token_endpoint_auth_methods_supported
    authentication = settings.authentication
    if isinstance(authentication, CertificateAuthentication) and authentication.method not in (methods or ()):
        raise NotUnderstood(f"the provider does not offer client authentication by {authentication.method}")


def _check_request(offers: Offers, settings: OidcSettings) -> None:
    if settings.pushes_requests and not offers.pushed_authorization_request_endpoint:
        raise NotUnderstood("the provider does not take pushed requests (RFC 9126)")
    if offers.require_pushed_authorization_requests and not settings.pushes_requests:
        raise NotUnderstood("the provider takes pushed requests only (RFC 9126)")
    if offers.require_signed_request_object and not settings.signs_requests:
        raise NotUnderstood("the provider takes signed requests only (RFC 9101)")
    if not settings.signs_requests or settings.request_key is None:
        return
    algorithms = offers.request_object_signing_alg_values_supported
    if algorithms is None and not offers.request_parameter_supported:
        raise NotUnderstood("the provider does not take signed requests (RFC 9101)")
    algorithm = SigningKey(settings.request_key).algorithm
    if algorithms is not None and algorithm not in algorithms:
        raise NotUnderstood(f"the provider does not take requests that are signed with {algorithm}")


def _check_sender_constraint(offers: Offers, settings: OidcSettings) -> None:
    match settings.sender_constrained:
        case "dpop" if ALGORITHM not in (offers.dpop_signing_alg_values_supported or ()):
            raise NotUnderstood(f"the provider does not offer DPoP with {ALGORITHM} (RFC 9449)")
        case "mtls" if not offers.tls_client_certificate_bound_access_tokens:
            raise NotUnderstood("the provider does not bind access tokens to certificates (RFC 8705)")
