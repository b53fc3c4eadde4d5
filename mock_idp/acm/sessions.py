"""The provider's own sessions: who is signed in at ACM in this browser, so that the next application need not ask.

Lasts two hours after the first authentication, as ACM's does; an application's session is its own affair.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mock_idp.acm.methods import Method
from mock_idp.clock import Clock

COOKIE = "mock_acm_session"
LIFETIME = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """`id` is the cookie's secret, `sid` the name that relying parties learn; `choose_again` after a switch."""

    id: str
    sid: str
    person_key: str
    method: Method
    authenticated_at: datetime
    ends_at: datetime
    clients: frozenset[str]
    organisation: str | None
    choose_again: bool


class Sessions:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: dict[str, Session] = {}

    def find(self, session_id: str | None) -> Session | None:
        session = self._sessions.get(session_id or "")
        if session is None or session.ends_at <= self._clock.now():
            return None
        return session

    def authenticated(
        self, *, person_key: str, method: Method, organisation: str | None, previous: str | None
    ) -> Session:
        """Start a session, or renew the one of the same person in this browser. The cookie's value always changes."""
        now = self._clock.now()
        earlier = self.find(previous)
        self.end(previous)
        same = earlier if earlier is not None and earlier.person_key == person_key else None
        session = Session(
            id=secrets.token_urlsafe(32),
            sid=same.sid if same else secrets.token_urlsafe(16),
            person_key=person_key,
            method=method,
            authenticated_at=now,
            ends_at=now + LIFETIME,
            clients=same.clients if same else frozenset(),
            organisation=organisation,
            choose_again=False,
        )
        self._sessions[session.id] = session
        return session

    def chose(self, session: Session, organisation: str | None) -> Session:
        return self._keep(replace(session, organisation=organisation, choose_again=False))

    def joined(self, session: Session, client_id: str) -> Session:
        return self._keep(replace(session, clients=session.clients | {client_id}))

    def must_choose_again(self, session: Session) -> None:
        self._keep(replace(session, choose_again=True))

    def of(self, person_key: str) -> tuple[Session, ...]:
        """A person's sessions, oldest first."""
        now = self._clock.now()
        return tuple(one for one in self._sessions.values() if one.person_key == person_key and one.ends_at > now)

    def end(self, session_id: str | None) -> None:
        self._sessions.pop(session_id or "", None)

    def reset(self) -> None:
        self._sessions.clear()

    def _keep(self, session: Session) -> Session:
        self._sessions[session.id] = session
        return session
