"""Refreshing tokens (OpenID Connect Core 12, RFC 6749 section 6): the conversation, and what an answer must be.

A refresh never says anew how or when the person signed in; it says again who they are, and for how long we may know it.
Who may refresh when, and what follows from a refusal, is `broker/renewal`'s.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from joserfc.jwk import ECKey

from broker.adapters.oidc.client_calls import RefreshResponse
from broker.adapters.oidc.settings import OidcSettings
from broker.adapters.oidc.tokens import Expected, VerifiedToken, check_refreshed_id_token
from broker.domain.session import Identity, TokenGrant
from broker.ports import Clock, Mismatch, ProviderUnavailable, SignedIn, SignInRefused

# A provider that does not say how long its access token lives gets this of our own (RFC 6749 section 5.1).
UNKNOWN_LIFETIME = timedelta(minutes=5)
_LONGEST_LIFETIME = timedelta(days=1)
_RENEWED_BEFORE_THE_END = timedelta(minutes=5)


class TokenNotAccepted(ProviderUnavailable):
    """UserInfo answered 401: the access token that was given for it is no good (RFC 6750 section 3.1)."""


class Ask(Protocol):
    """Redeems a refresh token."""

    async def __call__(self, refresh_token: str, *, key: ECKey | None) -> RefreshResponse:
        """Raises SignInRefused when the grant is over, ProviderUnavailable."""


class AskUserinfo(Protocol):
    """Asks UserInfo about a subject."""

    async def __call__(self, access_token: str, *, subject: str, key: ECKey | None) -> dict[str, Any]:
        """Raises TokenNotAccepted, SignInRefused, ProviderUnavailable."""


class Tell(Protocol):
    """Makes a person of verified claims."""

    def __call__(self, id_token: VerifiedToken, userinfo: dict[str, Any], *, subject: str) -> SignedIn:
        """Raises SignInRefused."""


class Refreshes:
    """The refreshes of one provider: `verify` checks a signature, `new_key` makes a key for DPoP where that is used."""

    def __init__(
        self,
        settings: OidcSettings,
        *,
        clock: Clock,
        ask: Ask,
        verify: Callable[[str], Awaitable[VerifiedToken]],
        userinfo: AskUserinfo,
        told: Tell,
        new_key: Callable[[], ECKey | None],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._ask = ask
        self._verify = verify
        self._userinfo = userinfo
        self._told = told
        self._new_key = new_key

    async def refresh(
        self, identity: Identity, grant: TokenGrant, *, keep: Callable[[TokenGrant], Awaitable[None]]
    ) -> Identity:
        """Get new tokens, keep them, and return who the person is by them. Raises SignInRefused, ProviderUnavailable.

        UserInfo that does not accept the new token is asked once more, after one more refresh.
        """
        # The refresh token is bound to us as a client (RFC 9449 section 5); what it brings, to a key of its own.
        key = self._new_key()
        for attempts_left in (1, 0):
            tokens = await self._ask(grant.refresh_token, key=key)
            grant = self.grant(tokens.refresh_token or grant.refresh_token, tokens.expires_in, identity)
            # First of all: the former token may be used up, and what comes now can fail.
            await keep(grant)
            id_token = await self.check(tokens, identity)
            try:
                userinfo = await self._userinfo(tokens.access_token, subject=identity.subject, key=key)
            except TokenNotAccepted:
                if attempts_left:
                    continue
                raise
            if id_token is None:
                return identity
            renewed = refreshed_identity(identity, self._told(id_token, userinfo, subject=identity.subject))
            if renewed.claimed is not None:
                # What is believed of the person for the ID Token's life is refreshed before that is over.
                await keep(self.grant(grant.refresh_token, tokens.expires_in, renewed))
            return renewed
        raise AssertionError("the second attempt returns or raises")

    async def check(self, tokens: RefreshResponse, identity: Identity) -> VerifiedToken | None:
        """Return the ID Token of a refresh, verified, if there is one. Raises SignInRefused, ProviderUnavailable."""
        if tokens.id_token is None:
            return None
        id_token = await self._verify(tokens.id_token)
        check_refreshed_id_token(id_token, self._expected(tokens), identity=identity)
        return id_token

    def grant(self, refresh_token: str, expires_in: object, identity: Identity) -> TokenGrant:
        """Return what renews a session's tokens, by the answer that they came with."""
        believed_until = identity.claimed.valid_until if identity.claimed else None
        return grant_of(refresh_token, expires_in=expires_in, now=self._clock.now(), believed_until=believed_until)

    def _expected(self, tokens: RefreshResponse) -> Expected:
        return Expected(
            issuer=self._settings.issuer,
            client_id=self._settings.client_id,
            extra_audiences=self._settings.extra_audiences,
            nonce="",
            access_token=tokens.access_token,
            now=self._clock.now().timestamp(),
            leeway=self._settings.leeway,
            token_max_age=self._settings.token_max_age,
        )


def lifetime_of(expires_in: object) -> timedelta:
    """Return the life of an access token as the provider says, within reason; our own short one when it does not."""
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float):
        return UNKNOWN_LIFETIME
    if isinstance(expires_in, float) and math.isnan(expires_in):
        return UNKNOWN_LIFETIME
    return timedelta(seconds=max(min(expires_in, _LONGEST_LIFETIME.total_seconds()), 1))


def grant_of(
    refresh_token: str, *, expires_in: object, now: datetime, believed_until: datetime | None = None
) -> TokenGrant:
    """Return what renews the tokens, early enough. `believed_until` is when claims end on which everything rests."""
    lifetime = lifetime_of(expires_in)
    if believed_until is not None:
        lifetime = max(min(lifetime, believed_until - now), timedelta(seconds=1))
    renewed_after = lifetime - min(_RENEWED_BEFORE_THE_END, lifetime / 2)
    return TokenGrant(refresh_token=refresh_token, expires_at=now + lifetime, renew_at=now + renewed_after)


def refreshed_identity(identity: Identity, told: SignedIn) -> Identity:
    """Return who the person is by a refresh: names and claims anew, the sign-in as it was. Raises SignInRefused."""
    if told.identity.national_number != identity.national_number:
        raise SignInRefused(Mismatch.OTHER_PERSON, "refresh: the national number is another person's")
    return replace(
        identity,
        given_name=told.identity.given_name,
        family_name=told.identity.family_name,
        claimed=told.identity.claimed,
    )
