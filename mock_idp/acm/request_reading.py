"""Raw authorization parameters into an AuthorizationRequest, or a refusal with the standard's error name.

Client and redirect address have been checked before (`authorize`): only then may an error travel back by redirect.
"""

from __future__ import annotations

import json
from base64 import b64decode, urlsafe_b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping

from mock_idp.acm.answers import OAuthError
from mock_idp.acm.clients import Client
from mock_idp.acm.requests import AuthorizationRequest, ResponseMode
from mock_idp.numbers import parse_enterprise_number

PROMPTS = ("none", "login", "consent", "select_account")
LANGUAGES = ("nl", "en")


def read_response_mode(parameters: Mapping[str, str]) -> ResponseMode:
    """Raises OAuthError, whose answer then goes back in the query."""
    text = parameters.get("response_mode", ResponseMode.QUERY)
    if text not in tuple(ResponseMode):
        raise OAuthError("invalid_request", f"response_mode is one of {', '.join(ResponseMode)}")
    return ResponseMode(text)


def read_request(
    parameters: Mapping[str, str],
    client: Client,
    *,
    redirect_uri: str,
    response_mode: ResponseMode,
    session_id: str | None,
) -> AuthorizationRequest:
    """Raises OAuthError."""
    _check_response_type(parameters)
    organisation, target_group = _login_hint(parameters.get("login_hint", ""))
    return AuthorizationRequest(
        client_id=client.client_id,
        redirect_uri=redirect_uri,
        response_mode=response_mode,
        scopes=_scopes(parameters, client),
        state=parameters.get("state"),
        nonce=parameters.get("nonce"),
        code_challenge=_code_challenge(parameters),
        acr_values=tuple(parameters.get("acr_values", "").split()),
        claims_in_userinfo=_claims_in_userinfo(parameters.get("claims", "")),
        prompts=_prompts(parameters),
        max_age=_max_age(parameters.get("max_age")),
        language=_language(parameters.get("ui_locales", "")),
        hinted_organisation=organisation,
        hinted_target_group=target_group,
        session_id=session_id,
        dpop_jkt=parameters.get("dpop_jkt"),
    )


def refused_request(
    parameters: Mapping[str, str], client: Client, *, redirect_uri: str, response_mode: ResponseMode
) -> AuthorizationRequest:
    """The little that is needed to send an error back: where to, and the state."""
    return AuthorizationRequest(
        client_id=client.client_id,
        redirect_uri=redirect_uri,
        response_mode=response_mode,
        scopes=(),
        state=parameters.get("state"),
        nonce=None,
        code_challenge=None,
        acr_values=(),
        claims_in_userinfo=(),
        prompts=(),
        max_age=None,
        language=LANGUAGES[0],
        hinted_organisation=None,
        hinted_target_group=None,
        session_id=None,
    )


def _check_response_type(parameters: Mapping[str, str]) -> None:
    if "response_type" not in parameters:
        raise OAuthError("invalid_request", "response_type is missing")
    if parameters["response_type"] != "code":
        raise OAuthError("unsupported_response_type", "only response_type=code is supported")


def _scopes(parameters: Mapping[str, str], client: Client) -> tuple[str, ...]:
    scopes = tuple(dict.fromkeys(parameters.get("scope", "").split()))
    if "openid" not in scopes:
        raise OAuthError("invalid_scope", "scope must contain openid")
    foreign = sorted(set(scopes) - set(client.scopes))
    if foreign:
        # ACM refuses at once, before it asks anybody to sign in (ACM's page on scopes and claims).
        raise OAuthError("invalid_scope", f"this client may not ask for {', '.join(foreign)}")
    return scopes


def _code_challenge(parameters: Mapping[str, str]) -> str | None:
    challenge = parameters.get("code_challenge")
    method = parameters.get("code_challenge_method")
    if challenge is None:
        if method is not None:
            raise OAuthError("invalid_request", "code_challenge_method without code_challenge")
        return None
    # ACM also lists "plain"; RFC 9700 section 2.1.1 is why the mock doesn't.
    if method != "S256":
        raise OAuthError("invalid_request", "code_challenge_method must be S256")
    if len(challenge) != 43:
        raise OAuthError("invalid_request", "an S256 code_challenge has 43 characters (RFC 7636 section 4.2)")
    return challenge


def _prompts(parameters: Mapping[str, str]) -> tuple[str, ...]:
    prompts = tuple(parameters.get("prompt", "").split())
    if any(prompt not in PROMPTS for prompt in prompts) or ("none" in prompts and len(prompts) > 1):
        raise OAuthError("invalid_request", "prompt is none alone, or some of login, consent, select_account")
    return prompts


def _max_age(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise OAuthError("invalid_request", "max_age is a number of seconds")
    return int(text)


def _language(ui_locales: str) -> str:
    wished = (tag.split("-")[0].lower() for tag in ui_locales.split())
    return next((language for language in wished if language in LANGUAGES), LANGUAGES[0])


def _claims_in_userinfo(text: str) -> tuple[str, ...]:
    """The names asked for under `userinfo` of the claims parameter (OpenID Connect Core section 5.5)."""
    if not text:
        return ()
    try:
        asked = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise OAuthError("invalid_request", "claims is not JSON") from error
    userinfo = asked.get("userinfo", {}) if isinstance(asked, dict) else None
    if not isinstance(userinfo, dict):
        raise OAuthError("invalid_request", "claims is not of the form that OpenID Connect Core 5.5 describes")
    return tuple(str(name) for name in userinfo)


def _login_hint(text: str) -> tuple[str | None, str | None]:
    """ACM's *gericht aanmelden*: base64 of JSON with `cap_hint` (target group) and `code_hint` (organisation).

    Any other hint is ignored: OpenID Connect Core 3.1.2.1 leaves the hint's use to the provider.
    """
    try:
        padded = text + "=" * (-len(text) % 4)
        decoded = urlsafe_b64decode(padded) if "-" in text or "_" in text else b64decode(padded)
        hint = json.loads(decoded)
    except (Base64Error, ValueError, RecursionError):
        return None, None
    if not isinstance(hint, dict):
        return None, None
    group, organisation = hint.get("cap_hint"), hint.get("code_hint")
    return (
        parse_enterprise_number(organisation) if isinstance(organisation, str) else None,
        group if isinstance(group, str) else None,
    )
