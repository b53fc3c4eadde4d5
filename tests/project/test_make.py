"""make and the scripts beside it: the verbs of the contract, and what they say where something is missing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.project.places import ROOT

BASH = shutil.which("bash") or "/bin/bash"


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = shutil.which("make")
    assert command is not None
    return subprocess.run(
        [command, "--no-print-directory", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.mark.parametrize("verb", ["demo", "test", "check", "bench", "lock", "clean"])
def test_help_lists_every_verb_with_what_it_does(verb: str) -> None:
    (line,) = [line for line in make().stdout.splitlines() if line.startswith(f"  make {verb} ")]

    assert len(line.split()) > 3


@pytest.mark.parametrize(("given", "seconds"), [((), "5"), (("SECONDS=2",), "2")])
def test_bench_measures_for_as_long_as_it_is_told(given: tuple[str, ...], seconds: str) -> None:
    told = make("--dry-run", "bench", *given)

    assert told.returncode == 0
    assert f"python -m bench --seconds {seconds}\n" in told.stdout


def test_a_machine_without_a_python_of_at_least_3_11_learns_what_to_install(tmp_path: Path) -> None:
    refused = make(f"VENV={tmp_path}/venv", "PYTHON=", f"{tmp_path}/venv/.installed")

    assert refused.returncode != 0
    assert "Python 3.11 or later is needed" in refused.stderr
    assert "apt-get install python3" in refused.stderr


def test_a_python_without_venv_is_answered_with_the_debian_package(tmp_path: Path) -> None:
    lame = tmp_path / "python"
    lame.write_text("#!/bin/sh\nexit 1\n")
    lame.chmod(0o755)

    refused = make(f"VENV={tmp_path}/venv", f"PYTHON={lame}", f"{tmp_path}/venv/.installed")

    assert refused.returncode != 0
    assert "apt-get install python3-venv" in refused.stderr


def test_missing_programs_are_named_and_nothing_is_skipped(tmp_path: Path) -> None:
    # A PATH with nothing but what the script itself needs: as on a machine that is no Debian.
    for name in ("bash", "id"):
        (tmp_path / name).symlink_to(shutil.which(name) or f"/usr/bin/{name}")
    refused = subprocess.run(
        [BASH, str(ROOT / ".ci" / "packages")], capture_output=True, text=True, env={"PATH": str(tmp_path)}, check=False
    )

    assert refused.returncode == 1
    assert "redis-server" in refused.stderr
    assert "chromium" in refused.stderr
    assert "npm" in refused.stderr


@pytest.mark.parametrize("script", ["run", "packages", "compose-config"])
def test_scripts_stop_at_the_first_failure(script: str) -> None:
    path = ROOT / ".ci" / script

    assert os.access(path, os.X_OK)
    assert path.read_text().startswith("#!/usr/bin/env bash\n")
    assert "\nset -euo pipefail\n" in path.read_text()
    subprocess.run([BASH, "-n", str(path)], check=True)
