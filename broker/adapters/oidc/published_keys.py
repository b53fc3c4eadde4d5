"""The key set that somebody publishes (RFC 7517), kept for a while, and signatures held against it.

One mechanism for ID Tokens, access tokens and security events; what else such a token must say is theirs to check.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from broker.adapters.http import BackChannel, NoAnswer, read_by
from broker.adapters.oidc.kept import Kept
from broker.adapters.oidc.keys import KeyNotFound, ProviderKey, read_keys
from broker.adapters.oidc.tokens import SignatureDiffers, VerifiedToken, verify_signature
from broker.adapters.wire import NotUnderstood
from broker.ports import Mismatch, ProviderUnavailable, SignInRefused


class SignedByNone(SignInRefused):
    """None of the published keys made the signature.

    `may_be_new`: the token names a key that we do not know and may not look up yet, so it may be genuine all the same.
    """

    def __init__(self, *, may_be_new: bool) -> None:
        super().__init__(Mismatch.BAD_TOKEN, "token: signed by none of the published keys")
        self.may_be_new = may_be_new


class PublishedKeys:
    """The keys of one signer. Durations in seconds."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[tuple[ProviderKey, ...]]],
        *,
        lifetime: float,
        stale_lifetime: float,
        refetch_interval: float,
    ) -> None:
        """`fetch` raises ProviderUnavailable, as `fetch_keys` does. Nothing is fetched before it is needed."""
        self._kept = Kept(fetch, lifetime=lifetime, stale_lifetime=stale_lifetime, refetch_interval=refetch_interval)

    async def ready(self) -> None:
        """Return when the keys are at hand. Raises ProviderUnavailable."""
        await self._kept.get()

    async def verify(self, token: str, *, algorithms: tuple[str, ...]) -> VerifiedToken:
        """Return the content of a signed token, looking for newer keys once when the kept ones do not do (Core 10.1.1).

        Raises SignedByNone and, for a token that is none, SignInRefused; ProviderUnavailable when there are no keys.
        """
        keys = await self._kept.get()
        try:
            return verify_signature(token, keys, algorithms=algorithms)
        except (KeyNotFound, SignatureDiffers) as error:
            unknown = isinstance(error, KeyNotFound)
        newer = await self._kept.newer_than(keys)
        if newer is None:
            raise SignedByNone(may_be_new=unknown)
        try:
            return verify_signature(token, newer, algorithms=algorithms)
        except (KeyNotFound, SignatureDiffers):
            raise SignedByNone(may_be_new=False) from None


async def fetch_keys(address: str, *, channel: BackChannel, whose: str) -> tuple[ProviderKey, ...]:
    """Return the keys published at an address. Raises ProviderUnavailable, which says `whose` they are."""
    try:
        answer = await read_by(lambda: channel.get(address))
        if answer.status != 200:
            raise ProviderUnavailable(f"{whose}: status {answer.status}")
        return read_keys(answer.body)
    except (NoAnswer, NotUnderstood) as error:
        raise ProviderUnavailable(f"{whose}: {error}") from None
