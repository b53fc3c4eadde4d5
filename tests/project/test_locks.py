"""The two locks: complete, hashed, in step with each other, and silent about where packages are fetched."""

import importlib.metadata
import re

import pytest
from packaging.requirements import Requirement

from tests.project.places import declared_dependencies, project_table, read

DEVELOPMENT = "requirements.lock"
IMAGE = "deploy/requirements.lock"


def _pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[[^\]]+\])?==(\S+)", read(lock), re.MULTILINE))


def _extras(lock: str) -> dict[str, set[str]]:
    found = re.findall(r"^([a-z0-9._-]+)\[([^\]]+)\]==", read(lock), re.MULTILINE)
    return {name: {extra.strip() for extra in extras.split(",")} for name, extras in found}


def test_every_dependency_is_in_the_lock() -> None:
    assert set(declared_dependencies()) <= set(_pins(DEVELOPMENT))


def test_what_a_package_wants_with_extras_is_pinned_with_them() -> None:
    """Else pip looks at the newest file for the one with extras, and refuses it for not being pinned."""
    pins, extras = _pins(DEVELOPMENT), _extras(DEVELOPMENT)
    wanted = [
        requirement
        for distribution in importlib.metadata.distributions()
        if distribution.name.lower().replace("_", "-") in pins
        for requirement in map(Requirement, distribution.requires or ())
        if requirement.extras and (requirement.marker is None or requirement.marker.evaluate({"extra": ""}))
    ]

    assert [str(one) for one in wanted if one.name == "coverage"]
    for one in wanted:
        assert one.extras <= extras.get(one.name, set()), one


def test_the_image_has_every_dependency_of_the_gateway_and_the_same_versions() -> None:
    wanted = {re.split(r"[<>=[]", requirement)[0] for requirement in project_table()["dependencies"]}

    assert wanted <= set(_pins(IMAGE))
    assert _pins(IMAGE).items() <= _pins(DEVELOPMENT).items()


def test_the_image_has_no_development_tools() -> None:
    assert not {"pytest", "mypy", "ruff", "playwright"} & set(_pins(IMAGE))


@pytest.mark.parametrize("lock", [DEVELOPMENT, IMAGE])
def test_every_pin_has_hashes(lock: str) -> None:
    blocks = re.split(r"\n(?=[a-z0-9])", read(lock).strip())

    assert all("--hash=sha256:" in block for block in blocks)


@pytest.mark.parametrize("lock", [DEVELOPMENT, IMAGE])
def test_no_lock_names_a_registry(lock: str) -> None:
    assert "://" not in read(lock)
    assert "--index-url" not in read(lock)
    assert "--find-links" not in read(lock)
