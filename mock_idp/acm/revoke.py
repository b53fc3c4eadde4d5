"""The revocation endpoint (RFC 7009): a client says that a token of its own is not needed any more."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from mock_idp.acm.answers import NO_STORE, OAuthError, error_answer
from mock_idp.acm.client_authentication import ClientAuthentication
from mock_idp.acm.parameters import sent_parameters
from mock_idp.acm.provider import Provider


class RevokeEndpoint:
    def __init__(self, provider: Provider, authentication: ClientAuthentication) -> None:
        self._provider = provider
        self._authentication = authentication

    async def answer(self, request: Request) -> Response:
        """200 for every token, known or not (section 2.2): nobody learns here which ones there are."""
        try:
            sent = await sent_parameters(request)
            client = await self._authentication.client(request, sent)
            token = sent.get("token")
            if token is None:
                raise OAuthError("invalid_request", "token is missing")
        except OAuthError as error:
            return error_answer(error)
        # `token_type_hint` only hints (section 2.1): both kinds are looked for.
        self._provider.tokens.revoke_refresh_token(token, client_id=client.client_id)
        self._provider.tokens.revoke_access_token(token, client_id=client.client_id)
        return Response(status_code=200, headers=NO_STORE)
