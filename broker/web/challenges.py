"""What a program that may not pass is told to come back with: WWW-Authenticate (RFC 6750, section 3; RFC 9470).

About tokens only for applications that take them: elsewhere a program can do nothing about it. That a person has to
sign in more certainly or anew is told to all: the page around the program can pass that on.
"""

from __future__ import annotations

from broker.domain.admission import SignIn, StepUp
from broker.domain.demand import AcrTable, Demand
from broker.domain.machine import ApiTerms, Scheme, TokenError, TokenRefused
from broker.ports import Passage

# Asymmetric, as `adapters/bearer/dpop` accepts them (RFC 9449, section 7.1).
_PROOF_ALGORITHMS = "ES256 ES384 ES512 PS256 RS256"


def challenges(passage: Passage, acr: AcrTable) -> list[tuple[bytes, bytes]]:
    """Return the header fields for a request that is not forwarded; none where another token would not help."""
    if isinstance(passage.outcome, StepUp):
        return [_field(passage.scheme or Scheme.BEARER, passage, _needed(passage.outcome.demand, acr))]
    if passage.api is None:
        return []
    match passage.outcome:
        case SignIn():
            members = {"scope": " ".join(passage.api.scopes)}
            return [_field(scheme, passage, members) for scheme in _schemes(passage.api)]
        case TokenRefused(error=error, detail=detail):
            members = {"error": error.value, "error_description": detail}
            if error is TokenError.INSUFFICIENT_SCOPE:
                members["scope"] = " ".join(passage.api.scopes)
            return [_field(scheme, passage, members) for scheme in _schemes_after(error, passage)]
        case _:
            return []


def _needed(demand: Demand, acr: AcrTable) -> dict[str, str]:
    """Return which sign-in is needed (RFC 9470, section 3)."""
    return {
        "error": "insufficient_user_authentication",
        "error_description": "The application asks for a stronger or more recent sign-in",
        "acr_values": " ".join(demand.values(acr)),
        "max_age": "" if demand.max_age is None else str(demand.max_age),
    }


def _schemes(api: ApiTerms) -> list[Scheme]:
    return [Scheme.DPOP] if api.dpop_required else [Scheme.BEARER, Scheme.DPOP]


def _schemes_after(error: TokenError, passage: Passage) -> list[Scheme]:
    """The scheme that was tried, and the other one when it may be the cure."""
    tried = passage.scheme or Scheme.BEARER
    if error is TokenError.INVALID_TOKEN and tried is Scheme.BEARER:
        return [Scheme.BEARER, Scheme.DPOP]
    return [tried]


def _field(scheme: Scheme, passage: Passage, members: dict[str, str]) -> tuple[bytes, bytes]:
    if scheme is Scheme.DPOP:
        members = {**members, "algs": _PROOF_ALGORITHMS}
    named = {"realm": passage.application, **members}
    text = ", ".join(f'{name}="{_quotable(value)}"' for name, value in named.items() if value)
    return b"www-authenticate", f"{scheme.value} {text}".encode("ascii")


def _quotable(value: str) -> str:
    """Printable ASCII without quote and backslash: all that RFC 6750 allows in these (section 3)."""
    return "".join(one for one in value if " " <= one <= "~" and one not in '"\\')
