"""What the measurements ran on: processor, kernel, versions. No name of the machine, no path, no address."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sysconfig
from importlib.metadata import version
from pathlib import Path

from bench.needs import NODE

_OURS = ("uvicorn", "httptools", "uvloop", "starlette", "redis", "hiredis", "cryptography", "msgspec")
_PROGRAMS = {
    "nginx": ("nginx", "-v"),
    "apache": ("/usr/sbin/apache2", "-v"),
    "redis": ("redis-server", "--version"),
    "node": ("node", "--version"),
    "wrk": ("wrk", "--version"),
}


def describe() -> dict[str, object]:
    """The machine and the versions of all that was measured or measured with."""
    return {
        "processor": _processor(Path("/proc/cpuinfo").read_text()),
        "cores": os.cpu_count(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "kernel": platform.release(),
        "system": _system(Path("/etc/os-release").read_text()),
        "python": platform.python_version() + _how_built(),
        **{name: _first_version(command) for name, command in _PROGRAMS.items()},
        "mod_auth_openidc": _debian("libapache2-mod-auth-openidc"),
        **{f"python: {name}": found for name in _OURS if (found := _installed(name))},
        **{f"npm: {name}": _npm(name) for name in ("undici", "ioredis")},
    }


def _how_built() -> str:
    """Debian's Python is built with profiles of its own use (PGO), which makes it a good deal faster than without."""
    return ", optimised build" if "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "") else ""


def _processor(content: str) -> str:
    found = re.search(r"^model name\s*: (.+)$", content, re.MULTILINE)
    return found[1] if found else platform.machine()


def _system(content: str) -> str:
    found = re.search(r'^PRETTY_NAME="(.+)"$', content, re.MULTILINE)
    return found[1] if found else platform.system()


def _first_version(command: tuple[str, ...]) -> str:
    found = re.search(r"\d+\.\d+(?:\.\d+)?", _said(command))
    return found[0] if found else "unknown"


def _debian(package: str) -> str:
    found = _said(("dpkg-query", "--show", "--showformat", "${Version}", package))
    return found if found and " " not in found else "unknown"


def _said(command: tuple[str, ...]) -> str:
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return run.stdout + run.stderr


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except ImportError:
        return None


def _npm(name: str) -> str:
    version_of = json.loads((NODE / "package-lock.json").read_text())["packages"][f"node_modules/{name}"]["version"]
    return str(version_of)
