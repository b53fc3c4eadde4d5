"""`inkom signals`: our stream at the transmitter of Shared Signals: make it, look at it, try it out, remove it.

Needs `signals` in the configuration, and an access token for the transmitter. Events themselves come to the running
gateway; only `verify` waits for one to arrive there.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec

from broker import config
from broker.adapters.clock import SystemClock
from broker.adapters.http import BackChannel, Limits
from broker.adapters.sessions.connection import close, connect
from broker.adapters.signals.chosen import transmitter_tls
from broker.adapters.signals.management import POLL, PUSH, Status, Stream, StreamManagement
from broker.adapters.signals.stream_notes import RedisStreamNotes
from broker.commands.terminal import Paint, add_config_option, as_json, wrapped
from broker.ports import InkomError

_RECEIVER = "/_inkom/signals"
_LOOK_EVERY_SECONDS = 0.2


class NoStream(InkomError):
    """There is nothing to look at, and how to come by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What all verbs need."""

    settings: config.Settings
    secrets: config.Secrets
    management: StreamManagement
    notes: RedisStreamNotes

    async def present(self) -> Stream | None:
        """Return the stream that we made, or one that may be ours."""
        streams, known = await self.management.streams(), await self.notes.stream()
        return next((one for one in streams if one.stream_id == known), next(iter(streams), None))

    async def stream(self) -> Stream:
        """Return our stream. Raises NoStream."""
        streams, known = await self.management.streams(), await self.notes.stream()
        for stream in streams:
            if known in (None, stream.stream_id):
                await self.notes.take_for_ours(stream.stream_id)
                return stream
        if streams:
            raise NoStream(f"the transmitter no longer has our stream {known}: inkom signals create")
        raise NoStream("the transmitter has no stream for us: inkom signals create")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `status` and `delete`."""
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="print the answer for a program to read")


def add_create_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `create`."""
    add_arguments(parser)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--push", action="store_true", help="let the transmitter send events to us (default)")
    how.add_argument("--poll", action="store_true", help="fetch events from the transmitter")


def add_verify_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `verify`."""
    add_arguments(parser)
    parser.add_argument(
        "--wait", type=float, default=15.0, metavar="SECONDS", help="how long the event may take (default: 15)"
    )


def status(arguments: argparse.Namespace) -> int:
    """Print how our stream stands; 1 when there is none, or it does not run."""
    return asyncio.run(_status(arguments))


def create(arguments: argparse.Namespace) -> int:
    """Make our stream, or give the one that is there our events and our way of delivery."""
    return asyncio.run(_create(arguments))


def verify(arguments: argparse.Namespace) -> int:
    """Have the transmitter send an event that changes nothing, and see it arrive; 1 when it does not."""
    return asyncio.run(_verify(arguments))


def delete(arguments: argparse.Namespace) -> int:
    """Remove our stream."""
    return asyncio.run(_delete(arguments))


async def _status(arguments: argparse.Namespace) -> int:
    async with _desk(arguments) as desk:
        stream = await desk.stream()
        state = await desk.management.status(stream.stream_id)
        noted = await desk.notes.noted()
    _print(arguments, stream, state, verified_at=noted.get("verified_at"))
    return 0 if state.status == "enabled" else 1


async def _create(arguments: argparse.Namespace) -> int:
    async with _desk(arguments) as desk:
        delivery = {"method": POLL} if arguments.poll else _push(desk)
        present = await desk.present()
        if present is None:
            stream = await desk.management.create(delivery)
        else:
            stream = await desk.management.change(present.stream_id, delivery)
        await desk.notes.take_for_ours(stream.stream_id)
        state = await desk.management.status(stream.stream_id)
        poll = desk.settings.signals.poll if desk.settings.signals else None
    _print(arguments, stream, state, verified_at=None)
    endpoint = stream.delivery.endpoint_url
    if arguments.poll and not arguments.json and (poll is None or poll.endpoint != endpoint):
        print("\nNow write in the configuration, and start the gateway anew:")
        print(f"  signals: {{poll: {{endpoint: {endpoint}}}}}")
    return 0


async def _verify(arguments: argparse.Namespace) -> int:
    async with _desk(arguments) as desk:
        stream, state = await desk.stream(), secrets.token_urlsafe(24)
        await desk.notes.expect(state)
        await desk.management.verify(stream.stream_id, state=state)
        arrived = await _arrives(desk.notes, state, within=arguments.wait)
    if arguments.json:
        print(as_json({"stream_id": stream.stream_id, "arrived": arrived}))
        return 0 if arrived else 1
    paint = Paint.of(sys.stdout, os.environ)
    if arrived:
        print(f"{paint.good('ok')}  the event arrived at the gateway, and was ours")
        return 0
    where = stream.delivery.endpoint_url
    remedy = (
        "is signals.poll.endpoint that address, and does the gateway run?"
        if stream.delivery.method == POLL
        else "does the gateway run, is it reached there, and is signals.token the stream's? See inkom_signals_total"
    )
    print(f"{paint.bad('failed')}  no event arrived in {arguments.wait:g} seconds")
    print(wrapped(f"-> events go by way of {where}: {remedy}", indent=8))
    return 1


async def _delete(arguments: argparse.Namespace) -> int:
    async with _desk(arguments) as desk:
        stream = await desk.stream()
        await desk.management.delete(stream.stream_id)
        await desk.notes.take_for_ours(None)
    if arguments.json:
        print(as_json({"stream_id": stream.stream_id, "deleted": True}))
    else:
        print(f"stream {stream.stream_id} is removed: facts are now as old as registers.facts_max_age allows")
    return 0


async def _arrives(notes: RedisStreamNotes, state: str, *, within: float) -> bool:
    try:
        async with asyncio.timeout(within):
            while True:
                if await notes.arrived(state):
                    return True
                await asyncio.sleep(_LOOK_EVERY_SECONDS)
    except TimeoutError:
        return False


def _push(desk: Desk) -> dict[str, str]:
    """How events come to us by push. The transmitter shows our token with each (section 6.1.1)."""
    delivery = {"method": PUSH, "endpoint_url": desk.settings.public_url.rstrip("/") + _RECEIVER}
    if desk.secrets.signals_token is not None:
        delivery["authorization_header"] = f"Bearer {desk.secrets.signals_token}"
    return delivery


def _print(arguments: argparse.Namespace, stream: Stream, state: Status, *, verified_at: str | None) -> None:
    if arguments.json:
        print(as_json({**msgspec.to_builtins(stream), "status": state.status, "verified_at": verified_at}))
        return
    paint = Paint.of(sys.stdout, os.environ)
    runs = state.status == "enabled"
    rows = {
        "stream": stream.stream_id,
        "status": paint.good(state.status) if runs else paint.bad(f"{state.status} {state.reason or ''}".strip()),
        "delivery": f"{'poll' if stream.delivery.method == POLL else 'push'} {stream.delivery.endpoint_url or ''}",
        "events": ", ".join(event.rpartition("/")[2] for event in stream.events_delivered) or paint.bad("none"),
        "verified": verified_at or "never: inkom signals verify",
    }
    for name, value in rows.items():
        print(f"{name:<10}{wrapped(value, indent=10, used=10)}")


@asynccontextmanager
async def _desk(arguments: argparse.Namespace) -> AsyncIterator[Desk]:
    settings, read = config.load(arguments.config)
    if settings.signals is None or read.signals_access_token is None:
        missing = "signals" if settings.signals is None else "signals.access_token"
        raise NoStream(f"{missing} is not in the configuration: docs/operators/signals.md says what to write")
    redis = connect(settings.sessions.redis)
    channel = BackChannel(Limits(total=settings.acm.time_limit), tls=transmitter_tls(settings, read))
    try:
        yield Desk(
            settings=settings,
            secrets=read,
            management=StreamManagement(
                channel,
                issuer=settings.signals.issuer or settings.acm.issuer,
                audience=settings.signals.audience or settings.public_url.rstrip("/"),
                token=read.signals_access_token,
            ),
            notes=RedisStreamNotes(redis, clock=SystemClock()),
        )
    finally:
        await channel.aclose()
        await close(redis)
