"""Who is signed in to user management, in memory: for each browser a person, the organisation worked for, and drafts.

A draft is what the earlier steps of a form hold until the last one: on this side, so that no number of a person travels
through the browser. Everything here ends with the program, with a reset, or after two hours.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mock_idp.clock import Clock
from mock_idp.signin.kept import Kept

COOKIE = "gebruikersbeheer"
LIFETIME = timedelta(hours=2)
MOST_DRAFTS = 20  # as many tabs as somebody might fill in at once; the oldest goes


@dataclass(slots=True, kw_only=True)
class Visitor:
    """`notice` is shown once, on the next page: a message id and its values."""

    person_key: str
    ends_at: datetime
    form_token: str
    organisation: str | None = None
    notice: tuple[str, dict[str, object]] | None = None
    drafts: dict[str, dict[str, str]] = field(default_factory=dict)

    def new_draft(self, **values: str) -> str:
        """Keep what a first step collected; the name returned is for the address of the next step."""
        while len(self.drafts) >= MOST_DRAFTS:
            del self.drafts[next(iter(self.drafts))]
        name = secrets.token_urlsafe(9)
        self.drafts[name] = dict(values)
        return name

    def draft(self, name: str) -> dict[str, str] | None:
        return self.drafts.get(name)


class Visitors:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._visitors: Kept[Visitor] = Kept()
        self._last_organisations: Kept[str] = Kept()

    def begin(self, person_key: str) -> str:
        """A new session; the cookie's value."""
        name = secrets.token_urlsafe(32)
        visitor = Visitor(
            person_key=person_key, ends_at=self._clock.now() + LIFETIME, form_token=secrets.token_urlsafe(24)
        )
        self._visitors.put(name, visitor)
        return name

    def find(self, name: str | None) -> Visitor | None:
        visitor = self._visitors.get(name or "")
        return visitor if visitor is not None and visitor.ends_at > self._clock.now() else None

    def end(self, name: str | None) -> None:
        self._visitors.take(name or "")

    def chose(self, visitor: Visitor, organisation: str) -> None:
        """Work for this organisation from now on. Drafts of another one are dropped."""
        if visitor.organisation != organisation:
            visitor.drafts.clear()
        visitor.organisation = organisation
        self._last_organisations.put(visitor.person_key, organisation)

    def last_organisation(self, visitor: Visitor) -> str | None:
        """The person's choice at the last visit: the badge *uw laatste keuze*."""
        return self._last_organisations.get(visitor.person_key)

    def reset(self) -> None:
        self._visitors.clear()
        self._last_organisations.clear()
