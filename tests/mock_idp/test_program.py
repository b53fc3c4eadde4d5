"""`inkom-mock` as a process: it says when it is ready, ends cleanly, and logs nobody's number."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from mock_idp.__main__ import main
from tests.mock_idp.provider import CALLBACK, SCOPE, SECRET, Mock, MovableClock, Party, new_browser


@contextmanager
def program(
    *arguments: str, log: IO[bytes], environment: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "mock_idp", *arguments],
        stdout=subprocess.PIPE,
        stderr=log,
        env={**os.environ, **(environment or {})},
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


def origin_in(process: "subprocess.Popen[bytes]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    assert line.startswith("mock government ready on http://localhost:"), line
    return line.split()[4]


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_it_says_ready_signs_somebody_in_ends_cleanly_and_logs_no_number(
    tmp_path: Path, ending: signal.Signals
) -> None:
    path = tmp_path / "log"
    with path.open("wb") as log, program("--port", "0", "--log-level", "debug", log=log) as process:
        origin = origin_in(process)
        with new_browser() as browser:
            mock = Mock(origin=origin, clock=MovableClock(), direct=browser)
            party = Party(mock=mock, browser=browser)
            token = party.tokens()["id_token"]
            assert mock.get("/health").json()["status"] == "ok"
            browser.get(f"{origin}/op/v1/logout", params={"id_token_hint": token})
            body = {"national_number": "90651800257"}
            browser.post(f"{origin}/idm/v1/person-rights", json=body)
        process.send_signal(ending)
        assert process.wait(10) == 0

    logged = path.read_text(encoding="utf-8")
    assert "90651800257" not in logged
    assert token not in logged


def test_files_and_port_may_come_from_the_environment(tmp_path: Path) -> None:
    clients = tmp_path / "clients.yaml"
    clients.write_text(
        f"clients:\n  - client_id: from-a-file\n    client_secret: {SECRET}\n    redirect_uris: ['{CALLBACK}']\n"
        f"    scopes: [{', '.join(SCOPE.split())}]\n",
        encoding="utf-8",
    )
    environment = {"INKOM_MOCK_PORT": "0", "INKOM_MOCK_CLIENTS": str(clients), "INKOM_MOCK_LOG_LEVEL": "error"}
    with (tmp_path / "log").open("wb") as log, program(log=log, environment=environment) as process:
        origin = origin_in(process)
        with new_browser() as browser:
            mock = Mock(origin=origin, clock=MovableClock(), direct=browser)
            assert Party(mock=mock, client_id="from-a-file", browser=browser).claims()["aud"] == "from-a-file"


def test_a_broken_file_stops_the_start_and_tells_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = tmp_path / "world.yaml"
    world.write_text("people: []\n", encoding="utf-8")

    assert main(["--port", "0", "--world", str(world)]) == 1

    assert f"{world}:1: 'profiles' is missing" in capsys.readouterr().err


def test_a_port_that_is_taken_is_told(acm: Mock, capsys: pytest.CaptureFixture[str]) -> None:
    port = acm.origin.rpartition(":")[2]

    assert main(["--port", port]) == 1

    assert "cannot listen on" in capsys.readouterr().err


def test_used_wrongly_it_ends_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--colour", "red"])

    assert caught.value.code == 2
    assert "usage: inkom-mock" in capsys.readouterr().err


@pytest.mark.parametrize("days", ["6", "-1", "five", ""])
def test_a_term_that_kbo_cannot_have_is_refused_from_the_environment_too(
    days: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INKOM_MOCK_KBO_WORKING_DAYS", days)

    with pytest.raises(SystemExit) as caught:
        main(["--port", "0"])

    assert caught.value.code == 2
    assert "from 0 to 5 working days" in capsys.readouterr().err
