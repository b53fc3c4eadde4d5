"""The command line, `inkom`: declares the verbs, calls the one that was asked for, and turns errors into exit codes.

0 in order, 1 something is wrong, 2 used wrongly. What the verbs do stands in `broker/commands/`, the demo in
`broker/demo/`, the gateway in `broker/app.py`; each is imported only when it is needed.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import TypeAlias

from broker.commands import check, doctor, keys, policy_explain, policy_test, registrations, sessions, signals
from broker.commands.terminal import Misuse, Paint, add_config_option, count, problem_lines
from broker.config import ConfigurationInvalid
from broker.ports import InkomError

DESCRIPTION = """\
The INKOM gateway: who may enter an application, and for which enterprise.

Look at a running system with `doctor`, at its files with `check`. Policies are
tried out without a server: `policy test` and `policy explain`."""

EXAMPLES = """\
examples:
  inkom policy test                        every test in policies/, no server
  inkom policy explain --person employee   who gets in, and why
  inkom check && inkom serve               start, if all is in order
  inkom VERB --help                        what a verb takes"""

_Run = Callable[[argparse.Namespace], int]
_Declare = Callable[[argparse.ArgumentParser], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show ✓ shows ? and the answer stays readable
    parser = build_parser()
    chosen = parser.parse_args(arguments)
    run: _Run = chosen.run
    try:
        return run(chosen)
    except ConfigurationInvalid as invalid:
        paint = Paint.of(sys.stderr, os.environ)
        lines = [*problem_lines(invalid.problems, paint), paint.bad(count(len(invalid.problems), "problem"))]
        print("\n".join(lines), file=sys.stderr)
        return 1
    except Misuse as misuse:
        print(f"inkom: {misuse}", file=sys.stderr)
        return 2
    except InkomError as error:
        print(f"inkom: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read our output has seen enough; without this Python complains once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 1


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all verbs."""
    parser = argparse.ArgumentParser(
        prog="inkom",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"inkom {importlib.metadata.version('inkom-broker')}")
    parser.set_defaults(run=lambda _: _help(parser))
    verbs = parser.add_subparsers(title="verbs", metavar="VERB")
    _verb(verbs, "serve", "run the gateway", _serve, add_config_option, "inkom serve --config inkom.yaml")
    _verb(
        verbs,
        "check",
        "check configuration and policies without starting",
        check.run,
        check.add_arguments,
        "inkom check --config inkom.yaml",
    )
    _verb(
        verbs,
        "doctor",
        "ask Redis, ACM and the registers whether they work",
        doctor.run,
        doctor.add_arguments,
        "inkom doctor --config inkom.yaml",
    )
    _policy(verbs)
    _registrations(verbs)
    _sessions(verbs)
    _signals(verbs)
    kinds = "\n".join(f"  {kind:<11}{text}".replace("\n", "\n" + " " * 13) for kind, text in keys.KINDS.items())
    _verb(
        verbs,
        "keys",
        "make a fresh key or secret",
        keys.run,
        keys.add_arguments,
        "inkom keys client --out client.pem --public client.jwk.json",
        f"kinds:\n{kinds}",
    )
    _verb(verbs, "demo", "start the whole chain on this machine", _demo, _demo_arguments, "inkom demo")
    return parser


_Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _policy(verbs: _Verbs) -> None:
    summary = "try out who gets in, without a server"
    parser = _parser(verbs, "policy", summary, "inkom policy test")
    parser.set_defaults(run=lambda _: _help(parser))
    inner = parser.add_subparsers(title="verbs", metavar="VERB")
    _verb(
        inner,
        "test",
        "judge the tests that stand in the policy files",
        policy_test.run,
        policy_test.add_arguments,
        "inkom policy test policies",
    )
    _verb(
        inner,
        "explain",
        "say who gets in, and why or why not",
        policy_explain.run,
        policy_explain.add_arguments,
        "inkom policy explain --person expired-right --application kmo-portefeuille",
    )


def _registrations(verbs: _Verbs) -> None:
    parser = _parser(verbs, "registrations", "organisations registered on INKOM", "inkom registrations export")
    parser.set_defaults(run=lambda _: _help(parser))
    inner = parser.add_subparsers(title="verbs", metavar="VERB")
    of = registrations
    _verb(
        inner,
        "export",
        "write all registrations as CSV or JSON",
        of.export,
        of.add_export_arguments,
        "inkom registrations export --csv registrations.csv --since 2026-06-01",
        "In CSV, a cell that a spreadsheet would take for a formula (a phone number begins\n"
        "with +) has an apostrophe in front; `import` takes it away again.",
    )
    _verb(
        inner,
        "show",
        "print the registration of one organisation",
        of.show,
        of.add_show_arguments,
        "inkom registrations show 1999.999.943",
    )
    _verb(
        inner,
        "import",
        "register the organisations in a CSV, all of them or none",
        of.import_,
        of.add_import_arguments,
        "inkom registrations import registrations.csv",
        "Who is registered already stays as they are.",
    )
    _verb(
        inner,
        "migrate",
        "bring the database up to this version",
        of.migrate_,
        add_config_option,
        "inkom registrations migrate --config inkom.yaml",
        "SQLite is migrated at every start by itself; PostgreSQL only by this command.",
    )
    _verb(
        inner,
        "status",
        "say how the database stands",
        of.status,
        of.add_status_arguments,
        "inkom registrations status",
    )


def _sessions(verbs: _Verbs) -> None:
    parser = _parser(verbs, "sessions", "who is signed in, and ending it", "inkom sessions list")
    parser.set_defaults(run=lambda _: _help(parser))
    inner = parser.add_subparsers(title="verbs", metavar="VERB")
    of = sessions
    known = "People and sessions go by the names of the audit log; a person's name or number is never shown."
    _verb(
        inner,
        "list",
        "print the open sessions, everybody's or one person's",
        of.list_,
        of.add_list_arguments,
        "inkom sessions list --person Qm9ndXMtcHNldWRvbnltLQ",
        f"Columns: reference, person, began, last used, organisation, browser.\n{known}",
    )
    _verb(
        inner,
        "show",
        "print one session",
        of.show,
        of.add_show_arguments,
        "inkom sessions show 52bc1d0e1e39a7f4",
        f"Exit code 1 when no such session is open.\n{known}",
    )
    _verb(
        inner,
        "end",
        "end one session, all of a person, or everybody's",
        of.end,
        of.add_end_arguments,
        "inkom sessions end 52bc1d0e1e39a7f4\n  inkom sessions end --person Qm9ndXMtcHNldWRvbnltLQ"
        "\n  inkom sessions end --all --yes",
        "It holds at once on every machine, open streams included, and stands in the audit log.\n"
        "Exit code 1 when nothing was open.",
    )


def _signals(verbs: _Verbs) -> None:
    parser = _parser(verbs, "signals", "our stream of Shared Signals at its transmitter", "inkom signals status")
    parser.set_defaults(run=lambda _: _help(parser))
    inner = parser.add_subparsers(title="verbs", metavar="VERB")
    of, about = signals, "inkom signals"
    _verb(inner, "status", "say how our stream stands", of.status, of.add_arguments, f"{about} status --json")
    _verb(
        inner,
        "create",
        "make our stream, or change the one that is there",
        of.create,
        of.add_create_arguments,
        f"{about} create --poll",
        "Asks for all events that the gateway acts on.",
    )
    _verb(
        inner,
        "verify",
        "have the transmitter send an event, and see it arrive",
        of.verify,
        of.add_verify_arguments,
        f"{about} verify --wait 30",
    )
    _verb(inner, "delete", "remove our stream", of.delete, of.add_arguments, f"{about} delete")


def _verb(
    verbs: _Verbs, name: str, summary: str, run: _Run, declare: _Declare, example: str, more: str | None = None
) -> None:
    parser = _parser(verbs, name, summary, example, more)
    declare(parser)
    parser.set_defaults(run=run)


def _parser(verbs: _Verbs, name: str, summary: str, example: str, more: str | None = None) -> argparse.ArgumentParser:
    return verbs.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog="\n\n".join(part for part in (more, f"example:\n  {example}") if part),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _help(parser: argparse.ArgumentParser) -> int:
    """No verb was given: say which there are."""
    parser.print_help(sys.stderr)
    return 2


def _serve(arguments: argparse.Namespace) -> int:
    from broker.app import serve  # the whole gateway, which no other verb needs

    return serve(arguments.config)


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    from broker.demo import add_arguments

    add_arguments(parser)


def _demo(arguments: argparse.Namespace) -> int:
    from broker.demo import run

    return run(arguments)
