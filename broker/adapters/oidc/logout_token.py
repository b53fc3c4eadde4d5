"""Logout tokens: the provider says that a session of its own is over (OpenID Connect Back-Channel Logout 1.0, 2.6).

The steps of section 2.6 in their order, on a token whose signature was verified. No input or output.
"""

from __future__ import annotations

from broker.adapters.oidc.tokens import VerifiedToken, check_audience, instant_of, subject_of
from broker.ports import LoggedOut, LogoutRefused, SignInRefused

_EVENT = "http://schemas.openid.net/event/backchannel-logout"
# `logout+jwt` since the final text; providers that are older say `JWT` or nothing.
_TYPES = frozenset({"logout+jwt", "jwt"})
_MOST_TEXT = 255
# An honest provider sends the token at once; the rest is for a queue of its own. Replays are remembered for longer.
_MAX_AGE = 300.0


def check_logout_token(
    token: VerifiedToken,
    *,
    declared_type: str | None,
    issuer: str,
    client_id: str,
    extra_audiences: tuple[str, ...],
    now: float,
    leeway: float,
) -> LoggedOut:
    """Return whose session is over. Instants in seconds since 1970. Raises LogoutRefused."""
    if declared_type is not None and declared_type.lower().removeprefix("application/") not in _TYPES:
        raise LogoutRefused("typ is another kind of token")
    claims = token.claims
    if claims.get("iss") != issuer:
        raise LogoutRefused("iss is another issuer")
    try:
        check_audience(claims, client_id=client_id, extra=extra_audiences)
        expires, issued = instant_of(claims, "exp"), instant_of(claims, "iat")
        subject = subject_of(claims) if "sub" in claims else None
    except SignInRefused as refused:
        raise LogoutRefused(refused.detail) from None
    if expires is None or now >= expires + leeway:
        raise LogoutRefused("exp is absent or past")
    if issued is None or issued > now + leeway:
        raise LogoutRefused("iat is absent or in the future")
    if issued < now - _MAX_AGE - leeway:
        raise LogoutRefused("iat is too long ago")
    session = _text(claims["sid"], "sid") if "sid" in claims else None
    if subject is None and session is None:
        raise LogoutRefused("neither sub nor sid")
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(_EVENT), dict):
        raise LogoutRefused("events does not say that somebody signed out")
    if "nonce" in claims:
        raise LogoutRefused("nonce is there, as in an ID Token")  # section 2.4: so that neither passes for the other
    return LoggedOut(issuer=issuer, subject=subject, session=session, token_id=_text(claims.get("jti"), "jti"))


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= _MOST_TEXT:
        raise LogoutRefused(f"{name} is absent, empty or too long")
    return value
