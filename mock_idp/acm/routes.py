"""ACM's paths and what answers there."""

from __future__ import annotations

from starlette.routing import Route

from mock_idp.acm.authorization import Authorization
from mock_idp.acm.authorize import AuthorizeEndpoint
from mock_idp.acm.client_authentication import ClientAuthentication
from mock_idp.acm.discovery import DiscoveryEndpoints
from mock_idp.acm.dpop import ProofReader
from mock_idp.acm.endpoint_faults import EndpointFaults
from mock_idp.acm.logout import LogoutEndpoint
from mock_idp.acm.par import IntrospectEndpoint, PushEndpoint
from mock_idp.acm.provider import Provider
from mock_idp.acm.request_objects import RequestObjects
from mock_idp.acm.revoke import RevokeEndpoint
from mock_idp.acm.token_endpoint import TokenEndpoint
from mock_idp.acm.userinfo import UserinfoEndpoint


def acm_routes(provider: Provider, authorization: Authorization) -> list[Route]:
    authentication = ClientAuthentication(
        provider.clients,
        provider.clock,
        audiences=(provider.issuer, provider.token_endpoint, provider.par_endpoint),
    )
    faults = EndpointFaults(provider.faults, provider.keys, provider.issuer)
    discovery = DiscoveryEndpoints(provider, faults)
    objects = RequestObjects(provider.clock, issuer=provider.issuer)
    origins = tuple(origin for origin in (provider.settings.origin, provider.settings.tls_origin) if origin)
    proofs = ProofReader(provider.clock, origins=origins)
    authorize = AuthorizeEndpoint(provider, authorization, objects)
    token = TokenEndpoint(provider, authentication, proofs, faults)
    userinfo = UserinfoEndpoint(provider, proofs, faults)
    introspect = IntrospectEndpoint(provider, authentication)
    push = PushEndpoint(provider, authentication, objects, proofs, faults)
    revoke = RevokeEndpoint(provider, authentication)
    logout = LogoutEndpoint(provider)
    return [
        Route("/op/.well-known/openid-configuration", discovery.configuration, methods=["GET"]),
        Route("/op/v1/keys", discovery.keys, methods=["GET"]),
        Route("/op/v1/auth", authorize.answer, methods=["GET", "POST"]),
        Route("/op/v1/token", token.answer, methods=["POST"]),
        Route("/op/v1/userinfo", userinfo.answer, methods=["GET", "POST"]),
        Route("/op/v1/introspect", introspect.answer, methods=["POST"]),
        Route("/op/v1/revoke", revoke.answer, methods=["POST"]),
        Route("/op/v1/par", push.answer, methods=["POST"]),
        Route("/op/v1/logout", logout.answer, methods=["GET", "POST"]),
    ]
