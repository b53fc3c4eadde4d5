"""Tokens of sessions are refreshed in the background, once, and a failure ends neither too much nor too little."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from broker.adapters.metrics import PrometheusMeasures
from broker.domain.claims import Claimed
from broker.domain.session import Identity, Session, TokenGrant
from broker.ports import Mismatch, ProviderUnavailable, SignInRefused, StoreUnavailable
from broker.renewal import Renewal
from broker.standing import StandingSessions
from tests.broker.adapters.examples import NOW, identity, session
from tests.broker.gateway import Hands, MemoryAudit, MemoryFlights, MemoryParking, MemorySessions, StandInProvider

FIRST = TokenGrant(refresh_token="first", expires_at=NOW + timedelta(minutes=60), renew_at=NOW + timedelta(minutes=55))
SECOND = TokenGrant(
    refresh_token="second", expires_at=NOW + timedelta(minutes=120), renew_at=NOW + timedelta(minutes=115)
)


@dataclass
class Refreshing(StandInProvider):
    """Refreshes once `open` is set; `error` is raised before the new tokens are kept (`early`) or after."""

    asked: list[str] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None
    early: bool = True
    told: Identity = field(default_factory=identity)

    async def refresh(
        self, identity: Identity, grant: TokenGrant, *, keep: Callable[[TokenGrant], Awaitable[None]]
    ) -> Identity:
        self.asked.append(grant.refresh_token)
        await self.open.wait()
        if self.error is not None and self.early:
            raise self.error
        await keep(SECOND)
        if self.error is not None:
            raise self.error
        return self.told


@dataclass(kw_only=True)
class Scene:
    sessions: MemorySessions
    provider: Refreshing
    flights: MemoryFlights
    audit: MemoryAudit
    clock: Hands
    renewal: Renewal
    another: Renewal
    cookie: str

    async def current(self) -> Session | None:
        found = await self.sessions.find(self.cookie)
        assert found is not None
        return await self.renewal.current(self.cookie, found)

    async def settled(self) -> None:
        """Let what runs in the background come to its end."""
        self.provider.open.set()
        for _ in range(500):
            if not self.flights.flying and len(asyncio.all_tasks()) == 1:
                return
            await asyncio.sleep(0.01)

    def late(self, *, by: float = 0) -> None:
        """The access token is over since some minutes."""
        self.clock.instant = FIRST.expires_at + timedelta(minutes=by)


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    clock = Hands()
    clock.instant = NOW
    sessions, flights, audit, provider = MemorySessions(clock=clock), MemoryFlights(), MemoryAudit(), Refreshing()

    def renewal() -> Renewal:
        return Renewal(
            sessions=StandingSessions(sessions, parking=MemoryParking()),
            providers={"acm": provider},
            flights=flights,
            audit=audit,
            measures=PrometheusMeasures(),
            clock=clock,
            patience=2.0,
        )

    cookie = await sessions.begin(session(grant=FIRST))
    yield Scene(
        sessions=sessions,
        provider=provider,
        flights=flights,
        audit=audit,
        clock=clock,
        renewal=renewal(),
        another=renewal(),
        cookie=cookie,
    )
    provider.open.set()


@pytest.fixture
async def here() -> AsyncIterator[Scene]:
    async with scene() as made:
        yield made


async def test_a_token_with_enough_time_left_is_left_alone(here: Scene) -> None:
    here.clock.instant = FIRST.renew_at - timedelta(microseconds=1)
    assert await here.current() is not None
    assert here.provider.asked == []


async def test_near_its_end_it_is_refreshed_while_requests_go_on(here: Scene) -> None:
    here.clock.instant = FIRST.renew_at
    for _ in range(50):
        found = await here.current()
        assert found is not None
        assert found.grant == FIRST
    await here.settled()
    assert here.provider.asked == ["first"]
    assert here.sessions.kept[here.cookie].grant == SECOND


async def test_a_session_of_another_provider_is_refreshed_there_and_stays_that_providers() -> None:
    clock, sessions, there = Hands(), MemorySessions(clock=Hands()), Refreshing()
    clock.instant = FIRST.expires_at
    there.open.set()
    renewal = Renewal(
        sessions=StandingSessions(sessions, parking=MemoryParking()),
        providers={"acm": Refreshing(), "acm-test": there},
        flights=MemoryFlights(),
        audit=MemoryAudit(),
        measures=PrometheusMeasures(),
        clock=clock,
    )
    elsewhere = session(grant=FIRST, identity=identity(provider="acm-test"))
    current = await renewal.current(await sessions.begin(elsewhere), elsewhere)
    assert there.asked == ["first"]
    assert current is not None
    assert (current.identity.provider, current.grant) == ("acm-test", SECOND)


async def test_a_session_whose_provider_is_no_longer_configured_is_not_refreshed(here: Scene) -> None:
    gone = replace(here.sessions.kept[here.cookie], identity=identity(provider="gone"))
    here.sessions.kept[here.cookie] = gone
    here.late(by=16)
    with pytest.raises(ProviderUnavailable):
        await here.renewal.current(here.cookie, gone)
    assert here.provider.asked == []


async def test_c18_after_its_end_all_wait_for_one_refresh_and_get_its_tokens(here: Scene) -> None:
    here.late()
    here.provider.open.set()
    both = [here.renewal, here.another] * 25
    found = here.sessions.kept[here.cookie]
    current = await asyncio.gather(*(one.current(here.cookie, found) for one in both))
    assert here.provider.asked == ["first"]
    assert [one.grant if one else None for one in current] == [SECOND] * 50


async def test_c19_a_refused_refresh_ends_the_session_once_and_for_all(here: Scene) -> None:
    here.late()
    here.provider.open.set()
    here.provider.error = SignInRefused(Mismatch.PROVIDER_ERROR, "refresh: the provider says invalid_grant")
    assert await here.current() is None
    assert here.sessions.kept == {}
    (event,) = here.audit.events
    assert (event.kind, event.session, event.detail) == ("session-not-refreshed", "S-7Q2F", "provider-error")


async def test_a_refusal_after_the_new_tokens_came_ends_the_session_too(here: Scene) -> None:
    here.late()
    here.provider.open.set()
    here.provider.error = SignInRefused(Mismatch.OTHER_PERSON, "refresh: sub is another person")
    here.provider.early = False
    assert await here.current() is None
    assert here.sessions.kept == {}


async def test_while_the_provider_is_away_sessions_go_on_for_a_bounded_time(here: Scene) -> None:
    here.provider.open.set()
    here.provider.error = ProviderUnavailable("token endpoint: status 500")
    here.late(by=14.9)
    assert await here.current() is not None
    here.late(by=15)
    with pytest.raises(ProviderUnavailable):
        await here.current()
    assert here.provider.asked == ["first"]  # the second look found that it should rest
    here.flights.rested.clear()
    here.provider.error = None
    renewed = await here.current()
    assert renewed is not None
    assert renewed.grant == SECOND


async def test_new_tokens_outlive_a_failure_that_follows(here: Scene) -> None:
    here.late()
    here.provider.open.set()
    here.provider.error = ProviderUnavailable("userinfo: status 500")
    here.provider.early = False
    assert await here.current() is not None
    assert here.sessions.kept[here.cookie].grant == SECOND


async def test_a_session_that_ends_meanwhile_stays_ended(here: Scene) -> None:
    here.late()
    waiting = asyncio.create_task(here.current())
    while not here.provider.asked:  # noqa: ASYNC110  # there is nothing else to wait on
        await asyncio.sleep(0)
    await here.sessions.end(here.cookie)
    here.provider.open.set()
    assert await waiting is None
    assert here.sessions.kept == {}


async def test_a_store_that_fails_meanwhile_ends_nothing(here: Scene) -> None:
    here.late()
    here.provider.open.set()
    here.provider.error = StoreUnavailable("for this test")
    assert await here.current() is not None
    assert here.cookie in here.sessions.kept


async def test_whoever_waits_for_another_machine_that_never_ends_goes_on(here: Scene) -> None:
    here.late()
    here.flights.flying.add(session().reference)
    found = await here.current()
    assert found is not None
    assert here.provider.asked == []


async def test_names_and_claims_are_those_of_the_refresh_and_facts_are_read_anew_for_them(here: Scene) -> None:
    claimed = Claimed(valid_until=NOW + timedelta(hours=2), organisation=None, represents=None, roles=())
    here.provider.told = identity(given_name="Elo", claimed=claimed)
    here.late()
    here.provider.open.set()
    found = await here.current()
    assert found is not None
    assert (found.identity.given_name, found.identity.claimed) == ("Elo", claimed)
    assert found.acting is not None
    assert found.acting.announced == "refreshed"


async def test_a_session_without_a_grant_is_nobodys_business(here: Scene) -> None:
    plain = replace(here.sessions.kept[here.cookie], grant=None)
    assert await here.renewal.current(here.cookie, plain) == plain
    assert here.provider.asked == []
