"""Ports that stay free until somebody listens on them."""

import socket

import pytest

from bench import ports
from bench.ports import NoPort, free_port


def test_a_port_is_free_and_none_that_connections_are_given() -> None:
    port = free_port()

    assert 12_000 <= port < 32_768
    socket.create_server(("127.0.0.1", port)).close()


def test_where_nothing_is_free_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(ports, "_LOWEST", taken.getsockname()[1])
        monkeypatch.setattr(ports, "_end", lambda: taken.getsockname()[1] + 1)

        with pytest.raises(NoPort, match="no port is free"):
            free_port()
