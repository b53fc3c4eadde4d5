"""`inkom-mock mail` as cron runs it, and the options about mail."""

import argparse
import asyncio
import json
import socket
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from mock_idp.__main__ import main
from mock_idp.mail.options import MailOptionsError, add_mail_options, mail_settings
from mock_idp.mail.settings import MailServer, MailSettings, Security
from tests.mock_idp.mail.scene import SOON, TODAY, Postman, Scene, postman, scene_in


async def command(scene: Scene, post: Postman | None, *arguments: str) -> tuple[int, str]:
    """Exit code and output of a process of its own."""
    where = ("--mail-server", f"127.0.0.1:{post.server.port}") if post else ()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mock_idp", "mail", "--database", str(scene.database), *where, *arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, printed.decode()


async def test_three_processes_at_once_and_one_afterwards_send_one_mail_a_day(scene: Scene) -> None:
    async with postman() as post:
        at_once = await asyncio.gather(*(command(scene, post, "--json") for _ in range(3)))
        code, printed = await command(scene, post)

    assert post.recipients == sorted([SOON, TODAY])
    assert sum(json.loads(one)["sent"] for _, one in at_once) == 2
    assert (code, printed) == (0, f"{scene.clock.today()}: 2 due, 0 sent, 2 sent earlier\n")


async def test_a_process_that_is_killed_midway_loses_no_mail(scene: Scene) -> None:
    async with postman() as post:
        post.open.clear()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "mock_idp", "mail", "--database", str(scene.database)),
            *("--mail-server", f"127.0.0.1:{post.server.port}"),
        )
        await asyncio.wait_for(post.reached.wait(), 20)
        process.kill()
        await process.wait()
        post.open.set()
        scene.clock.forward(minutes=11)
        report = await scene.office(post.server).run()

    assert report.sent == 2
    assert post.recipients == sorted([SOON, TODAY])


async def test_what_was_not_sent_makes_the_exit_code_one(scene: Scene) -> None:
    async with postman() as post:
        post.at_rcpt = lambda address: "451 4.3.0 Later"
        code, printed = await command(scene, post, "--json")

    assert code == 1
    assert json.loads(printed)["waiting"] == 2


def test_a_dry_run_says_who_would_be_told_and_sends_nothing(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    day = scene.clock.today() + timedelta(days=1)

    code = main(["mail", "--database", str(scene.database), "--day", day.isoformat(), "--dry-run"])

    printed = capsys.readouterr().out
    assert code == 0
    assert f"expires-soon: {SOON}\n" in printed
    assert "VLAIO Inkom Gebruiker Nieuw, Voorbeeld Bakkerij BV (1999999943)" in printed
    assert printed.endswith(f"{day}: 1 due, nothing sent\n")
    assert scene.reminders() == {}


def test_a_dry_run_can_be_read_by_a_program(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mail", "--database", str(scene.database), "--day", "today", "--dry-run", "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert {one["person"] for one in told["due"]} == {"expires-soon", "expires-today"}
    assert told["day"] == scene.clock.today().isoformat()


def test_without_a_database_it_says_which_option_names_one(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["mail"]) == 2
    assert "--database" in capsys.readouterr().err
    assert main(["mail", "--database", str(tmp_path / "absent.db")]) == 2
    assert "absent.db" in capsys.readouterr().err
    assert not (tmp_path / "absent.db").exists()


def test_with_nowhere_to_send_to_it_says_so(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mail", "--database", str(scene.database), "--smtp-port", "off"]) == 2
    assert "--mail-server" in capsys.readouterr().err


@pytest.mark.parametrize("day", ["yesterday", "2026-02-30", ""])
def test_a_day_that_does_not_exist_is_refused(day: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["mail", "--day", day])

    assert ended.value.code == 2
    assert "--day" in capsys.readouterr().err


def test_the_database_may_be_named_before_the_verb_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = scene_in(tmp_path)

    assert main(["--database", str(scene.database), "--mail-language", "en", "mail", "--dry-run"]) == 0
    assert "2 due" in capsys.readouterr().out


# ------------------------------------------------------------------------------------------------ options


def settings(*arguments: str, environment: dict[str, str] | None = None) -> MailSettings:
    parser = argparse.ArgumentParser()
    add_mail_options(parser, environment or {})
    return mail_settings(parser.parse_args(arguments), environment or {})


def test_without_options_the_catcher_is_used_at_the_hour_of_the_guide() -> None:
    assert settings() == MailSettings()


def test_a_server_has_the_port_that_its_encryption_usually_has(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hush\n")

    chosen = settings(
        *("--mail-server", "mail.voorbeeld.test", "--mail-security", "starttls"),
        *("--mail-user", "me", "--mail-password-file", str(tmp_path / "password"), "--mail-at", "off"),
    )

    assert chosen.at is None
    assert chosen.server == MailServer(
        host="mail.voorbeeld.test", port=587, security=Security.STARTTLS, user="me", password="hush"
    )


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("mail.test:2525", "mail.test", 2525),
        ("[::1]:26", "::1", 26),
        ("[::1]", "::1", 25),
        ("10.0.0.1", "10.0.0.1", 25),
    ],
)
def test_a_server_is_written_in_the_usual_ways(text: str, host: str, port: int) -> None:
    server = settings("--mail-server", text).server

    assert server is not None
    assert (server.host, server.port) == (host, port)


def test_all_of_it_may_come_from_the_environment() -> None:
    chosen = settings(
        environment={
            "INKOM_MOCK_MAIL_SERVER": "localhost:1025",
            "INKOM_MOCK_MAIL_USER": "me",
            "INKOM_MOCK_MAIL_PASSWORD": "hush",
            "INKOM_MOCK_MAIL_AT": "05:30",
            "INKOM_MOCK_MAIL_FROM": "mail@voorbeeld.test",
        }
    )

    assert chosen.server is not None
    assert chosen.server.password == "hush"
    assert f"{chosen.at:%H:%M}" == "05:30"
    assert chosen.sender == "mail@voorbeeld.test"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--mail-server", "mail.test:many"), "HOST:PORT"),
        (("--mail-server", ":25"), "HOST:PORT"),
        (("--mail-server", "mail.test", "--mail-user", "me"), "--mail-password-file"),
        (("--mail-user", "me"), "--mail-server"),
        (("--mail-server", "m.test", "--mail-user", "me", "--mail-password-file", "/absent"), "cannot be read"),
        (("--mail-server", "m.test", "--mail-security", "tls", "--mail-ca", "/absent"), "--mail-ca"),
    ],
)
def test_what_does_not_fit_together_is_told(arguments: tuple[str, ...], told: str) -> None:
    with pytest.raises(MailOptionsError, match=told):
        settings(*arguments)


def test_a_password_does_not_leave_this_machine_unencrypted(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hush")
    login = ("--mail-user", "me", "--mail-password-file", str(tmp_path / "password"))

    assert settings("--mail-server", "127.0.0.1:25", *login).server is not None
    with pytest.raises(MailOptionsError, match="unencrypted"):
        settings("--mail-server", "mail.test:25", *login)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--smtp-port", "many"),
        ("--smtp-port", "70000"),
        ("--mail-at", "25:00"),
        ("--mail-timeout", "0"),
        ("--mail-timeout", "soon"),
        ("--mail-from", "somebody"),
        ("--mail-language", "fr"),
        ("--mail-security", "some"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*arguments])

    assert ended.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_a_port_for_mail_that_is_taken_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["--port", "0", "--smtp-port", str(taken.getsockname()[1])]) == 1

    assert "cannot listen on 127.0.0.1" in capsys.readouterr().err
