"""What of the demo may be chosen: ports, the runtime directory, the configuration file.

Each choice is an option of `inkom demo` and a variable of the environment; the option wins. A port that is taken is
reported here by the names of both, before anything is started. Reads no file and starts nothing.
"""

import argparse
import errno
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class PortChoice:
    """One port of the demo: its option, its variable and its contractual default."""

    option: str
    title: str
    default: int
    count: int = 1

    @property
    def field(self) -> str:
        return self.option.removeprefix("--").replace("-", "_")

    @property
    def variable(self) -> str:
        return f"INKOM_DEMO_{self.field.upper()}"


PORTS = (
    PortChoice(option="--gateway-port", title="the gateway", default=8000),
    PortChoice(option="--operators-port", title="the operators' pages", default=8001),
    PortChoice(option="--mock-port", title="the mock government", default=9000),
    PortChoice(option="--smtp-port", title="the mock government's mail", default=9025),
    PortChoice(option="--apps-port-base", title="the sample backends", default=9101, count=3),
    PortChoice(option="--redis-port", title="Redis", default=0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The choices of one run. Port 0 for Redis means: any free one, as nobody types that address."""

    gateway_port: int
    operators_port: int
    mock_port: int
    smtp_port: int
    apps_port_base: int
    redis_port: int
    directory: Path
    config: Path
    prepare_only: bool


class UnusableOptions(Exception):
    """The demo was asked for something that makes no sense; the text says what to write instead."""


class NotPossibleHere(Exception):
    """This machine cannot do what was asked; the text says why and what to do."""


def add_arguments(parser: argparse.ArgumentParser, environment: Mapping[str, str] = os.environ) -> None:
    """Declare the options on the parser of the command line."""
    for choice in PORTS:
        parser.add_argument(
            choice.option,
            type=int,
            metavar="PORT",
            default=environment.get(choice.variable, choice.default),
            help=f"port of {choice.title}, also {choice.variable} (default: {choice.default or 'any free one'})",
        )
    parser.add_argument(
        "--directory",
        type=Path,
        metavar="DIR",
        default=environment.get("INKOM_DEMO_DIRECTORY", ".demo"),
        help="where keys, logs and the audit file go, also INKOM_DEMO_DIRECTORY (default: .demo)",
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=environment.get("INKOM_DEMO_CONFIG", "inkom.yaml"),
        help="configuration of the gateway, also INKOM_DEMO_CONFIG (default: inkom.yaml)",
    )
    parser.add_argument("--prepare-only", action="store_true", help="make the keys and files, then stop")


def read_options(arguments: argparse.Namespace) -> Options:
    """The options as given on the command line, paths made absolute."""
    chosen = Options(
        gateway_port=arguments.gateway_port,
        operators_port=arguments.operators_port,
        mock_port=arguments.mock_port,
        smtp_port=arguments.smtp_port,
        apps_port_base=arguments.apps_port_base,
        redis_port=arguments.redis_port or free_port(),
        directory=Path(arguments.directory).absolute(),
        config=Path(arguments.config).absolute(),
        prepare_only=arguments.prepare_only,
    )
    if not chosen.config.is_file():
        raise UnusableOptions(f"There is no configuration file {chosen.config}. Name one with --config.")
    return chosen


def require_free_ports(options: Options) -> None:
    """Report every port that cannot be listened on, all in one message."""
    problems = [
        f"Port {port} ({choice.title}) {trouble}: choose another with {choice.option} or {choice.variable}."
        for choice in PORTS
        for port in range(getattr(options, choice.field), getattr(options, choice.field) + choice.count)
        if (trouble := _trouble_with(port)) is not None
    ]
    if problems:
        raise NotPossibleHere("\n".join(problems))


def free_port() -> int:
    """A port of the loopback address that nobody listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind((LOOPBACK, 0))
        port: int = listener.getsockname()[1]
        return port


def _trouble_with(port: int) -> str | None:
    if not 0 < port < 65536:
        return "is not a port number"
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        # As the servers do: a port in TIME_WAIT after the previous run is free enough.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError as problem:
            return "is in use" if problem.errno == errno.EADDRINUSE else f"cannot be used ({problem.strerror})"
    return None
