"""The userinfo endpoint: the same identity claims as the ID token's, for whoever shows an access token.

As a bearer (RFC 6750), or with proof of the key or certificate that the token is bound to (RFC 9449, RFC 8705).
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from mock_idp.acm.answers import NO_STORE, OAuthError, json_answer
from mock_idp.acm.certificates import thumbprint_of
from mock_idp.acm.dpop import ProofReader, UseNonceError
from mock_idp.acm.endpoint_faults import EndpointFaults
from mock_idp.acm.id_token import claims_of
from mock_idp.acm.provider import Provider
from mock_idp.acm.tokens import AccessToken
from mock_idp.faults import Stage


class UserinfoEndpoint:
    def __init__(self, provider: Provider, proofs: ProofReader, faults: EndpointFaults) -> None:
        self._provider = provider
        self._proofs = proofs
        self._faults = faults

    async def answer(self, request: Request) -> Response:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() not in ("bearer", "dpop"):
            return _challenge('Bearer realm="mock ACM"')
        scheme, value = "DPoP" if scheme.lower() == "dpop" else "Bearer", value.strip()
        token = self._provider.tokens.access_token(value)
        if token is None:
            description = "unknown or expired"
        elif (scheme == "DPoP") is (token.binding.key is None):
            description = "a token bound to a key goes with DPoP, any other with Bearer"  # RFC 9449 section 7.2
        elif token.binding.certificate not in (None, thumbprint_of(request)):
            description = "bound to another certificate"  # RFC 8705 section 3
        else:
            refusal = self._proof_refused(request, token, value)
            proper = refusal or self._claims(token)
            return await self._faults.answer(proper, Stage.USERINFO, client_id=token.grant.client_id)
        return _challenge(f'{scheme} realm="mock ACM", error="invalid_token", error_description="{description}"')

    def _proof_refused(self, request: Request, token: AccessToken, value: str) -> Response | None:
        """RFC 9449 section 7.1."""
        if token.binding.key is None:
            return None
        client = self._provider.clients.find(token.grant.client_id)
        with_nonce = client is not None and client.dpop_nonce
        try:
            key = self._proofs.key_of(request, access_token=value, with_nonce=with_nonce)
        except UseNonceError as error:
            return _challenge('DPoP error="use_dpop_nonce"', error.headers)
        except OAuthError as error:
            return _challenge(f'DPoP error="{error.error}", error_description="{error.description}"')
        if key != token.binding.key:
            return _challenge('DPoP error="invalid_token", error_description="bound to another key"')
        armed = self._provider.faults.take(Stage.DPOP_USERINFO, client_id=token.grant.client_id)
        match None if armed is None else armed.fault.name:
            case "dpop-userinfo-nonce":
                return _challenge('DPoP error="use_dpop_nonce"', {"DPoP-Nonce": self._proofs.new_nonce()})
            case "dpop-userinfo-scheme-case":
                return _challenge('dPoP error="use_dpop_nonce"', {"DPoP-Nonce": self._proofs.new_nonce()})
            case "dpop-userinfo-refused":
                return _challenge('DPoP error="invalid_dpop_proof", error_description="armed fault"')
        return None

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


def _challenge(text: str, more: Mapping[str, str] | None = None) -> Response:
    return Response(status_code=401, headers={**NO_STORE, "WWW-Authenticate": text, **(more or {})})
