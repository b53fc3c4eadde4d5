"""Pushed authorization requests (RFC 9126) and token introspection (RFC 7662): both for authenticated clients only."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from mock_idp.acm.answers import OAuthError, error_answer, json_answer
from mock_idp.acm.client_authentication import ClientAuthentication
from mock_idp.acm.dpop import ProofReader
from mock_idp.acm.endpoint_faults import EndpointFaults
from mock_idp.acm.id_token import claims_of
from mock_idp.acm.parameters import sent_parameters
from mock_idp.acm.provider import Provider
from mock_idp.acm.pushed import LIFETIME
from mock_idp.acm.request_objects import RequestObjects
from mock_idp.acm.request_reading import read_request, read_response_mode
from mock_idp.acm.tokens import AccessToken, confirmation
from mock_idp.faults import Stage

# How a client authenticates is no part of its authorization request.
_AUTHENTICATION = frozenset({"client_secret", "client_assertion", "client_assertion_type"})


class PushEndpoint:
    def __init__(
        self,
        provider: Provider,
        authentication: ClientAuthentication,
        objects: RequestObjects,
        proofs: ProofReader,
        faults: EndpointFaults,
    ) -> None:
        self._provider = provider
        self._authentication = authentication
        self._objects = objects
        self._proofs = proofs
        self._faults = faults

    async def answer(self, request: Request) -> Response:
        try:
            sent = await sent_parameters(request)
            client = await self._authentication.client(request, sent)
            if "request_uri" in sent:
                raise OAuthError("invalid_request", "a pushed request cannot hold request_uri (RFC 9126 section 2.1)")
            own = {name: value for name, value in sent.items() if name not in _AUTHENTICATION}
            # The proof first: a client that has to come again with a nonce may bring the same signed request.
            key = self._proofs.key_of(request, with_nonce=client.dpop_nonce)
            parameters = _bound(await self._objects.opened(client, own), key)
            redirect_uri = parameters.get("redirect_uri", "")
            if redirect_uri not in client.redirect_uris:
                raise OAuthError("invalid_request", "redirect_uri is missing or not registered for this client")
            mode = read_response_mode(parameters)
            # Everything that would refuse the request later refuses it now.
            read_request(parameters, client, redirect_uri=redirect_uri, response_mode=mode, session_id=None)
        except OAuthError as error:
            return error_answer(error)
        request_uri = self._provider.pushed.put(client.client_id, parameters)
        proper = json_answer({"request_uri": request_uri, "expires_in": int(LIFETIME.total_seconds())}, status=201)
        return await self._faults.answer(proper, Stage.PAR, client_id=client.client_id)


class IntrospectEndpoint:
    def __init__(self, provider: Provider, authentication: ClientAuthentication) -> None:
        self._provider = provider
        self._authentication = authentication

    async def answer(self, request: Request) -> Response:
        try:
            sent = await sent_parameters(request)
            await self._authentication.client(request, sent)
        except OAuthError as error:
            return error_answer(error)
        machine = self._provider.machines.find(sent.get("token", ""))
        if machine is not None:
            return json_answer(
                {"active": True, "token_type": "DPoP" if "cnf" in machine.claims else "Bearer", **machine.claims}
            )
        token = self._provider.tokens.access_token(sent.get("token", ""))
        return json_answer({"active": False} if token is None else self._described(token))

    def _described(self, token: AccessToken) -> dict[str, object]:
        client = self._provider.clients.find(token.grant.client_id)
        claims = {} if client is None else claims_of(self._provider, token.grant, client)
        return {
            "active": True,
            "client_id": token.grant.client_id,
            "iss": self._provider.issuer,
            "aud": token.grant.client_id,
            "iat": int(token.issued_at.timestamp()),
            "exp": int(token.expires_at.timestamp()),
            "scope": " ".join(token.scopes),
            "token_type": "bearer" if token.binding.key is None else "DPoP",
            **confirmation(token.binding),
            # Who and for which organisation, but no national number: ACM's introspection has none either.
            **{name: claims[name] for name in ("sub", "vo_orgcode", "vo_orgnaam") if name in claims},
        }


def _bound(parameters: Mapping[str, str], key: str | None) -> Mapping[str, str]:
    """With a proof, the code is bound to its key, as `dpop_jkt` would do (RFC 9449 section 10.1)."""
    if key is None:
        return parameters
    if parameters.get("dpop_jkt", key) != key:
        raise OAuthError("invalid_dpop_proof", "dpop_jkt is another key than that of the proof")
    return {**parameters, "dpop_jkt": key}
