"""The userinfo endpoint: the same identity claims as the ID token's, for a bearer of an access token (RFC 6750)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from mock_idp.acm.answers import NO_STORE, json_answer
from mock_idp.acm.endpoint_faults import EndpointFaults
from mock_idp.acm.id_token import claims_of
from mock_idp.acm.provider import Provider
from mock_idp.acm.tokens import AccessToken
from mock_idp.faults import Stage


class UserinfoEndpoint:
    def __init__(self, provider: Provider, faults: EndpointFaults) -> None:
        self._provider = provider
        self._faults = faults

    async def answer(self, request: Request) -> Response:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return _challenge('Bearer realm="mock ACM"')
        token = self._provider.tokens.access_token(value.strip())
        if token is None:
            return _challenge('Bearer realm="mock ACM", error="invalid_token", error_description="unknown or expired"')
        return await self._faults.answer(self._claims(token), Stage.USERINFO, client_id=token.grant.client_id)

    def _claims(self, token: AccessToken) -> Response:
        client = self._provider.clients.find(token.grant.client_id)
        person = self._provider.world.current.person(token.grant.person_key)
        if client is None or person is None:
            return _challenge('Bearer realm="mock ACM", error="invalid_token"')
        claims = claims_of(self._provider, token.grant, client)
        if "name" in token.grant.claims_in_userinfo:
            claims["name"] = person.name
        if client.userinfo_signed:
            signed = {"iss": self._provider.issuer, "aud": client.client_id, **claims}
            body = self._provider.keys.sign(signed, alg=client.id_token_alg)
            return Response(body, media_type="application/jwt", headers=NO_STORE)
        return json_answer(claims)


def _challenge(text: str) -> Response:
    return Response(status_code=401, headers={**NO_STORE, "WWW-Authenticate": text})
