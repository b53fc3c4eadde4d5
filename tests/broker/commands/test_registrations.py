"""`inkom registrations`: what it prints, what it refuses, and its exit codes."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broker.adapters.registrations import fields_of, written
from broker.cli import main
from broker.domain.people import Organisation
from tests.broker.gateway import BAKERY, FLORIST, a_registration

MIDNIGHT = datetime(2026, 5, 31, 22, 0, tzinfo=UTC)  # 1 June begins in Brussels
BAKERY_S = a_registration(Organisation(number=BAKERY.number, name="=Bakkerij\x1b[2J BV"), registered_at=MIDNIGHT)
FLORIST_S = a_registration(FLORIST, registered_at=datetime(2026, 5, 31, 21, 59, 59, tzinfo=UTC))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration, and a CSV of two registrations."""
    for kind in ("assertion", "session", "pseudonym"):
        assert main(["keys", kind, "--out", str(tmp_path / kind)]) == 0
    settings = {
        "public_url": "http://localhost:8000",
        "acm": {
            "issuer": "http://localhost:9000/op",
            "client_id": "inkom",
            "client_authentication": "client_secret_basic",
            "client_secret": "shared",
        },
        "registers": {"idm": "http://localhost:9000/idm", "kbo": "http://localhost:9000/kbo", "token": "bearer"},
        "sessions": {"redis": "redis://localhost", "secrets_file": "session"},
        "audit": {"file": "audit.jsonl"},
        "assertion": {"key_file": "assertion"},
        "pseudonym": {"key_file": "pseudonym"},
        "applications": {"kmo-portefeuille": {"title": {"nl": "K", "en": "K"}, "upstream": "http://localhost:9101"}},
    }
    (tmp_path / "inkom.yaml").write_text(json.dumps(settings))
    (tmp_path / "two.csv").write_bytes(written([BAKERY_S, FLORIST_S]).encode())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def filled(folder: Path) -> Path:
    """The same, with the two registered."""
    assert main(["registrations", "migrate"]) == 0
    assert main(["registrations", "import", "two.csv"]) == 0
    return folder


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert main(["registrations", *arguments]) == code
    return capsys.readouterr().out


def exit_code(arguments: Sequence[str]) -> int:
    try:
        return main(["registrations", *arguments])
    except SystemExit as ended:
        return int(ended.code or 0)


def test_an_import_is_exported_as_it_came_oldest_first(filled: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    capfdbinary.readouterr()
    assert main(["registrations", "export"]) == 0
    assert capfdbinary.readouterr().out == written([FLORIST_S, BAKERY_S]).encode()


def test_an_export_to_a_file_is_whole_and_for_its_owner_only(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (filled / "out.csv").write_text("old")
    os.chmod(filled / "out.csv", 0o644)
    assert printed(capsys, "export", "--csv", "out.csv") == ""
    assert (filled / "out.csv").read_bytes() == written([FLORIST_S, BAKERY_S]).encode()
    assert (filled / "out.csv").stat().st_mode & 0o777 == 0o600


def test_since_begins_at_midnight_in_brussels_and_json_has_the_plain_values(
    filled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert json.loads(printed(capsys, "export", "--json", "--since", "2026-06-01")) == [fields_of(BAKERY_S)]
    assert json.loads(printed(capsys, "export", "--json"))[0]["phone"] == "+3212345678"
    assert json.loads(printed(capsys, "export", "--json", "--since", "2026-06-02")) == []


def test_show_prints_one_and_says_when_there_is_none(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = printed(capsys, "show", "1999.999.943")
    assert "email               info@bakkerij.test\n" in shown
    assert "\x1b" not in shown
    assert json.loads(printed(capsys, "show", "1999999943", "--json")) == fields_of(BAKERY_S)
    assert printed(capsys, "show", "1999.999.844", code=1) == "1999.999.844 is not registered on INKOM\n"
    assert json.loads(printed(capsys, "show", "1999999844", "--json", code=1)) is None


def test_importing_again_changes_nothing(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (filled / "other.csv").write_text(written([a_registration(registered_by="another")]))
    assert "0 organisations registered, 1 were registered already" in printed(capsys, "import", "other.csv")
    answer = json.loads(printed(capsys, "import", "two.csv", "--json"))
    assert answer == {"problems": [], "registered": 0, "already": 2}
    assert json.loads(printed(capsys, "show", "1999999943", "--json"))["registered_by"] == "a-pseudonym"


def test_one_bad_line_and_nothing_is_imported(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = a_registration(Organisation(number=type(BAKERY.number)("1999999844"), name="Voorbeeld"))
    (filled / "bad.csv").write_text(written([made, a_registration()]).replace("@bakkerij.test", "@x", 1))
    assert main(["registrations", "import", "bad.csv"]) == 1
    assert "bad.csv:2: email: no-email" in capsys.readouterr().err
    assert json.loads(printed(capsys, "import", "bad.csv", "--json", code=1))["problems"][0]["line"] == 2
    assert printed(capsys, "show", "1999999844", code=1)


def test_status_and_migrate_tell_how_the_database_stands(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = json.loads(printed(capsys, "status", "--json", code=1))
    assert (before["state"], before["revision"], before["registrations"]) == ("empty", None, None)
    assert not (folder / "state").exists()
    assert "run `inkom registrations migrate`" in printed(capsys, "status", code=1)
    assert printed(capsys, "migrate").endswith("state/registrations.db: migrated\n")
    assert printed(capsys, "migrate").endswith("nothing to do\n")
    after = printed(capsys, "status")
    assert "in order" in after
    assert "registrations  0\n" in after


@pytest.mark.parametrize("verb", [["export"], ["show", "1999999943"], ["import", "two.csv"]])
def test_before_it_is_migrated_every_verb_says_what_to_do(
    folder: Path, capsys: pytest.CaptureFixture[str], verb: list[str]
) -> None:
    assert main(["registrations", *verb]) == 1
    assert "run `inkom registrations migrate`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 2),
        (["show"], 2),
        (["show", "12"], 2),
        (["show", "1999999944"], 2),
        (["export", "--since", "yesterday"], 2),
        (["export", "--csv", "a", "--json"], 2),
        (["import"], 2),
        (["import", "absent.csv"], 1),
        (["import", "assertion"], 1),
        (["export", "--csv", "absent/out.csv"], 1),
        (["export", "--config", "absent.yaml"], 1),
        (["export", "--help"], 0),
        (["import", "--help"], 0),
    ],
)
def test_exit_codes_tell_wrong_use_from_what_is_wrong(
    filled: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int
) -> None:
    assert exit_code(arguments) == code
    assert capsys.readouterr().err or code == 0
