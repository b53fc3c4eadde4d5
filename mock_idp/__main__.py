"""`inkom-mock`: the mock government as a program. FOR DEVELOPMENT ONLY (see `control`)."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from mock_idp import listing_verbs
from mock_idp.generate import verb as generate
from mock_idp.given_client import ClientTextError, GivenClient, read_given_client
from mock_idp.kbo.term import CHOICES as KBO_TERMS
from mock_idp.mail import command as mail
from mock_idp.mail.options import (
    CATCH_NOTHING,
    CATCHER_HOST,
    CATCHER_PORT,
    MailOptionsError,
    add_mail_options,
    mail_settings,
)
from mock_idp.settings import Settings

if TYPE_CHECKING:
    from mock_idp.tls import TlsDoor

DESCRIPTION = """\
The mock government: ACM (an OpenID Provider), IDM, KBO and mail, for development.
Whoever reaches it can sign in as anyone. Never put it where real people are."""
EPILOG = """\
Without a verb it serves, until Ctrl-C:
  inkom-mock                                                      issuer http://localhost:9000/op
  inkom-mock --client shop,hush,http://localhost:3000/callback    with a client of your own
  inkom-mock people                                               who can sign in
  inkom-mock faults --about nonce                                 what can go wrong, on request

Each option can also be given in the environment, as INKOM_MOCK_HOST, INKOM_MOCK_PORT and so on;
INKOM_MOCK_CLIENT holds as many clients as you like, with spaces between them."""
LOG_LEVELS = ("critical", "error", "warning", "info", "debug")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until SIGINT or SIGTERM, or does what a verb says. 0: done; 1: cannot start; 2: used wrongly."""
    options = _parser(os.environ).parse_args(arguments)
    if options.verb in listing_verbs.VERBS:
        return listing_verbs.run(options)
    if options.verb == "mail":
        return mail.run(options, os.environ)
    if options.verb == "generate":
        return generate.run(options)
    try:
        sends = mail_settings(options, os.environ)
    except MailOptionsError as error:
        print(f"inkom-mock: {error}", file=sys.stderr)
        return 2
    with ExitStack() as sockets:
        try:
            listener = sockets.enter_context(_listen(options.host, options.port))
            catcher = _listen_for_mail(options.smtp_port)
        except NoPort as error:
            print(f"inkom-mock: {error}", file=sys.stderr)
            return 1
        if catcher is not None:
            sockets.enter_context(catcher)
        port = listener.getsockname()[1]
        try:
            door = _door(options)
        except (NoPort, OSError) as error:
            print(f"inkom-mock: {error}", file=sys.stderr)
            return 1
        if door is not None:
            sockets.enter_context(door.listener)
        settings = Settings(
            host=options.host,
            port=port,
            origin=(options.origin or f"http://localhost:{port}").rstrip("/"),
            tls_origin=None if door is None else f"https://localhost:{door.listener.getsockname()[1]}",
            clients_file=options.clients,
            given_clients=tuple(options.client),
            world_file=options.world,
            register_token=options.register_token,
            database=options.database,
            log_level=options.log_level,
            kbo_working_days=options.kbo_working_days,
            mail=sends,
        )
        from mock_idp.serving import serve  # what the other verbs can do without

        return serve(settings, listener, catcher, door)


class NoPort(Exception):
    """Nobody can be let in there. The text says where, and why not."""


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family=family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()  # from here on nobody else gets the port
    except OSError as error:
        listener.close()
        raise NoPort(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listener


def _door(options: argparse.Namespace) -> TlsDoor | None:
    """Where clients show certificates, if a certificate of our own was given. Raises NoPort, OSError."""
    if options.tls_certificate is None or options.tls_key is None:
        return None
    from mock_idp.tls import TlsDoor, tls_context  # what serving without TLS can do without

    context = tls_context(
        certificate=options.tls_certificate, key=options.tls_key, client_authorities=options.client_authorities
    )
    return TlsDoor(listener=_listen(options.host, options.tls_port), context=context)


def _listen_for_mail(port: int | None) -> socket.socket | None:
    """`port` is None when nobody chose one: then a second mock on the same machine takes a free one."""
    if port == CATCH_NOTHING:
        return None
    if port is not None:
        return _listen(CATCHER_HOST, port)
    try:
        return _listen(CATCHER_HOST, CATCHER_PORT)
    except NoPort:
        return _listen(CATCHER_HOST, 0)


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    defaults = Settings()

    def given(name: str, default: str) -> str:
        return environment.get(f"INKOM_MOCK_{name}", default)

    parser = argparse.ArgumentParser(
        prog="inkom-mock",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=DESCRIPTION,
        epilog=EPILOG,
    )
    parser.add_argument("--host", default=given("HOST", defaults.host), help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=given("PORT", str(defaults.port)), help="0 takes a free one")
    parser.add_argument("--origin", default=given("ORIGIN", ""), help="public address (default http://localhost:PORT)")
    parser.add_argument(
        "--clients",
        type=Path,
        default=given("CLIENTS", str(defaults.clients_file)),
        metavar="FILE",
        help="who may ask for sign-ins, in YAML",
    )
    parser.add_argument(
        "--client",
        type=_client,
        action="append",
        default=[_client(text) for text in environment.get("INKOM_MOCK_CLIENT", "").split()],
        metavar="ID,SECRET,REDIRECT",
        help="a client of your own, beside those of the file; may be repeated, and may have more addresses",
    )
    parser.add_argument(
        "--world",
        type=Path,
        default=given("WORLD", str(defaults.world_file)),
        metavar="FILE",
        help="people and enterprises, in YAML",
    )
    parser.add_argument(
        "--database",
        type=Path,
        default=environment.get("INKOM_MOCK_DATABASE") or None,
        metavar="FILE",
        help="keep the world in this file (default: it goes when the program ends)",
    )
    for name, what in (
        ("tls-certificate", "of the second door, where clients may show theirs (RFC 8705), PEM"),
        ("tls-key", "of that certificate, PEM"),
        ("client-authorities", "who may have issued clients' certificates, and self-signed ones, PEM"),
    ):
        variable = f"INKOM_MOCK_{name.replace('-', '_').upper()}"
        parser.add_argument(
            f"--{name}", type=Path, default=environment.get(variable) or None, metavar="FILE", help=what
        )
    parser.add_argument("--tls-port", type=int, default=given("TLS_PORT", "9443"), help="of that door (default 9443)")
    parser.add_argument(
        "--register-token",
        default=given("REGISTER_TOKEN", defaults.register_token),
        metavar="TOKEN",
        help="bearer token that IDM and KBO want (default demo-register-token)",
    )
    parser.add_argument(
        "--kbo-working-days",
        type=_working_days,
        metavar="0..5",
        default=given("KBO_WORKING_DAYS", str(defaults.kbo_working_days)),
        help="that KBO takes to record what it is told (default 5)",
    )
    parser.add_argument("--log-level", choices=LOG_LEVELS, default=given("LOG_LEVEL", defaults.log_level))
    add_mail_options(parser, environment)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="instead of serving")
    listing_verbs.add_verbs(verbs)
    mail.add_verb(verbs, environment)
    generate.add_verb(verbs)
    return parser


def _client(text: str) -> GivenClient:
    try:
        return read_given_client(text)
    except ClientTextError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _working_days(text: str) -> int:
    if text not in {str(choice) for choice in KBO_TERMS}:
        raise argparse.ArgumentTypeError(f"from 0 to {KBO_TERMS[-1]} working days, not {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
