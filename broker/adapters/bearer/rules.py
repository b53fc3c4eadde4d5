"""What an access token must say, whether it was signed or introspected. No I/O; every doubt is a refusal.

Audience, issuer, end and scope are never optional: a token of the same provider for another service, or for less than
this application wants, is the ordinary attack (GHSA-wcvh-g65p-v576, CVE-2021-32701, CVE-2024-47616).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from broker.adapters.bearer.settings import TokenTerms
from broker.adapters.oidc.roles import claimed_roles
from broker.adapters.oidc.tokens import instant_of, subject_of
from broker.domain.machine import Machine, TokenClaims, TokenError, TokenRefused
from broker.domain.numbers import EnterpriseNumber, InvalidNumberError
from broker.ports import SignInRefused

# What ID Tokens (OpenID Connect Core 2), logout tokens and security events (RFC 8417) hold and access tokens do not.
_OF_OTHER_TOKENS = ("nonce", "at_hash", "c_hash", "s_hash", "events")
# What stands in a token only when a person signed in for it (RFC 9068, section 2.2.1). People come with a browser.
_OF_A_PERSON = ("auth_time", "amr")
_MAX_TEXT = 255
_MAX_SCOPE = 8192


class TokenUnfit(Exception):
    """A token that breaks a rule; `refused` says which."""

    def __init__(self, detail: str, error: TokenError = TokenError.INVALID_TOKEN) -> None:
        super().__init__(detail)
        self.refused = TokenRefused(error=error, detail=detail)


def check_claims(claims: Mapping[str, Any], terms: TokenTerms, *, now: float, signed: bool) -> TokenClaims:
    """Return what the claims say. Raises TokenUnfit.

    `signed` is for claims of a JWT, which must name issuer and time of issue themselves. An introspection answer may
    leave these out (RFC 7662, section 2.2): the endpoint that was asked is the issuer's.
    """
    _check_issuer(claims, terms, required=signed)
    _check_audience(claims, terms)
    _check_kind(claims, terms)
    expires_at = _check_times(claims, terms, now=now, issued_required=signed)
    machine = _machine(claims, terms)
    _check_scope(claims, terms)
    roles, _ = claimed_roles(claims, name=terms.role_claim)
    return TokenClaims(
        machine=machine,
        organisation=_organisation(claims, terms),
        roles=roles,
        expires_at=datetime.fromtimestamp(expires_at, UTC),
        bound_to=_bound_to(claims),
    )


def _check_issuer(claims: Mapping[str, Any], terms: TokenTerms, *, required: bool) -> None:
    if not required and "iss" not in claims:
        return
    if claims.get("iss") != terms.issuer:
        raise TokenUnfit("iss is absent or another issuer")


def _check_audience(claims: Mapping[str, Any], terms: TokenTerms) -> None:
    """One of the audiences is exactly ours; one that is no text makes the whole unreadable (CVE-2020-26160)."""
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if not all(isinstance(one, str) for one in audiences) or terms.audience not in audiences:
        raise TokenUnfit("aud is absent or does not name this application")


def _check_kind(claims: Mapping[str, Any], terms: TokenTerms) -> None:
    if any(name in claims for name in _OF_OTHER_TOKENS):
        raise TokenUnfit("this is an ID Token or another token, not an access token")
    kind = claims.get("token_type")  # of an introspection answer: a refresh token may be active too
    if kind is not None and not (isinstance(kind, str) and kind.lower() in ("bearer", "dpop", "access_token")):
        raise TokenUnfit("token_type is not that of an access token")
    # An `acr` that is none of the provider's ways to sign in says nothing: some write one into every token.
    acr = claims.get("acr")
    if any(name in claims for name in _OF_A_PERSON) or (isinstance(acr, str) and acr in terms.persons_acr):
        raise TokenUnfit("a person signed in for this token; only a client's own token opens an API")


def _check_times(claims: Mapping[str, Any], terms: TokenTerms, *, now: float, issued_required: bool) -> float:
    try:
        expires, issued, not_before = (instant_of(claims, name) for name in ("exp", "iat", "nbf"))
    except SignInRefused:
        raise TokenUnfit("exp, iat or nbf is not a time") from None
    # No leeway here: what rests on the token (a stream) ends at this very instant.
    if expires is None or now >= expires:
        raise TokenUnfit("exp is absent or past")
    if issued is None and issued_required:
        raise TokenUnfit("iat is absent")
    if issued is not None and issued > now + terms.leeway:
        raise TokenUnfit("iat is in the future")
    if not_before is not None and not_before > now + terms.leeway:
        raise TokenUnfit("nbf is in the future")
    begins = min(now, now if issued is None else issued)
    if expires - begins > terms.max_lifetime:
        raise TokenUnfit("exp is further away than this application accepts")
    return expires


def _machine(claims: Mapping[str, Any], terms: TokenTerms) -> Machine:
    """`client_id` (RFC 9068, section 2.2), or `azp` where a provider writes that."""
    client = claims.get("client_id", claims.get("azp"))
    if not isinstance(client, str) or not 1 <= len(client) <= _MAX_TEXT or not client.isprintable():
        raise TokenUnfit("client_id is absent, empty or too long")
    if claims.get("azp", client) != client:
        raise TokenUnfit("client_id and azp are two clients")
    if "sub" not in claims:
        # RFC 7662 leaves it optional, and a client's own token is about the client.
        return Machine(issuer=terms.issuer, client_id=client, subject=client)
    try:
        return Machine(issuer=terms.issuer, client_id=client, subject=subject_of(claims))
    except SignInRefused:
        raise TokenUnfit("sub is empty, too long or not ASCII") from None


def _check_scope(claims: Mapping[str, Any], terms: TokenTerms) -> None:
    """All scopes that the application wants, whole words only (RFC 8693, section 4.2)."""
    scope = claims.get("scope")
    if not isinstance(scope, str) or len(scope) > _MAX_SCOPE:
        raise TokenUnfit("scope is absent or not a text")
    if not set(terms.scopes) <= set(scope.split(" ")):
        raise TokenUnfit("the token lacks a scope that is needed here", TokenError.INSUFFICIENT_SCOPE)


def _organisation(claims: Mapping[str, Any], terms: TokenTerms) -> EnterpriseNumber:
    code = claims.get(terms.organisation_claim)
    try:
        if isinstance(code, str):
            return EnterpriseNumber.parse(code)
    except InvalidNumberError:
        pass
    raise TokenUnfit("the token names no organisation, or not by an enterprise number")


def _bound_to(claims: Mapping[str, Any]) -> str | None:
    """The thumbprint in `cnf` (RFC 9449, section 6.1). Another binding cannot be proven here, so it is no use."""
    if "cnf" not in claims:
        return None
    confirmation = claims["cnf"]
    if not isinstance(confirmation, dict) or set(confirmation) != {"jkt"}:
        raise TokenUnfit("the token is bound in a way that cannot be proven here")
    thumbprint = confirmation["jkt"]
    if not isinstance(thumbprint, str) or not 1 <= len(thumbprint) <= _MAX_TEXT:
        raise TokenUnfit("the token is bound to a key that cannot be read")
    return thumbprint
