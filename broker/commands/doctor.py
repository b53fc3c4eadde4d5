"""`inkom doctor`: asks each outside part whether it works, and says of each that does not what to do.

It reads only: no session is made, no person is looked up, and nothing is written to the audit log.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from broker import config
from broker.adapters.assertion import AssertionSigner
from broker.adapters.clock import SystemClock
from broker.adapters.http import Answer, BackChannel, Limits, NoAnswer
from broker.adapters.oidc import OidcProvider
from broker.adapters.registers.chosen import magda_channel, magda_kbo
from broker.adapters.registrations import Database, State, require_usable, standing
from broker.adapters.sessions import RedisSessions, connect
from broker.commands.front_door import asked_as_a_visitor
from broker.commands.shown_certificates import lacks_public_name, shown_certificates
from broker.commands.terminal import Paint, add_config_option, as_json, wrapped
from broker.domain.numbers import EnterpriseNumber
from broker.parts import oidc_settings
from broker.ports import ProviderUnavailable, RegisterUnavailable, RegistrationsUnavailable, StoreUnavailable

T = TypeVar("T")
Check = tuple[str, Callable[[], Awaitable[str]]]
# Never issued, and so nobody's: the registers may know it or not, what matters is that they answer.
_NOBODYS_ENTERPRISE = "1999999943"


class Ailment(Exception):
    """What is wrong with a part, and what to do about it; a check raises it to stop early."""

    def __init__(self, *, finding: str, remedy: str) -> None:
        super().__init__(finding)
        self.finding = finding
        self.remedy = remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of one check."""

    part: str
    works: bool
    finding: str
    remedy: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="print the findings for a program to read")


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each part; 1 when one does not work."""
    settings, secrets = config.load(arguments.config)
    findings = asyncio.run(_examine(settings, secrets, near=arguments.config.parent))
    works = all(finding.works for finding in findings)
    if arguments.json:
        print(as_json({"works": works, "parts": [msgspec.to_builtins(finding) for finding in findings]}))
        return 0 if works else 1
    paint = Paint.of(sys.stdout, os.environ)
    for one in findings:
        word = paint.good("ok    ") if one.works else paint.bad("failed")
        print(f"{word}  {one.part:<10}{wrapped(one.finding, indent=18, used=18)}")
        if one.remedy:
            print(wrapped(f"-> {one.remedy}", indent=18))
    return 0 if works else 1


async def _examine(settings: config.Settings, secrets: config.Secrets, *, near: Path) -> list[Finding]:
    channels = {
        name: BackChannel(Limits(total=one.time_limit), tls=secrets.clients[name].tls)
        for name, one in settings.all_providers.items()
    }
    channel = BackChannel(Limits(total=settings.registers.time_limit))
    checks: list[Check] = [
        ("redis", lambda: _redis(settings, secrets)),
        *((name, partial(_provider, name, settings, secrets, channels[name])) for name in settings.all_providers),
        *_registers(settings.registers, secrets, channel),
        *((("tls", lambda: _tls(settings, near)),) if settings.listen.tls is not None else ()),
        ("keys", lambda: _keys(settings, secrets)),
        ("database", lambda: _database(secrets, near)),
        ("audit", lambda: _audit(near / settings.audit.file)),
        ("clock", lambda: _clock(settings, channel)),
        *((("visitors", lambda: _visitors(settings, channel)),) if settings.forward_auth else ()),
    ]
    try:
        return [await _finding(part, check) for part, check in checks]
    finally:
        for one in (*channels.values(), channel):
            await one.aclose()


async def _finding(part: str, check: Callable[[], Awaitable[str]]) -> Finding:
    try:
        return Finding(part=part, works=True, finding=await check())
    except Ailment as ailment:
        return Finding(part=part, works=False, finding=ailment.finding, remedy=ailment.remedy)


async def _redis(settings: config.Settings, secrets: config.Secrets) -> str:
    try:
        redis = connect(settings.sessions.redis)
    except ValueError as error:
        raise Ailment(finding=str(error), remedy="mend sessions.redis in the configuration") from None
    sessions = RedisSessions(
        redis,
        secrets=secrets.session_secrets,
        idle=timedelta(seconds=settings.sessions.idle),
        absolute=timedelta(seconds=settings.sessions.absolute),
        clock=SystemClock(),
    )
    try:
        await sessions.ping()
    except StoreUnavailable as error:
        remedy = "start Redis, or mend sessions.redis (address, password, TLS); nobody can sign in without it"
        raise Ailment(finding=str(error), remedy=remedy) from None
    finally:
        await redis.aclose()
    return "the session store answers"


class _Metadata(msgspec.Struct):
    issuer: str
    jwks_uri: str


class _KeySet(msgspec.Struct):
    keys: list[msgspec.Raw]


async def _provider(name: str, settings: config.Settings, secrets: config.Secrets, channel: BackChannel) -> str:
    issuer, place = settings.all_providers[name].issuer, settings.place_of(name)
    url = issuer.removesuffix("/") + "/.well-known/openid-configuration"  # Discovery 4.1
    remedy = f"open {url} from this machine; mend {place}.issuer, the firewall or the proxy in between"
    metadata = await _document(url, channel, _Metadata, remedy=remedy)
    if metadata.issuer != issuer:
        raise Ailment(
            finding=f"calls itself {metadata.issuer}", remedy=f"write exactly that in {place}.issuer, if it is right"
        )
    keys = await _document(metadata.jwks_uri, channel, _KeySet, remedy=remedy)
    if not keys.keys:
        raise Ailment(finding="publishes no keys", remedy="report it to the provider: no ID Token can be verified")
    await _agreement(name, settings, secrets, channel)
    return f"{issuer} answers and publishes its keys; {_manner(settings.all_providers[name])}"


async def _agreement(name: str, settings: config.Settings, secrets: config.Secrets, channel: BackChannel) -> None:
    """See whether the provider offers what the configuration asks of it."""
    place = settings.place_of(name)
    try:
        told = oidc_settings(name, settings, secrets)
        await OidcProvider(told, clock=SystemClock(), channel=channel).ready()
    except ValueError as error:
        raise Ailment(finding=str(error), remedy=f"mend it in the configuration, under {place}") from None
    except ProviderUnavailable as error:
        remedy = (
            f"mend {place}.request, {place}.sender_constrained or {place}.client_authentication, "
            "or ask the provider for it"
        )
        raise Ailment(finding=str(error), remedy=remedy) from None


def _manner(acm: config.Acm) -> str:
    """Say how we prove ourselves, how requests travel, and what tokens are bound to."""
    audience = f" (for the {acm.assertion_audience})" if acm.client_authentication == "private_key_jwt" else ""
    requests = {"plain": "in the address", "signed-and-pushed": "signed and pushed"}.get(acm.request, acm.request)
    bound = {"none": "not bound", "dpop": "bound by DPoP", "mtls": "bound to our certificate"}[acm.sender_constrained]
    return f"client {acm.client_authentication}{audience}, requests {requests}, tokens {bound}"


def _registers(registers: config.Registers, secrets: config.Secrets, channel: BackChannel) -> list[Check]:
    if registers.source == "claims":
        return [("registers", _no_register)]
    idm, kbo, magda = registers.idm, registers.kbo, registers.magda
    idm_url = f"{idm}/organisations/{_NOBODYS_ENTERPRISE}/administrators"
    kbo_url = f"{kbo}/enterprises/{_NOBODYS_ENTERPRISE}"
    return [
        ("idm", lambda: _register(idm_url, secrets, channel)),
        ("kbo", lambda: _magda(magda, registers, secrets) if magda else _register(kbo_url, secrets, channel)),
    ]


async def _no_register() -> str:
    return "none is asked: what ACM says of a person counts for the life of their ID token"


async def _magda(magda: config.Magda, registers: config.Registers, secrets: config.Secrets) -> str:
    channel = magda_channel(registers, secrets)
    kbo = magda_kbo(magda, time_limit=registers.time_limit, channel=channel, clock=SystemClock())
    try:
        await kbo.enterprise(EnterpriseNumber(_NOBODYS_ENTERPRISE))
    except RegisterUnavailable as error:
        remedy = (
            f"mend registers.magda or the way to {magda.enterprise}; a certificate, sender or capacity that MAGDA does "
            "not know is MAGDA's to admit"
        )
        raise Ailment(finding=str(error), remedy=remedy) from None
    finally:
        await channel.aclose()
    return "MAGDA answers about enterprises; whether it would about people is not tried"


async def _register(url: str, secrets: config.Secrets, channel: BackChannel) -> str:
    answer = await _answer(
        url,
        channel,
        headers={"authorization": f"Bearer {secrets.register_token}"},
        remedy="mend its address under registers, or the way there; until it answers nobody new gets in",
    )
    if answer.status in {401, 403}:
        raise Ailment(finding=f"refuses our token ({answer.status})", remedy="renew registers.token")
    if answer.status == 404 and answer.media_type != "application/problem+json":
        # A register that does not know an enterprise says so in its own words; anything else is a stranger's 404.
        raise Ailment(finding=f"{url} is not there (404)", remedy="mend its address under registers")
    if answer.status not in {200, 404}:
        raise Ailment(finding=f"answers with status {answer.status}", remedy="look at the register's own health")
    return "answers, and accepts our token"


async def _tls(settings: config.Settings, near: Path) -> str:
    shown = list(shown_certificates(settings, near=near, now=SystemClock().now()))
    said = "; ".join(str(one) for one in shown)
    if any(one.days is None for one in shown):
        remedy = "put a new certificate and key in their place; the gateway reads them without a restart"
        raise Ailment(finding=said, remedy=remedy)
    host = lacks_public_name(settings, shown)
    return said if host is None else f"{said}; none is for {host}, as it must be where browsers come directly"


async def _keys(settings: config.Settings, secrets: config.Secrets) -> str:
    try:
        AssertionSigner(
            key=secrets.assertion_key, client_keys=secrets.client_keys, issuer=settings.public_url, clock=SystemClock()
        )
    except ValueError as error:
        remedy = "make fresh ones: inkom keys assertion, inkom keys client"
        raise Ailment(finding=f"the keys cannot be used: {error}", remedy=remedy) from None
    return "assertion key and client key can be read and used"


async def _database(secrets: config.Secrets, near: Path) -> str:
    """Reads only: SQLite's file is not made, and nothing is migrated."""
    try:
        database = Database.at(secrets.database, near=near)
        found = await asyncio.to_thread(standing, database)
        if database.file is None or found.state is State.UNKNOWN:
            require_usable(found)
    except RegistrationsUnavailable as error:
        remedy = "mend registrations.database, or do what it says; without it nobody gets in"
        raise Ailment(finding=str(error), remedy=remedy) from None
    if database.file is not None and not await asyncio.to_thread(_writable_place, database.file):
        raise Ailment(
            finding=f"{database.file} cannot be written",
            remedy="let the gateway's user write there, or mend registrations.database",
        )
    if found.state is State.CURRENT:
        return f"{database} answers and has this version's tables"
    return f"{database} will be made or migrated at the next start"


def _writable_place(file: Path) -> bool:
    """Whether a file can be written, or made together with its folder."""
    if file.exists():
        return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)
    nearest = next((folder for folder in file.parents if folder.exists()), file.parent)
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


async def _audit(path: Path) -> str:
    if not await asyncio.to_thread(_writable, path):
        remedy = "let the gateway's user write there, or mend audit.file; without it no request passes"
        raise Ailment(finding=f"{path} cannot be written", remedy=remedy)
    return f"{path} can be written"


def _writable(path: Path) -> bool:
    if path.exists():
        return path.is_file() and os.access(path, os.W_OK)
    return os.access(path.parent, os.W_OK | os.X_OK)


async def _visitors(settings: config.Settings, channel: BackChannel) -> str:
    finding, remedy = await asked_as_a_visitor(settings, channel)
    if remedy:
        raise Ailment(finding=finding, remedy=remedy)
    return finding


class _MovedDay(msgspec.Struct):
    day: str


async def _clock(settings: config.Settings, channel: BackChannel) -> str:
    clock = SystemClock()
    today = f"in Brussels it is {clock.today()}; the machine says {clock.now():%Y-%m-%d %H:%M:%S} UTC"
    if settings.development.clock is None:
        return today
    remedy = "start the mock government, or remove development.clock"
    moved = await _document(settings.development.clock, channel, _MovedDay, remedy=remedy)
    return f"{today}; rights are judged on {moved.day}, the mock's day"


async def _document(url: str, channel: BackChannel, kind: type[T], *, remedy: str) -> T:
    answer = await _answer(url, channel, headers={}, remedy=remedy)
    if answer.status != 200:
        raise Ailment(finding=f"{url} answers with status {answer.status}", remedy=remedy)
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except msgspec.MsgspecError:
        raise Ailment(finding=f"{url} answers, but not with the document that belongs there", remedy=remedy) from None


async def _answer(url: str, channel: BackChannel, *, headers: dict[str, str], remedy: str) -> Answer:
    try:
        return await channel.get(url, headers=headers)
    except NoAnswer as error:
        raise Ailment(finding=f"{url} does not answer: {error}", remedy=remedy) from None
