"""The mock as a stand-in for another team's tests: the client, the fixture, and what a run without them pays."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from mock_idp.acm.keys import Turn
from mock_idp.stand_in import StandIn, StandInError, standing_in
from tests.mock_idp.provider import CALLBACK, Mock, Party, brought_back

NEWCOMER = """
import sys
from urllib.request import urlopen

def test_who_does_not_ask_for_the_mock_pays_nothing():
    assert not {"mock_idp.stand_in", "starlette", "joserfc", "sqlalchemy"} & sys.modules.keys()

def test_the_mock_is_there(inkom_mock):
    assert inkom_mock.issuer in urlopen(inkom_mock.discovery).read().decode()

def test_a_day_is_moved(inkom_mock):
    inkom_mock.set_day("2030-01-31")

def test_the_next_test_has_the_real_day_again(inkom_mock):
    assert inkom_mock.day.isoformat() != "2030-01-31"
"""


@pytest.fixture
def stand_in(acm: Mock) -> StandIn:
    return StandIn(origin=acm.origin)


def test_a_newcomers_test_of_three_lines_passes(tmp_path: Path) -> None:
    (tmp_path / "test_newcomer.py").write_text(NEWCOMER, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "-W", "error"]

    ran = subprocess.run([*command, "."], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "4 passed" in ran.stdout


def test_somebody_signs_in_at_a_client_that_was_registered_on_the_fly(stand_in: StandIn, acm: Mock) -> None:
    client = stand_in.register(CALLBACK, client_id="on-the-fly", client_secret="demo-client-secret")
    party = Party(mock=acm, client_id=client.client_id)
    stand_in.sign_in_next("employee", method="app", organisation="1999999943", client_id=client.client_id)

    code = brought_back(party.ask())["code"]

    assert party.redeem(code).status_code == 200
    party.close()


def test_a_fault_is_armed_for_one_client_and_a_number_of_times(stand_in: StandIn, acm: Mock) -> None:
    stand_in.fault("token-slow", times=2, client_id="demo-client", seconds=0.5)
    stand_in.fault("id-token-nonce-wrong", times="always")

    armed = acm.get("/mock/faults").json()["armed"]
    assert [(one["fault"], one["times"]) for one in armed] == [("token-slow", 2), ("id-token-nonce-wrong", "always")]
    assert "token-slow" in stand_in.faults()


def test_the_day_moves_and_a_reset_brings_it_back(stand_in: StandIn) -> None:
    today = stand_in.day
    stand_in.set_day(date(2031, 5, 1))
    assert stand_in.day == date(2031, 5, 1)

    stand_in.reset()

    assert stand_in.day == today


@pytest.mark.parametrize("mode", list(Turn))
def test_every_turn_of_the_keys_can_be_asked_for(stand_in: StandIn, mode: Turn) -> None:
    stand_in.rotate_keys(mode.value, alg="ES256")


def test_the_people_are_listed_by_their_keys(stand_in: StandIn) -> None:
    assert {"employee", "legal-representative"} <= set(stand_in.people())


def test_what_the_mock_refuses_is_told_in_its_own_words(stand_in: StandIn) -> None:
    with pytest.raises(StandInError, match="there is no fault of that name"):
        stand_in.fault("gremlins")


def test_a_mock_that_cannot_start_says_why(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.yaml")

    with pytest.raises(StandInError, match=r"missing\.yaml"), standing_in("--world", missing):
        pass


def test_no_secret_is_shown_with_the_object(stand_in: StandIn) -> None:
    assert "secret" not in repr(stand_in)
    assert "hush" not in repr(stand_in.register(CALLBACK, client_secret="hush"))


def test_a_mock_with_much_to_complain_about_goes_on_answering() -> None:
    """Whoever starts it reads one line of it: more would fill the pipe in between, and then it stood still."""
    with standing_in() as mock:
        mock.register(CALLBACK, client_id="c" * 4000, signals_uri=f"{mock.origin}/nowhere")
        for _ in range(25):
            mock._post("/mock/signals", {"person": "employee"})
        assert mock.people()
