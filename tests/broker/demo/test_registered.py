"""The demo's registrations: every enterprise of the mock government's, but for the one that shows how it is done."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from broker.adapters.registrations import Database, SqlRegistrations, read_spreadsheet
from broker.demo.processes import PartFailed
from broker.demo.registered import UNREGISTERED, register, write_registrations
from broker.demo.runtime import Runtime, prepare
from broker.domain.numbers import EnterpriseNumber
from tests.broker.demo.choices import options_in


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return prepare(options_in(tmp_path))


async def test_all_enterprises_are_registered_but_one_and_a_second_run_keeps_what_is_there(runtime: Runtime) -> None:
    write_registrations(runtime)
    for _ in range(2):
        await register(runtime)
    registrations = SqlRegistrations(Database.at(f"sqlite:///{runtime.registrations}", near=runtime.directory))
    registered = {one.organisation.number async for one in registrations.all()}
    await registrations.aclose()
    assert registered == {EnterpriseNumber(number) for number in known_to_the_mock()} - {UNREGISTERED}
    assert len(registered) > 300


def known_to_the_mock() -> list[str]:
    command = [sys.executable, "-m", "mock_idp", "enterprises"]
    answer = subprocess.run(command, capture_output=True, check=True)
    return [one["number"] for one in json.loads(answer.stdout)]


def test_the_list_is_one_that_the_import_takes_and_for_its_owner_only(runtime: Runtime) -> None:
    write_registrations(runtime)
    assert UNREGISTERED not in [
        one.organisation.number for one in read_spreadsheet(runtime.registrations_csv.read_text(encoding="utf-8"))
    ]
    assert runtime.registrations_csv.stat().st_mode & 0o777 == 0o600


def test_a_mock_government_that_tells_nothing_stops_the_demo(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(PartFailed, match="does not tell its enterprises"):
        write_registrations(runtime)
