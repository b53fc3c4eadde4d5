"""Access tokens that are JWTs (RFC 9068): the signature, by keys from the provider's key set. No claim is judged here.

A signature is verified for every request: nothing of a token is kept, so that nothing can be mistaken for another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec

from broker.adapters.bearer.rules import TokenUnfit
from broker.adapters.bearer.settings import TokenTerms
from broker.adapters.http import BackChannel, NoAnswer
from broker.adapters.oidc.kept import Kept
from broker.adapters.oidc.keys import KeyNotFound, ProviderKey, read_keys
from broker.adapters.oidc.metadata import check_address, metadata_url
from broker.adapters.oidc.tokens import SignatureDiffers, type_of, verify_signature
from broker.adapters.wire import NotUnderstood, read_json
from broker.ports import ProviderUnavailable, SignInRefused

_LIFETIME = 600.0
_STALE_LIFETIME = 86400.0
_REFETCH_INTERVAL = 60.0  # whoever invents key names causes one fetch a minute at most


class _Metadata(msgspec.Struct):
    """The one thing we need of discovery; a provider of access tokens alone has no authorization endpoint."""

    issuer: str
    jwks_uri: str


class IssuerKeys:
    """The public keys of one issuer, shared by all applications whose tokens it signs."""

    def __init__(self, *, issuer: str, jwks_uri: str | None, channel: BackChannel) -> None:
        """Without `jwks_uri` the issuer's discovery document says where the keys are. Nothing is fetched yet."""
        self._issuer = issuer
        self._jwks_uri = jwks_uri
        self._channel = channel
        self._kept = Kept(
            self._fetch,
            lifetime=_LIFETIME,
            stale_lifetime=_STALE_LIFETIME,
            refetch_interval=_REFETCH_INTERVAL,
        )

    async def get(self) -> tuple[ProviderKey, ...]:
        """Return the keys. Raises ProviderUnavailable."""
        return await self._kept.get()

    async def newer_than(self, keys: tuple[ProviderKey, ...]) -> tuple[ProviderKey, ...] | None:
        """Return newer keys, or None when they may not be asked for yet."""
        return await self._kept.newer_than(keys)

    async def _fetch(self) -> tuple[ProviderKey, ...]:
        address = self._jwks_uri or await self._discovered()
        try:
            return read_keys(await self._body(address, "keys"))
        except NotUnderstood as error:
            raise ProviderUnavailable(f"keys of access tokens: {error}") from None

    async def _discovered(self) -> str:
        body = await self._body(metadata_url(self._issuer), "metadata")
        try:
            metadata = read_json(body, _Metadata)
            if metadata.issuer != self._issuer:
                raise NotUnderstood("the metadata are another issuer's")
            check_address("jwks_uri", metadata.jwks_uri, {urlsplit(self._issuer).hostname or ""})
        except NotUnderstood as error:
            raise ProviderUnavailable(f"metadata of the issuer of access tokens: {error}") from None
        return metadata.jwks_uri

    async def _body(self, address: str, what: str) -> bytes:
        try:
            answer = await self._channel.get(address)
        except NoAnswer as error:
            raise ProviderUnavailable(f"{what} of the issuer of access tokens: {error}") from None
        if answer.status != 200:
            raise ProviderUnavailable(f"{what} of the issuer of access tokens: status {answer.status}")
        return answer.body


class Keys(Protocol):
    """The keys of an issuer."""

    async def get(self) -> tuple[ProviderKey, ...]:
        """Return the keys. Raises ProviderUnavailable."""

    async def newer_than(self, keys: tuple[ProviderKey, ...]) -> tuple[ProviderKey, ...] | None:
        """Return newer keys, or None when there are none to be had now."""


class SignedTokens:
    """Reads tokens that one application's provider signed."""

    signed = True

    def __init__(self, terms: TokenTerms, *, keys: Keys) -> None:
        self._terms = terms
        self._keys = keys

    async def claims(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token whose signature is good. Raises TokenUnfit, ProviderUnavailable."""
        self._check_type(token)
        keys = await self._keys.get()
        try:
            return self._verified(token, keys)
        except (KeyNotFound, SignatureDiffers):
            newer = await self._keys.newer_than(keys)
        if newer is None:
            raise TokenUnfit("signed by none of the issuer's keys")
        try:
            return self._verified(token, newer)
        except (KeyNotFound, SignatureDiffers):
            raise TokenUnfit("signed by none of the issuer's keys") from None

    def _check_type(self, token: str) -> None:
        """`typ` tells an access token from the issuer's other tokens (RFC 9068, section 4; RFC 8725, section 3.11)."""
        try:
            named = type_of(token)
        except SignInRefused:
            raise TokenUnfit("not a signed token") from None
        kind = "jwt" if named is None else named.lower().removeprefix("application/")
        if kind not in {one.lower() for one in self._terms.types}:
            raise TokenUnfit("typ is not that of an access token")

    def _verified(self, token: str, keys: tuple[ProviderKey, ...]) -> Mapping[str, Any]:
        try:
            return verify_signature(token, keys, algorithms=self._terms.algorithms).claims
        except SignInRefused as refused:
            raise TokenUnfit(refused.detail.removeprefix("token: ")) from None
