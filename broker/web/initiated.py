"""Sign-ins that another site begins (OpenID Connect Core 4, third-party initiated login).

    /_inkom/login?iss=...&login_hint=...&target_link_uri=...

Only what it says of where to go and who comes is taken, and only within bounds: a provider that is configured, a path
of our own, a short hint.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request

from broker.domain.numbers import without_national_numbers
from broker.ports import Mismatch, SignInRefused
from broker.web.answers import LOGIN
from broker.web.forms import ForeignForm, posted_fields
from broker.web.providers import Offered, Providers
from broker.web.return_to import START, own_path

INITIATING = ("iss", "login_hint", "target_link_uri")
_LONGEST_HINT = 512
_LONGEST_FORM = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Initiated:
    """What another site asks for, as far as it is taken."""

    provider: Offered
    return_to: str
    login_hint: str | None


def read_initiation(parameters: Sequence[tuple[str, str]], *, providers: Providers, origin: str) -> Initiated:
    """Return what is asked for. Raises SignInRefused for an issuer that is not configured."""
    counts = Counter(name for name, _ in parameters)
    if any(counts[name] > 1 for name in INITIATING):
        raise SignInRefused(Mismatch.BAD_RESPONSE, "a parameter of an initiated sign-in came twice")  # RFC 6749 3.1
    asked = dict(parameters)
    provider = providers.issued_by(asked.get("iss", ""))
    if provider is None:
        raise SignInRefused(Mismatch.UNKNOWN_PROVIDER, "a sign-in was initiated for an issuer that is not configured")
    return Initiated(
        provider=provider,
        return_to=_own_target(asked.get("target_link_uri"), origin=origin),
        login_hint=_hint(asked.get("login_hint")),
    )


async def initiated_by_get(request: Request) -> str | None:
    """Return the address of the same sign-in by GET, to which cookies come along; None when it names no issuer.

    Raises SignInRefused.
    """
    try:
        fields = await posted_fields(request, longest=_LONGEST_FORM)
    except ForeignForm as unreadable:
        raise SignInRefused(Mismatch.BAD_RESPONSE, f"an initiated sign-in: {unreadable}") from None
    asked = [(name, value) for name, value in fields if name in INITIATING]
    return f"{LOGIN}?{urlencode(asked)}" if any(name == "iss" for name, _ in asked) else None


def _own_target(target: str | None, *, origin: str) -> str:
    """Return a path of our own; a whole address of our origin is reduced to it, any other is the start page."""
    if target is None or target == origin:
        return START
    return own_path(target.removeprefix(origin) if target.startswith(f"{origin}/") else target)


def _hint(hint: str | None) -> str | None:
    """Return a hint that may go into an address: short, printable, and without a national number."""
    if not hint or len(hint) > _LONGEST_HINT or not hint.isprintable() or without_national_numbers(hint) != hint:
        return None
    return hint
