"""Logout tokens of several providers arrive at one address: the issuer that a token names says whose keys to try.

What it names is not believed: the provider of that name verifies the token, `iss` included, or refuses it.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Mapping

import msgspec

from broker.adapters.wire import NotUnderstood, read_json
from broker.ports import IdentityProvider, LoggedOut, LogoutRefused


class _Claims(msgspec.Struct):
    iss: str


class SeveralLogoutTokens:
    """The LogoutTokens port."""

    def __init__(self, providers: Mapping[str, IdentityProvider]) -> None:
        """`providers` by their issuer."""
        self._providers = providers

    async def logged_out(self, token: str) -> LoggedOut:
        """Let the provider that a token names verify it. Raises LogoutRefused, ProviderUnavailable."""
        provider = self._providers.get(_issuer_named_in(token))
        if provider is None:
            raise LogoutRefused("iss is another issuer")
        return await provider.logged_out(token)


def _issuer_named_in(token: str) -> str:
    _, _, rest = token.partition(".")
    payload, _, _ = rest.partition(".")
    try:
        return read_json(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), _Claims).iss
    except (NotUnderstood, ValueError):
        raise LogoutRefused("not a signed token") from None
