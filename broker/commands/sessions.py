"""`inkom sessions`: who is signed in, by the references and pseudonyms of the audit log, and ending it.

Nothing here can open a session: names and numbers of people are not shown because they are not known here. Every end
stands in the audit log before it is carried out.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import TypeVar

from broker import config
from broker.adapters.audit import AuditFile
from broker.adapters.clock import SystemClock
from broker.adapters.sessions.connection import connect
from broker.adapters.sessions.index import RedisSessionIndex
from broker.commands.terminal import Misuse, add_config_option, as_json, count
from broker.domain.session import OpenSession
from broker.domain.validity import BRUSSELS
from broker.ports import Event

T = TypeVar("T")
_REFERENCE = re.compile(r"[0-9a-f]{16}", re.ASCII)
_PERSON = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)
_TOLD_EVERY = 10_000
_AT_ONCE = 20


def add_list_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `list`."""
    add_config_option(parser)
    _add_person(parser, "only this person's")
    parser.add_argument("--json", action="store_true", help="print JSON for a program to read")


def add_show_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `show`."""
    add_config_option(parser)
    parser.add_argument("reference", metavar="REFERENCE", type=_reference, help="as in the audit log (`session`)")
    parser.add_argument("--json", action="store_true", help="print JSON for a program to read")


def add_end_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `end`."""
    add_config_option(parser)
    parser.add_argument(
        "reference", metavar="REFERENCE", type=_reference, nargs="?", help="as in the audit log (`session`)"
    )
    _add_person(parser, "all of this person's")
    parser.add_argument("--all", action="store_true", help="everybody's; needs --yes")
    parser.add_argument("--yes", action="store_true", help="do not ask, and mean it")


def _add_person(parser: argparse.ArgumentParser, which: str) -> None:
    text = f"{which}; --person=… when it begins with a dash"
    parser.add_argument("--person", metavar="PSEUDONYM", type=_person, help=text)


def list_(arguments: argparse.Namespace) -> int:
    """Print who is signed in."""

    async def gathered(index: RedisSessionIndex, _: AuditFile) -> list[OpenSession]:
        if arguments.person is not None:
            return list(await index.of(arguments.person))
        return [one async for batch in _progress(index.everybody()) for one in batch]

    found = _with_index(arguments.config, gathered)
    if arguments.json:
        print(as_json([_fields(one) for one in found]))
        return 0
    for one in found:
        print(_line(one))
    print(count(len(found), "session"), file=sys.stderr)
    return 0


def show(arguments: argparse.Namespace) -> int:
    """Print one session; 1 when there is none by that reference."""
    found = _with_index(arguments.config, lambda index, _: index.find(arguments.reference))
    if arguments.json:
        print(as_json(None if found is None else _fields(found)))
    elif found is None:
        print(f"no session by the reference {arguments.reference} is open")
    else:
        for name, value in _fields(found).items():
            print(f"{name:<14}{value or 'unknown'}")
    return 0 if found is not None else 1


def end(arguments: argparse.Namespace) -> int:
    """End one session, one person's or all; 1 when nothing was open."""
    chosen = (arguments.reference is not None, arguments.person is not None, arguments.all)
    if sum(chosen) != 1:
        raise Misuse("say which: a REFERENCE, --person PSEUDONYM, or --all --yes")
    if arguments.all and not arguments.yes:
        raise Misuse("--all signs everybody out; add --yes if that is what you want")

    async def ended(index: RedisSessionIndex, audit: AuditFile) -> int:
        if arguments.person is not None:
            return await _end(index, audit, await index.of(arguments.person))
        if arguments.reference is not None:
            found = await index.find(arguments.reference)
            return await _end(index, audit, (found,) if found else ())
        total = 0
        async for batch in _progress(index.everybody()):
            total += await _end(index, audit, batch)
        return total

    number = _with_index(arguments.config, ended)
    print(f"{count(number, 'session')} ended" if number else "nothing was open", file=sys.stderr)
    return 0 if number else 1


async def _end(index: RedisSessionIndex, audit: AuditFile, sessions: Iterable[OpenSession]) -> int:
    """Write down and end; return how many were open until then."""
    by_person: dict[str, list[OpenSession]] = {}
    for one in sessions:
        by_person.setdefault(one.person, []).append(one)
        organisation = one.organisation.digits if one.organisation else None
        await audit.happened(
            Event(
                kind="session-ended-by-operator",
                session=one.reference,
                organisation=organisation,
                detail=f"person {one.person}",
            )
        )
    people, ended = list(by_person), 0
    for at in range(0, len(people), _AT_ONCE):
        ends = [
            index.end(person, [one.reference for one in by_person[person]]) for person in people[at : at + _AT_ONCE]
        ]
        ended += sum(len(one) for one in await asyncio.gather(*ends))
    return ended


async def _progress(batches: AsyncIterator[tuple[OpenSession, ...]]) -> AsyncIterator[tuple[OpenSession, ...]]:
    """Say now and then how far it is; each session once, though Redis may name one twice while it grows."""
    seen: set[str] = set()
    told = 0
    async for batch in batches:
        new = tuple(one for one in batch if one.reference not in seen)
        seen.update(one.reference for one in new)
        if len(seen) - told >= _TOLD_EVERY:
            told = len(seen)
            print(f"{told} sessions so far", file=sys.stderr, flush=True)
        yield new


def _with_index(path: Path, ask: Callable[[RedisSessionIndex, AuditFile], Awaitable[T]]) -> T:
    settings, secrets = config.load(path)

    async def asked() -> T:
        from broker.parts import connect_index  # all adapters, which no other verb needs

        clock = SystemClock()
        redis = connect(settings.sessions.redis)
        audit = AuditFile(path.parent / settings.audit.file, clock=clock)
        index = connect_index(settings, secrets, redis, clock=clock)
        try:
            return await ask(index, audit)
        finally:
            await audit.aclose()
            await index.aclose()

    return asyncio.run(asked())


def _fields(one: OpenSession) -> dict[str, str | None]:
    browser = " on ".join(word for word in (one.browser.name, one.browser.system) if word) if one.browser else None
    return {
        "reference": one.reference,
        "person": one.person,
        "began_at": one.began_at.isoformat(timespec="seconds"),
        "used_at": one.used_at.isoformat(timespec="seconds"),
        "organisation": one.organisation.digits if one.organisation else None,
        "browser": browser,
    }


def _line(one: OpenSession) -> str:
    fields = _fields(one)
    began, used = (moment.astimezone(BRUSSELS).strftime("%Y-%m-%d %H:%M") for moment in (one.began_at, one.used_at))
    browser = fields["browser"] or "-"
    return f"{one.reference}  {one.person}  {began}  {used}  {fields['organisation'] or '-':<10}  {browser}"


def _reference(text: str) -> str:
    """Read a reference as the audit log writes it, or as pages do for reading aloud."""
    plain = text.replace("-", "").lower()
    if not _REFERENCE.fullmatch(plain):
        raise argparse.ArgumentTypeError(f"{text!r} is no reference of a session: 16 digits and letters a to f")
    return plain


def _person(text: str) -> str:
    if not _PERSON.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no pseudonym of the audit log: 22 letters, digits, - and _")
    return text
