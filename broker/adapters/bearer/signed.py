"""Access tokens that are JWTs (RFC 9068): the signature, by keys from the provider's key set. No claim is judged here.

A signature is verified for every request: nothing of a token is kept, so that nothing can be mistaken for another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from broker.adapters.bearer.rules import TokenUnfit
from broker.adapters.bearer.settings import TokenTerms
from broker.adapters.http import BackChannel, NoAnswer, read_by
from broker.adapters.oidc.keys import ProviderKey
from broker.adapters.oidc.metadata import check_address, metadata_url
from broker.adapters.oidc.published_keys import PublishedKeys, fetch_keys
from broker.adapters.oidc.tokens import type_of
from broker.adapters.wire import NotUnderstood, read_json
from broker.ports import ProviderUnavailable, SignInRefused

_LIFETIME = 600.0
_STALE_LIFETIME = 86400.0
_REFETCH_INTERVAL = 60.0  # whoever invents key names causes one fetch a minute at most


class _Metadata(msgspec.Struct):
    """The one thing we need of discovery; a provider of access tokens alone has no authorization endpoint."""

    issuer: str
    jwks_uri: str


def issuer_keys(*, issuer: str, jwks_uri: str | None, channel: BackChannel) -> PublishedKeys:
    """Return the public keys of one issuer, to be shared by all applications whose tokens it signs.

    Without `jwks_uri` the issuer's discovery document says where the keys are. Nothing is fetched yet.
    """

    async def fetch() -> tuple[ProviderKey, ...]:
        address = jwks_uri or await _discovered(issuer, channel)
        return await fetch_keys(address, channel=channel, whose="keys of the issuer of access tokens")

    return PublishedKeys(fetch, lifetime=_LIFETIME, stale_lifetime=_STALE_LIFETIME, refetch_interval=_REFETCH_INTERVAL)


async def _discovered(issuer: str, channel: BackChannel) -> str:
    try:
        answer = await read_by(lambda: channel.get(metadata_url(issuer)))
        if answer.status != 200:
            raise NotUnderstood(f"status {answer.status}")
        metadata = read_json(answer.body, _Metadata)
        if metadata.issuer != issuer:
            raise NotUnderstood("the metadata are another issuer's")
        check_address("jwks_uri", metadata.jwks_uri, {urlsplit(issuer).hostname or ""})
    except (NoAnswer, NotUnderstood) as error:
        raise ProviderUnavailable(f"metadata of the issuer of access tokens: {error}") from None
    return metadata.jwks_uri


class SignedTokens:
    """Reads tokens that one application's provider signed."""

    signed = True

    def __init__(self, terms: TokenTerms, *, keys: PublishedKeys) -> None:
        self._terms = terms
        self._keys = keys

    async def claims(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token whose signature is good. Raises TokenUnfit, ProviderUnavailable."""
        self._check_type(token)
        try:
            return (await self._keys.verify(token, algorithms=self._terms.algorithms)).claims
        except SignInRefused as refused:
            raise TokenUnfit(refused.detail.removeprefix("token: ")) from None

    def _check_type(self, token: str) -> None:
        """`typ` tells an access token from the issuer's other tokens (RFC 9068, section 4; RFC 8725, section 3.11)."""
        try:
            named = type_of(token)
        except SignInRefused:
            raise TokenUnfit("not a signed token") from None
        kind = "jwt" if named is None else named.lower().removeprefix("application/")
        if kind not in {one.lower() for one in self._terms.types}:
            raise TokenUnfit("typ is not that of an access token")
