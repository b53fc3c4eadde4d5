"""How many decisions are kept is bounded by what they really take."""

from __future__ import annotations

import gc
import tracemalloc
from dataclasses import dataclass, replace
from datetime import timedelta

import msgspec

from broker.domain.session import Session
from broker.proxy.passes import Pass, Passes
from tests.broker.gateway import World

MOST = 2_000_000


@dataclass
class Standing:
    """Tells that nothing changed."""

    def holds(self) -> bool:
        return True


async def made(world: World) -> Pass:
    """A pass of a real decision."""
    world.sessions.memory = Standing()
    await world.sign_in()
    assert (await world.get("/kmo-portefeuille/")).status_code == 200
    (granted,) = world.gate.passes._kept.values()
    return granted


def another(granted: Pass, number: int) -> Pass:
    """The same for another session, which shares nothing with it: sessions are decoded one by one."""
    assert isinstance(granted.passage.session, Session)
    session = msgspec.json.decode(msgspec.json.encode(granted.passage.session), type=Session)
    passage = replace(granted.passage, session=session, cookie=f"cookie-{number}" + "x" * 80)
    return replace(granted, passage=passage, lines=bytes(bytearray(granted.lines)), memory=Standing())


async def test_what_is_kept_takes_no_more_room_than_it_may(world: World) -> None:
    granted = await made(world)
    passes = Passes(clock=world.clock, most_bytes=MOST)
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(1000):
            passes.keep(another(granted, number))
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0 < passes.size <= MOST
    assert taken <= MOST


async def test_the_oldest_goes_first(world: World) -> None:
    granted = await made(world)
    passes = Passes(clock=world.clock, most_bytes=MOST)
    kept = [another(granted, number) for number in range(1000)]
    for one in kept:
        passes.keep(one)
    found = [passes.find(one.passage.cookie or "", "kmo-portefeuille") is not None for one in kept]
    assert found == sorted(found)
    assert True in found
    assert False in found


async def test_what_is_too_large_or_cannot_be_followed_is_not_kept(world: World) -> None:
    granted = await made(world)
    for passes, one in [
        (Passes(clock=world.clock, most_bytes=0), granted),
        (Passes(clock=world.clock, most_bytes=MOST), replace(granted, memory=None)),
    ]:
        passes.keep(one)
        assert passes.size == 0


async def test_a_pass_that_no_longer_holds_is_dropped(world: World) -> None:
    granted = await made(world)
    passes = Passes(clock=world.clock, most_bytes=MOST)
    passes.keep(granted)
    cookie = granted.passage.cookie or ""
    assert passes.find(cookie, "ecologiepremie-plus") is None
    assert passes.find(cookie, "kmo-portefeuille") is granted
    world.clock.forward(seconds=timedelta(seconds=10).total_seconds())
    assert passes.find(cookie, "kmo-portefeuille") is None
    assert passes.size == 0
