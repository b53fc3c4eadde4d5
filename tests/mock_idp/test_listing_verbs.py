"""`inkom-mock people`, `faults`, `clients`, `--client`, and what a terminal shows at the start."""

import json
import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest

from mock_idp.__main__ import main
from mock_idp.fault_list import all_faults
from mock_idp.given_client import ClientTextError, read_given_client

SHOP = "shop,hush,http://localhost:3000/callback"


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 0
    return capsys.readouterr().out


def test_people_is_a_table_of_the_cast(capsys: pytest.CaptureFixture[str]) -> None:
    heading, *rows = printed(capsys, "people").splitlines()

    assert heading.split() == ["KEY", "NAME", "ACTS", "FOR", "EXPECTED"]
    assert any(re.match(r"employee +Britt Proefman +Voorbeeld Bakkerij BV +allowed", row) for row in rows)
    assert not re.search(r"\d{11}", "".join(rows))


def test_people_and_faults_are_json_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    people = json.loads(printed(capsys, "people", "--json"))["people"]
    faults = json.loads(printed(capsys, "faults", "--json"))["faults"]

    assert "employee" in [person["key"] for person in people]
    assert len(faults) == len(all_faults())


def test_faults_can_be_searched(capsys: pytest.CaptureFixture[str]) -> None:
    _, *rows = printed(capsys, "faults", "--about", "Nonce").splitlines()

    assert len(rows) >= 3
    assert all("nonce" in row for row in rows)


def test_a_client_of_ones_own_stands_beside_those_of_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    table = printed(capsys, "--client", SHOP, "clients")
    listed = json.loads(printed(capsys, "--client", SHOP, "clients", "--json"))["clients"]

    assert "demo-client-secret" in table
    assert re.search(r"shop +hush +http://localhost:3000/callback", table)
    shop = next(one for one in listed if one["client_id"] == "shop")
    assert shop["post_logout_redirect_uris"] == ["http://localhost:3000/", "http://localhost:3000"]


def test_clients_may_come_from_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INKOM_MOCK_CLIENT", f"{SHOP} desk,hush,https://desk.example/a,https://desk.example/b")

    assert "https://desk.example/a https://desk.example/b" in printed(capsys, "clients")


@pytest.mark.parametrize(
    "text",
    ["", "shop", "shop,hush", ",hush,http://a/", "shop,,http://a/", "shop,hush,ftp://a/", "shop,hush,http://a/#b"],
)
def test_what_is_no_client_is_refused_without_its_secret(text: str) -> None:
    with pytest.raises(ClientTextError) as caught:
        read_given_client(text)

    assert "hush" not in str(caught.value)


def test_a_client_that_is_none_ends_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--client", "shop"])

    assert caught.value.code == 2
    assert "a client is ID,SECRET,REDIRECT" in capsys.readouterr().err


@pytest.mark.parametrize("verb", [["people"], ["enterprises"], ["person", "employee"]], ids=" ".join)
def test_a_file_that_cannot_be_read_ends_with_one(
    verb: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--world", str(tmp_path / "missing.yaml"), *verb]) == 1

    assert "missing.yaml" in capsys.readouterr().err


def test_a_terminal_shows_where_everything_is() -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "mock_idp", "--port", "0", "--smtp-port", "0", "--client", SHOP]
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL) as process:
        os.close(theirs)
        shown = _read_until(ours, "Ctrl-C stops it.")
        process.terminate()
    os.close(ours)

    origin = re.search(r"mock government ready on (\S+)", shown)
    assert origin is not None
    assert f"{origin[1]}/op/.well-known/openid-configuration" in shown
    assert re.search(r"shop +hush +http://localhost:3000/callback", shown)
    assert "employee" in shown
    assert "gebruikersbeheer" not in shown  # the mock's own client is nobody else's affair


def _read_until(terminal: int, end: str) -> str:
    shown, deadline = "", monotonic() + 20
    while end not in shown:
        readable, _, _ = select.select([terminal], [], [], max(0.0, deadline - monotonic()))
        assert readable, shown
        shown += os.read(terminal, 4096).decode()
    return shown
