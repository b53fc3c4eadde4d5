"""Several addresses behind one application, over real sockets: who gets a request, and what follows from failures."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from broker.adapters.metrics import PrometheusMeasures
from broker.proxy.backends import Backends
from broker.proxy.breaker import BreakerRules
from broker.proxy.checking import HealthChecks
from broker.proxy.ejection import EjectionRules
from broker.proxy.failures import (
    BackendsUnavailable,
    BodyTooLarge,
    ClientGone,
    ConnectTimedOut,
    ForwardingFailed,
    UpstreamMisbehaved,
    UpstreamTimedOut,
    UpstreamUnreachable,
)
from broker.proxy.health import HealthRules
from broker.proxy.upstream import RequestHead, TimeLimits, Upstream, UpstreamResponse, UpstreamTunnel
from tests.broker.proxy.world import HOST, Backend, backend, saying, scripted, until

GET = RequestHead(method=b"GET", target=b"/", headers=[(b"host", b"b")])
POST = RequestHead(method=b"POST", target=b"/", headers=[(b"host", b"b")])
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
BROKEN = b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n"
NEVER = BreakerRules(failures=0)


@dataclass
class Hands:
    """A clock that goes only when told to."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass(kw_only=True)
class Scene:
    """Backends, each on a port of its own, and their balancer."""

    backends: Backends
    servers: list[Backend]
    ports: list[int]
    clock: Hands
    measures: PrometheusMeasures
    stack: AsyncExitStack
    running: list[AsyncExitStack] = field(default_factory=list)

    async def ask(self, head: RequestHead = GET, body: AsyncIterator[bytes] | None = None) -> int:
        """Ask once, read the answer to its end, and return its status."""
        response = await self.backends.send(head, body)
        async for _ in response:
            pass
        return response.status

    @property
    def asked(self) -> list[int]:
        """How many requests each server got."""
        return [len(server.received) for server in self.servers]

    async def stop(self, place: int) -> None:
        """Let a server go: nothing listens on its port any more."""
        await self.running[place].aclose()

    def figure(self, name: str, **labels: str) -> float:
        """A figure as operators see it; 0 where there is none yet."""
        for line in self.measures.exposition().decode().splitlines():
            if line.startswith(name + "{") and all(f'{key}="{value}"' in line for key, value in labels.items()):
                return float(line.rpartition(" ")[2])
        return 0.0

    def usable(self, place: int) -> bool:
        return self.figure("inkom_backend_usable", address=f"b{place}") == 1


@asynccontextmanager
async def scene(addresses: int = 3, *, limits: dict[str, Any] | None = None, **rules: Any) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        servers, running = [], []
        for _ in range(addresses):
            own = await stack.enter_async_context(AsyncExitStack())
            server = await own.enter_async_context(backend())
            server.answer = lambda _: OK
            servers.append(server)
            running.append(own)
        clock, measures = Hands(), PrometheusMeasures()
        upstreams = {
            f"b{place}": Upstream(HOST, server.port, limits=TimeLimits(**(limits or {})))
            for place, server in enumerate(servers)
        }
        balanced = Backends("app", upstreams, measures=measures, clock=clock, **{"breaker": NEVER, **rules})
        stack.push_async_callback(balanced.aclose)
        yield Scene(
            backends=balanced,
            servers=servers,
            ports=[server.port for server in servers],
            clock=clock,
            measures=measures,
            stack=stack,
            running=running,
        )
        assert balanced.outstanding == 0


async def parts(*octets: bytes) -> AsyncIterator[bytes]:
    for part in octets:
        yield part


# Balancing


async def test_addresses_with_as_little_under_way_take_turns() -> None:
    async with scene() as world:
        for _ in range(9):
            assert await world.ask() == 200
        assert world.asked == [3, 3, 3]
        assert world.backends.unused_connections == 3


async def test_the_address_with_the_least_under_way_is_chosen() -> None:
    async with scene(2) as world:
        held = await world.backends.send(GET, None)
        busy = world.asked.index(1)
        for _ in range(4):
            assert await world.ask() == 200
        assert (world.asked[busy], world.asked[1 - busy]) == (1, 4)
        await held.aclose()


async def test_an_open_tunnel_counts_as_under_way() -> None:
    switch = b"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    async with scene(2) as world:
        for server in world.servers:
            server.answer = lambda received: switch if received.target == b"/ws" else OK
        tunnel = await world.backends.open_tunnel(RequestHead(method=b"GET", target=b"/ws", headers=[(b"host", b"b")]))
        assert isinstance(tunnel, UpstreamTunnel)
        (holding,) = (place for place in range(2) if world.asked[place])
        for _ in range(3):
            await world.ask()
        assert world.asked[holding] == 1
        tunnel.transport.abort()
        tunnel.release()
        assert world.backends.outstanding == 0


async def test_a_request_whose_client_leaves_is_no_longer_under_way() -> None:
    async with scene(2) as world:
        for server in world.servers:
            server.answer = lambda _: b""
        asking = [asyncio.create_task(world.ask()) for _ in range(4)]
        await until(lambda: world.asked == [2, 2])
        assert world.backends.outstanding == 4
        for one in asking:
            one.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        assert world.backends.outstanding == 0
        assert all(world.usable(place) for place in range(2))


async def test_an_answer_that_nobody_reads_to_its_end_is_no_longer_under_way_once_closed() -> None:
    async with scene(1) as world:
        world.servers[0].answer = lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"
        response = await world.backends.send(GET, None)
        assert await anext(response) == b"ab"
        await response.aclose()


# One more attempt


async def test_a_backend_that_dies_between_requests_is_noticed_by_nobody() -> None:
    async with scene(3) as world:
        for _ in range(3):
            await world.ask()
        await world.stop(1)
        for _ in range(12):
            assert await world.ask() == 200
        assert world.figure("inkom_backend_events_total", event="repeated") > 0


async def test_a_kept_connection_that_dies_under_a_request_costs_one_more_attempt_elsewhere() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await reader.readuntil(b"\r\n\r\n")

    async with scripted(script) as one, scripted(script) as other:
        measures = PrometheusMeasures()
        addresses = {"one": Upstream(HOST, one), "other": Upstream(HOST, other)}
        balanced = Backends("app", addresses, measures=measures)
        statuses = []
        for _ in range(8):
            response = await balanced.send(GET, None)
            statuses.append(response.status)
            await response.aclose()
        assert statuses == [200] * 8
        assert b'event="repeated"' in measures.exposition()
        await balanced.aclose()
        assert balanced.outstanding == 0


async def test_with_one_address_a_dead_kept_connection_is_replaced_by_a_new_one_there() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await reader.readuntil(b"\r\n\r\n")

    async with scripted(script) as port:
        balanced = Backends("app", {"one": Upstream(HOST, port)}, measures=PrometheusMeasures())
        for _ in range(4):
            response = await balanced.send(GET, None)
            assert response.status == 200
            await response.aclose()
        await balanced.aclose()


async def test_there_is_never_a_third_attempt() -> None:
    async with scene(3, ejection=EjectionRules(failures=0)) as world:
        for place in range(3):
            await world.stop(place)
        with pytest.raises(UpstreamUnreachable):
            await world.ask()
        assert world.figure("inkom_backend_events_total", event="repeated") == 1


async def test_an_upload_is_not_sent_twice_and_neither_is_a_post_without_a_body() -> None:
    async with scene(2, ejection=EjectionRules(failures=0)) as world:
        await world.stop(0)
        outcomes: list[int] = []
        for body in (parts(b"abc"), None, parts(b"def"), None):
            try:
                outcomes.append(await world.ask(POST, body))
            except UpstreamUnreachable:
                outcomes.append(502)
        assert sorted(outcomes) == [200, 200, 502, 502]
        assert world.asked == [0, 2]
        assert world.figure("inkom_backend_events_total", event="repeated") == 0


async def test_nothing_is_sent_again_after_a_byte_of_an_answer() -> None:
    async with scene(1) as world, scripted(saying(b"HTTP/1.1 2")) as port:
        addresses = {"half": Upstream(HOST, port), "whole": Upstream(HOST, world.ports[0])}
        balanced = Backends("app", addresses, measures=world.measures)
        with pytest.raises(UpstreamMisbehaved):
            await balanced.send(GET, None)
        assert world.asked == [0]
        await balanced.aclose()


async def test_a_request_that_a_backend_is_slow_to_answer_is_not_sent_again() -> None:
    async with scene(2, limits={"first_byte": 0.05}) as world:
        for server in world.servers:
            server.answer = lambda _: b""
        with pytest.raises(UpstreamTimedOut):
            await world.ask()
        assert sum(world.asked) == 1


async def test_nothing_is_sent_again_when_the_total_is_used_up() -> None:
    listening = socket.create_server((HOST, 0), backlog=0)
    filling = [socket.socket() for _ in range(3)]
    for filler in filling:
        filler.setblocking(False)
        filler.connect_ex(listening.getsockname())
    limits, measures = TimeLimits(connect=30, total=0.05), PrometheusMeasures()
    port = listening.getsockname()[1]
    addresses = {name: Upstream(HOST, port, limits=limits) for name in ("one", "other")}
    balanced = Backends("app", addresses, measures=measures)
    with pytest.raises(ConnectTimedOut):
        await balanced.send(GET, None)
    assert b'event="repeated"' not in measures.exposition()
    for each in [listening, *filling]:
        each.close()


async def test_a_tunnel_opens_at_another_address_when_the_first_is_gone() -> None:
    async with scene(2) as world:
        await world.stop(0)
        for _ in range(4):
            answer = await world.backends.open_tunnel(GET)
            assert isinstance(answer, UpstreamResponse)
            await answer.aclose()
        assert world.asked == [0, 4]
        await world.stop(1)
        with pytest.raises(UpstreamUnreachable):
            await world.backends.open_tunnel(GET)
    async with scene(1) as alone:
        await alone.stop(0)
        with pytest.raises(UpstreamUnreachable):
            await alone.backends.open_tunnel(GET)


# Ejection


async def test_one_of_three_that_answers_500_is_ejected_and_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    async with scene(3, ejection=EjectionRules(failures=2, time=10)) as world:
        world.servers[1].answer = lambda _: BROKEN
        with caplog.at_level(logging.INFO, "inkom.backends"):
            statuses = [await world.ask() for _ in range(12)]
        assert statuses.count(500) == 2
        assert [world.usable(place) for place in range(3)] == [True, False, True]
        (record,) = caplog.records
        assert record.levelno == logging.WARNING
        told = vars(record)
        assert (told["application"], told["backend"], told["change"], told["last"], told["seconds"]) == (
            "app",
            "b1",
            "ejected",
            "status 500",
            10,
        )
        world.servers[1].answer = lambda _: OK
        world.clock.now += 10
        before = world.asked[1]
        for _ in range(6):
            assert await world.ask() == 200
        assert world.asked[1] == before + 2
        assert world.usable(1)
        assert world.figure("inkom_backend_events_total", address="b1", event="returned") == 1


async def test_an_address_that_does_not_answer_in_time_is_ejected() -> None:
    async with scene(2, limits={"first_byte": 0.05}, ejection=EjectionRules(failures=1)) as world:
        world.servers[0].answer = lambda _: b""
        with suppress(UpstreamTimedOut):
            await world.ask()
            await world.ask()
        assert [world.usable(place) for place in range(2)] == [False, True]


async def test_what_clients_do_ejects_nobody() -> None:
    async def breaks_off() -> AsyncIterator[bytes]:
        yield b"ab"
        raise ClientGone("left")

    async with scene(2, limits={"max_body": 3}, ejection=EjectionRules(failures=1)) as world:
        for server in world.servers:
            server.answer = lambda _: b""
        for _ in range(3):
            with pytest.raises(ClientGone):
                await world.ask(POST, breaks_off())
            with pytest.raises(BodyTooLarge):
                await world.ask(POST, parts(b"abcd"))
        assert all(world.usable(place) for place in range(2))


async def test_a_method_that_backends_do_not_know_ejects_nobody() -> None:
    async with scene(2, ejection=EjectionRules(failures=1)) as world:
        for server in world.servers:
            server.answer = lambda _: b"HTTP/1.1 501 No\r\nContent-Length: 0\r\n\r\n"
        assert [await world.ask() for _ in range(4)] == [501] * 4
        assert all(world.usable(place) for place in range(2))


async def test_when_all_answer_500_the_last_one_goes_on() -> None:
    async with scene(2, ejection=EjectionRules(failures=1, share=1)) as world:
        for server in world.servers:
            server.answer = lambda _: BROKEN
        assert [await world.ask() for _ in range(6)] == [500] * 6
        assert sorted(world.usable(place) for place in range(2)) == [False, True]


# The circuit


async def test_when_nobody_answers_the_circuit_opens_and_one_trial_closes_it(caplog: pytest.LogCaptureFixture) -> None:
    async with scene(2, breaker=BreakerRules(failures=4, pause=5)) as world:
        for place in range(2):
            await world.stop(place)
        with caplog.at_level(logging.INFO, "inkom.backends"):
            for _ in range(2):  # each tries both addresses
                with pytest.raises(UpstreamUnreachable):
                    await world.ask()
            world.clock.now += 1
            with pytest.raises(BackendsUnavailable) as refused:
                await world.ask()
        assert (refused.value.status, refused.value.retry_after) == (503, 4)
        assert [vars(record)["change"] for record in caplog.records] == ["circuit-open"]
        assert world.figure("inkom_backend_usable", address="all") == 0
        caplog.clear()
        server = await asyncio.start_server(world.servers[0].serve, HOST, world.ports[0])
        world.clock.now += 4
        with caplog.at_level(logging.INFO, "inkom.backends"):
            assert await world.ask() == 200
        assert [vars(record)["change"] for record in caplog.records] == ["circuit-closed"]
        assert world.figure("inkom_backend_usable", address="all") == 1
        server.close()
        world.servers[0].drop_connections()
        await until(lambda: world.servers[0].open == 0)


async def test_trials_in_vain_fill_no_log(caplog: pytest.LogCaptureFixture) -> None:
    async with scene(1, breaker=BreakerRules(failures=1, pause=5)) as world:
        await world.stop(0)
        with caplog.at_level(logging.INFO, "inkom.backends"):
            for _ in range(10):
                with pytest.raises(UpstreamUnreachable):
                    await world.ask()
                assert world.figure("inkom_backend_usable", address="all") == 0
                world.clock.now += 5
        assert [vars(record)["change"] for record in caplog.records] == ["circuit-open"]
        assert world.figure("inkom_backend_events_total", event="circuit-half-open") == 9


async def test_answers_of_500_leave_the_circuit_closed() -> None:
    async with scene(1, breaker=BreakerRules(failures=1)) as world:
        world.servers[0].answer = lambda _: BROKEN
        assert [await world.ask() for _ in range(5)] == [500] * 5


async def test_a_trial_whose_client_leaves_does_not_keep_the_circuit_open() -> None:
    async with scene(1, breaker=BreakerRules(failures=1, pause=5)) as world:
        upstream = world.backends.choose(world.clock.now)
        world.backends.failed(upstream, UpstreamTimedOut("slow"))
        world.clock.now += 5
        world.servers[0].answer = lambda _: b""
        trial = asyncio.create_task(world.ask())
        await until(lambda: world.asked == [1])
        with pytest.raises(BackendsUnavailable):
            await world.ask()
        trial.cancel()
        await asyncio.gather(trial, return_exceptions=True)
        world.servers[0].answer = lambda _: OK
        assert await world.ask() == 200


async def test_whoever_chooses_without_waiting_notes_how_it_went() -> None:
    async with scene(2, ejection=EjectionRules(failures=2)) as world:
        chosen = world.backends.choose(world.clock.now)
        other = world.backends.choose(world.clock.now)
        assert chosen is not other
        for failure in (UpstreamUnreachable("gone"), UpstreamTimedOut("slow")):
            world.backends.failed(chosen, failure)
        assert {world.backends.choose(world.clock.now) for _ in range(4)} == {other}
        for failing in (ClientGone("left"), ForwardingFailed("what")):
            world.backends.failed(other, failing)
        world.backends.succeeded(other)
        world.backends.answered(other, 404)
        assert world.backends.choose(world.clock.now) is other


# Checks


@asynccontextmanager
async def checked(world: Scene) -> AsyncIterator[None]:
    following = asyncio.create_task(world.backends.follow())
    try:
        yield
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        assert following.cancelled()


RULES = HealthRules(path=b"/ready", host=b"gw.example", interval=0.02, time_limit=1, healthy_after=1, unhealthy_after=2)


async def test_an_address_that_fails_its_checks_gets_no_requests_until_it_passes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with scene(2, health=RULES) as world:
        world.servers[0].answer = lambda received: BROKEN if received.target == b"/ready" else OK
        with caplog.at_level(logging.INFO, "inkom.backends"):
            async with checked(world):
                await until(lambda: not world.usable(0))
                for _ in range(4):
                    assert await world.ask() == 200
                assert not any(received.target == b"/" for received in world.servers[0].received)
                world.servers[0].answer = lambda _: OK
                await until(lambda: world.usable(0))
                for _ in range(2):
                    assert await world.ask() == 200
                assert any(received.target == b"/" for received in world.servers[0].received)
        assert [(vars(record)["backend"], vars(record)["change"]) for record in caplog.records] == [
            ("b0", "unhealthy"),
            ("b0", "healthy"),
        ]
        assert vars(caplog.records[0])["last"] == "status 500"


async def test_a_check_looks_like_the_traffic_and_says_nothing_of_anybody() -> None:
    async with scene(1, health=RULES) as world, checked(world):
        await until(lambda: world.asked[0] > 1)
        received = world.servers[0].received[0]
        assert (received.method, received.target) == ("GET", b"/ready")
        assert received.values(b"host") == received.values(b"x-forwarded-host") == [b"gw.example"]
        assert received.values(b"x-forwarded-proto") == [b"https"]
        assert not any(name.startswith(b"x-inkom-") for name, _ in received.headers)


async def test_when_all_are_unhealthy_nothing_is_sent_until_a_check_passes() -> None:
    async with scene(2, health=RULES) as world:
        for server in world.servers:
            server.answer = lambda _: BROKEN
        async with checked(world):
            await until(lambda: not world.usable(0) and not world.usable(1))
            with pytest.raises(BackendsUnavailable) as refused:
                await world.ask()
            assert refused.value.retry_after == 1
            world.servers[1].answer = lambda _: OK
            await until(lambda: world.usable(1))
            assert await world.ask() == 200


async def test_an_ejected_address_that_is_healthy_is_better_than_none() -> None:
    async with scene(2, health=RULES, ejection=EjectionRules(failures=1)) as world:
        world.servers[0].answer = lambda received: BROKEN if received.target == b"/" else OK
        while await world.ask() != 500:
            pass
        async with checked(world):
            await world.stop(1)
            await until(lambda: not world.usable(1))
            assert await world.ask() == 500


async def test_a_check_that_is_not_answered_in_time_fails_and_holds_nothing_up() -> None:
    rules = HealthRules(path=b"/", host=b"gw.example", interval=0.01, time_limit=0.05, unhealthy_after=1)
    async with scripted(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\na", hold=True)) as port:
        measures = PrometheusMeasures()
        balanced = Backends("app", {"one": Upstream(HOST, port)}, measures=measures, health=rules)
        following = asyncio.create_task(balanced.follow())
        await until(lambda: b'inkom_backend_usable{address="one",application="app"} 0.0' in measures.exposition())
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def test_an_endless_answer_to_a_check_is_not_read_to_its_end() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
        while True:
            writer.write(b"a" * 65536)
            await writer.drain()

    async with scripted(script) as port:
        checks = HealthChecks(RULES, [Upstream(HOST, port)], lambda _place, _wrong: None)
        assert await checks.ask(0) is None


async def test_without_rules_nothing_is_checked() -> None:
    async with scene(1) as world:
        await world.backends.follow()
        assert world.asked == [0]
