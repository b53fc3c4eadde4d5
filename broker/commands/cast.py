"""Facts of somebody of the mock government's cast, for `inkom policy explain --person`, without a running server.

The mock's own command line tells them, in the form of its registers' answers, and the registers' adapter reads those:
the facts are the ones that the gateway would have.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from typing import Any

import msgspec

from broker.adapters.registers import read_enterprise, read_person
from broker.adapters.wire import NotUnderstood
from broker.commands.terminal import Misuse
from broker.domain.cases import noon
from broker.domain.numbers import EnterpriseNumber, InvalidNumberError
from broker.domain.people import Enterprise, Facts, Organisation, SignInMethod
from broker.facts import facts_about
from broker.ports import RegisterUnavailable

_LIMIT = 30  # seconds; it reads one file


class CastMember(msgspec.Struct, frozen=True, kw_only=True):
    """What `python -m mock_idp person KEY --json` prints; `organisation` is the one that the story is about."""

    method: str
    organisation: str | None = None
    organisations: tuple[str, ...]
    idm: Any
    kbo: Any
    enterprises: dict[str, Any]


def facts_of(key: str, *, organisation: EnterpriseNumber | None, day: date) -> Facts | None:
    """Return the facts about a person of the cast on a day, acting for an organisation, or for the one of their story.

    None for somebody who has no organisation to act for. Raises Misuse, RegisterUnavailable.
    """
    return member_facts(_ask(key), key, organisation=organisation, day=day)


def member_facts(member: CastMember, key: str, *, organisation: EnterpriseNumber | None, day: date) -> Facts | None:
    """Return the facts that are in what the mock printed."""
    if organisation is None and not member.organisations:
        return None
    number = organisation or _own(member, key)
    try:
        record = read_person(member.idm, member.kbo)
        enterprise = _enterprise(member.enterprises.get(number.digits), day)
    except NotUnderstood as error:
        raise RegisterUnavailable(f"the mock government's answer is not understood: {error}") from None
    if enterprise is None:
        print(f"{key} has nothing to do with {number}, which is taken to be active and registered", file=sys.stderr)
        enterprise = Enterprise(organisation=Organisation(number=number, name=""), active=True)
    method = next((one for one in SignInMethod if one.value == member.method), None)
    assurance = method.assurance if method else None
    # Without a server nobody says which organisations are registered: they are taken to be.
    return facts_about(
        number,
        record,
        enterprise,
        registered=True,
        method=method,
        assurance=assurance,
        authenticated_at=noon(day),  # just now
        day=day,
    )


def _enterprise(document: Any, day: date) -> Enterprise | None:
    return None if document is None else read_enterprise(document).on(day)


def _own(member: CastMember, key: str) -> EnterpriseNumber:
    several = ", ".join(member.organisations[:5]) + (" and more" if len(member.organisations) > 5 else "")
    choice = f"choose with --organisation one of {several}"
    if len(member.organisations) > 1 and member.organisation is None:
        raise Misuse(f"{key} has {len(member.organisations)} organisations: {choice}")
    if len(member.organisations) > 1:
        print(f"{key} has {len(member.organisations)} organisations; {choice}", file=sys.stderr)
    try:
        return EnterpriseNumber(member.organisation or member.organisations[0])
    except InvalidNumberError as error:
        raise RegisterUnavailable(f"the mock government's answer is not understood: {error}") from None


def _ask(key: str) -> CastMember:
    command = [sys.executable, "-m", "mock_idp", "person", key, "--json"]
    try:
        answer = subprocess.run(command, capture_output=True, check=False, timeout=_LIMIT)  # (a list, and no shell)
    except subprocess.TimeoutExpired:
        raise RegisterUnavailable("the mock government's command line does not answer") from None
    if answer.returncode == 2:
        said = answer.stderr.decode(errors="replace").strip().splitlines()
        raise Misuse(said[-1] if said else f"the mock government does not know {key!r}")
    try:
        return msgspec.json.decode(answer.stdout if answer.returncode == 0 else b"", type=CastMember)
    except msgspec.MsgspecError:
        raise RegisterUnavailable(
            f"the mock government's command line does not tell who {key!r} is; is mock_idp installed?"
        ) from None
