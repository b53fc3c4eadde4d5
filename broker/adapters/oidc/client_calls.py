"""Calls at the provider that only the registered client may make: redeeming a code, pushing a request.

Each carries a fresh proof of who we are and, with DPoP, one of the sign-in's key. Answers are read here as far as RFC
6749 section 5 and RFC 9126 section 2 go; what an ID Token says is read elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from authlib.common.urls import add_params_to_qs
from joserfc.jwk import ECKey

from broker.adapters.http import Answer, BackChannel, NoAnswer
from broker.adapters.oidc.client_authentication import Prove
from broker.adapters.oidc.dpop import Proofs
from broker.adapters.oidc.metadata import Metadata
from broker.adapters.wire import NotUnderstood, read_json
from broker.ports import Mismatch, ProviderUnavailable, SignInRefused

# RFC 6749 5.2, RFC 9449 12.2, RFC 9101 6.1. Any other code is logged as "another error".
_ERRORS = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "invalid_dpop_proof",
        "use_dpop_nonce",
        "invalid_request_object",
        "request_not_supported",
        "unsupported_response_type",
    }
)


class TokenResponse(msgspec.Struct):
    """RFC 6749 5.1, OpenID Connect Core 3.1.3.3. `expires_in` does not matter: the token serves once, now."""

    access_token: str
    token_type: str
    id_token: str


class _Pushed(msgspec.Struct):
    request_uri: str


class ClientCalls:
    """What the gateway asks as a client, at the addresses of the metadata."""

    def __init__(self, *, channel: BackChannel, prove: Prove, proofs: Proofs) -> None:
        self._channel = channel
        self._prove = prove
        self._proofs = proofs

    async def tokens(self, fields: Mapping[str, str], metadata: Metadata, *, key: ECKey | None) -> TokenResponse:
        """Ask for tokens; with a key, for such that only its holder can use. Raises SignInRefused, ProviderUnavailable.

        RFC 9449 5: a provider that answers `Bearer` has bound nothing, and its token is not used.
        """
        answer = await self._post(metadata.token_endpoint, lambda: fields, metadata, key=key, what="token endpoint")
        # A status that the standard does not name is a provider out of order, whatever the body says.
        if answer.status not in (200, 400, 401):
            raise ProviderUnavailable(f"token endpoint: status {answer.status}")
        document = _document(answer, "token endpoint")
        if answer.status != 200 or "error" in document:
            error = _error(document, answer, "token endpoint")
            raise SignInRefused(Mismatch.PROVIDER_ERROR, f"the token endpoint says {error}")
        try:
            tokens = msgspec.convert(document, TokenResponse)
        except msgspec.ValidationError:
            # Core 3.1.3.3: without an ID Token nobody signed in, whatever else the answer holds.
            raise SignInRefused(Mismatch.BAD_RESPONSE, "the token response lacks a token") from None
        # RFC 6749 5.1: without regard to capitals.
        wanted = "bearer" if key is None else "dpop"
        if tokens.token_type.lower() != wanted or not tokens.access_token.isascii() or not tokens.access_token:
            raise SignInRefused(Mismatch.BAD_RESPONSE, "the access token is of a kind that we cannot use")
        return tokens

    async def push(self, fields: Callable[[], Mapping[str, str]], metadata: Metadata, *, key: ECKey | None) -> str:
        """Push an authorization request, and return the name it got (RFC 9126). Raises ProviderUnavailable.

        `fields` makes the request for each try, as a signed one is good for one use. Never is it sent another way
        instead: whoever can make pushing fail would decide what is protected.
        """
        what, address = "pushed authorization request", metadata.pushed_authorization_request_endpoint
        if address is None:
            raise ProviderUnavailable(f"{what}: the provider has no place for it")
        answer = await self._post(address, fields, metadata, key=key, what=what)
        if answer.status in (400, 401):
            error = _error(_document(answer, what), answer, what)
            raise ProviderUnavailable(f"{what}: the provider says {error}")
        if answer.status not in (200, 201):
            raise ProviderUnavailable(f"{what}: status {answer.status}")
        try:
            request_uri = read_json(answer.body, _Pushed).request_uri
        except NotUnderstood as error:
            raise ProviderUnavailable(f"{what}: {error}") from None
        if not 0 < len(request_uri) <= 2048 or not request_uri.isascii() or not request_uri.isprintable():
            raise ProviderUnavailable(f"{what}: request_uri is empty or unusable")
        return request_uri

    async def _post(
        self, address: str, fields: Callable[[], Mapping[str, str]], metadata: Metadata, *, key: ECKey | None, what: str
    ) -> Answer:
        async def call(more: Mapping[str, str]) -> Answer:
            # Made anew for each try: an assertion is good for one use (RFC 7523 3).
            proof = self._prove(metadata.assertion_audience)
            body = add_params_to_qs("", list({**fields(), **proof.fields}.items())).encode("ascii")
            form = {"content-type": "application/x-www-form-urlencoded"}
            return await self._channel.post(address, body, headers={**form, **proof.headers, **more})

        try:
            if key is None:
                return await call({})
            return await self._proofs.proven(call, key, method="POST", address=address)
        except NoAnswer as error:
            raise ProviderUnavailable(f"{what}: {error}") from None


def _document(answer: Answer, what: str) -> dict[str, Any]:
    try:
        return read_json(answer.body, dict[str, Any])
    except NotUnderstood as error:
        raise ProviderUnavailable(f"{what}: {error}") from None


def _error(document: Mapping[str, Any], answer: Answer, what: str) -> str:
    error = document.get("error")
    if not isinstance(error, str):
        raise ProviderUnavailable(f"{what}: status {answer.status} without an error code")
    return error if error in _ERRORS else "another error"
