"""The choices of the demo, and what is said when one cannot be carried out."""

import socket
from pathlib import Path

import pytest

from broker.demo.options import NotPossibleHere, UnusableOptions, read_options, require_free_ports
from tests.broker.demo.choices import free_ports_in_a_row, options_in, parse


def test_without_choices_the_ports_are_those_of_the_contract() -> None:
    chosen = parse()

    assert (chosen.gateway_port, chosen.mock_port, chosen.apps_port_base) == (8000, 9000, 9101)
    assert chosen.smtp_port == 9025


def test_a_variable_of_the_environment_chooses() -> None:
    assert parse(environment={"INKOM_DEMO_GATEWAY_PORT": "8123"}).gateway_port == 8123


def test_the_option_wins_over_the_variable() -> None:
    assert parse("--gateway-port", "8124", environment={"INKOM_DEMO_GATEWAY_PORT": "8123"}).gateway_port == 8124


def test_a_variable_that_is_no_number_is_refused_like_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(environment={"INKOM_DEMO_MOCK_PORT": "many"})

    assert ended.value.code == 2
    assert "--mock-port" in capsys.readouterr().err


def test_redis_gets_a_free_port_when_none_is_chosen(tmp_path: Path) -> None:
    assert options_in(tmp_path).redis_port > 0


def test_a_missing_configuration_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableOptions, match=r"absent\.yaml.*--config"):
        read_options(parse("--config", str(tmp_path / "absent.yaml")))


def test_every_taken_port_is_named_with_its_option_and_its_variable(tmp_path: Path) -> None:
    first = free_ports_in_a_row(7)
    chosen = options_in(
        tmp_path,
        *("--gateway-port", str(first), "--operators-port", str(first + 1), "--mock-port", str(first + 2)),
        *("--apps-port-base", str(first + 3), "--smtp-port", str(first + 6)),
    )
    with (
        socket.create_server(("127.0.0.1", first)),
        socket.create_server(("127.0.0.1", first + 4)),
        pytest.raises(NotPossibleHere) as refused,
    ):
        require_free_ports(chosen)

    gateway, backend = str(refused.value).splitlines()
    assert gateway.startswith(f"Port {first} (the gateway) is in use")
    assert "--gateway-port" in gateway
    assert "INKOM_DEMO_GATEWAY_PORT" in gateway
    assert backend.startswith(f"Port {first + 4} (the sample backends) is in use")


def test_a_number_beyond_all_ports_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotPossibleHere, match=r"Port 70000 .* is not a port number"):
        require_free_ports(options_in(tmp_path, "--gateway-port", "70000"))
