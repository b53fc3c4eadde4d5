"""The options of `inkom-mock` about mail, and what is made of them. Each has its variable INKOM_MOCK_…

A password never stands on a command line, where every user of the machine could read it: a variable or a file holds it.
"""

from __future__ import annotations

import argparse
import ipaddress
from collections.abc import Mapping
from datetime import time
from pathlib import Path

from mock_idp.addresses import is_address
from mock_idp.mail.settings import NIGHTLY, MailServer, MailSettings, Security
from pagekit.languages import LANGUAGES

# Nobody but this machine can deliver here.
CATCHER_HOST = "127.0.0.1"
CATCHER_PORT = 9025
OFF = "off"
CATCH_NOTHING = -1
_PORTS = {Security.NONE: 25, Security.STARTTLS: 587, Security.TLS: 465}


class MailOptionsError(Exception):
    """What does not fit together, for the person who started the program."""


def add_mail_options(parser: argparse.ArgumentParser, environment: Mapping[str, str], *, again: bool = False) -> None:
    """`again`: on the parser of a verb, so that they may stand after it too; the defaults are those before it."""
    defaults = MailSettings()

    def given(name: str, default: str | None = None) -> str | None:
        return argparse.SUPPRESS if again else environment.get(f"INKOM_MOCK_{name}", default)

    group = parser.add_argument_group("mail")
    group.add_argument(
        "--smtp-port",
        type=_catcher_port,
        metavar="PORT",
        default=given("SMTP_PORT"),
        help=f"where the mock catches mail (default {CATCHER_PORT}, or any free one when that is taken); "
        f"0 takes a free one, {OFF} catches none",
    )
    group.add_argument(
        "--mail-server", metavar="HOST[:PORT]", default=given("MAIL_SERVER"), help="default: the catcher"
    )
    group.add_argument(
        "--mail-security",
        type=Security,
        choices=tuple(Security),
        metavar="|".join(Security),
        default=given("MAIL_SECURITY", Security.NONE.value),
        help="of the connection to that server (default none)",
    )
    group.add_argument("--mail-user", metavar="NAME", default=given("MAIL_USER"))
    group.add_argument(
        "--mail-password-file",
        type=Path,
        metavar="FILE",
        default=given("MAIL_PASSWORD_FILE"),
        help="or the password itself in INKOM_MOCK_MAIL_PASSWORD",
    )
    group.add_argument("--mail-ca", type=Path, metavar="FILE", default=given("MAIL_CA"), help="authorities to trust")
    group.add_argument(
        "--mail-timeout", type=_seconds, metavar="SECONDS", default=given("MAIL_TIMEOUT", "30"), help="for one command"
    )
    group.add_argument("--mail-from", type=_sender, metavar="ADDRESS", default=given("MAIL_FROM", defaults.sender))
    group.add_argument(
        "--mail-language",
        type=_language,
        metavar="|".join(LANGUAGES),
        default=given("MAIL_LANGUAGE", defaults.language),
        help=f"of the mails (default {defaults.language})",
    )
    group.add_argument(
        "--mail-at",
        type=_hour,
        metavar="HH:MM",
        default=given("MAIL_AT", f"{NIGHTLY:%H:%M}"),
        help=f"when the nightly job runs, in Brussels, or {OFF} (default {NIGHTLY:%H:%M})",
    )


def mail_settings(options: argparse.Namespace, environment: Mapping[str, str]) -> MailSettings:
    """Raises MailOptionsError."""
    return MailSettings(
        server=_server(options, environment),
        sender=options.mail_from,
        language=options.mail_language,
        at=None if options.mail_at == OFF else options.mail_at,
    )


def _server(options: argparse.Namespace, environment: Mapping[str, str]) -> MailServer | None:
    password = _password(options.mail_password_file, environment)
    if options.mail_server is None:
        if options.mail_user is not None:
            raise MailOptionsError("--mail-user is for a server: name it with --mail-server")
        return None
    host, port = _host_and_port(options.mail_server, options.mail_security)
    if (options.mail_user is None) != (password is None):
        raise MailOptionsError("a user has a password: give both --mail-user and --mail-password-file, or neither")
    if password is not None and options.mail_security is Security.NONE and not _is_this_machine(host):
        raise MailOptionsError("a password would travel unencrypted: choose --mail-security starttls or tls")
    if options.mail_ca is not None and not options.mail_ca.is_file():
        raise MailOptionsError(f"--mail-ca: there is no file {options.mail_ca}")
    return MailServer(
        host=host,
        port=port,
        security=options.mail_security,
        user=options.mail_user,
        password=password,
        timeout=options.mail_timeout,
        ca_file=options.mail_ca,
    )


def _host_and_port(text: str, security: Security) -> tuple[str, int]:
    """`mail.example`, `mail.example:2525`, `[::1]:25`."""
    host, separator, port = text.rpartition(":")
    if not separator or text.endswith("]"):
        host, port = text, str(_PORTS[security])
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise MailOptionsError(f"--mail-server is HOST or HOST:PORT, not {text!r}")
    return host, int(port)


def _password(path: Path | None, environment: Mapping[str, str]) -> str | None:
    if path is None:
        return environment.get("INKOM_MOCK_MAIL_PASSWORD")
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise MailOptionsError(f"--mail-password-file: {path} cannot be read") from error


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _catcher_port(text: str) -> int:
    if text == OFF:
        return CATCH_NOTHING
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"a port or {OFF!r}, not {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"a number of seconds, not {text!r}") from error
    if not 0 < seconds <= 120:
        raise argparse.ArgumentTypeError("from 0 to 120 seconds")
    return seconds


def _sender(text: str) -> str:
    if not is_address(text):
        raise argparse.ArgumentTypeError(f"an e-mail address, not {text!r}")
    return text


def _language(text: str) -> str:
    if text not in LANGUAGES:
        raise argparse.ArgumentTypeError(f"{' or '.join(LANGUAGES)}, not {text!r}")
    return text


def _hour(text: str) -> time | str:
    if text == OFF:
        return OFF
    try:
        return time.fromisoformat(text).replace(tzinfo=None)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"HH:MM or {OFF!r}, not {text!r}") from error
