"""A run: candidates in turn, what is absent said aloud, time left, arguments, what the machine is."""

import io
import json
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench import needs
from bench.__main__ import main
from bench.candidates.candidate import Running
from bench.candidates.gateway import Gateway, policy_for
from bench.candidates.nginx import Nginx
from bench.machine import describe
from bench.measures.every import MEASURES
from bench.progress import Progress
from bench.run import Plan, Run
from bench.site import Site


def a_run(folder: Path, said: io.StringIO | None = None, **plan: object) -> Run:
    output = said or io.StringIO()
    return Run(
        site=Site(folder=folder, stack=ExitStack()),
        plan=Plan(seconds=1, **plan),  # type: ignore[arg-type]  # checked by Plan itself
        progress=Progress(planned={"cpu_1k": 10.0, "logins": 20.0}, output=output),
    )


def test_candidates_take_turns_in_each_round(tmp_path: Path) -> None:
    run, order = a_run(tmp_path, rounds=2), list[str]()
    sides = {name: Running(name=name, port=1, groups=()) for name in ("gateway", "nginx")}

    def one_round(name: str, running: Running, number: int) -> dict[str, float]:
        order.append(f"{running.name} {number}")
        return {"cpu_us": 10.0 * number}

    run.alternate("cpu_1k", sides, one_round, notes={"nginx": "plain"})

    assert order == ["gateway 0", "nginx 0", "gateway 1", "nginx 1"]
    assert [(row.candidate, row.figures["cpu_us"], row.note) for row in run.rows] == [
        ("gateway", 5.0, ""),
        ("nginx", 5.0, "plain"),
    ]


def test_a_candidate_that_this_version_cannot_be_is_named_aloud(tmp_path: Path) -> None:
    said = io.StringIO()
    run = a_run(tmp_path, said)
    chosen = run.chosen("cpu_1k", [Gateway(name="odd", listen={"no_such_key": 1}), Nginx()])

    assert [one.name for one in chosen] == ["nginx"]
    assert [(one.candidate, one.why) for one in run.absent] == [
        ("odd", "this version has no setting listen.no_such_key")
    ]
    assert "cpu_1k is NOT measured for odd" in said.getvalue()


def test_only_those_who_were_asked_for_are_measured(tmp_path: Path) -> None:
    run = a_run(tmp_path, candidates=("nginx",))

    assert [one.name for one in run.chosen("cpu_1k", [Gateway(), Nginx()])] == ["nginx"]
    assert run.absent == []


def test_the_time_left_is_that_of_the_measures_that_follow() -> None:
    progress = Progress(planned={"a": 5.0, "b": 10.0, "c": 20.0}, output=io.StringIO())

    assert progress.left() == 35.0
    progress.begin("b")
    assert 29.0 < progress.left() <= 30.0
    progress.begin("c")
    assert 19.0 < progress.left() <= 20.0


def test_every_measure_has_a_name_of_its_own_and_knows_how_long_it_takes() -> None:
    plan = Plan(seconds=2)

    assert len({one.name for one in MEASURES}) == len(MEASURES)
    assert all(one.seconds(plan) > 0 for one in MEASURES)
    assert sum(one.seconds(plan) for one in MEASURES) < 600  # the short form ends within ten minutes


def test_few_sessions_are_written_in_the_short_form() -> None:
    assert Plan(seconds=2).many_sessions < Plan(seconds=5).many_sessions == 1_000_000


def test_a_measure_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "cpu_1k,speed", "--candidates", "nginx,caddy"]) == 2
    assert "unknown: caddy, speed" in capsys.readouterr().err


def test_the_list_names_measures_and_candidates(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    listed = capsys.readouterr().out
    assert all(f"\n  {one.name} " in listed for one in MEASURES)
    assert "mod_auth_openidc_redis" in listed


def test_what_is_not_installed_is_named_with_what_to_type(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(needs.Missing, match=r"(?s)need .*wrk.*apt-get install --no-install-recommends .*wrk"):
        needs.require()


@pytest.mark.skipif(sys.platform != "linux", reason="measuring needs Linux: /proc")
def test_the_machine_is_described_without_its_name() -> None:
    told = describe()

    assert told["processor"]
    assert told["python"]
    assert told["npm: undici"] == json.loads((needs.NODE / "package.json").read_text())["dependencies"]["undici"]
    assert socket.gethostname() not in " ".join(str(one) for one in told.values())


def test_the_shipped_policy_is_asked_about_the_applications_of_the_run() -> None:
    policy = policy_for({"kmo-portefeuille": 1, "app-0": 2})

    assert "\napplications: [kmo-portefeuille, app-0]\n" in policy
    assert policy.count("\napplications:") == 1
