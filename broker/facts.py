"""Reads what the registers say of a person in one organisation, and keeps the facts of sessions fresh.

Whether the organisation is registered on INKOM is read together with the registers, from our own database.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from broker.domain.numbers import EnterpriseNumber
from broker.domain.people import (
    Assurance,
    Enterprise,
    Facts,
    Organisation,
    PersonRecord,
    SignInMethod,
    UserRight,
)
from broker.domain.session import Acting, Identity, Session
from broker.ports import Announcements, Clock, Memory, Registers, Registrations
from broker.renewal import Renewal
from broker.shared_work import SharedWork
from broker.standing import StandingSessions


class FactsReader:
    """Facts, freshly read."""

    def __init__(
        self, *, registers: Registers, registrations: Registrations, announcements: Announcements, clock: Clock
    ) -> None:
        self._registers = registers
        self._registrations = registrations
        self._announcements = announcements
        self._clock = clock

    async def organisations(self, identity: Identity) -> tuple[Organisation, ...]:
        """Return the organisations that the person has anything to do with. Raises RegisterUnavailable."""
        return (await self._registers.person(identity)).organisations

    async def acting(self, identity: Identity, number: EnterpriseNumber) -> Acting | None:
        """Return the person acting for an organisation, or None when they have nothing to do with it.

        Raises RegisterUnavailable, RegistrationsUnavailable, StoreUnavailable.
        """
        # Asked for first: what is announced while the registers answer makes these facts old at once.
        announced = (await self._announcements.about(identity)).mark
        record, enterprise, registration = await asyncio.gather(
            self._registers.person(identity),
            self._registers.enterprise(number),
            self._registrations.find(number),
        )
        organisation = record.organisation(number)
        if organisation is None:
            return None
        facts = facts_about(
            number,
            record,
            enterprise,
            registered=registration is not None,
            method=identity.method,
            assurance=identity.assurance,
            authenticated_at=identity.auth_time,
            day=self._clock.today(),
        )
        return Acting(
            organisation=enterprise.organisation if enterprise and enterprise.organisation.name else organisation,
            facts=facts,
            read_at=self._clock.now(),
            announced=announced,
        )


def facts_about(
    number: EnterpriseNumber,
    record: PersonRecord,
    enterprise: Enterprise | None,
    *,
    registered: bool,
    method: SignInMethod | None,
    assurance: Assurance | None,
    authenticated_at: datetime | None,
    day: date,
) -> Facts:
    """Return what a decision about one organisation looks at, from what the registers said of person and enterprise.

    An enterprise that KBO does not know (None) is not active.
    """
    active = enterprise is not None and enterprise.active_on(day)
    return Facts(
        organisation=number,
        active=active,
        registered=registered,
        method=method,
        assurance=assurance,
        functions=tuple(one for one in record.functions if one.organisation == number),
        rights=_rights(record, number),
        administrator=number in record.administers,
        has_representative=enterprise is not None and enterprise.has_representative,
        authenticated_at=authenticated_at,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A session, and how long what is known of it holds without asking again.

    It holds while `memory` does, and until `holds_until`; a use after `use_counts_until` has to be noted. Without a
    memory it holds for this moment only.
    """

    session: Session
    memory: Memory | None
    holds_until: datetime
    use_counts_until: datetime


class FreshSessions:
    """Sessions whose facts are never older than a limit: they are read anew when somebody looks.

    Many requests of one page find the facts too old at once; the registers are asked once for all of them.
    """

    def __init__(
        self,
        *,
        sessions: StandingSessions,
        facts: FactsReader,
        announcements: Announcements,
        clock: Clock,
        max_age: timedelta,
        renewal: Renewal | None = None,
    ) -> None:
        """Without `renewal` no tokens are refreshed."""
        self._renewal = renewal
        self._sessions = sessions
        self._facts = facts
        self._announcements = announcements
        self._clock = clock
        self._max_age = max_age
        self._readings: SharedWork[tuple[str, str], Session | None] = SharedWork()

    async def find(self, cookie: str | None, *, counts_as_use: bool = True) -> Found | None:
        """Return the session of a cookie, if there is one.

        Raises ProviderUnavailable and the errors of FactsReader.acting.
        """
        marked = await self._sessions.marked(cookie, counts_as_use=counts_as_use) if cookie else None
        if cookie is None or marked is None:
            return None
        session, mark = marked.session, marked.announced.mark
        if self._renewal is not None:
            renewed = await self._renewal.current(cookie, session)
            if renewed is None:
                return None
            session = renewed
        if session.acting is not None and session.acting.announced != mark:
            fresh = await self._reread(cookie, session, session.acting, mark)
        else:
            fresh = await self.fresher(cookie, session, than=self._max_age)
        if fresh is None:
            return None
        # What was written meanwhile is not what the memory is about.
        memory = marked.memory if fresh is marked.session else None
        return Found(
            session=fresh,
            memory=memory,
            holds_until=min((marked.ends_at, *self._ends_of(fresh))),
            use_counts_until=marked.use_counts_until,
        )

    def _ends_of(self, session: Session) -> tuple[datetime, ...]:
        """Return when the facts of a session are too old, and when its tokens are due."""
        facts = () if session.acting is None else (session.acting.read_at + self._max_age,)
        due = () if self._renewal is None or session.grant is None else (session.grant.renew_at,)
        return facts + due

    async def use(self, cookie: str, session: Session) -> None:
        """Note that a session, found without counting it as use, is used after all. Raises StoreUnavailable."""
        await self._sessions.use(cookie, session)

    def watching(self, session: Session) -> AbstractContextManager[asyncio.Event]:
        """Within it, the event is set when something is announced about the session's person."""
        return self._announcements.watching(session.identity)

    async def fresher(self, cookie: str, session: Session, *, than: timedelta) -> Session | None:
        """Return the session with facts younger than a limit; None when it ended meanwhile.

        Raises StoreUnavailable, RegisterUnavailable, RegistrationsUnavailable.
        """
        if session.acting is None or self._clock.now() - session.acting.read_at < than:
            return session
        return await self._reread(cookie, session, session.acting, session.acting.announced)

    async def _reread(self, cookie: str, session: Session, acting: Acting, announced: str) -> Session | None:
        """Join the reading that is under way, unless it began before what was announced since."""
        number = acting.organisation.number
        renewed = await self._readings.result((cookie, announced), lambda: self._read_anew(cookie, session, number))
        return None if renewed is None else replace(renewed, used_at=session.used_at)

    async def _read_anew(self, cookie: str, session: Session, number: EnterpriseNumber) -> Session | None:
        acting = await self._facts.acting(session.identity, number)
        # Into the session as it stands by now: whoever refreshed it meanwhile is not undone.
        return await self._sessions.amend(cookie, lambda kept: kept.acting_for(acting))


def _rights(record: PersonRecord, number: EnterpriseNumber) -> tuple[UserRight, ...]:
    """Keep the organisation's rights, and of each right held elsewhere one example: it only explains a refusal."""
    here = tuple(one for one in record.rights if one.organisation == number)
    elsewhere = {one.name: replace(one, relation=None) for one in record.rights if one.organisation != number}
    return here + tuple(elsewhere.values())
