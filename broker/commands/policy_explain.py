"""`inkom policy explain`: who gets in and why, for facts from a file or of a person of the mock government's cast.

Asks the same `decide` as the gateway. Failed tests in a policy file do not matter here, as finding out why one fails is
what the command is for.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from broker.adapters import policy_files
from broker.adapters.clock import SystemClock
from broker.adapters.given_facts import read_question
from broker.commands import cast
from broker.commands.terminal import Misuse, Paint, as_json, wrapped
from broker.config import ConfigurationInvalid
from broker.documents import suggestion
from broker.domain.cases import noon
from broker.domain.decide import Decision, Step, decide
from broker.domain.explain import because
from broker.domain.numbers import EnterpriseNumber, InvalidNumberError
from broker.domain.people import Facts
from broker.domain.policy import Policy


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--given", type=Path, metavar="FILE", help="facts in the form of a policy file's test")
    source.add_argument("--person", metavar="KEY", help="facts of somebody of the mock government's cast")
    parser.add_argument("--application", metavar="NAME", help="the application (default: the first of the only policy)")
    parser.add_argument(
        "--organisation",
        type=_organisation,
        metavar="NUMBER",
        help="whom to act for (default: the one of the facts)",
    )
    parser.add_argument("--at", type=_day, metavar="DATE", help="the day (default: the file's, or today)")
    parser.add_argument(
        "--policies", type=Path, default=Path("policies"), metavar="FOLDER", help="policy files (default: policies)"
    )
    parser.add_argument("--json", action="store_true", help="print the decision for a program to read")


def run(arguments: argparse.Namespace) -> int:
    """Print the decision; 0 whichever it is."""
    files, problems = policy_files.gather(arguments.policies)
    if problems:
        raise ConfigurationInvalid(list(problems))
    policy, application = _chosen([file.policy for file in files], arguments.application)
    today = arguments.at or SystemClock().today()
    if arguments.person is not None:
        known, day = cast.facts_of(arguments.person, organisation=arguments.organisation, day=today), today
        if known is None:
            _print_nothing_to_act_for(policy, application, today, person=arguments.person, json=arguments.json)
            return 0
        facts = known
    else:
        facts, day = read_question(arguments.given, organisation=arguments.organisation, today=today, at=arguments.at)
    decision = decide(policy, application=application, facts=facts, day=day, now=noon(day))
    if arguments.json:
        print(as_json(_object(decision, facts)))
    else:
        print("\n".join(_tree(policy, decision, facts, Paint.of(sys.stdout, os.environ))))
    return 0


def _print_nothing_to_act_for(policy: Policy, application: str, day: date, *, person: str, json: bool) -> None:
    """The gateway makes no decision about somebody who has no organisation: they read which roads lead to one."""
    answer = {
        "allowed": False,
        "reason": "no-organisation",
        "cause": "no-organisation",
        "application": application,
        "organisation": None,
        "day": day.isoformat(),
        "policy": policy.id,
        "version": policy.version,
        "steps": [],
    }
    if json:
        print(as_json(answer))
        return
    paint = Paint.of(sys.stdout, os.environ)
    print(f"{paint.mark(holds=False)} {paint.bad('refused')} {paint.strong('no-organisation')}")
    print(wrapped(f"{person} has no organisation to act for; try one with --organisation", indent=2))


def _organisation(text: str) -> EnterpriseNumber:
    try:
        return EnterpriseNumber.parse(text)
    except InvalidNumberError as error:
        raise argparse.ArgumentTypeError(f"{error}; look at {text!r} again") from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write it as 2026-11-24") from None


def _chosen(policies: list[Policy], application: str | None) -> tuple[Policy, str]:
    names = [name for policy in policies for name in policy.applications]
    if application is None:
        if len(policies) > 1:
            raise Misuse(f"there are several policies: choose with --application one of {', '.join(names)}")
        return policies[0], names[0]
    found = next((policy for policy in policies if application in policy.applications), None)
    if found is None:
        raise Misuse(f"no policy is for the application {application!r}; {suggestion(application, names)}")
    return found, application


def _object(decision: Decision, facts: Facts) -> dict[str, Any]:
    return {
        "allowed": decision.allowed,
        "reason": decision.reason,
        "cause": decision.cause.value,
        "application": decision.application,
        "organisation": decision.organisation,
        "day": decision.day.isoformat(),
        "policy": decision.policy,
        "version": decision.version,
        "steps": [
            {
                "condition": step.clause,
                "holds": step.finding.holds,
                "because": because(step, facts),
                "cause": step.finding.cause.value,
            }
            for step in decision.steps
        ],
    }


def _tree(policy: Policy, decision: Decision, facts: Facts, paint: Paint) -> Iterator[str]:
    answer = paint.good("allowed") if decision.allowed else paint.bad("refused")
    organisation = facts.organisation.dotted
    yield f"{paint.mark(holds=decision.allowed)} {answer} {paint.strong(decision.reason)}"
    yield f"  {decision.application} for {organisation} on {decision.day}"
    yield paint.faint(f"  policy {decision.policy}, version {decision.version}")
    split = len(policy.require)
    for title, steps in (
        ("All of these must hold:", decision.steps[:split]),
        ("One of these must hold:", decision.steps[split:]),
    ):
        if steps:
            yield ""
            yield title
        for step in steps:
            yield from _step(step, facts, paint, settles=step is decision.settled_by)


def _step(step: Step, facts: Facts, paint: Paint, *, settles: bool) -> Iterator[str]:
    arrow = paint.faint("  <- the reason") if settles else ""
    yield f"  {paint.mark(holds=step.finding.holds)} {paint.strong(step.clause)}{arrow}"
    yield wrapped(because(step, facts), indent=6)
