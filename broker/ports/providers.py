"""What the gateway needs from OpenID Providers: sign-ins, logouts, access tokens of programs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from broker.domain.claims import ClaimedRole
from broker.domain.machine import Presented, TokenClaims, TokenRefused
from broker.domain.numbers import EnterpriseNumber
from broker.domain.session import Identity, SignInAttempt, TokenGrant


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """What came back from the provider, verified.

    `chosen` is the organisation chosen at ACM (`vo_orgcode`), `represents` what ACM says in `wv_orgcode`. They only
    suggest: the registers decide (docs/decisions/0006). Where none is asked, `identity.claimed` is what counts (0015).
    """

    identity: Identity
    chosen: EnterpriseNumber | None = None
    represents: EnterpriseNumber | None = None
    target_group: str | None = None
    roles: tuple[ClaimedRole, ...] = ()
    grant: TokenGrant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedOut:
    """What the provider ended, verified: one session (`sid`), or without one all sessions of a subject.

    `token_id` is the same when the same token is sent again.
    """

    issuer: str
    subject: str | None
    session: str | None
    token_id: str


class IdentityProvider(Protocol):
    """ACM, or any other OpenID Provider."""

    async def authorization_url(self, attempt: SignInAttempt) -> str:
        """Return where to send the browser. Raises ProviderUnavailable."""

    async def identify(self, attempt: SignInAttempt, response: Sequence[tuple[str, str]]) -> SignedIn:
        """Verify the authorization response, redeem the code, verify the ID Token and UserInfo.

        `response` are the parameters of the callback, in order, duplicates included, `state` already matched to the
        attempt. Raises SignInRefused, ProviderUnavailable.
        """

    async def logout_url(self, *, state: str) -> str | None:
        """Return where the provider ends its own session, or None when it offers nothing.

        Raises ProviderUnavailable.
        """

    async def refresh(
        self, identity: Identity, grant: TokenGrant, *, keep: Callable[[TokenGrant], Awaitable[None]]
    ) -> Identity:
        """Get new tokens for a session, and return who the person is by what comes with them.

        `keep` is awaited with what replaces the grant, before anything that could fail: the former one may be used up.
        Raises SignInRefused when the session may not go on, ProviderUnavailable when it is not known, and what `keep`
        raises.
        """

    async def revoke(self, grant: TokenGrant) -> None:
        """Tell the provider that a grant is not needed any more, where it wants to know. Raises ProviderUnavailable."""

    async def switch_url(self) -> str | None:
        """Return where the person chooses again for whom they act, keeping their session at the provider.

        None when the provider offers nothing. Raises ProviderUnavailable.
        """

    async def logged_out(self, token: str) -> LoggedOut:
        """Verify a logout token. Raises LogoutRefused, ProviderUnavailable."""


class LogoutTokens(Protocol):
    """Verifies what providers send when somebody signed out there: one provider does, and so do several together."""

    async def logged_out(self, token: str) -> LoggedOut:
        """Verify a logout token. Raises LogoutRefused, ProviderUnavailable."""


class AccessTokens(Protocol):
    """Verifies the access tokens of one application's machine clients."""

    async def admit(self, presented: Presented, *, method: str, address: str) -> TokenClaims | TokenRefused:
        """Return what a token says that came with a request for `address` (without query).

        Raises ProviderUnavailable, StoreUnavailable.
        """

    async def again(self, token: str) -> TokenClaims | TokenRefused:
        """Return what the token of a request that still runs says now. Raises ProviderUnavailable."""
