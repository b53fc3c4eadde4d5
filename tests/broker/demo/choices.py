"""Options of the demo for tests: ports that nobody uses, a directory of the test's own."""

import argparse
import socket
from pathlib import Path

from broker.demo.options import Options, add_arguments, free_port, read_options


def parse(*arguments: str, environment: dict[str, str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser, environment or {})
    return parser.parse_args(arguments)


def options_in(directory: Path, *arguments: str) -> Options:
    configuration = directory / "inkom.yaml"
    configuration.touch()
    return read_options(parse("--directory", str(directory / "demo"), "--config", str(configuration), *arguments))


def free_ports_in_a_row(count: int) -> int:
    """The first of some free ports that follow each other."""
    while True:
        first = free_port()
        if first + count < 65536 and all(_is_free(port) for port in range(first, first + count)):
            return first


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
