"""What the measurements need beside Python, and what to say when it is missing: nothing is left out silently."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from bench.processes import OTHER_CORE, PROXY_CORE

HERE = Path(__file__).parent
NODE = HERE / "node"
APACHE = Path("/usr/sbin/apache2")
APACHE_MODULES = Path("/usr/lib/apache2/modules")
_PACKAGES = {
    "nginx": "nginx-light",
    "/usr/sbin/apache2": "apache2",
    "/usr/lib/apache2/modules/mod_auth_openidc.so": "libapache2-mod-auth-openidc",
    "redis-server": "redis-server",
    "wrk": "wrk",
    "node": "nodejs",
    "npm": "npm",
    "taskset": "util-linux",
    "setpriv": "util-linux",
}


class Missing(Exception):
    """Something is not installed; the text says what to type."""


def require() -> None:
    """Raise Missing unless everything is there; npm's packages are fetched by the lock file."""
    absent = missing_packages()
    if absent:
        raise Missing(
            f"The measurements need {', '.join(absent)}.\n"
            f"On Debian, as root: apt-get install --no-install-recommends {' '.join(absent)}"
        )
    if not {PROXY_CORE, OTHER_CORE} <= os.sched_getaffinity(0):
        raise Missing("The measurements need cores 0 and 1: one for the proxy, one for everything else.")
    _install_npm_packages()


def missing_packages() -> tuple[str, ...]:
    """The Debian packages whose programs are not here."""
    return tuple(sorted({package for sign, package in _PACKAGES.items() if not _is_here(sign)}))


def _is_here(sign: str) -> bool:
    return Path(sign).exists() if sign.startswith("/") else shutil.which(sign) is not None


def _install_npm_packages() -> None:
    """Exactly what the lock file names, without scripts of packages; nothing to do when that is there."""
    stamp, wanted = NODE / "node_modules" / ".installed", (NODE / "package-lock.json").read_text()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]
    subprocess.run(command, cwd=NODE, check=True)
    stamp.write_text(wanted)
