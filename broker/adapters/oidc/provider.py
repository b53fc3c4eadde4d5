"""Signing in at an OpenID Provider: the conversation, in its order.

    authorization_url -> (the browser goes there and comes back) -> identify:
        the response checked -> the code redeemed -> the ID Token checked -> UserInfo fetched and checked -> the person

Authlib's client builds the request, proves the client and redeems the code. What it leaves unchecked is checked by the
pure functions of this package. One client per sign-in: Authlib's keeps the last token, and may not mix two persons.
"""

from __future__ import annotations

import hmac
import json
import logging
from base64 import b64encode
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from broker.adapters.http import Answer, BackChannel, NoAnswer
from broker.adapters.oidc.client_authentication import client_authentication
from broker.adapters.oidc.kept import Kept
from broker.adapters.oidc.keys import KeyNotFound, ProviderKey, read_keys
from broker.adapters.oidc.logout_token import check_logout_token
from broker.adapters.oidc.metadata import Metadata, check_issuer, metadata_url, read_metadata
from broker.adapters.oidc.person import acr_values_for, check_level, signed_in
from broker.adapters.oidc.response import code_from_response
from broker.adapters.oidc.settings import OidcSettings
from broker.adapters.oidc.tokens import (
    Expected,
    SignatureDiffers,
    VerifiedToken,
    check_audience,
    check_id_token,
    subject_of,
    type_of,
    verify_signature,
)
from broker.adapters.wire import NotUnderstood, read_json, read_plain
from broker.domain.session import SignInAttempt
from broker.ports import Clock, LoggedOut, LogoutRefused, Mismatch, ProviderUnavailable, SignedIn, SignInRefused

_log = logging.getLogger(__name__)

# RFC 6749 5.2. Any other code is logged as "another error".
_TOKEN_ERRORS = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    }
)


class _TokenResponse(msgspec.Struct):
    """RFC 6749 5.1, OpenID Connect Core 3.1.3.3. `expires_in` does not matter: the token serves once, now."""

    access_token: str
    token_type: str
    id_token: str


class OidcProvider:
    """The IdentityProvider port, for ACM or any other OpenID Provider with discovery."""

    def __init__(self, settings: OidcSettings, *, clock: Clock, channel: BackChannel) -> None:
        """Raises ValueError for settings that cannot work. Nothing is fetched before it is needed."""
        check_issuer(settings.issuer)
        self._settings = settings
        self._clock = clock
        self._channel = channel
        self._authenticate = client_authentication(
            settings.authentication, client_id=settings.client_id, issuer=settings.issuer, clock=clock
        )
        self._metadata = Kept(
            self._fetch_metadata,
            lifetime=settings.metadata_lifetime,
            stale_lifetime=settings.stale_lifetime,
            refetch_interval=settings.keys_refetch_interval,
        )
        self._keys = Kept(
            self._fetch_keys,
            lifetime=settings.keys_lifetime,
            stale_lifetime=settings.stale_lifetime,
            refetch_interval=settings.keys_refetch_interval,
        )

    async def ready(self) -> None:
        """Return when the provider's metadata and keys are at hand. Raises ProviderUnavailable."""
        await self._metadata.get()
        await self._keys.get()

    async def authorization_url(self, attempt: SignInAttempt) -> str:
        """Return where to send the browser. Raises ProviderUnavailable."""
        metadata, settings = await self._metadata.get(), self._settings
        asked = acr_values_for(attempt, settings.acr)
        max_age = self._max_age(attempt)
        extra = {
            "nonce": attempt.nonce,
            "acr_values": " ".join(asked) or None,
            "max_age": None if max_age is None else str(max_age),
            "ui_locales": attempt.language,
            "login_hint": self._organisation_hint(attempt),
        }
        url, _ = self._client().create_authorization_url(
            metadata.authorization_endpoint, state=attempt.state, code_verifier=attempt.code_verifier, **extra
        )
        return str(url)

    async def identify(self, attempt: SignInAttempt, response: Sequence[tuple[str, str]]) -> SignedIn:
        """Verify the answer from the browser to the person. Raises SignInRefused, ProviderUnavailable."""
        metadata = await self._metadata.get()
        code = code_from_response(response, state=attempt.state, metadata=metadata)
        tokens = await self._redeem(code, attempt, metadata)
        id_token = await self._verified(tokens.id_token)
        subject = check_id_token(id_token, self._expected(attempt, tokens))
        if attempt.subject is not None and attempt.subject != subject:
            raise SignInRefused(Mismatch.OTHER_PERSON, "another person came back than the one who stepped up")
        asked = acr_values_for(attempt, self._settings.acr)
        check_level(id_token.claims, asked=asked, level=attempt.level, acr=self._settings.acr)
        userinfo = await self._userinfo(metadata, tokens.access_token, subject=subject)
        return signed_in(
            id_token.claims,
            userinfo,
            subject=subject,
            acr=self._settings.acr,
            names=self._settings.claims,
            keeps_claims=self._settings.keeps_claims,
        )

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
        return endpoint + ("&" if urlsplit(endpoint).query else "?") + urlencode(parameters)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._channel.aclose()

    def _client(self) -> Any:
        settings = self._settings
        client = AsyncOAuth2Client(
            client_id=settings.client_id,
            redirect_uri=settings.redirect_uri,
            scope=" ".join(settings.scopes),
            code_challenge_method="S256",
            token_endpoint_auth_method="gateway",  # the name under which ours is registered below
            **self._channel.options(),
        )
        client.register_client_auth_method(("gateway", self._authenticate))
        client.register_compliance_hook("access_token_response", _check_token_answer)
        return client

    async def _redeem(self, code: str, attempt: SignInAttempt, metadata: Metadata) -> _TokenResponse:
        client = self._client()
        try:
            await client.fetch_token(
                metadata.token_endpoint,
                grant_type="authorization_code",
                code=code,
                code_verifier=attempt.code_verifier,
                redirect_uri=self._settings.redirect_uri,
            )
        except NoAnswer as error:
            raise ProviderUnavailable(f"token endpoint: {error}") from None
        except OAuthError as error:
            known = error.error if error.error in _TOKEN_ERRORS else "another error"
            raise SignInRefused(Mismatch.PROVIDER_ERROR, f"the token endpoint says {known}") from None
        except (ValueError, TypeError, OverflowError):  # Authlib reads `expires_in` without looking
            raise SignInRefused(Mismatch.BAD_RESPONSE, "the token response cannot be read") from None
        try:
            tokens = read_plain(dict(client.token), _TokenResponse)
        except NotUnderstood:
            # Core 3.1.3.3: without an ID Token nobody signed in, whatever else the answer holds.
            raise SignInRefused(Mismatch.BAD_RESPONSE, "the token response lacks a token") from None
        # RFC 6749 5.1: without regard to capitals.
        if tokens.token_type.lower() != "bearer" or not tokens.access_token.isascii() or not tokens.access_token:
            raise SignInRefused(Mismatch.BAD_RESPONSE, "the access token is of a kind that we cannot use")
        return tokens

    async def _verified(self, token: str) -> VerifiedToken:
        """Verify a signature, with newer keys once when the kept ones do not do (Core 10.1.1)."""
        algorithms = self._settings.algorithms
        keys = await self._keys.get()
        try:
            return verify_signature(token, keys, algorithms=algorithms)
        except (KeyNotFound, SignatureDiffers):
            newer = await self._keys.newer_than(keys)
        if newer is None:
            raise SignInRefused(Mismatch.BAD_TOKEN, "token: signed by none of the kept keys")
        try:
            return verify_signature(token, newer, algorithms=algorithms)
        except (KeyNotFound, SignatureDiffers):
            raise SignInRefused(Mismatch.BAD_TOKEN, "token: signed by none of the provider's keys") from None

    async def _userinfo(self, metadata: Metadata, access_token: str, *, subject: str) -> dict[str, Any]:
        if metadata.userinfo_endpoint is None:
            return {}
        answer = await self._get(
            metadata.userinfo_endpoint, "userinfo", headers={"authorization": f"Bearer {access_token}"}
        )
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
        answer = await self._get((await self._metadata.get()).jwks_uri, "keys")
        try:
            return read_keys(answer.body)
        except NotUnderstood as error:
            raise ProviderUnavailable(f"keys: {error}") from None

    async def _get(self, url: str, what: str, *, headers: dict[str, str] | None = None) -> Answer:
        try:
            answer = await self._channel.get(url, headers=headers)
        except NoAnswer as error:
            raise ProviderUnavailable(f"{what}: {error}") from None
        if answer.status != 200:
            raise ProviderUnavailable(f"{what}: status {answer.status}")
        return answer

    def _expected(self, attempt: SignInAttempt, tokens: _TokenResponse) -> Expected:
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
        return self._settings.step_up_max_age if attempt.level is not None else None

    def _organisation_hint(self, attempt: SignInAttempt) -> str | None:
        """Return ACM's hint for "gericht aanmelden", so that a person who steps up need not choose again."""
        if attempt.organisation is None or not self._settings.hints_organisation:
            return None
        hint = json.dumps({"cap_hint": "EA", "code_hint": attempt.organisation.digits}, separators=(",", ":"))
        return b64encode(hint.encode("ascii")).decode("ascii")


def _check_token_answer(response: Any) -> Any:
    """Look at the token endpoint's answer before Authlib does: its reader takes any size of nesting and any status."""
    if response.status_code not in (200, 400, 401):
        raise ProviderUnavailable(f"token endpoint: status {response.status_code}")
    try:
        document = read_json(response.content, dict[str, Any])
    except NotUnderstood as error:
        raise ProviderUnavailable(f"token endpoint: {error}") from None
    if not isinstance(document.get("error", "" if response.status_code == 200 else None), str):
        raise ProviderUnavailable(f"token endpoint: status {response.status_code} without an error code")
    return response


def _document(answer: Answer, what: str) -> dict[str, Any]:
    if answer.media_type != "application/json":
        raise ProviderUnavailable(f"{what}: not JSON")
    try:
        return read_json(answer.body, dict[str, Any])
    except NotUnderstood as error:
        raise ProviderUnavailable(f"{what}: {error}") from None
