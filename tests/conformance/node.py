"""Node and npm's packages for these tests: installed once, by the lock file, into the ignored folder node_modules."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.project.places import ROOT

HERE = ROOT / "tests" / "conformance"
LOCK = HERE / "package-lock.json"
# The same command as CI's: exactly the lock file, no scripts of packages, nothing asked of anybody else.
INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error")
NEEDS = "node and npm (Debian: apt-get install nodejs npm)"
# What oidc-provider 9 uses and Node 18 has not.
PROBE = "import * as c from 'node:crypto'; console.log(c.hash && URL.parse && globalThis.crypto ? 'new enough' : 'old')"


def install_packages() -> None:
    """Install what the lock file names, unless that is there. Skips where npm is missing; in CI that is a failure."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        _cannot(f"NOT TRIED with foreign providers and relying parties of npm: this needs {NEEDS}")
        return
    stamp, wanted = HERE / "node_modules" / ".installed", hashlib.sha256(LOCK.read_bytes()).hexdigest()
    with LOCK.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs of the tests at once share the folder
        if stamp.exists() and stamp.read_text() == wanted:
            return
        subprocess.run([npm, *INSTALL], cwd=HERE, check=True)
        stamp.write_text(wanted)


def node(*arguments: str | Path) -> tuple[str, ...]:
    """The command that runs a script."""
    return (shutil.which("node") or "node", *(str(argument) for argument in arguments))


@cache
def node_runs(package: str) -> bool:
    """Whether this machine's Node can run it: Debian 12 has release 18, which is too old for oidc-provider 9."""
    if package != "oidc-provider-9":
        return True
    probe = subprocess.run(node("--input-type=module", "--eval", PROBE), capture_output=True, text=True, check=True)
    return probe.stdout.strip() == "new enough"


def _cannot(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
