"""`inkom sessions` against a real Redis: by reference and pseudonym, audited, with nothing of a person in sight."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from broker import config
from broker.adapters.clock import SystemClock
from broker.adapters.sessions import RedisSessions, connect
from broker.cli import main
from broker.commands import sessions as commands
from broker.domain.browsers import Browser
from broker.domain.identity_headers import audit_pseudonym
from broker.domain.numbers import NationalNumber
from broker.parts import connect_index
from tests.broker.adapters.examples import AN, BAKERY, identity, session
from tests.redis_server import RedisServer

OTHER = NationalNumber("90651800257")
A, B, C = "a" * 16, "b" * 16, "c" * 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A folder with a configuration, and three sessions: two of one person, one of another."""

    folder: Path

    def audited(self) -> list[dict[str, str]]:
        log = self.folder / "audit.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def person(self, number: NationalNumber) -> str:
        _, secrets = config.load(self.folder / "inkom.yaml")
        return audit_pseudonym(number, key=secrets.pseudonym_key)

    async def begin(self, reference: str, number: NationalNumber) -> None:
        settings, secrets = config.load(self.folder / "inkom.yaml")
        redis, clock = connect(settings.sessions.redis), SystemClock()
        store = RedisSessions(
            redis,
            secrets=secrets.session_secrets,
            clock=clock,
            index=connect_index(settings, secrets, redis, clock=clock),
            idle=timedelta(seconds=settings.sessions.idle),
            absolute=timedelta(seconds=settings.sessions.absolute),
        )
        who = replace(identity(), national_number=number)
        browser = Browser(name="Chrome", system="Windows")
        await store.begin(session(reference=reference, identity=who, browser=browser, began_at=clock.now()))
        await store.aclose()


@pytest.fixture
def installed(shared_redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    shared_redis.command("FLUSHALL")
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
        "sessions": {"redis": shared_redis.url, "secrets_file": "session"},
        "audit": {"file": "audit.jsonl"},
        "assertion": {"key_file": "assertion"},
        "pseudonym": {"key_file": "pseudonym"},
        "applications": {"kmo-portefeuille": {"title": {"nl": "K", "en": "K"}, "upstream": "http://localhost:9101"}},
    }
    (tmp_path / "inkom.yaml").write_text(json.dumps(settings))
    monkeypatch.chdir(tmp_path)
    made = Installed(folder=tmp_path)
    for reference, number in ((A, AN), (B, AN), (C, OTHER)):
        asyncio.run(made.begin(reference, number))
    return made


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert exit_code(arguments) == code
    return capsys.readouterr().out


def exit_code(arguments: Sequence[str]) -> int:
    try:
        return main(["sessions", *arguments])
    except SystemExit as ended:
        return int(ended.code or 0)


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, dict[str, str]]:
    return {one["reference"]: one for one in json.loads(said(capsys, "list", "--json", *arguments))}


def test_everybody_is_listed_by_reference_and_pseudonym(
    installed: Installed, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = said(capsys, "list").splitlines()
    assert {line.split()[0]: line.split()[1] for line in lines} == {
        A: installed.person(AN),
        B: installed.person(AN),
        C: installed.person(OTHER),
    }
    assert all("Chrome on Windows" in line and BAKERY.digits in line for line in lines)


def test_one_person_is_listed_alone_for_programs_too(installed: Installed, capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(capsys).keys() == {A, B, C}
    assert listed(capsys, f"--person={installed.person(AN)}").keys() == {A, B}
    assert said(capsys, "list", f"--person={'x' * 22}") == ""


def test_nothing_names_a_person(installed: Installed, capsys: pytest.CaptureFixture[str]) -> None:
    everything = said(capsys, "list") + said(capsys, "list", "--json") + said(capsys, "show", A)
    for fact in (AN.digits, AN.dotted, "Éloïse", "Testerszoon", identity().subject):
        assert fact not in everything


@pytest.mark.parametrize("spelling", [A, A.upper(), "AAAA-AAAA-AAAA-AAAA"])
def test_one_session_is_shown(installed: Installed, capsys: pytest.CaptureFixture[str], spelling: str) -> None:
    shown = said(capsys, "show", spelling)
    assert A in shown
    assert installed.person(AN) in shown
    assert json.loads(said(capsys, "show", spelling, "--json"))["organisation"] == BAKERY.digits


def test_a_session_that_is_not_open_is_nothing_found(installed: Installed, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "show", "f" * 16, code=1)
    assert said(capsys, "show", "f" * 16, "--json", code=1).strip() == "null"
    said(capsys, "end", "f" * 16, code=1)
    said(capsys, "end", f"--person={'x' * 22}", code=1)
    assert installed.audited() == []


def test_an_end_by_reference_ends_that_one_and_is_audited(
    installed: Installed, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, "end", A)
    assert listed(capsys).keys() == {B, C}
    (line,) = installed.audited()
    assert (line["kind"], line["session"]) == ("session-ended-by-operator", A)
    assert (line["organisation"], line["detail"]) == (BAKERY.digits, f"person {installed.person(AN)}")


def test_an_end_by_person_ends_all_of_theirs(installed: Installed, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "end", f"--person={installed.person(AN)}")
    assert listed(capsys).keys() == {C}
    assert {line["session"] for line in installed.audited()} == {A, B}


def test_everybody_is_ended_with_progress_where_people_look(
    installed: Installed, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "_TOLD_EVERY", 2)
    assert exit_code(["end", "--all", "--yes"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "sessions so far" in captured.err
    assert "3 sessions ended" in captured.err
    assert listed(capsys) == {}
    assert len(installed.audited()) == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ["end"],
        ["end", "--all"],
        ["end", A, "--all", "--yes"],
        ["end", A, f"--person={'x' * 22}"],
        ["end", "not-a-reference"],
        ["show", "82672100108"],
        ["list", "--person", "82672100108"],
        ["show"],
        [],
    ],
)
def test_wrong_use_ends_nothing_and_says_how(
    installed: Installed, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert exit_code(arguments) == 2
    assert listed(capsys).keys() == {A, B, C}


def test_an_audit_log_that_cannot_be_written_ends_nothing(
    installed: Installed, capsys: pytest.CaptureFixture[str]
) -> None:
    (installed.folder / "audit.jsonl").mkdir()
    said(capsys, "end", "--all", "--yes", code=1)
    assert listed(capsys).keys() == {A, B, C}


def test_a_redis_that_is_away_is_said_without_its_address(
    installed: Installed, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INKOM_SESSIONS_REDIS", "redis://:a-password@127.0.0.1:1")
    assert exit_code(["list"]) == 1
    captured = capsys.readouterr()
    assert "session store" in captured.err
    assert "a-password" not in captured.err + captured.out
