"""Calls at the provider that only the registered client may make: redeeming a code or a refresh token,
revoking, pushing a request.

Each carries a fresh proof of who we are and, with DPoP, one of the sign-in's key. Answers are read here as far as RFC
6749 section 5 and RFC 9126 section 2 go; what an ID Token says is read elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

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


# ACM answers invalid_request where the standard has invalid_grant (ACM, "Refresh token").
_GRANT_IS_OVER = frozenset({"invalid_grant", "invalid_request"})


class TokenResponse(msgspec.Struct):
    """RFC 6749 5.1, OpenID Connect Core 3.1.3.3. Without `refresh_token` the access token serves once, now."""

    access_token: str
    token_type: str
    id_token: str
    refresh_token: str | None = None
    expires_in: Any = None

    def __repr__(self) -> str:
        """Masked."""
        return "TokenResponse(***)"


class RefreshResponse(msgspec.Struct):
    """RFC 6749 section 5.1; an ID Token is optional here, and a new refresh token too (Core 12.2)."""

    access_token: str
    token_type: str
    id_token: str | None = None
    refresh_token: str | None = None
    expires_in: Any = None

    def __repr__(self) -> str:
        """Masked."""
        return "RefreshResponse(***)"


T = TypeVar("T", TokenResponse, RefreshResponse)


class _TokenError(Exception):
    """The token endpoint refused; the message is an error code that the standard knows, or "another error"."""


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
        try:
            return await self._tokens(fields, metadata, TokenResponse, key=key)
        except _TokenError as error:
            raise SignInRefused(Mismatch.PROVIDER_ERROR, f"the token endpoint says {error}") from None

    async def refreshed(self, refresh_token: str, metadata: Metadata, *, key: ECKey | None) -> RefreshResponse:
        """Redeem a refresh token (RFC 6749 section 6). Raises SignInRefused (it is over), ProviderUnavailable.

        No scope is sent: that of the grant holds, which may be less than what we asked for.
        """
        fields = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        try:
            return await self._tokens(fields, metadata, RefreshResponse, key=key)
        except _TokenError as error:
            if str(error) in _GRANT_IS_OVER:
                raise SignInRefused(Mismatch.PROVIDER_ERROR, f"refresh: the provider says {error}") from None
            # An error of the client is no reason to end anybody's session.
            raise ProviderUnavailable(f"refresh: the provider says {error}") from None

    async def revoke(self, refresh_token: str, metadata: Metadata) -> None:
        """Revoke a refresh token where the provider has an endpoint for it (RFC 7009). Raises ProviderUnavailable."""
        if metadata.revocation_endpoint is None:
            return
        fields = {"token": refresh_token, "token_type_hint": "refresh_token"}
        answer = await self._post(
            metadata.revocation_endpoint, lambda: fields, metadata, key=None, what="revocation endpoint"
        )
        if answer.status != 200:
            raise ProviderUnavailable(f"revocation endpoint: status {answer.status}")

    async def _tokens(self, fields: Mapping[str, str], metadata: Metadata, kind: type[T], *, key: ECKey | None) -> T:
        answer = await self._post(metadata.token_endpoint, lambda: fields, metadata, key=key, what="token endpoint")
        # A status that the standard does not name is a provider out of order, whatever the body says.
        if answer.status not in (200, 400, 401):
            raise ProviderUnavailable(f"token endpoint: status {answer.status}")
        document = _document(answer, "token endpoint")
        if answer.status != 200 or "error" in document:
            raise _TokenError(_error(document, answer, "token endpoint"))
        try:
            tokens = msgspec.convert(document, kind)
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
            raise ProviderUnavailable(f"{what}: {error}", lost=error.connection) from None


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
