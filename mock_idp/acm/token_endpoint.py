"""The token endpoint: a code, a refresh token or a client's own credentials in, tokens out."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from mock_idp.acm.answers import OAuthError, error_answer, json_answer
from mock_idp.acm.certificates import thumbprint_of
from mock_idp.acm.client_authentication import ClientAuthentication
from mock_idp.acm.clients import Client
from mock_idp.acm.dpop import ProofReader, UseNonceError
from mock_idp.acm.endpoint_faults import EndpointFaults
from mock_idp.acm.id_token import signed_id_token
from mock_idp.acm.keys import base64url
from mock_idp.acm.machines import token_answer
from mock_idp.acm.parameters import sent_parameters
from mock_idp.acm.provider import Provider
from mock_idp.acm.tokens import Binding, Code, Grant
from mock_idp.faults import Armed, Stage


class TokenEndpoint:
    def __init__(
        self,
        provider: Provider,
        authentication: ClientAuthentication,
        proofs: ProofReader,
        faults: EndpointFaults,
    ) -> None:
        self._provider = provider
        self._proofs = proofs
        self._faults = faults
        self._authentication = authentication

    async def answer(self, request: Request) -> Response:
        try:
            parameters = await sent_parameters(request)
            client = await self._authentication.client(request, parameters)
            binding, fault = self._binding(request, client)
            proper = json_answer(self._tokens(client, parameters, binding))
            if fault is not None:
                return self._faults.changed(proper, fault)
            return await self._faults.answer(proper, Stage.TOKEN, client_id=client.client_id)
        except OAuthError as error:
            return error_answer(error)

    def _binding(self, request: Request, client: Client) -> tuple[Binding, Armed | None]:
        """What the tokens will be bound to, and the fault armed for those who send proofs. Raises OAuthError."""
        key = self._proofs.key_of(request, with_nonce=client.dpop_nonce)
        armed = None if key is None else self._provider.faults.take(Stage.DPOP, client_id=client.client_id)
        match None if armed is None else armed.fault.name:
            case "dpop-nonce-demanded":
                raise UseNonceError(self._proofs.new_nonce())
            case "dpop-nonce-missing":
                raise UseNonceError(None)
        if key is None and client.dpop_bound:
            raise OAuthError("invalid_dpop_proof", "this client's tokens are bound by DPoP (RFC 9449 section 5.2)")
        certificate = thumbprint_of(request) if client.tls_bound else None
        if client.tls_bound and certificate is None:
            raise OAuthError("invalid_request", "this client's tokens are bound to its certificate (RFC 8705)")
        return Binding(key=key, certificate=certificate), armed

    def _tokens(self, client: Client, parameters: Mapping[str, str], binding: Binding) -> dict[str, object]:
        match parameters.get("grant_type"):
            case "authorization_code":
                return self._for_code(client, parameters, binding)
            case "refresh_token":
                return self._for_refresh_token(client, parameters, binding)
            case "client_credentials":
                return token_answer(self._provider, client, parameters, binding=binding)
            case None:
                raise OAuthError("invalid_request", "grant_type is missing")
            case _:
                raise OAuthError(
                    "unsupported_grant_type", "authorization_code, refresh_token and client_credentials are supported"
                )

    def _for_code(self, client: Client, parameters: Mapping[str, str], binding: Binding) -> dict[str, object]:
        code = self._provider.tokens.take_code(parameters.get("code", ""))
        if code is None:
            raise OAuthError("invalid_grant", "the code is unknown, used, or older than 30 seconds")
        if code.grant.client_id != client.client_id:
            raise OAuthError("invalid_grant", "the code was given to another client")
        if parameters.get("redirect_uri") != code.redirect_uri:
            raise OAuthError("invalid_grant", "redirect_uri is another one than in the authorization request")
        if code.grant.dpop_jkt is not None and code.grant.dpop_jkt != binding.key:
            raise OAuthError("invalid_grant", "the code is bound to another DPoP key (RFC 9449 section 10)")
        _check_verifier(code, parameters.get("code_verifier"))
        fault = self._provider.faults.take(Stage.ID_TOKEN, client_id=client.client_id)
        lifetime = timedelta(seconds=client.access_token_seconds)
        access_token = self._provider.tokens.new_access_token(
            code.grant, scopes=code.grant.scopes, binding=binding, lifetime=lifetime
        )
        tokens = self._access(access_token, code.grant.scopes, binding, lifetime)
        tokens["id_token"] = signed_id_token(self._provider, code.grant, client, access_token=access_token, fault=fault)
        if "offline_access" in code.grant.scopes:
            tokens["refresh_token"] = self._provider.tokens.new_refresh_token(code.grant)
        return tokens

    def _for_refresh_token(self, client: Client, parameters: Mapping[str, str], binding: Binding) -> dict[str, object]:
        value = parameters.get("refresh_token", "")
        found = self._provider.tokens.refresh_token(value, client_id=client.client_id)
        if found is None:
            raise OAuthError("invalid_grant", "the refresh token is unknown, used, expired, or another client's")
        scopes = _narrowed(found.grant, parameters.get("scope"))
        fault = self._provider.faults.take(Stage.REFRESH, client_id=client.client_id)
        lifetime = timedelta(seconds=client.access_token_seconds)
        access_token = self._provider.tokens.new_access_token(
            found.grant, scopes=scopes, binding=binding, lifetime=lifetime
        )
        tokens = self._access(access_token, scopes, binding, lifetime)
        tokens["id_token"] = signed_id_token(
            self._provider, found.grant, client, access_token=access_token, fault=fault
        )
        if client.rotate_refresh_tokens:
            self._provider.tokens.use_up(value)
            tokens["refresh_token"] = self._provider.tokens.new_refresh_token(found.grant)
        return tokens

    def _access(
        self, access_token: str, scopes: tuple[str, ...], binding: Binding, lifetime: timedelta
    ) -> dict[str, object]:
        return {
            "access_token": access_token,
            "token_type": "Bearer" if binding.key is None else "DPoP",
            "expires_in": int(lifetime.total_seconds()),
            "scope": " ".join(scopes),
        }


def _check_verifier(code: Code, verifier: str | None) -> None:
    if code.code_challenge is None:
        if verifier is not None:
            # RFC 9700 section 2.1.1: a verifier without a challenge is a downgrade attack.
            raise OAuthError("invalid_grant", "a code_verifier came, but no code_challenge had been sent")
        return
    if verifier is None:
        raise OAuthError("invalid_grant", "code_verifier is missing")
    made = base64url(hashlib.sha256(verifier.encode()).digest())
    if not 43 <= len(verifier) <= 128 or not hmac.compare_digest(made, code.code_challenge):
        raise OAuthError("invalid_grant", "code_verifier does not belong to the code_challenge")


def _narrowed(grant: Grant, scope: str | None) -> tuple[str, ...]:
    if scope is None:
        return grant.scopes
    wished = tuple(dict.fromkeys(scope.split()))
    if not set(wished) <= set(grant.scopes):
        raise OAuthError("invalid_scope", "a refresh cannot widen the scope (RFC 6749 section 6)")
    return wished
