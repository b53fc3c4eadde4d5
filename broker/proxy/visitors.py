"""From a request's credentials to its session: the cookie's, or an access token's where the application has an API.

The one seam between how somebody comes and how they are judged: whoever comes by a token meets the same policy, audit
and identity headers. A second look at a request that still runs goes the same way.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import assert_never

from broker.cookies import Cookies, cookie_value
from broker.domain.machine import ApiTerms, MachineSession, Presented, Scheme, TokenRefused
from broker.domain.session import Session
from broker.facts import Found, FreshSessions
from broker.machines import MachineSessions
from broker.ports import InkomError, Passage
from broker.proxy.credentials import presented_token
from broker.proxy.fields import Headers
from broker.proxy.targets import application_path


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who came with a request, and by which credential. `refused` is a token that is no good: then nobody came.

    `found` says how long what is known of a session holds.
    """

    session: Session | MachineSession | None
    found: Found | None = None
    cookie: str | None = None
    scheme: Scheme | None = None
    refused: TokenRefused | None = None


class Visitors:
    """Finds sessions. Every method but `again` and `watching` raises the errors of the ports behind it."""

    def __init__(self, *, sessions: FreshSessions, machines: MachineSessions, cookies: Cookies, origin: bytes) -> None:
        self._sessions = sessions
        self._machines = machines
        self._cookie = cookies.session
        self._origin = origin

    def comes_with_token(self, headers: Headers, api: ApiTerms | None) -> bool:
        """Whether a request presents a token, good or not, to an application that takes one."""
        return api is not None and presented_token(headers, session_cookie=self._cookie) is not None

    async def find(
        self,
        headers: Headers,
        target: bytes,
        *,
        application: str,
        api: ApiTerms | None,
        method: str,
        counts_as_use: bool = True,
    ) -> Visit:
        """Return who came with a request; without `counts_as_use`, `use` says whether they used their session."""
        presented = presented_token(headers, session_cookie=self._cookie) if api is not None else None
        match presented:
            case None:
                cookie = cookie_value(headers, self._cookie)
                found = await self._sessions.find(cookie, counts_as_use=counts_as_use)
                return Visit(session=None if found is None else found.session, found=found, cookie=cookie)
            case TokenRefused():
                return Visit(session=None, refused=presented, scheme=Scheme.BEARER)
            case Presented(scheme=scheme):
                address = (self._origin + application_path(target)).decode("ascii")
                machine = await self._machines.admit(presented, application=application, method=method, address=address)
                if isinstance(machine, TokenRefused):
                    return Visit(session=None, refused=machine, scheme=scheme)
                return Visit(session=machine, scheme=scheme)
            case _:
                assert_never(presented)

    async def use(self, visit: Visit) -> None:
        """Note that somebody who was found without counting it used their session after all."""
        if isinstance(visit.session, Session) and visit.cookie is not None:
            await self._sessions.use(visit.cookie, visit.session)

    async def fresher(self, visit: Visit, *, application: str, than: timedelta) -> Visit:
        """Return the same visit with facts that are younger than a limit."""
        match visit.session:
            case MachineSession() as session:
                return replace(visit, session=await self._machines.fresher(session, application=application, than=than))
            case Session() as session if visit.cookie is not None:
                return replace(
                    visit, session=await self._sessions.fresher(visit.cookie, session, than=than), found=None
                )
            case _:
                return visit

    async def again(self, passage: Passage) -> Visit | None:
        """Return who came with a request that still runs, if they are still there. In doubt they are not."""
        try:
            if isinstance(passage.session, MachineSession):
                machine = await self._machines.again(passage.session, application=passage.application)
                return None if machine is None else Visit(session=machine)
            if passage.session is None or passage.cookie is None:
                return None
            found = await self._sessions.find(passage.cookie, counts_as_use=False)
        except InkomError:
            return None
        if found is None or found.session.reference != passage.session.reference:
            return None
        return Visit(session=found.session, found=found, cookie=passage.cookie)

    def watching(self, session: Session | MachineSession) -> AbstractContextManager[asyncio.Event]:
        """Within it, the event is set when something is announced about the person; of machines nothing is."""
        if isinstance(session, MachineSession):
            return nullcontext(asyncio.Event())
        return self._sessions.watching(session)
