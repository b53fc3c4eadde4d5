"""The authorization response: what the browser brings back, checked before anything is asked of the provider.

Source: OpenID Connect Core 3.1.2.5 to 3.1.2.7, RFC 6749 4.1.2, RFC 9207. What the response says in `error_description`
or `error_uri` is never shown nor logged: anybody can write it into a link. No input or output.
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Sequence

from broker.adapters.oidc.metadata import Metadata
from broker.ports import Mismatch, SignInRefused

# RFC 6749 4.1.2.1, OpenID Connect Core 3.1.2.6. Any other code is logged as "another error".
_ERRORS = frozenset(
    {
        "invalid_request",
        "unauthorized_client",
        "access_denied",
        "unsupported_response_type",
        "invalid_scope",
        "server_error",
        "temporarily_unavailable",
        "invalid_request_uri",
        "invalid_request_object",
        "request_not_supported",
        "request_uri_not_supported",
        "registration_not_supported",
    }
)
# OpenID Connect Core 3.1.2.6: the person has to do something first. We never forbid asking (prompt=none), so asking
# once more, and saying so, is the way on.
_NEEDS_THE_PERSON = frozenset(
    {"login_required", "interaction_required", "account_selection_required", "consent_required"}
)
# We never ask for these (RFC 9700 2.1.2), so somebody else put them there.
_NEVER_ASKED_FOR = frozenset({"access_token", "id_token", "token_type", "response", "refresh_token"})
_MAX_CODE = 4096


def code_from_response(response: Sequence[tuple[str, str]], *, state: str, metadata: Metadata) -> str:
    """Return the authorization code. Raises SignInRefused."""
    counts = Counter(name for name, _ in response)
    if any(count > 1 for count in counts.values()):
        raise SignInRefused(Mismatch.BAD_RESPONSE, "a parameter of the response came twice")  # RFC 6749 3.1
    if _NEVER_ASKED_FOR & counts.keys():
        raise SignInRefused(Mismatch.BAD_RESPONSE, "the response holds what was never asked for")
    parameters = dict(response)
    if not hmac.compare_digest(parameters.get("state", "").encode(errors="replace"), state.encode()):
        raise SignInRefused(Mismatch.BAD_RESPONSE, "the response has another state")
    _check_issuer(parameters.get("iss"), metadata)
    code, error = parameters.get("code"), parameters.get("error")
    if error is not None and code is not None:
        raise SignInRefused(Mismatch.BAD_RESPONSE, "the response holds both a code and an error")
    if error is not None:
        raise refusal(error)
    if not code or len(code) > _MAX_CODE or not all(" " <= character <= "~" for character in code):
        raise SignInRefused(Mismatch.BAD_RESPONSE, "the response holds no usable code")
    return code


def refusal(error: str) -> SignInRefused:
    """Return what an error code of the authorization endpoint means for the person."""
    if error == "access_denied":
        return SignInRefused(Mismatch.CANCELLED, "the provider says access_denied")
    if error in _NEEDS_THE_PERSON:
        return SignInRefused(Mismatch.INTERACTION_NEEDED, f"the provider says {error}")
    known = error if error in _ERRORS else "another error"
    return SignInRefused(Mismatch.PROVIDER_ERROR, f"the provider says {known}")


def _check_issuer(issuer: str | None, metadata: Metadata) -> None:
    # RFC 9207 2.4: compared as a plain string, for errors as well; required once the metadata promise it. Without that
    # promise the ID Token's `iss` covers it.
    if issuer is None:
        if metadata.names_itself_in_responses:
            raise SignInRefused(Mismatch.BAD_RESPONSE, "the response lacks the issuer that the metadata promise")
        return
    if issuer != metadata.issuer:
        raise SignInRefused(Mismatch.BAD_RESPONSE, "the response is another issuer's")
