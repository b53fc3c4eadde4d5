"""At which providers people sign in: which there are, and whose sign-ins an application accepts. No input or output."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from broker.domain.demand import AcrTable
from broker.domain.session import Session
from broker.ports import IdentityProvider
from broker.web.return_to import own_path
from broker.web.site import SPACE

ResponseMode = Literal["query", "form_post"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """One provider; `title` is its name by language, `response_mode` the one way in which it may answer."""

    id: str
    title: Mapping[str, str]
    issuer: str
    provider: IdentityProvider
    acr: AcrTable
    response_mode: ResponseMode = "query"


class Providers:
    """All providers, in the order of the configuration."""

    def __init__(self, offered: Iterable[Offered], *, accepted: Mapping[str, tuple[str, ...]]) -> None:
        """`accepted` are the ids of the providers that each application accepts."""
        self._offered = {one.id: one for one in offered}
        self._accepted = accepted

    def named(self, name: str) -> Offered | None:
        """Return a provider by its id."""
        return self._offered.get(name)

    def issued_by(self, issuer: str) -> Offered | None:
        """Return the provider of an issuer, compared as a plain string (RFC 9207 2.4)."""
        return next((one for one in self._offered.values() if one.issuer == issuer), None)

    def acr_at(self, name: str) -> AcrTable:
        """Return what the `acr` values of a provider mean; nothing for one that is no longer there."""
        known = self._offered.get(name)
        return {} if known is None else known.acr

    def accepted_at(self, path: str) -> tuple[Offered, ...]:
        """Return whose sign-ins the application behind a path accepts; all providers for a path of no application."""
        accepted = self._accepted.get(application_behind(path) or "")
        if accepted is None:
            return tuple(self._offered.values())
        return tuple(one for one in self._offered.values() if one.id in accepted)

    def chosen(self, path: str, session: Session | None, *, named: str | None, stepping_up: bool) -> Offered | None:
        """Return the provider that was chosen, can raise a level, or is the only one; None when the person is asked.

        Whoever is signed in at a provider that does not count there is asked, or rather told, even if one is left.
        """
        accepted = {one.id: one for one in self.accepted_at(path)}
        if named in accepted:
            return accepted[named]
        present = session.identity.provider if session else None
        if present is not None and (stepping_up or present not in accepted):
            return accepted.get(present)
        return next(iter(accepted.values())) if len(accepted) == 1 else None


def application_behind(path: str) -> str | None:
    """Return the id of the application to which a path of our own leads, also by way of one of our own pages."""
    parts = urlsplit(path)
    if parts.path.startswith(f"{SPACE}/"):
        (onward, *_) = parse_qs(parts.query).get("return_to", [""])
        parts = urlsplit(own_path(onward))
    _, first, *deeper = parts.path.split("/")
    return first if first and deeper else None
