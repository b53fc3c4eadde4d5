"""Where the project files stand, for the tests of this folder."""

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PACKAGES = ("broker", "mock_idp", "mock_apps", "pagekit")


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def project_table() -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads(read("pyproject.toml"))["project"]
    return table


def declared_dependencies() -> tuple[str, ...]:
    """Names of all direct dependencies, extras included, our own package left out."""
    table = project_table()
    extras = [requirement for extra in table["optional-dependencies"].values() for requirement in extra]
    names = {_name(requirement) for requirement in (*table["dependencies"], *extras)}
    return tuple(sorted(names - {"inkom-broker"}))


def modules(*packages: str) -> tuple[Path, ...]:
    return tuple(sorted(path for package in packages for path in (ROOT / package).rglob("*.py")))


def _name(requirement: str) -> str:
    for position, character in enumerate(requirement):
        if character in "<>=!~[; ":
            return requirement[:position]
    return requirement
