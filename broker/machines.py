"""Machine clients as sessions: what their token says, joined with what is known of the organisation itself.

The rights are the token's; whether the organisation is active (KBO) and registered is read here, and kept as long as
facts of people are. Nothing of a token is kept.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from broker.domain.claims import RoleTable
from broker.domain.machine import MachineSession, Presented, TokenClaims, TokenRefused
from broker.domain.numbers import EnterpriseNumber, without_national_numbers
from broker.domain.people import Enterprise, Organisation, PersonRecord, SignInMethod
from broker.domain.session import Acting
from broker.facts import facts_about
from broker.ports import AccessTokens, Clock, Registers, Registrations
from broker.shared_work import SharedWork

_MOST_KEPT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    enterprise: Enterprise | None
    registered: bool
    read_at: datetime


class KnownOrganisations:
    """What is known of organisations themselves, read once for everybody who asks at the same time."""

    def __init__(self, *, registers: Registers, registrations: Registrations, clock: Clock) -> None:
        self._registers = registers
        self._registrations = registrations
        self._clock = clock
        self._known: OrderedDict[EnterpriseNumber, _Known] = OrderedDict()
        self._readings: SharedWork[EnterpriseNumber, _Known] = SharedWork()

    async def find(self, number: EnterpriseNumber, *, younger_than: timedelta) -> _Known:
        """Return what is known. Raises RegisterUnavailable, RegistrationsUnavailable."""
        known = self._known.get(number)
        if known is not None and self._clock.now() - known.read_at < younger_than:
            return known
        return await self._readings.result(number, lambda: self._read(number))

    async def _read(self, number: EnterpriseNumber) -> _Known:
        began = self._clock.now()
        enterprise, registration = await asyncio.gather(
            self._registers.enterprise(number), self._registrations.find(number)
        )
        known = _Known(enterprise=enterprise, registered=registration is not None, read_at=began)
        self._known[number] = known
        self._known.move_to_end(number)
        while len(self._known) > _MOST_KEPT:
            self._known.popitem(last=False)
        return known


class MachineSessions:
    """Sessions out of access tokens, for the applications that serve programs; every other has none."""

    def __init__(
        self,
        *,
        tokens: Mapping[str, AccessTokens],
        organisations: KnownOrganisations,
        table: RoleTable,
        clock: Clock,
        max_age: timedelta,
        key: bytes,
    ) -> None:
        """`tokens` is by application; `key` makes the references by which logs name a token."""
        self._tokens = tokens
        self._organisations = organisations
        self._table = table
        self._clock = clock
        self._max_age = max_age
        self._key = key

    async def admit(
        self, presented: Presented, *, application: str, method: str, address: str
    ) -> MachineSession | TokenRefused:
        """Return the session of a request with a token.

        Raises ProviderUnavailable, StoreUnavailable, RegisterUnavailable, RegistrationsUnavailable.
        """
        claims = await self._tokens[application].admit(presented, method=method, address=address)
        if isinstance(claims, TokenRefused):
            return claims
        return await self._session(claims, presented.token, younger_than=self._max_age)

    async def again(self, session: MachineSession, *, application: str) -> MachineSession | None:
        """Return the session as it is now, for a request that still runs; None when its token is no good any more."""
        if self._clock.now() >= session.ends_at:
            return None
        claims = await self._tokens[application].again(session.token)
        if isinstance(claims, TokenRefused):
            return None
        return await self._session(claims, session.token, younger_than=self._max_age)

    async def fresher(self, session: MachineSession, *, application: str, than: timedelta) -> MachineSession | None:
        """Return the session with facts about its organisation that are younger than a limit."""
        if self._clock.now() - session.acting.read_at < than:
            return session
        claims = await self._tokens[application].again(session.token)
        if isinstance(claims, TokenRefused):
            return None
        return await self._session(claims, session.token, younger_than=than)

    async def _session(self, claims: TokenClaims, token: str, *, younger_than: timedelta) -> MachineSession:
        number = claims.organisation
        known = await self._organisations.find(number, younger_than=younger_than)
        named = known.enterprise.organisation if known.enterprise else None
        facts = facts_about(
            number,
            PersonRecord(rights=self._table.granted(claims.roles)),
            known.enterprise,
            registered=known.registered,
            method=SignInMethod.CLIENT_CREDENTIALS,
            assurance=claims.machine.assurance,
            authenticated_at=None,
            day=self._clock.today(),
        )
        return MachineSession(
            reference=self._reference(claims.machine.client_id, token),
            identity=claims.machine,
            acting=Acting(
                organisation=named if named and named.name else Organisation(number=number, name=number.dotted),
                facts=facts,
                read_at=known.read_at,
            ),
            ends_at=claims.expires_at,
            token=token,
        )

    def _reference(self, client_id: str, token: str) -> str:
        """The client in plain words, as it is no person, and which of its tokens."""
        digest = hmac.digest(self._key, b"inkom access token " + token.encode("ascii"), hashlib.sha256).hex()[:12]
        return f"{without_national_numbers(client_id)}/{digest}"
