"""The token endpoint: a code or a refresh token in, tokens out."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from mock_idp.acm.answers import OAuthError, error_answer, json_answer
from mock_idp.acm.client_authentication import ClientAuthentication
from mock_idp.acm.clients import Client
from mock_idp.acm.endpoint_faults import EndpointFaults
from mock_idp.acm.id_token import signed_id_token
from mock_idp.acm.keys import base64url
from mock_idp.acm.parameters import sent_parameters
from mock_idp.acm.provider import Provider
from mock_idp.acm.tokens import ACCESS_LIFETIME, Code, Grant
from mock_idp.faults import Stage


class TokenEndpoint:
    def __init__(self, provider: Provider, authentication: ClientAuthentication, faults: EndpointFaults) -> None:
        self._provider = provider
        self._faults = faults
        self._authentication = authentication

    async def answer(self, request: Request) -> Response:
        try:
            parameters = await sent_parameters(request)
            client = await self._authentication.client(request, parameters)
            proper = json_answer(self._tokens(client, parameters))
            return await self._faults.answer(proper, Stage.TOKEN, client_id=client.client_id)
        except OAuthError as error:
            return error_answer(error)

    def _tokens(self, client: Client, parameters: Mapping[str, str]) -> dict[str, object]:
        match parameters.get("grant_type"):
            case "authorization_code":
                return self._for_code(client, parameters)
            case "refresh_token":
                return self._for_refresh_token(client, parameters)
            case None:
                raise OAuthError("invalid_request", "grant_type is missing")
            case _:
                raise OAuthError("unsupported_grant_type", "authorization_code and refresh_token are supported")

    def _for_code(self, client: Client, parameters: Mapping[str, str]) -> dict[str, object]:
        code = self._provider.tokens.take_code(parameters.get("code", ""))
        if code is None:
            raise OAuthError("invalid_grant", "the code is unknown, used, or older than 30 seconds")
        if code.grant.client_id != client.client_id:
            raise OAuthError("invalid_grant", "the code was given to another client")
        if parameters.get("redirect_uri") != code.redirect_uri:
            raise OAuthError("invalid_grant", "redirect_uri is another one than in the authorization request")
        _check_verifier(code, parameters.get("code_verifier"))
        fault = self._provider.faults.take(Stage.ID_TOKEN, client_id=client.client_id)
        access_token = self._provider.tokens.new_access_token(code.grant, scopes=code.grant.scopes)
        tokens = self._access(access_token, code.grant.scopes)
        tokens["id_token"] = signed_id_token(self._provider, code.grant, client, access_token=access_token, fault=fault)
        if "offline_access" in code.grant.scopes:
            tokens["refresh_token"] = self._provider.tokens.new_refresh_token(code.grant)
        return tokens

    def _for_refresh_token(self, client: Client, parameters: Mapping[str, str]) -> dict[str, object]:
        value = parameters.get("refresh_token", "")
        found = self._provider.tokens.refresh_token(value, client_id=client.client_id)
        if found is None:
            raise OAuthError("invalid_grant", "the refresh token is unknown, used, expired, or another client's")
        scopes = _narrowed(found.grant, parameters.get("scope"))
        fault = self._provider.faults.take(Stage.REFRESH, client_id=client.client_id)
        access_token = self._provider.tokens.new_access_token(found.grant, scopes=scopes)
        tokens = self._access(access_token, scopes)
        tokens["id_token"] = signed_id_token(
            self._provider, found.grant, client, access_token=access_token, fault=fault
        )
        if client.rotate_refresh_tokens:
            self._provider.tokens.use_up(value)
            tokens["refresh_token"] = self._provider.tokens.new_refresh_token(found.grant)
        return tokens

    def _access(self, access_token: str, scopes: tuple[str, ...]) -> dict[str, object]:
        return {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": int(ACCESS_LIFETIME.total_seconds()),
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
