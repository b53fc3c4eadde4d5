"""Signing in at an OpenID Provider: the conversation, in its order.

    authorization_url -> (the browser goes there and comes back) -> identify:
        the response checked -> the code redeemed -> the ID Token checked -> UserInfo fetched and checked -> the person

What is asked and how stands in `authorization_request`, calls that need proof of who we are in `client_calls`; every
rule about an answer is a pure function. Nothing of one sign-in is kept for the next: no two persons are mixed up.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from joserfc.jwk import ECKey

from broker.adapters.http import Answer, BackChannel, NoAnswer, read_by
from broker.adapters.oidc.authorization_request import (
    address_with,
    pushed_request,
    request_parameters,
    signed_request,
)
from broker.adapters.oidc.client_authentication import client_authentication
from broker.adapters.oidc.client_calls import ClientCalls, RefreshResponse, TokenResponse
from broker.adapters.oidc.client_keys import SigningKey
from broker.adapters.oidc.dpop import Proofs, proof_key
from broker.adapters.oidc.kept import Kept
from broker.adapters.oidc.keys import ProviderKey
from broker.adapters.oidc.logout_token import check_logout_token
from broker.adapters.oidc.metadata import Metadata, check_issuer, metadata_url, read_metadata
from broker.adapters.oidc.person import check_level, signed_in
from broker.adapters.oidc.published_keys import PublishedKeys, fetch_keys
from broker.adapters.oidc.refreshing import Refreshes, TokenNotAccepted
from broker.adapters.oidc.response import code_from_response
from broker.adapters.oidc.settings import OidcSettings
from broker.adapters.oidc.tokens import (
    Expected,
    VerifiedToken,
    check_audience,
    check_id_token,
    subject_of,
    type_of,
)
from broker.adapters.wire import NotUnderstood, read_json
from broker.domain.session import Identity, SignInAttempt, TokenGrant
from broker.ports import Clock, LoggedOut, LogoutRefused, Mismatch, ProviderUnavailable, SignedIn, SignInRefused


class OidcProvider:
    """The IdentityProvider port, for ACM or any other OpenID Provider with discovery."""

    def __init__(self, settings: OidcSettings, *, clock: Clock, channel: BackChannel) -> None:
        """Raises ValueError for settings that cannot work. Nothing is fetched before it is needed."""
        check_issuer(settings.issuer)
        self._settings = settings
        self._clock = clock
        self._channel = channel
        self._request_key = SigningKey(settings.request_key or "") if settings.signs_requests else None
        self._proofs = Proofs(clock=clock)
        prove = client_authentication(
            settings.authentication, client_id=settings.client_id, issuer=settings.issuer, clock=clock
        )
        self._calls = ClientCalls(channel=channel, prove=prove, proofs=self._proofs)
        self._metadata = Kept(
            self._fetch_metadata,
            lifetime=settings.metadata_lifetime,
            stale_lifetime=settings.stale_lifetime,
            refetch_interval=settings.keys_refetch_interval,
        )
        self._keys = PublishedKeys(
            self._fetch_keys,
            lifetime=settings.keys_lifetime,
            stale_lifetime=settings.stale_lifetime,
            refetch_interval=settings.keys_refetch_interval,
        )

        self._refreshes = Refreshes(
            settings,
            clock=clock,
            ask=self._refreshed,
            verify=self._verified,
            userinfo=self._userinfo,
            told=self._told,
            new_key=self._new_proof_key,
        )

    async def ready(self) -> None:
        """Return when the provider's metadata and keys are at hand. Raises ProviderUnavailable."""
        await self._metadata.get()
        await self._keys.ready()

    async def authorization_url(self, attempt: SignInAttempt) -> str:
        """Return where to send the browser. Raises ProviderUnavailable."""
        metadata, settings = await self._metadata.get(), self._settings
        key = self._proof_key(attempt)
        asked = request_parameters(attempt, settings, max_age=self._max_age(attempt), key=key)

        def request() -> Mapping[str, str]:
            if self._request_key is None:
                return asked
            return signed_request(asked, self._request_key, settings, now=self._clock.now())

        if not settings.pushes_requests:
            return address_with(metadata.authorization_endpoint, request())
        request_uri = await self._calls.push(request, metadata, key=key)
        return address_with(metadata.authorization_endpoint, pushed_request(settings.client_id, request_uri))

    async def identify(self, attempt: SignInAttempt, response: Sequence[tuple[str, str]]) -> SignedIn:
        """Verify the answer from the browser to the person. Raises SignInRefused, ProviderUnavailable."""
        metadata = await self._metadata.get()
        code = code_from_response(response, state=attempt.state, metadata=metadata)
        tokens = await self._redeem(code, attempt, metadata)
        id_token = await self._verified(tokens.id_token)
        subject = check_id_token(id_token, self._expected(attempt, tokens))
        if attempt.subject is not None and attempt.subject != subject:
            raise SignInRefused(Mismatch.OTHER_PERSON, "another person came back than the one who stepped up")
        check_level(id_token.claims, attempt.demand, self._settings.acr)
        key, refresh_token, expires_in, refreshed = (
            self._proof_key(attempt),
            tokens.refresh_token,
            tokens.expires_in,
            None,
        )
        try:
            userinfo = await self._userinfo(tokens.access_token, subject=subject, key=key)
        except TokenNotAccepted:
            if not self._settings.refreshes or refresh_token is None:
                raise
            refreshed = await self._refreshed(refresh_token, key=key)
            refresh_token, expires_in = refreshed.refresh_token or refresh_token, refreshed.expires_in
            userinfo = await self._userinfo(refreshed.access_token, subject=subject, key=key)
        told = self._told(id_token, userinfo, subject=subject)
        if refreshed is not None:
            await self._refreshes.check(refreshed, told.identity)
        if not self._settings.refreshes or refresh_token is None:
            return told
        return replace(told, grant=self._refreshes.grant(refresh_token, expires_in, told.identity))

    async def refresh(
        self, identity: Identity, grant: TokenGrant, *, keep: Callable[[TokenGrant], Awaitable[None]]
    ) -> Identity:
        """Get new tokens and return who the person is by them. Raises SignInRefused, ProviderUnavailable."""
        return await self._refreshes.refresh(identity, grant, keep=keep)

    async def revoke(self, grant: TokenGrant) -> None:
        """Revoke a refresh token where the provider has an endpoint for it. Raises ProviderUnavailable."""
        await self._calls.revoke(grant.refresh_token, await self._metadata.get())

    async def logout_url(self, *, state: str) -> str | None:
        """Return where ACM ends its own session (ACM, "Afmelden"). Raises ProviderUnavailable.

        Never with `id_token_hint`, which RP-Initiated Logout recommends: ACM's ID Token holds the national number,
        which would then stand in the browser's history and in logs on the way. ACM knows the client by `client_id`.
        """
        return await self._end_session_url(
            {
                "client_id": self._settings.client_id,
                "post_logout_redirect_uri": self._settings.post_logout_redirect_uri,
                "state": state,
            }
        )

    async def switch_url(self) -> str | None:
        """Return where ACM lets a person choose again (ACM, "Switch identiteit"). Raises ProviderUnavailable."""
        return await self._end_session_url(
            {
                "switch": "true",
                "client_id": self._settings.client_id,
                "post_logout_redirect_uri": self._settings.entry_uri,
            }
        )

    async def logged_out(self, token: str) -> LoggedOut:
        """Verify a logout token (Back-Channel Logout 2.6). Raises LogoutRefused, ProviderUnavailable."""
        settings = self._settings
        try:
            verified = await self._verified(token)
            declared = type_of(token)
        except SignInRefused as refused:
            raise LogoutRefused(refused.detail) from None
        return check_logout_token(
            verified,
            declared_type=declared,
            issuer=settings.issuer,
            client_id=settings.client_id,
            extra_audiences=settings.extra_audiences,
            now=self._clock.now().timestamp(),
            leeway=settings.leeway,
        )

    async def _end_session_url(self, parameters: dict[str, str]) -> str | None:
        endpoint = (await self._metadata.get()).end_session_endpoint
        if endpoint is None:
            return None
        return address_with(endpoint, parameters)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._channel.aclose()

    async def _redeem(self, code: str, attempt: SignInAttempt, metadata: Metadata) -> TokenResponse:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": attempt.code_verifier,
            "redirect_uri": self._settings.redirect_uri,
        }
        return await self._calls.tokens(form, metadata, key=self._proof_key(attempt))

    def _proof_key(self, attempt: SignInAttempt) -> ECKey | None:
        """Return the key that this sign-in's tokens are bound to; None where they are not, or to a certificate."""
        if self._settings.sender_constrained != "dpop":
            return None
        return proof_key(self._settings.dpop_secret, sign_in=attempt.state)

    def _new_proof_key(self) -> ECKey | None:
        """Return a key for the tokens of one refresh, where they are bound to one."""
        if self._settings.sender_constrained != "dpop":
            return None
        return proof_key(self._settings.dpop_secret, sign_in=secrets.token_urlsafe(32))

    async def _refreshed(self, refresh_token: str, *, key: ECKey | None) -> RefreshResponse:
        return await self._calls.refreshed(refresh_token, await self._metadata.get(), key=key)

    def _told(self, id_token: VerifiedToken, userinfo: dict[str, Any], *, subject: str) -> SignedIn:
        return signed_in(
            id_token.claims,
            userinfo,
            subject=subject,
            acr=self._settings.acr,
            names=self._settings.claims,
            keeps_claims=self._settings.keeps_claims,
        )

    async def _verified(self, token: str) -> VerifiedToken:
        return await self._keys.verify(token, algorithms=self._settings.algorithms)

    async def _userinfo(self, access_token: str, *, subject: str, key: ECKey | None) -> dict[str, Any]:
        metadata = await self._metadata.get()
        if metadata.userinfo_endpoint is None:
            return {}
        answer = await self._with_token(metadata.userinfo_endpoint, access_token, key=key)
        if answer.media_type == "application/jwt":
            token = await self._verified(answer.body.decode("ascii", errors="replace"))
            if token.claims.get("iss") != self._settings.issuer:
                raise SignInRefused(Mismatch.BAD_CLAIMS, "userinfo: iss is another issuer")
            check_audience(token.claims, client_id=self._settings.client_id, extra=self._settings.extra_audiences)
            claims = dict(token.claims)
        else:
            claims = _document(answer, "userinfo")
        # Core 5.3.2: else another person's facts could be put in the place of this one's.
        if not hmac.compare_digest(subject_of(claims), subject):
            raise SignInRefused(Mismatch.BAD_CLAIMS, "userinfo: sub is another person")
        return claims

    async def _with_token(self, address: str, access_token: str, *, key: ECKey | None) -> Answer:
        scheme = "Bearer" if key is None else "DPoP"

        async def call(proof: Mapping[str, str]) -> Answer:
            return await self._channel.get(address, headers={"authorization": f"{scheme} {access_token}", **proof})

        try:
            answer = await read_by(
                lambda: (
                    call({})
                    if key is None
                    else self._proofs.proven(call, key, method="GET", address=address, access_token=access_token)
                )
            )
        except NoAnswer as error:
            raise ProviderUnavailable(f"userinfo: {error}", lost=error.connection) from None
        if answer.status == 401:
            raise TokenNotAccepted("userinfo: status 401")
        return _successful(answer, "userinfo")

    async def jwks_uri(self) -> str:
        """Return where the provider publishes its keys. Raises ProviderUnavailable."""
        return (await self._metadata.get()).jwks_uri

    async def _fetch_metadata(self) -> Metadata:
        answer = await self._get(metadata_url(self._settings.issuer), "metadata")
        try:
            return read_metadata(answer.body, self._settings)
        except NotUnderstood as error:
            raise ProviderUnavailable(f"metadata: {error}") from None

    async def _fetch_keys(self) -> tuple[ProviderKey, ...]:
        return await fetch_keys(await self.jwks_uri(), channel=self._channel, whose="keys")

    async def _get(self, url: str, what: str, *, headers: dict[str, str] | None = None) -> Answer:
        try:
            answer = await read_by(lambda: self._channel.get(url, headers=headers))
        except NoAnswer as error:
            raise ProviderUnavailable(f"{what}: {error}") from None
        return _successful(answer, what)

    def _expected(self, attempt: SignInAttempt, tokens: TokenResponse) -> Expected:
        max_age = self._max_age(attempt)
        return Expected(
            issuer=self._settings.issuer,
            client_id=self._settings.client_id,
            extra_audiences=self._settings.extra_audiences,
            nonce=attempt.nonce,
            access_token=tokens.access_token,
            now=self._clock.now().timestamp(),
            leeway=self._settings.leeway,
            token_max_age=self._settings.token_max_age,
            authenticated_since=None if max_age is None else attempt.began_at.timestamp() - max_age,
        )

    def _max_age(self, attempt: SignInAttempt) -> int | None:
        """Return the most seconds that the sign-in may be old; None when nothing was asked, and nothing is checked."""
        always = self._settings.step_up_max_age if attempt.level is not None else None
        return min((age for age in (attempt.max_age, always) if age is not None), default=None)


def _successful(answer: Answer, what: str) -> Answer:
    if answer.status != 200:
        raise ProviderUnavailable(f"{what}: status {answer.status}")
    return answer


def _document(answer: Answer, what: str) -> dict[str, Any]:
    if answer.media_type != "application/json":
        raise ProviderUnavailable(f"{what}: not JSON")
    try:
        return read_json(answer.body, dict[str, Any])
    except NotUnderstood as error:
        raise ProviderUnavailable(f"{what}: {error}") from None
