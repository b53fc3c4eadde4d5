"""One run of the demo from the first check to the last process ended.

The order: choices checked, keys made, what the gateway needs started and the organisations registered, the gateway
started, the table printed, then nothing until a signal or the end of one of the processes. How each step works stands
in the modules beside this one.
"""

import argparse
import asyncio
import io
import json
import os
import signal
import sys
from typing import Any

from broker.demo.options import NotPossibleHere, Options, UnusableOptions, read_options, require_free_ports
from broker.demo.parts import Parts, gather_parts, mock_people_url, places
from broker.demo.processes import Household, PartFailed, fetch
from broker.demo.registered import register, write_registrations
from broker.demo.runtime import Runtime, prepare
from broker.demo.screen import Person, Screen
from broker.ports import RegistrationsUnavailable


def run(arguments: argparse.Namespace) -> int:
    """Run until Ctrl-C or SIGTERM (0), until a part fails or because none can start (1); a wrong choice is 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    screen = Screen.of(sys.stdout, sys.stderr, os.environ)
    try:
        options = read_options(arguments)
        runtime = prepare(options)
        if options.prepare_only:
            write_registrations(runtime)
            screen.line(f"keys and files are in {runtime.directory}")
            return 0
        require_free_ports(options)
        parts = gather_parts(options, runtime)
    except (NotPossibleHere, PartFailed) as problem:
        screen.problem(str(problem))
        return 1
    except UnusableOptions as problem:
        screen.problem(str(problem))
        return 2
    return asyncio.run(_supervise(options, runtime, parts, screen))


async def _supervise(options: Options, runtime: Runtime, parts: Parts, screen: Screen) -> int:
    asked_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, asked_to_stop.set)

    async with Household(runtime.logs) as household:
        show = asyncio.create_task(_show(household, options, runtime, parts, screen))
        stop = asyncio.create_task(asked_to_stop.wait())
        await asyncio.wait({show, stop}, return_when=asyncio.FIRST_COMPLETED)
        failure = await _failure_of(show)
        if failure is not None:
            screen.problem(failure)
        screen.line("stopping")
        stop.cancel()
    screen.line("stopped, nothing is left running")
    return 0 if failure is None else 1


async def _show(household: Household, options: Options, runtime: Runtime, parts: Parts, screen: Screen) -> None:
    names = ", ".join(part.title for part in (*parts.first, *parts.then))
    screen.line(f"starting {names}")
    screen.line(f"their logs are in {runtime.logs}")
    await asyncio.gather(household.start(parts.first), _register_organisations(runtime))
    await household.start(parts.then)
    screen.table(places(options), await _people(options))
    screen.ready(places(options)[0].url)
    await household.watch()


async def _register_organisations(runtime: Runtime) -> None:
    try:
        await asyncio.to_thread(write_registrations, runtime)
        await register(runtime)
    except RegistrationsUnavailable as problem:
        raise PartFailed(f"The organisations of the demo cannot be registered: {problem}.") from problem


async def _failure_of(show: asyncio.Task[None]) -> str | None:
    show.cancel()
    try:
        await show
    except PartFailed as failure:
        return str(failure)
    except asyncio.CancelledError:
        return None
    return None


async def _people(options: Options) -> tuple[Person, ...]:
    """The cast, as the mock government itself tells it, so that the table cannot be out of date."""
    answer = await fetch(mock_people_url(options))
    if answer is None or answer[0] != 200:
        raise PartFailed(f"The mock government does not tell who can sign in ({mock_people_url(options)}).")
    return tuple(_person(one) for one in json.loads(answer[1])["people"])


def _person(told: dict[str, Any]) -> Person:
    outcomes = {outcome["expect"] for outcome in told["outcome"].values()}
    return Person(
        key=told["key"],
        name=told["name"],
        story=told["story"]["en"],
        outcome=outcomes.pop() if len(outcomes) == 1 else "depends",
    )
